/**
 * deliver dies at the worst moments: 2,000 messages in flight, its processes killed with SIGKILL at random. Nothing may be
 * lost, and a copy may arrive twice only where a kill fell between the final dot and the record of its reply.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it } from 'vitest';
import { messageName } from '../../core/records/message-key.ts';
import type { AttemptRecord, OutcomeRecord } from '../../core/records/messages.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import {
  givenMail,
  type Mail,
  mailTo,
  thenAllIsAccountedFor,
  whenDeadRunsAreOver,
  whenQueuesAreEmpty,
  whenRetriesAreDue,
} from './given.ts';

const MESSAGES = 2_000;
const KILLS = 12;
/** A short time limit, so that what a dead process had is visible again soon. */
const RUN_SECONDS = 10;

/** What is on record of copies: their outcomes, and who of them was in doubt, whose link was lost behind the dot. */
async function readRecords({ stack, local }: Mail) {
  const client = new DynamoDBClient({
    endpoint: local.awsUrl,
    region: stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  const tables = DynamoDBDocumentClient.from(client);
  const outcomes = new Map<string, OutcomeRecord>();
  const doubted = new Set<string>();
  let from: Record<string, unknown> | undefined;
  do {
    const page = await tables.send(
      new ScanCommand({
        TableName: stack.outputs.MessagesTable!,
        ConsistentRead: true,
        ...(from ? { ExclusiveStartKey: from } : {}),
      }),
    );
    for (const item of (page.Items ?? []) as (OutcomeRecord | AttemptRecord)[]) {
      if (/^\d+$/.test(messageName(item)?.part ?? ''))
        outcomes.set((item as OutcomeRecord).recipient.split('#')[1]!, item as OutcomeRecord);
      else if (item.event === 'doubted') doubted.add((item as AttemptRecord).address);
    }
    from = page.LastEvaluatedKey;
  } while (from);
  client.destroy();
  return { outcomes, doubted };
}

/** Until no mail is in a queue; what died on the way has its next run. */
async function untilEmpty(mail: Mail): Promise<void> {
  const isQueued = () => mail.stack.queues.inspect().some(({ dead, messages }) => !dead && messages.length > 0);
  for (let runs = 0; runs < 20 && isQueued(); runs++) await whenDeadRunsAreOver(mail, RUN_SECONDS + 1);
  await whenQueuesAreEmpty(mail, 240);
}

it(`${MESSAGES} messages, deliver killed ${KILLS} times: none lost, none twice but for the dot window`, async () => {
  // Prepare: a sink that takes its time.
  const mail = await givenMail({
    settings: {
      delivery: { timeoutSeconds: RUN_SECONDS, batchSize: 10 },
      shaping: { providers: { other: { connections: 20 } } },
    },
    sinkLatency: { perCommandMs: 3, afterDotMs: 15 },
  });
  let watching: NodeJS.Timeout | undefined;
  try {
    const ids: string[] = [];
    const bulk = Array.from({ length: 10 }, (_, part) => ({
      ...mailTo('x'),
      personalizations: Array.from({ length: 150 }, (_, i) => ({
        to: [{ email: `${i % 20 === 7 ? 'bounce' : 'reader'}+${part}-${i}@example.net` }],
      })),
    }));
    const single = Array.from({ length: 500 }, (_, i) => mailTo(`reader+single-${i}@example.org`));
    const bodies = [...bulk, ...single];
    const sending = Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let body = bodies.shift(); body; body = bodies.shift()) {
          const { status, id } = await mail.post(body);
          expect(status).toBe(202);
          ids.push(id);
        }
      }),
    );

    // Every end of a process counts: on a slow machine some reach their time limit, which ends them as a kill does.
    const ends = new Map<number, number>();
    const ended = (pid: number | undefined) => pid !== undefined && !ends.has(pid) && ends.set(pid, Date.now());
    let alive = new Set<number | undefined>();
    watching = setInterval(() => {
      const found = new Set(
        mail.stack
          .environments()
          .filter(({ function: name }) => name === 'deliver')
          .map(({ pid }) => pid),
      );
      for (const pid of alive) if (!found.has(pid)) ended(pid);
      alive = found;
    }, 50);

    // Act
    const kills: number[] = [];
    const giveUp = Date.now() + 30_000;
    while (kills.length < KILLS && Date.now() < giveUp) {
      await sleep(100 + Math.random() * 400);
      if (!mail.stack.environments().some(({ function: name, busy }) => name === 'deliver' && busy)) continue;
      const at = Date.now();
      const killed = await mail.stack.kill('deliver');
      // It may have lived so shortly that nobody has looked meanwhile.
      ended(killed?.pid);
      if (killed?.busy) kills.push(at);
    }
    await sending;

    // Assess
    expect(kills.length).toBeGreaterThan(3);
    await untilEmpty(mail);
    let ledger = await thenAllIsAccountedFor(mail, ids, 240);
    // On a slow machine a run of ten seconds leaves some for later: their time has come.
    for (let more = 0; more < 10 && ledger.held > 0; more++) {
      await whenRetriesAreDue(mail);
      await sleep(3_000);
      await untilEmpty(mail);
      ledger = await thenAllIsAccountedFor(mail, ids, 240);
    }
    expect(ledger).toMatchObject({
      accepted: MESSAGES,
      delivered: MESSAGES - 80,
      bounced: 80,
      held: 0,
      dead: 0,
      lost: 0,
    });

    const arrivals = Map.groupBy(mail.sink.dots, ({ recipient }) => recipient);
    const { outcomes, doubted } = await readRecords(mail);
    const twice = [...arrivals].filter(([, dots]) => dots.length > 1);
    for (const [recipient, dots] of twice) {
      const outcome = outcomes.get(recipient)!;
      // The first reply was never recorded: an end came after its dot and before the record there is now, which says so. Or it was never
      // heard, and the record says that.
      const first = Math.min(...dots.map(({ dotAt }) => dotAt));
      const isExplained =
        doubted.has(recipient) || [...ends.values()].some((at) => first <= at + 1_000 && at <= outcome.at);
      expect(isExplained, JSON.stringify({ recipient, dots, outcome, ends: [...ends.values()] })).toBe(true);
      expect(outcome).toMatchObject({ possibleDuplicate: true });
      expect(dots.length).toBeLessThanOrEqual(ends.size + 1);
    }
    // A record is at most 25 copies behind its reply, in each of the environments that died.
    expect(twice.length).toBeLessThanOrEqual(25 * ends.size);
    expect(arrivals.size).toBe(MESSAGES - 80);
  } finally {
    clearInterval(watching);
    await mail.end();
  }
}, 420_000);
