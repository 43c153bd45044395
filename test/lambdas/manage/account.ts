/** manage on real tables (the emulator's): accounts with a key each, and calls as API Gateway hands them over. */
import { randomBytes, randomUUID } from 'node:crypto';
import { makeApiKey } from '../../../core/api-key.ts';
import { type KeyRecord, keyKey } from '../../../core/records/accounts.ts';
import { accountSettingsOf } from '../../../io/accounts.ts';
import { alertsIn } from '../../../io/alerts.ts';
import { apiKeysIn } from '../../../io/api-keys.ts';
import { batchesIn } from '../../../io/batches.ts';
import { creditsIn, readBrakesIn } from '../../../io/brakes.ts';
import { groupsIn } from '../../../io/groups.ts';
import { holdsIn } from '../../../io/holds.ts';
import { listSettingsIn } from '../../../io/list-settings.ts';
import { mailDefaultsIn } from '../../../io/mail-defaults.ts';
import { profilesIn } from '../../../io/profiles.ts';
import { senderDomainsIn } from '../../../io/sender-domains.ts';
import { statsIn, sumsIn } from '../../../io/stats.ts';
import { subusersIn } from '../../../io/subusers.ts';
import { suppressionListsIn } from '../../../io/suppression-lists.ts';
import { suppressionsIn } from '../../../io/suppressions.ts';
import { templateTextsIn } from '../../../io/template-texts.ts';
import { templatesIn } from '../../../io/templates.ts';
import { timeZonesIn } from '../../../io/time-zones.ts';
import { trackingIn } from '../../../io/tracking.ts';
import { type ManageDeps, manage } from '../../../lambdas/manage/manage.ts';
import { ROUTES } from '../../../lambdas/manage/routes.ts';
import { startDynamodb } from '../../io/dynamodb.ts';

export const NOW = Date.parse('2026-11-25T12:00:00Z');
/** Unix seconds. */
export const AT = NOW / 1_000;

export async function startManage() {
  const dynamodb = await startDynamodb(['Accounts', 'Suppressions', 'Holds', 'Messages', 'Sites', 'Stats']);
  const keys = new Map<string, KeyRecord>();
  const problems: string[] = [];
  const clock = { now: NOW };
  const { readHours } = statsIn('Stats', dynamodb.client);
  const tables = {
    ...groupsIn('Accounts', dynamodb.client),
    ...listSettingsIn('Accounts', dynamodb.client),
    ...apiKeysIn('Accounts', dynamodb.client),
    ...accountSettingsOf('Accounts', dynamodb.client),
    ...senderDomainsIn('Accounts', dynamodb.client),
    ...subusersIn('Accounts', dynamodb.client),
    ...mailDefaultsIn('Accounts', dynamodb.client, () => clock.now),
    ...suppressionsIn('Suppressions', dynamodb.client),
    ...suppressionListsIn('Suppressions', dynamodb.client),
    ...trackingIn('Accounts', dynamodb.client, () => clock.now),
    ...templatesIn('Accounts', dynamodb.client),
    ...batchesIn('Accounts', dynamodb.client),
    ...alertsIn({ accounts: 'Accounts', holds: 'Holds' }, dynamodb.client),
    ...holdsIn('Holds', dynamodb.client),
    ...templateTextsIn('Accounts', dynamodb.client),
    ...creditsIn('Messages', dynamodb.client),
    ...timeZonesIn('Accounts', dynamodb.client),
    ...profilesIn('Accounts', dynamodb.client),
    ...sumsIn({ readHours }, () => clock.now),
    readHours,
    readBrakes: readBrakesIn('Accounts', dynamodb.client),
  };
  const called: Partial<ManageDeps> = {
    ...tables,
    // Nothing is written into zones here (senders.ts does).
    removeRecords: async () => {},
    now: () => clock.now,
    randomId: randomUUID,
    randomBytes,
    readKey: async ({ id }) => keys.get(id),
    report: (problem) => void problems.push(problem),
  };
  /** The authorization of an account's key. */
  const keyOf = (account: string, scopes = ROUTES.map(({ scope }) => scope)) => {
    const { key, id, secretHash } = makeApiKey(account, Buffer.alloc(43, keys.size + 1));
    keys.set(id, { ...keyKey(account, id), name: 'x', secretHash, scopes, createdAt: NOW });
    return `Bearer ${key}`;
  };
  /** A call by an account. `url` may have a query. */
  const callBy = (account: string, overrides: Partial<ManageDeps> = {}, scopes?: string[]) => {
    const authorization = keyOf(account, scopes);
    return async (method: string, url: string, body?: unknown, headers: Record<string, string> = {}) => {
      const { pathname, searchParams } = new URL(url, 'https://api.example');
      const query: Record<string, string> = {};
      for (const name of searchParams.keys()) query[name] = searchParams.getAll(name).join(',');
      const answer = await manage(
        {
          method,
          path: pathname,
          query,
          headers: { authorization, host: 'api.example', ...headers },
          body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
        },
        { ...called, windows: new Map(), ...overrides } as ManageDeps,
      );
      const isJson = answer.headers['Content-Type'] === 'application/json' && answer.body !== '';
      return { ...answer, json: isJson ? JSON.parse(answer.body) : undefined };
    };
  };
  return { ...tables, client: dynamodb.client, clock, problems, callBy, stop: dynamodb.stop };
}
