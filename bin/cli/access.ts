/**
 * access list | add | remove | clear | activity: from which addresses an account's keys may be used. Straight in the tables, past every
 * door: this is the way back in for whoever has locked himself out.
 */
import { addRules, removeRules } from '../../core/access/list.ts';
import { readRange, writeRange } from '../../core/access/range.ts';
import { type AccessRecord, MOST_RULES } from '../../core/records/access.ts';
import { accessIn, attemptsIn } from '../../io/access.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine, printTable } from './print.ts';

type Place = Pick<Connection, 'account' | 'tables' | 'accountsTable'>;

/** Rows of the activity, where --limit does not say. */
const ROWS = 20;
const ANYWHERE = 'calls may come from anywhere';

export async function listAccess(place: Place, _rest: string[], { json }: Options): Promise<number> {
  const { rules = [] } = (await accessIn(place.accountsTable, place.tables).readAccess(place.account)) ?? {};
  if (json) printJson(rules);
  else if (rules.length === 0) printLine(`${place.account} has no IP access list: ${ANYWHERE}.`);
  else
    printTable(
      ['ID', 'RANGE', 'SINCE'],
      rules.map(({ id, ip, createdAt }) => [String(id), ip, formatTime(createdAt * 1_000)]),
    );
  return 0;
}

export async function addAccess(place: Place, [given = '']: string[], { json }: Options): Promise<number> {
  const range = readRange(given);
  if (!range)
    throw new CliError(`"${given}" is no IPv4 or IPv6 address, no range (192.0.2.0/24), and no IPv4 like 192.0.2.*`);
  const ip = writeRange(range);
  const { rules } = await change(place, (before) => {
    const added = addRules(place.account, before, [ip], Math.floor(Date.now() / 1_000));
    if (!added) throw new CliError(`a list has ${MOST_RULES} rules at most; a range is one`);
    return added.after;
  });
  if (json) printJson(rules.find((rule) => rule.ip === ip));
  else printLine(`${ip} is in the list, with ${rules.length - 1} others. In effect within a minute.`);
  return 0;
}

export async function removeAccess(place: Place, [id = '']: string[], { json }: Options): Promise<number> {
  const { rules } = await change(place, (before) => {
    const after = removeRules(before, [Number(id)]);
    if (!after) throw new CliError(`no rule has the id "${id}"; access list shows them`);
    return after;
  });
  if (json) printJson(rules);
  else printLine(`${leftOf(rules.length)} In effect within a minute.`);
  return 0;
}

/** Takes all rules away. */
export async function clearAccess(place: Place, _rest: string[], { json }: Options): Promise<number> {
  const { readAccess } = accessIn(place.accountsTable, place.tables);
  if ((await readAccess(place.account)) !== undefined)
    await change(place, (before) => removeRules(before, before?.rules.map(({ id }) => id) ?? [])!);
  if (json) printJson([]);
  else printLine(`${leftOf(0)} In effect within a minute.`);
  return 0;
}

const leftOf = (count: number) =>
  count === 0 ? `No rule is left: ${ANYWHERE}.` : `${count} rule${count === 1 ? ' is' : 's are'} left.`;

export async function showActivity(
  { account, tables, messagesTable }: Place & Pick<Connection, 'messagesTable'>,
  _rest: string[],
  { json, limit = String(ROWS) }: Options,
): Promise<number> {
  if (!/^[1-9]\d{0,3}$/.test(limit)) throw new CliError(`--limit "${limit}" is no whole number from 1 to 9999`);
  const attempts = (await attemptsIn(messagesTable, tables).listAttempts(account, Date.now())).slice(0, Number(limit));
  const rows = attempts.map(({ ip, method, allowed, firstAt, lastAt }) => ({ ip, method, allowed, firstAt, lastAt }));
  if (json) printJson(rows);
  else if (rows.length === 0)
    printLine('Nobody is noted: only who shows a key of an account with an IP access list is.');
  else
    printTable(
      ['ADDRESS', 'BY', 'WAS', 'FIRST', 'LAST'],
      rows.map(({ ip, method, allowed, firstAt, lastAt }) => [
        ...[ip, method, allowed ? 'allowed' : 'REFUSED', formatTime(firstAt), formatTime(lastAt)],
      ]),
    );
  return 0;
}

async function change(
  { account, tables, accountsTable }: Place,
  make: (before: AccessRecord | undefined) => AccessRecord,
): Promise<AccessRecord> {
  const { readAccess, writeAccess } = accessIn(accountsTable, tables);
  const before = await readAccess(account);
  const after = make(before);
  if (!(await writeAccess(before, after)))
    throw new CliError('somebody else has changed the list at this moment: try again');
  return after;
}
