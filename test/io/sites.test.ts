import { ConditionalCheckFailedException, DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { allowanceKey, leaseKey, warmUpKey } from '../../core/records/sites.ts';
import type { Allowance } from '../../core/shaping/allowance.ts';
import { CLOCK_SKEW, sitesIn } from '../../io/sites.ts';
import { startDynamodb } from './dynamodb.ts';
import { createMemoryTable } from './memory-table.ts';

const NOW = Date.UTC(2026, 10, 23, 12, 30);
const MINUTE = 60_000;
const DAY = 86_400_000;
const HOUR = '2026-11-23T12';
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let sites: ReturnType<typeof sitesIn>;
let lane = '';
let lanes = 0;
let clock = NOW;

beforeAll(async () => {
  dynamodb = await startDynamodb(['sites']);
  sites = sitesIn('sites', dynamodb.client, () => clock);
});
beforeEach(() => {
  lane = `lane-${lanes++}`;
  clock = NOW;
});
afterAll(() => dynamodb.stop());

const makeAllowance = (change: Partial<Allowance> = {}): Allowance => ({
  connections: 4,
  cutAt: NOW,
  grownAt: NOW,
  rule: 'r',
  reply: '421 slow down',
  ...change,
});
const readItem = async (key: { pk: string; sk: string }) =>
  (await dynamodb.client.send(new GetCommand({ TableName: 'sites', Key: key, ConsistentRead: true }))).Item;

describe('allowances', () => {
  it('are read with one lane’s, and nothing but allowances', async () => {
    // Prepare
    await sites.changeAllowance(lane, 'google', () => makeAllowance({ pausedUntil: NOW + MINUTE }));
    await sites.changeAllowance(lane, 'google#dkim#example.com', () => makeAllowance());
    await sites.changeAllowance(`${lane}x`, 'yahoo', () => makeAllowance());
    await sites.takeLease(lane, 'google', 'a', NOW + MINUTE, NOW);
    await sites.claimWarmUp(lane, HOUR, 20, 1);

    // Act
    const read = await sites.readAllowances(lane);

    // Assess
    expect(read).toEqual(
      new Map([
        ['google', makeAllowance({ pausedUntil: NOW + MINUTE })],
        ['google#dkim#example.com', makeAllowance()],
      ]),
    );
  });

  it('are read to the last page', async () => {
    const reply = 'x'.repeat(150_000);
    for (let i = 0; i < 9; i++) await sites.changeAllowance(lane, `mx${i}.example`, () => makeAllowance({ reply }));
    expect((await sites.readAllowances(lane)).size).toBe(9);
  });

  it('have one item for a scope of any length', async () => {
    const long = `(${Array.from({ length: 200 }, (_, i) => `mx-${i}`).join('|')}).example.com`;
    await sites.changeAllowance(lane, long, () => makeAllowance());
    await sites.changeAllowance(lane, `${long}.au`, () => makeAllowance({ connections: 2 }));
    await sites.changeAllowance(lane, long, (known) => ({ ...known!, connections: 3 }));
    expect((await sites.readAllowances(lane)).get(long)?.connections).toBe(3);
    expect((await sites.readAllowances(lane)).get(`${long}.au`)?.connections).toBe(2);
  });

  it('are written only when something changes', async () => {
    await sites.changeAllowance(lane, 'google', () => makeAllowance());
    const before = await readItem(allowanceKey(lane, 'google'));
    expect(await sites.changeAllowance(lane, 'google', (known) => known)).toEqual(makeAllowance());
    expect(await sites.changeAllowance(lane, 'google', () => undefined)).toEqual(makeAllowance());
    expect(await readItem(allowanceKey(lane, 'google'))).toEqual(before);
    expect(await sites.changeAllowance(lane, 'yahoo', () => 'remove')).toBeUndefined();
    expect(await readItem(allowanceKey(lane, 'yahoo'))).toBeUndefined();
  });

  it('are removed, and begin anew', async () => {
    await sites.changeAllowance(lane, 'google', () => makeAllowance());
    expect(await sites.changeAllowance(lane, 'google', () => 'remove')).toBeUndefined();
    expect(await readItem(allowanceKey(lane, 'google'))).toBeUndefined();
    await sites.changeAllowance(lane, 'google', (known) => known ?? makeAllowance({ connections: 9 }));
    expect((await sites.readAllowances(lane)).get('google')?.connections).toBe(9);
  });

  it('lose no change when several make one at once', async () => {
    await sites.changeAllowance(lane, 'google', () => makeAllowance({ connections: 0 }));
    const add = () =>
      sites.changeAllowance(lane, 'google', (known) => ({ ...known!, connections: known!.connections + 1 }));
    const done = await Promise.allSettled([add(), add(), add(), add()]);
    const counted = done.filter(({ status }) => status === 'fulfilled').length;
    expect((await sites.readAllowances(lane)).get('google')?.connections).toBe(counted);
  });

  it('are kept a day longer than all that they say', async () => {
    await sites.changeAllowance(lane, 'google', () => makeAllowance({ pausedUntil: NOW + 5 * MINUTE, nextFree: NOW }));
    expect((await readItem(allowanceKey(lane, 'google')))?.expiresAt).toBe((NOW + 5 * MINUTE + DAY) / 1_000);
  });
});

describe('leases', () => {
  it('are one environment’s, until it ends them', async () => {
    expect(await sites.takeLease(lane, 'google', 'a', NOW + MINUTE, NOW)).toBe(true);
    expect(await sites.takeLease(lane, 'google', 'b', NOW + MINUTE, NOW)).toBe(false);
    expect(await sites.takeLease(lane, 'google', 'a', NOW + 2 * MINUTE, NOW)).toBe(true);
    expect(await sites.takeLease(lane, 'yahoo', 'b', NOW + MINUTE, NOW)).toBe(true);
    await sites.endLease(lane, 'google', 'a');
    expect(await sites.takeLease(lane, 'google', 'b', NOW + MINUTE, NOW)).toBe(true);
  });
  it('are another’s when their time is past by any clock, to the millisecond; the old fence then changes nothing', async () => {
    await sites.takeLease(lane, 'google', 'a', NOW, NOW - MINUTE);
    expect(await sites.takeLease(lane, 'google', 'b', NOW + DAY, NOW + CLOCK_SKEW - 1)).toBe(false);
    expect(await sites.takeLease(lane, 'google', 'b', NOW + DAY, NOW + CLOCK_SKEW)).toBe(true);
    await sites.endLease(lane, 'google', 'a');
    expect(await sites.takeLease(lane, 'google', 'a', NOW + DAY, NOW + CLOCK_SKEW)).toBe(false);
    expect(await readItem(leaseKey(lane, 'google'))).toMatchObject({ fence: 'b', until: NOW + DAY });
  });
  it('may be ended twice, or without having been taken', async () => {
    await sites.endLease(lane, 'google', 'a');
    expect(await sites.takeLease(lane, 'google', 'b', NOW, NOW)).toBe(true);
  });
});

describe('warm-up', () => {
  it('grants what is left of the hour, and not one more, to however many ask', async () => {
    const grants = await Promise.all(Array.from({ length: 12 }, () => sites.claimWarmUp(lane, HOUR, 50, 7)));
    expect(grants.reduce((sum, one) => sum + one, 0)).toBe(50);
    expect(await sites.claimWarmUp(lane, HOUR, 50, 7)).toBe(0);
    expect(await sites.claimWarmUp(lane, '2026-11-23T13', 50, 7)).toBe(7);
  });
  it('grants nothing when the budget has become smaller than what is claimed', async () => {
    await sites.claimWarmUp(lane, HOUR, 50, 40);
    expect(await sites.claimWarmUp(lane, HOUR, 30, 5)).toBe(0);
  });
  it('is set back once a day, by the answers of one hour together', async () => {
    expect(await sites.countWarmUp({ lane, startedAt: 1 }, { good: 40, bad: 0 }, NOW)).toBe(false);
    expect(await sites.countWarmUp({ lane, startedAt: 1 }, { good: 0, bad: 4 }, NOW)).toBe(false);
    expect(await sites.countWarmUp({ lane, startedAt: 1 }, { good: 4, bad: 2 }, NOW)).toBe(true);
    expect(await sites.countWarmUp({ lane, startedAt: 1 }, { good: 0, bad: 50 }, NOW + DAY - 1)).toBe(false);
    expect(await sites.readWarmUp({ lane, startedAt: 1 })).toEqual({ heldDays: 1, heldAt: NOW });
    expect(await sites.countWarmUp({ lane, startedAt: 1 }, { good: 0, bad: 50 }, NOW + DAY)).toBe(true);
    expect(await sites.readWarmUp({ lane, startedAt: 1 })).toEqual({ heldDays: 2, heldAt: NOW + DAY });
    // Another warm-up of the same lane begins anew.
    expect(await sites.readWarmUp({ lane, startedAt: 2 })).toEqual({ heldDays: 0 });
    expect(await sites.readWarmUpHour(lane, HOUR)).toBe(0);
  });
  it('has not been set back at first, and counts of another hour do not', async () => {
    expect(await sites.readWarmUp({ lane, startedAt: 1 })).toEqual({ heldDays: 0 });
    await sites.countWarmUp({ lane, startedAt: 1 }, { good: 0, bad: 30 }, NOW);
    expect(await sites.countWarmUp({ lane, startedAt: 1 }, { good: 0, bad: 30 }, NOW + 30 * MINUTE)).toBe(false);
    expect(await readItem(warmUpKey(lane, HOUR))).toMatchObject({ good: 0, bad: 30 });
  });
});

// TTL is days late: what is past its time is still there, and a reader that trusts it keeps a pause for ever.
it('I4: items past their time count as absent, in 500 cases', async () => {
  // Prepare
  const cases = Array.from({ length: 500 }, (_, i) => ({ i, scope: `mx${i}.example` }));
  const ofTen = Object.values(Object.groupBy(cases, ({ i }) => Math.floor(i / 10))).map((ten) => ten!);
  for (const ten of ofTen)
    await Promise.all(
      ten.map(({ i, scope }) => {
        // From this very second to two days ago.
        const expiresAt = NOW / 1_000 - Math.floor((i / 500) ** 3 * 172_800);
        const Item = { ...makeAllowance(), ...allowanceKey(lane, scope), version: `old-${i}`, expiresAt };
        return dynamodb.client.send(new PutCommand({ TableName: 'sites', Item }));
      }),
    );
  let absent = 0;

  // Act
  const read = await sites.readAllowances(lane);
  for (const ten of ofTen)
    await Promise.all(
      ten.map(({ scope }) =>
        sites.changeAllowance(lane, scope, (known) => {
          if (known === undefined) absent++;
          return makeAllowance({ connections: 7 });
        }),
      ),
    );

  // Assess
  expect([read.size, absent]).toEqual([0, 500]);
  const anew = await sites.readAllowances(lane);
  expect([...anew.values()].filter(({ connections }) => connections === 7)).toHaveLength(500);
  expect(anew.size).toBe(500);
  clock = NOW + DAY;
  expect((await sites.readAllowances(lane)).size).toBe(0);
}, 120_000);

describe('I6: an answer that is no success is never counted as one', () => {
  const failing = (name: string) =>
    new DynamoDBServiceException({ name, message: name, $fault: 'server', $metadata: {} });
  const failures = [
    'TransactionConflictException',
    'TransactionCanceledException',
    'ProvisionedThroughputExceededException',
    'ThrottlingException',
    'InternalServerError',
    'TimeoutError',
  ].map((name) => [name] as const);

  it.each(failures)('%s: every write, and every read that it rests on, throws', async (name) => {
    const table = sitesIn('sites', { send: () => Promise.reject(failing(name)) } as never, () => NOW);
    const calls = [
      () => table.readAllowances(lane),
      () => table.changeAllowance(lane, 'google', () => makeAllowance()),
      () => table.takeLease(lane, 'google', 'a', NOW, NOW),
      () => table.endLease(lane, 'google', 'a'),
      () => table.claimWarmUp(lane, HOUR, 20, 1),
      () => table.countWarmUp({ lane, startedAt: 1 }, { good: 1, bad: 0 }, NOW),
      () => table.readWarmUp({ lane, startedAt: 1 }),
    ];
    for (const call of calls) for (let tries = 0; tries < 3; tries++) await expect(call()).rejects.toThrow(name);
  });

  it('a write that others come before five times throws, and has written nothing', async () => {
    let written = 0;
    const send = async (command: unknown) => {
      if (!(command instanceof PutCommand)) return { Item: { ...makeAllowance(), version: 'x', expiresAt: 9e9 } };
      written++;
      throw new ConditionalCheckFailedException({ message: 'refused', $metadata: {} });
    };
    const table = sitesIn('sites', { send } as never, () => NOW);
    await expect(table.changeAllowance(lane, 'google', () => makeAllowance())).rejects.toThrow('5 times');
    expect(written).toBe(5);
  });

  it('a write whose answer was lost, and whose second try is refused by the first, is done once', async () => {
    // Prepare: the client tries again by itself, and gets the refusal.
    const memory = createMemoryTable();
    let lost = true;
    const send = async (command: unknown) => {
      if (command instanceof PutCommand && lost) {
        lost = false;
        memory.apply(command);
      }
      return memory.apply(command);
    };
    const table = sitesIn('sites', { send } as never, () => NOW);
    let changes = 0;

    // Act
    const after = await table.changeAllowance(lane, 'google', (known) => {
      changes++;
      return makeAllowance({ connections: (known?.connections ?? 0) + 1 });
    });

    // Assess
    expect(after?.connections).toBe(1);
    expect(changes).toBe(1);
  });
});

it('the table of the model tests answers as the emulator does', async () => {
  const who = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ do: fc.constant('take' as const), who, life: fc.nat(3), after: fc.nat(30) }),
    fc.record({ do: fc.constant('end' as const), who, after: fc.nat(5) }),
    fc.record({ do: fc.constant('change' as const), to: fc.nat(9), after: fc.nat(900) }),
    fc.record({ do: fc.constant('remove' as const), after: fc.nat(5) }),
    fc.record({ do: fc.constant('claim' as const), block: fc.integer({ min: 1, max: 9 }), after: fc.nat(5) }),
    fc.record({ do: fc.constant('count' as const), bad: fc.nat(60), after: fc.nat(900) }),
    fc.record({ do: fc.constant('read' as const), after: fc.nat(900) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 20 }), async (steps) => {
      const own = `model-${lanes++}`;
      const memory = createMemoryTable();
      const both = [dynamodb.client, { send: async (command: unknown) => memory.apply(command) } as never].map(
        (client) => sitesIn('sites', client, () => clock),
      );
      clock = NOW;
      for (const one of steps) {
        clock += one.after * MINUTE;
        const answers = [];
        for (const table of both) {
          if (one.do === 'take')
            answers.push(await table.takeLease(own, 's', one.who, clock + one.life * MINUTE, clock));
          if (one.do === 'end') answers.push((await table.endLease(own, 's', one.who)) ?? 'ended');
          if (one.do === 'change')
            answers.push(await table.changeAllowance(own, 's', () => makeAllowance({ connections: one.to })));
          if (one.do === 'remove') answers.push((await table.changeAllowance(own, 's', () => 'remove')) ?? 'removed');
          if (one.do === 'claim') answers.push(await table.claimWarmUp(own, HOUR, 20, one.block));
          if (one.do === 'count')
            answers.push(await table.countWarmUp({ lane: own, startedAt: 1 }, { good: 3, bad: one.bad }, clock));
          if (one.do === 'read')
            answers.push([await table.readAllowances(own), await table.readWarmUp({ lane: own, startedAt: 1 })]);
        }
        expect(answers).toHaveLength(2);
        expect(answers[0]).toEqual(answers[1]);
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);
