/** `/v3/mail_settings/…`: the two that bear on suppressions. deliver knows a change within a minute. */
import type { AddressWhitelistRecord, BouncePurgeRecord } from '../../core/records/settings.ts';
import { readBouncePurge, readWhitelist, showBouncePurge, showWhitelist } from '../../core/suppressions/settings.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';

export type MailSettingsRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  readAddressWhitelist: (account: string) => Promise<AddressWhitelistRecord | undefined>;
  readBouncePurge: (account: string) => Promise<BouncePurgeRecord | undefined>;
  writeListSetting: (record: AddressWhitelistRecord | BouncePurgeRecord) => Promise<void>;
};

async function getWhitelist({ account }: Call, deps: MailSettingsRouteDeps): Promise<Answer> {
  return { status: 200, body: showWhitelist(await deps.readAddressWhitelist(account)) };
}

async function updateWhitelist({ account, body }: Call, deps: MailSettingsRouteDeps): Promise<Answer> {
  const read = readWhitelist(account, body, await deps.readAddressWhitelist(account));
  if (!read.ok) return { status: 400, errors: read.errors };
  await deps.writeListSetting(read.setting);
  return { status: 200, body: showWhitelist(read.setting) };
}

async function getBouncePurge({ account }: Call, deps: MailSettingsRouteDeps): Promise<Answer> {
  return { status: 200, body: showBouncePurge(await deps.readBouncePurge(account)) };
}

async function updateBouncePurge({ account, body }: Call, deps: MailSettingsRouteDeps): Promise<Answer> {
  const read = readBouncePurge(account, body, await deps.readBouncePurge(account), Math.floor(deps.now() / 1_000));
  if (!read.ok) return { status: 400, errors: read.errors };
  await deps.writeListSetting(read.setting);
  return { status: 200, body: showBouncePurge(read.setting) };
}

const routesOf = (name: string, get: Route['handle'], update: Route['handle']): Route[] => {
  const shared = { path: `/v3/mail_settings/${name}`, nullFields: true as const };
  return [
    { method: 'GET', ...shared, scope: `mail_settings.${name}.read`, handle: get },
    { method: 'PATCH', ...shared, scope: `mail_settings.${name}.update`, handle: update },
  ];
};

export const MAIL_SETTINGS_ROUTES: readonly Route[] = [
  ...routesOf('address_whitelist', getWhitelist, updateWhitelist),
  ...routesOf('bounce_purge', getBouncePurge, updateBouncePurge),
];
