/** brakes show | list | cap | pause | resume: how much an account may send in a day, and whether its bulk goes out. */
import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { type BrakesRecord, pausedEvent } from '../../core/brakes/brakes.ts';
import { dayOf } from '../../core/brakes/credits.ts';
import { tellAccountBy } from '../../io/account-events.ts';
import { openQueues } from '../../io/aws.ts';
import { brakesIn, creditsIn, resumeBulk } from '../../io/brakes.ts';
import { holdsIn } from '../../io/holds.ts';
import { outboxIn } from '../../io/outbox.ts';
import { sendEntries } from '../../io/queue.ts';
import { statsIn } from '../../io/stats.ts';
import { findAccount } from './account.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { clean, formatTime, printJson, printLine, printTable } from './print.ts';

/** As the API takes it. */
const MOST_COPIES = 1_000_000_000;

export async function showBrakes(connection: Connection, [given = '']: string[], { json }: Options): Promise<number> {
  const account = await findAccount(given, connection);
  const { readBrakes, listBrakeEvents } = open(connection);
  const { readCredits } = creditsIn(connection.messagesTable, connection.tables);
  const [brakes, credits, events] = await Promise.all([
    readBrakes(account, true),
    readCredits(account, dayOf(Date.now())),
    listBrakeEvents(account),
  ]);
  const { operatorCap, ownCap, paused } = brakes ?? {};
  const claimed = credits?.claimed ?? 0;
  if (json) {
    const told = events.map(({ event, at, by, why }) => ({ event, at, by, why }));
    printJson({
      account,
      operatorCap,
      ownCap,
      claimedToday: claimed,
      reachedAt: credits?.reachedAt,
      paused,
      events: told,
    });
    return 0;
  }
  const own = ownCap === undefined ? '' : `; its own: ${ownCap}`;
  printLine(`daily cap  ${wordOf(operatorCap)}${own}. Claimed today: ${claimed}`);
  printLine(paused ? `bulk       PAUSED since ${formatTime(paused.at)}: ${paused.why}` : 'bulk       goes out');
  for (const { event, at, by, why } of events) printLine(`  ${formatTime(at)}  ${event}, by ${by}: ${why}`);
  return 0;
}

const wordOf = (cap: number | null | undefined) =>
  cap === undefined ? 'as the settings say' : cap === null ? 'none' : `${cap} copies`;

/** Accounts that are paused, or that the operator has said a cap for. */
export async function listBrakes(
  { tables, accountsTable }: Connection,
  _: string[],
  { json }: Options,
): Promise<number> {
  const found: BrakesRecord[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await tables.send(
      new ScanCommand({
        TableName: accountsTable,
        FilterExpression: 'sk = :state AND (attribute_exists(paused) OR attribute_exists(operatorCap))',
        ExpressionAttributeValues: { ':state': 'state' },
        ...(from ? { ExclusiveStartKey: from } : {}),
      }),
    );
    found.push(...((page.Items ?? []) as BrakesRecord[]));
    from = page.LastEvaluatedKey;
  } while (from);
  const rows = found.map(({ pk, operatorCap, paused }) => ({ account: pk.split('#')[0]!, operatorCap, paused }));
  if (json) printJson(rows);
  else if (rows.length === 0) printLine('No account is paused, and all have the daily cap of the settings.');
  else
    printTable(
      ['ACCOUNT', 'DAILY CAP', 'BULK'],
      rows.map(({ account, operatorCap, paused }) => [
        account,
        wordOf(operatorCap),
        paused ? `paused since ${formatTime(paused.at)}: ${paused.why}` : 'goes out',
      ]),
    );
  return 0;
}

export async function setCap(
  connection: Connection,
  [named = '', given = '']: string[],
  { json }: Options,
): Promise<number> {
  const account = await findAccount(named, connection);
  const brakes = open(connection);
  const cap = readCap(given);
  await brakes.setCap(account, 'operatorCap', cap, Date.now());
  if (json) printJson({ account, operatorCap: cap });
  else printLine(`${account}: the daily cap is ${wordOf(cap)}. In effect within a minute.`);
  return 0;
}

function readCap(given: string): number | null | undefined {
  if (given === 'default') return undefined;
  if (given === 'none') return null;
  if (/^\d{1,10}$/.test(given) && Number(given) <= MOST_COPIES) return Number(given);
  throw new CliError(`"${given}" is no cap: a number of copies up to ${MOST_COPIES}, none, or default`);
}

export async function pauseBulk(connection: Connection, [given = '']: string[], { json }: Options): Promise<number> {
  const account = await findAccount(given, connection);
  const brakes = open(connection);
  const { resumed } = (await brakes.readBrakes(account, true)) ?? {};
  const pause = { at: Date.now(), cause: 'operator' as const, why: 'the operator paused it' };
  if (!(await brakes.pauseBulk(account, pause, resumed?.at)))
    throw new CliError(`bulk of ${account} is paused already`);
  await teller(connection)(account, pausedEvent(pause));
  if (json) printJson({ account, paused: pause });
  else
    printLine(
      `${account}: bulk is held from now on, within ten seconds. Only npx pennypost brakes resume lets it go on.`,
    );
  return 0;
}

export async function resume(connection: Connection, [given = '']: string[], { json }: Options): Promise<number> {
  const { tables, holdsTable, statsTable } = connection;
  const account = await findAccount(given, connection);
  const resumed = await resumeBulk(account, 'operator', {
    ...open(connection),
    hold: holdsIn(holdsTable, tables).hold,
    readHours: statsIn(statsTable, tables).readHours,
    tellAccount: teller(connection),
    now: Date.now,
  });
  if (resumed !== 'resumed') throw new CliError(`bulk of ${account} is not paused`);
  if (json) printJson({ account, resumed: true });
  else printLine(`${account}: bulk goes on. What is held goes to its lanes within a minute or two.`);
  return 0;
}

function open({ tables, accountsTable }: Connection) {
  return brakesIn(accountsTable, tables);
}

/** Webhooks are told as when a function does it. */
function teller({ tables, outboxTable, notifyQueueUrl }: Connection) {
  return tellAccountBy({
    putOutboxPage: outboxIn(outboxTable, tables).putOutboxPage,
    sendEntries: (entries) => sendEntries(openQueues(), notifyQueueUrl, entries),
    now: Date.now,
    report: (problem) => process.stderr.write(`pennypost: ${clean(problem)}\n`),
  });
}
