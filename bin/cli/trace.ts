/** trace: the life of a message, recipient by recipient, and what of it still waits and until when. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { parkedPlace } from '../../core/brakes/brakes.ts';
import type { EngagementRecord } from '../../core/event/engagement.ts';
import { isRequestId } from '../../core/ids.ts';
import { HOLD_SHARDS } from '../../core/limits.ts';
import { isErased } from '../../core/records/erasure.ts';
import { type Hold, holdShard } from '../../core/records/holds.ts';
import { addressIn, copyIndexOf, isRequestRecord, messageName } from '../../core/records/message-key.ts';
import type { AttemptRecord, OutcomeRecord, RequestRecord } from '../../core/records/messages.ts';
import { messagesIn } from '../../io/messages.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine } from './print.ts';

type Told = OutcomeRecord | AttemptRecord | EngagementRecord;
type Life = { address: string; events: Told[] };

export async function trace(
  { account, tables, messagesTable, holdsTable }: Connection,
  [given = '']: string[],
  { json }: Options,
): Promise<number> {
  const requestId = given.replace(/^</, '').slice(0, 22);
  if (!isRequestId(requestId))
    throw new CliError(`"${given}" is not an X-Message-Id: the 22 characters that the 202 came with`);
  const items = await messagesIn(messagesTable, tables).readTrace(account, requestId);
  const request = items.find(isRequestRecord) as RequestRecord | undefined;
  if (!request)
    throw new CliError(
      `no request ${requestId} in this account: another account's, or older than the records are kept`,
    );
  const lives = gather(items);
  const holds = await findHolds(requestId);
  if (json) printJson({ request, copies: [...lives].map(([index, life]) => ({ index, ...life })), holds });
  else printLives(request, lives, holds);
  return 0;

  async function findHolds(id: string): Promise<Hold[]> {
    const places = [...Array.from({ length: HOLD_SHARDS }, (_, shard) => holdShard(shard)), parkedPlace(account)];
    return (await Promise.all(places.map((place) => readShard(place, id)))).flat();
  }

  async function readShard(shard: string, id: string): Promise<Hold[]> {
    const found: Hold[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await tables.send(
        new QueryCommand({
          TableName: holdsTable,
          KeyConditionExpression: 'pk = :shard',
          FilterExpression: 'job.requestId = :id OR expansion.requestId = :id',
          ExpressionAttributeValues: { ':shard': shard, ':id': id },
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      );
      found.push(...((page.Items ?? []) as Hold[]));
      from = page.LastEvaluatedKey;
    } while (from);
    return found;
  }
}

/** What the other side said; of what a reader did, what he did it with. */
function saidBy(event: Told): string {
  if ('reply' in event) return event.reply;
  const { url, userAgent, ip, machine } = event;
  return [url, userAgent, ip, machine ? 'a machine' : undefined].filter(Boolean).join('  ');
}

/** Undefined: it says nothing of what became of the copy. */
function toldBy(item: Record<string, unknown>): Told | undefined {
  if (isErased(item)) return { ...item, event: 'erased', address: '(erased)', reply: '' } as unknown as Told;
  return item.event === undefined ? undefined : (item as Told);
}

function gather(items: Record<string, unknown>[]): Map<number, Life> {
  const lives = new Map<number, Life>();
  for (const item of items) {
    const index = copyIndexOf(item);
    if (index === undefined) continue;
    const event = toldBy(item);
    if (!event) continue;
    const address = 'address' in event ? event.address : addressIn(event.recipient);
    const life = lives.get(index) ?? { address, events: [] };
    life.events.push(event);
    life.events.sort((a, b) => a.at - b.at);
    lives.set(index, life);
  }
  return new Map([...lives].sort(([a], [b]) => a - b));
}

function printLives(request: RequestRecord, lives: Map<number, Life>, holds: Hold[]): void {
  printLine(
    `accepted  ${formatTime(request.acceptedAt)}  from ${request.from}${request.subject ? `  "${request.subject}"` : ''}`,
  );
  printLine(
    `          ${request.copies} ${request.copies === 1 ? 'recipient' : 'recipients'}, API key ${request.keyId}`,
  );
  // Times stand below each other.
  const width = Math.max(...[...lives.values()].flatMap(({ events }) => events.map(({ event }) => event.length)), 9);
  for (const [index, { address, events }] of lives) {
    printLine(`\n${index}  ${address}`);
    for (const event of events) {
      const where =
        'mx' in event || 'lane' in event ? [event.mx, event.tls, event.lane].filter(Boolean).join(', ') : '';
      printLine(
        `   ${event.event.padEnd(width)} ${formatTime(event.at)}  ${saidBy(event)}${where ? `  (${where})` : ''}`,
      );
      if ('possibleDuplicate' in event)
        printLine(
          '             this recipient may have had it before: an earlier attempt ended without its reply being recorded',
        );
      if ('due' in event) printLine(`             next attempt ${formatTime(event.due)}`);
      for (const line of ('transcript' in event && event.transcript?.split('\n')) || [])
        printLine(`             ${line}`);
    }
  }
  const final = [...lives.values()].filter(({ events }) =>
    events.some((event) => /^\d+$/.test(messageName(event)?.part ?? '')),
  ).length;
  const held = holds.reduce((sum, { copies }) => sum + copies, 0);
  for (const { pk, due, copies, kind } of holds) {
    const isParked = pk.endsWith('#parked');
    const until = isParked ? 'until bulk of the account is resumed' : `until ${formatTime(due)}`;
    printLine(`\nheld      ${until}: ${copies} ${kind === 'job' ? 'deferred or put off' : 'scheduled'}`);
  }
  const queued = Math.max(0, request.copies - final - held);
  if (queued > 0) printLine(`\nqueued    ${queued} on their way: in a lane, or being sent now`);
}
