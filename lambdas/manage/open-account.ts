/** What the routes of an account need of the outside: its keys and subusers, what may be set of its mail, its lists. */
import { accessIn, attemptNotesIn, cachedAttemptsIn } from '../../io/access.ts';
import { accountSettingsOf, accountsIn } from '../../io/accounts.ts';
import { apiKeysIn } from '../../io/api-keys.ts';
import type { Table } from '../../io/aws.ts';
import { brakesIn, creditsIn } from '../../io/brakes.ts';
import { bundledDisposableDomains } from '../../io/bundled-lists.ts';
import { cached } from '../../io/cached.ts';
import { optionalNumber, requireVariable } from '../../io/environment.ts';
import { groupsIn } from '../../io/groups.ts';
import { listSettingsIn } from '../../io/list-settings.ts';
import { mailDefaultsIn } from '../../io/mail-defaults.ts';
import { parseSettingsIn } from '../../io/parse-settings.ts';
import { profilesIn } from '../../io/profiles.ts';
import { subusersIn } from '../../io/subusers.ts';
import { suppressionListsIn } from '../../io/suppression-lists.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { timeZonesIn } from '../../io/time-zones.ts';
import { trackingIn } from '../../io/tracking.ts';
import { transcriptSettingsIn } from '../../io/transcript-settings.ts';
import { createNotes } from '../../submission/access.ts';
import { MOST_ROWS } from './access-routes.ts';
import type { ManageDeps } from './manage.ts';

/** Milliseconds for which a deleted key may still be taken, and an access list be the one of before. */
const KEY_LIFE = 60_000;

export function openAccount(table: string, tables: Table, report: (problem: string) => void) {
  const [suppressions, messages] = [requireVariable('SUPPRESSIONS_TABLE'), requireVariable('MESSAGES_TABLE')];
  const accounts = accountsIn(table, tables);
  const readKey = cached((id) => accounts.readKey(id.slice(0, 8), id), KEY_LIFE, Date.now);
  return {
    ...parseSettingsIn(table, tables),
    ...trackingIn(table, tables, Date.now),
    ...listSettingsIn(table, tables),
    ...groupsIn(table, tables),
    ...mailDefaultsIn(table, tables, Date.now),
    ...suppressionsIn(suppressions, tables),
    ...suppressionListsIn(suppressions, tables),
    ...timeZonesIn(table, tables),
    ...apiKeysIn(table, tables),
    ...accountSettingsOf(table, tables),
    ...subusersIn(table, tables),
    ...profilesIn(table, tables),
    ...transcriptSettingsIn(table, tables, Date.now),
    ...brakesIn(table, tables),
    ...creditsIn(messages, tables),
    ...accessIn(table, tables),
    ...cachedAttemptsIn(messages, tables, Date.now, MOST_ROWS),
    noteAttempt: createNotes({
      ...attemptNotesIn(messages, tables),
      now: Date.now,
      report: (problem, error) => report(`${problem}: ${(error as Error).stack}`),
    }),
    defaultCap: optionalNumber('DAILY_CAP'),
    disposableDomains: bundledDisposableDomains(),
    listDomains: accounts.listDomains,
    readKey: ({ id }) => readKey(id),
  } satisfies Partial<ManageDeps>;
}
