/**
 * `/v3/suppression/…` and `/v3/asm/…`: an account's lists of addresses and its unsubscribe groups, in the shapes of SendGrid's
 * OpenAPI document. What is answered is read strongly consistent where one address is asked for.
 */
import { domainOf } from '../../core/domain.ts';
import type { BouncePurgeRecord } from '../../core/records/settings.ts';
import type { ListedRecord, ListName, SuppressionList, SuppressionRecord } from '../../core/records/suppressions.ts';
import { entryOf } from '../../core/suppression.ts';
import { CLASSIFICATIONS, countByDay, readDays, showTotals } from '../../core/suppressions/classifications.ts';
import { readListQuery } from '../../core/suppressions/query.ts';
import { csvLine, showListed } from '../../core/suppressions/rows.ts';
import { listedSince, purgedBy, withoutPurged } from '../../core/suppressions/settings.ts';
import type { Range } from '../../io/suppression-lists.ts';
import { answerPage, type ListingDeps, wantsCsv } from './listing.ts';
import type { Answer, Call } from './manage.ts';
import { type AddDeps, ALWAYS, addRecipients, areStrings, asAddress, NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';

export type ListRouteDeps = ListingDeps &
  AddDeps & {
    readSuppression: (account: string, address: string) => Promise<SuppressionRecord | undefined>;
    readSuppressions: (account: string, addresses: readonly string[]) => Promise<Map<string, SuppressionRecord>>;
    /** @returns how many were on it */
    removeMany: (account: string, list: ListName, addresses: readonly string[]) => Promise<number>;
    /** False: it had to end before the list was empty. */
    clearList: (account: string, list: ListName, range: Range, mayGoOn: () => boolean) => Promise<boolean>;
    readBouncePurge: (account: string) => Promise<BouncePurgeRecord | undefined>;
  };

/** Milliseconds that one call takes addresses off a list: the function has 20 seconds. */
const CLEARING = 12_000;

// lists ---------------------------------------------------------------------------------------------------------------

const listRoute =
  (list: SuppressionList) =>
  async (call: Call, deps: ListRouteDeps): Promise<Answer> => {
    const read = readListQuery(call.query, wantsCsv(call) ? undefined : 500);
    if (!read.ok) return { status: 400, errors: read.errors };
    const since = Math.max(read.query.since, listedSince(list, await purgedOf(call.account, list, deps)));
    if (since > read.query.until) return { status: 200, body: [] };
    const range = { since, until: read.query.until };
    return answerPage(call, [{ list, range }], read.query, (record) => showListed(list, record), deps, list);
  };

const getRoute =
  (list: SuppressionList) =>
  async ({ account, params }: Call, deps: ListRouteDeps): Promise<Answer> => {
    const address = asAddress(params.email!);
    const record = withoutPurged(await deps.readSuppression(account, address), await purgedOf(account, list, deps));
    const entry = entryOf(record, list);
    return { status: 200, body: record && entry ? [showListed(list, { ...entry, email: record.email })] : [] };
  };

const deleteRoute =
  (list: SuppressionList) =>
  async ({ account, body }: Call, deps: ListRouteDeps): Promise<Answer> => {
    const { delete_all: all, emails } = (typeof body === 'object' && body !== null ? body : {}) as Record<
      string,
      unknown
    >;
    if (all !== undefined && typeof all !== 'boolean') return refused('delete_all', 'delete_all must be true or false');
    if (emails !== undefined && !areStrings(emails)) return refused('emails', 'emails must be an array of addresses');
    if (all === undefined && emails === undefined) return refused(null, 'delete_all or emails is required');
    if (all && emails) return refused('emails', 'emails and delete_all must not both be set');
    if (emails) await deps.removeMany(account, list, emails.map(asAddress));
    if (!all) return { status: 204 };
    const until = deps.now() + CLEARING;
    if (await deps.clearList(account, list, ALWAYS, () => deps.now() < until)) return { status: 204 };
    const message = 'the list is long: part of it is deleted, call again for the rest';
    return { status: 503, errors: [{ message, field: null, help: null }] };
  };

const deleteOneRoute =
  (list: SuppressionList) =>
  async ({ account, params }: Call, deps: ListRouteDeps): Promise<Answer> =>
    (await deps.removeMany(account, list, [asAddress(params.email!)])) > 0 ? { status: 204 } : NOT_FOUND;

/** What is gone of bounces and blocks. Other lists do not age. */
async function purgedOf(account: string, list: SuppressionList, deps: ListRouteDeps) {
  const ages = list === 'bounces' || list === 'blocks';
  return purgedBy(ages ? await deps.readBouncePurge(account) : undefined, Math.floor(deps.now() / 1_000));
}

// classifications -----------------------------------------------------------------------------------------------------

async function listClassifications(call: Call, deps: ListRouteDeps): Promise<Answer> {
  return answerTotals(call, 'classification', (record) => classOf(record), deps);
}

async function getClassification(call: Call, deps: ListRouteDeps): Promise<Answer> {
  const wanted = CLASSIFICATIONS.find((one) => one.toLowerCase() === call.params.classification!.toLowerCase());
  if (!wanted) return refused('classification', `classification must be one of: ${CLASSIFICATIONS.join(', ')}`);
  const nameOf = (record: ListedRecord) => (classOf(record) === wanted ? domainOf(record.email) : undefined);
  return answerTotals(call, 'domain', nameOf, deps);
}

const classOf = ({ classification = 'Unclassified' }: ListedRecord) => classification;

async function answerTotals(
  call: Call,
  of: 'classification' | 'domain',
  nameOf: (record: ListedRecord) => string | undefined,
  deps: ListRouteDeps,
): Promise<Answer> {
  const read = readDays(call.query, Math.floor(deps.now() / 1_000));
  if (!read.ok) return { status: 400, errors: read.errors };
  const counts = countByDay();
  const purged = purgedBy(await deps.readBouncePurge(call.account), Math.floor(deps.now() / 1_000));
  for (const list of ['bounces', 'blocks'] as const) {
    const range = { ...read.days, since: Math.max(read.days.since, listedSince(list, purged)) };
    if (range.since > range.until) continue;
    for await (const records of deps.readList(call.account, list, range))
      for (const record of records) {
        const name = nameOf(record);
        if (name !== undefined) counts.add(record, name);
      }
  }
  const totals = counts.totals();
  if (!wantsCsv(call)) return { status: 200, body: showTotals(totals, of) };
  const rows = totals.map(({ date, name, count }) => csvLine([date, name, count]));
  return { status: 200, csv: `${csvLine(['date', of, 'count'])}${rows.join('')}` };
}

// the global list -----------------------------------------------------------------------------------------------------

async function addGlobal({ account, body }: Call, deps: ListRouteDeps): Promise<Answer> {
  return addRecipients(account, 'unsubscribes', body, deps);
}

async function getGlobal({ account, params }: Call, deps: ListRouteDeps): Promise<Answer> {
  const record = await deps.readSuppression(account, asAddress(params.email!));
  return { status: 200, body: record?.unsubscribes ? { recipient_email: record.email } : {} };
}

// routes --------------------------------------------------------------------------------------------------------------

const listRoutes = (list: SuppressionList): Route[] => {
  const path = `/v3/suppression/${list}`;
  const scope = `suppression.${list}`;
  return [
    { method: 'GET', path, scope: `${scope}.read`, nullFields: true, handle: listRoute(list) },
    { method: 'DELETE', path, scope: `${scope}.delete`, nullFields: true, handle: deleteRoute(list) },
    { method: 'GET', path: `${path}/{email}`, scope: `${scope}.read`, nullFields: true, handle: getRoute(list) },
    {
      method: 'DELETE',
      path: `${path}/{email}`,
      scope: `${scope}.delete`,
      nullFields: true,
      handle: deleteOneRoute(list),
    },
  ];
};
const CLASSES = '/v3/suppression/bounces/classifications';
const GLOBAL = '/v3/asm/suppressions/global';

/** A path in full stands before one that holds any address. */
export const SUPPRESSION_ROUTES: readonly Route[] = [
  { method: 'GET', path: CLASSES, scope: 'suppression.bounces.read', nullFields: true, handle: listClassifications },
  {
    method: 'GET',
    path: `${CLASSES}/{classification}`,
    scope: 'suppression.bounces.read',
    nullFields: true,
    handle: getClassification,
  },
  ...(['bounces', 'blocks', 'invalid_emails', 'spam_reports'] as const).flatMap(listRoutes),
  // SendGrid has one route here; the others of the global list are under asm.
  listRoutes('unsubscribes')[0]!,
  { method: 'POST', path: GLOBAL, scope: 'asm.suppressions.global.create', nullFields: true, handle: addGlobal },
  {
    method: 'GET',
    path: `${GLOBAL}/{email}`,
    scope: 'asm.suppressions.global.read',
    nullFields: true,
    handle: getGlobal,
  },
  {
    method: 'DELETE',
    path: `${GLOBAL}/{email}`,
    scope: 'asm.suppressions.global.delete',
    nullFields: true,
    handle: deleteOneRoute('unsubscribes'),
  },
];
