import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipientKey } from '../../core/records/message-key.ts';
import { copyKey, type OutcomeRecord } from '../../core/records/messages.ts';
import type { Table } from '../../io/aws.ts';
import { messagesIn } from '../../io/messages.ts';
import { batchOutcomes } from '../../io/outcomes.ts';
import { startDynamodb } from './dynamodb.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;

beforeAll(async () => {
  dynamodb = await startDynamodb(['messages']);
});
afterAll(() => dynamodb.stop());

const makeOutcome = (requestId: string, index: number, event: OutcomeRecord['event'] = 'delivered'): OutcomeRecord => ({
  ...copyKey('operator', requestId, index),
  event,
  recipient: recipientKey('operator', `reader's "own"?@example.net`),
  at: NOW,
  attempt: 0,
  reply: "250 ok, 'quoted' ? and {braces}",
  site: 'mx',
  lane: 'default-1',
  possibleDuplicate: true,
  expiresAt: 1,
});

/** The writer under test, the names of the calls that it makes, and a way to let one fail. */
function open() {
  const calls: { name: string; items: number }[] = [];
  const failures: Error[] = [];
  const client = {
    send: (command: { input: { Statements?: unknown[] } }) => {
      const items = command.input.Statements?.length ?? 1;
      calls.push({ name: command.input.Statements ? 'batch' : 'single', items });
      const failure = failures.shift();
      return failure ? Promise.reject(failure) : dynamodb.client.send(command as never);
    },
  } as unknown as Table;
  const messages = messagesIn('messages', client);
  const { recordOutcome } = batchOutcomes('messages', client, messages.recordOutcome);
  return { recordOutcome, messages, calls, failures };
}

const all = (requestId: string, count: number) =>
  Array.from({ length: count }, (_, index) => makeOutcome(requestId, index));

describe('batchOutcomes', () => {
  it('writes what comes together in one call, and the last at once', async () => {
    const { recordOutcome, messages, calls } = open();

    const outcomes = all('B1', 7);
    const written = await Promise.all(outcomes.map((one, n) => recordOutcome(one, n < 6)));

    expect(written).toEqual(Array(7).fill('recorded'));
    expect(calls).toEqual([{ name: 'batch', items: 7 }]);
    expect(await messages.readTrace('operator', 'B1')).toEqual(outcomes);
  });

  it('writes 25 at a time', async () => {
    const { recordOutcome, messages, calls } = open();

    await Promise.all(all('B2', 60).map((one, n) => recordOutcome(one, n < 59)));

    expect(calls.map(({ items }) => items)).toEqual([25, 25, 10]);
    expect(await messages.readTrace('operator', 'B2')).toHaveLength(60);
  });

  it('one that others do not follow after all is written all the same', async () => {
    const { recordOutcome, calls } = open();

    const written = await recordOutcome(makeOutcome('B3', 0), true);

    expect(written).toBe('recorded');
    expect(calls).toEqual([{ name: 'single', items: 1 }]);
  });

  it('the first outcome stands, whoever is with the second in its batch', async () => {
    const { recordOutcome, messages } = open();
    await recordOutcome(makeOutcome('B4', 1));

    const written = await Promise.all([
      recordOutcome(makeOutcome('B4', 0), true),
      recordOutcome(makeOutcome('B4', 1, 'bounced'), true),
      recordOutcome(makeOutcome('B4', 2)),
    ]);

    expect(written).toEqual(['recorded', 'already-final', 'recorded']);
    expect((await messages.readTrace('operator', 'B4')).map(({ event }) => event)).toEqual(Array(3).fill('delivered'));
  });

  // DynamoDB refuses a batch that names one key twice, and with it everybody else's outcome.
  it('two of one copy at the same time: one of them stands, and others are not held up', async () => {
    const { recordOutcome, messages } = open();

    const written = await Promise.all([
      recordOutcome(makeOutcome('B5', 1), true),
      recordOutcome(makeOutcome('B5', 0), true),
      recordOutcome(makeOutcome('B5', 0, 'bounced'), true),
      recordOutcome(makeOutcome('B5', 2)),
    ]);

    expect(written.toSorted()).toEqual(['already-final', 'recorded', 'recorded', 'recorded']);
    const trace = await messages.readTrace('operator', 'B5');
    expect(trace.map(({ event }) => event)).toEqual([
      written[1] === 'recorded' ? 'delivered' : 'bounced',
      'delivered',
      'delivered',
    ]);
  });

  it('what SES only has gives way to its word, and never takes its place', async () => {
    const { recordOutcome, messages } = open();
    await recordOutcome(makeOutcome('B6', 0, 'relayed'));
    await recordOutcome(makeOutcome('B6', 1));

    const written = await Promise.all([
      recordOutcome(makeOutcome('B6', 0, 'bounced'), true),
      recordOutcome(makeOutcome('B6', 1, 'relayed')),
    ]);

    expect(written).toEqual(['recorded', 'already-final']);
    expect((await messages.readTrace('operator', 'B6')).map(({ event }) => event)).toEqual(['bounced', 'delivered']);
  });

  it('a call that fails fails each of its outcomes, which can be tried again', async () => {
    const { recordOutcome, messages, failures } = open();
    failures.push(new Error('no answer'));
    const outcomes = all('B7', 3);
    const tryAll = () => Promise.allSettled(outcomes.map((one, n) => recordOutcome(one, n < 2)));

    const first = await tryAll();
    const second = await tryAll();

    expect(first.map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
    expect(second.map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
    expect(await messages.readTrace('operator', 'B7')).toEqual(outcomes);
  });

  it('an outcome that the table says nothing about is put alone, which tells', async () => {
    const { messages } = open();
    const silent = { send: async () => ({ Responses: [{}] }) } as unknown as Table;
    const { recordOutcome } = batchOutcomes('messages', silent, messages.recordOutcome);

    await Promise.all([recordOutcome(makeOutcome('B8', 0), true), recordOutcome(makeOutcome('B8', 1))]);

    expect((await messages.readTrace('operator', 'B8')).map(({ sk }) => sk)).toEqual(['0001']);
  });
});
