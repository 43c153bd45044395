/** Settings of the account as a whole: `/v3/user/settings/enforced_tls` and `/v3/partner_settings`. deliver knows a change within a minute. */

import { fieldsOf } from '../../core/fields.ts';
import { type EnforcedTlsRecord, enforcedTlsKey } from '../../core/records/settings.ts';
import type { Answer, Call } from './manage.ts';
import { refused } from './recipients.ts';
import type { Route } from './routes.ts';

export type AccountRouteDeps = {
  readEnforcedTls: (account: string) => Promise<EnforcedTlsRecord | undefined>;
  writeEnforcedTls: (record: EnforcedTlsRecord) => Promise<void>;
};

/** Versions of TLS that a setting may name (SendGrid). */
const VERSIONS = [1.1, 1.2, 1.3] as const;
/** What every session has at least: nothing older is spoken here. */
const LEAST_VERSION = 1.2;

const show = (record: Pick<EnforcedTlsRecord, 'requireTls' | 'requireValidCert'> | undefined) => ({
  require_tls: record?.requireTls ?? false,
  require_valid_cert: record?.requireValidCert ?? false,
  version: LEAST_VERSION,
});

async function getEnforcedTls({ account }: Call, deps: AccountRouteDeps): Promise<Answer> {
  return { status: 200, body: show(await deps.readEnforcedTls(account)) };
}

async function changeEnforcedTls({ account, body }: Call, deps: AccountRouteDeps): Promise<Answer> {
  const before = await deps.readEnforcedTls(account);
  const fields = fieldsOf(body);
  const requireTls = fields.flag('require_tls', before?.requireTls ?? false);
  const requireValidCert = fields.flag('require_valid_cert', before?.requireValidCert ?? false);
  const version = fields.oneOf('version', VERSIONS, LEAST_VERSION);
  if (version > LEAST_VERSION)
    fields.refuse(
      'version',
      `version must be 1.1 or ${LEAST_VERSION}: ${LEAST_VERSION} is what every session has at least`,
    );
  if (fields.errors.length > 0) return { status: 400, errors: fields.errors };
  const record = { ...enforcedTlsKey(account), requireTls, requireValidCert };
  await deps.writeEnforcedTls(record);
  return { status: 200, body: show(record) };
}

/** There are no partners: what an account sees of its mail goes to its own URLs, by the event webhook. */
async function listPartners({ query }: Call): Promise<Answer> {
  for (const name of ['limit', 'offset'])
    if (!/^\d{0,9}$/.test(query[name] ?? '')) return refused(name, `${name} must be a whole number`);
  return { status: 200, body: { result: [] } };
}

const ENFORCED_TLS = '/v3/user/settings/enforced_tls';

export const ACCOUNT_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: ENFORCED_TLS,
    scope: 'user.settings.enforced_tls.read',
    nullFields: true,
    handle: getEnforcedTls,
  },
  {
    method: 'PATCH',
    path: ENFORCED_TLS,
    scope: 'user.settings.enforced_tls.update',
    nullFields: true,
    handle: changeEnforcedTls,
  },
  {
    method: 'GET',
    path: '/v3/partner_settings',
    scope: 'partner_settings.read',
    nullFields: true,
    handle: listPartners,
  },
];
