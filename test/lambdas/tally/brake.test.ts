/**
 * Attack: a key is stolen, and a bought list is sent with it: half of the addresses do not exist, readers complain. Within the minute in which
 * the books show it, the account's bulk is paused, once; no other account is touched, and a batch that comes again changes nothing.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BrakeEvent } from '../../../core/brakes/brakes.ts';
import { readNews } from '../../../core/event/item.ts';
import { hourOf, padSequence } from '../../../core/event/page.ts';
import { makeRequestId } from '../../../core/ids.ts';
import type { Hold } from '../../../core/records/holds.ts';
import { recipientKey } from '../../../core/records/message-key.ts';
import { copyKey, lateKey } from '../../../core/records/messages.ts';
import { brakesIn, resumeBulk } from '../../../io/brakes.ts';
import { statsIn } from '../../../io/stats.ts';
import type { StreamNews } from '../../../io/stream.ts';
import { type TallyDeps, tally } from '../../../lambdas/tally/tally.ts';
import { startDynamodb } from '../../io/dynamodb.ts';

const START = Date.parse('2026-11-25T12:30:00Z');
type Kind = 'delivered' | 'bounced' | 'blocked' | 'complained' | 'opted-out' | 'bounced-late';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let brakes: ReturnType<typeof brakesIn>;
let stats: ReturnType<typeof statsIn>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['accounts', 'stats']);
  brakes = brakesIn('accounts', dynamodb.client);
  stats = statsIn('stats', dynamodb.client);
});
afterAll(() => dynamodb.stop());

let accounts = 0;
const world = {
  now: START,
  sequence: 0,
  paused: 0,
  problems: [] as string[],
  holds: [] as Hold[],
  told: [] as string[],
  account: '',
  innocent: '',
};
beforeEach(() => {
  const name = (letter: string) =>
    `${letter}aaaaa${String.fromCharCode(97 + (accounts % 26))}${Math.floor(accounts / 26) + 2}`;
  accounts++;
  Object.assign(world, {
    now: START,
    paused: 0,
    problems: [],
    holds: [],
    told: [],
    account: name('v'),
    innocent: name('i'),
  });
});

const tellAccount = async (account: string, { event }: BrakeEvent) => void world.told.push(`${account} ${event}`);
const deps = (): TallyDeps => ({
  ...stats,
  readBrakes: (account) => brakes.readBrakes(account, true),
  pauseBulk: brakes.pauseBulk,
  tellAccount,
  thresholds: { bouncePercent: 10, complaintPercent: 0.3 },
  now: () => world.now,
  publish: ({ bulkPaused }) => {
    world.paused += bulkPaused;
  },
  readOutcomeRecords: async () => new Map(),
  wait: async () => undefined,
  putPage: async () => {},
  statsDays: 400,
  known: new Map(),
  report: (problem) => void world.problems.push(problem),
});

function make(kind: Kind, account: string): StreamNews {
  const n = ++world.sequence;
  const id = makeRequestId(START, Buffer.from(String(n).padStart(10, '0')));
  const base = { at: world.now, reply: 'x', site: 's', lane: 'l', expiresAt: 1 };
  const late = kind === 'bounced-late' || kind === 'complained' || kind === 'opted-out';
  const event =
    kind === 'delivered' ? 'delivered' : kind === 'complained' || kind === 'opted-out' ? 'complained' : 'bounced';
  const item = late
    ? {
        ...base,
        ...lateKey(account, id, 0, event as 'bounced'),
        event,
        type: 'bounce',
        address: 'a@b.c',
        ...(kind === 'opted-out' ? { optOut: true } : {}),
      }
    : {
        ...base,
        ...copyKey(account, id, 0),
        event,
        type: kind === 'bounced' ? 'bounce' : 'blocked',
        attempt: 0,
        recipient: recipientKey(account, 'a@b.c'),
      };
  return { sequence: padSequence(String(n)), writtenAt: world.now, change: 'INSERT', news: readNews(item, 'INSERT')! };
}
const some = (counts: Partial<Record<Kind, number>>, account = world.account): StreamNews[] =>
  Object.entries(counts).flatMap(([kind, count]) => Array.from({ length: count }, () => make(kind as Kind, account)));
const stateOf = (account = world.account) => brakes.readBrakes(account, true);

describe('books that are too bad', () => {
  test('pause the bulk of their account, once, with an event; others’ goes on', async () => {
    const batch = [...some({ delivered: 150, bounced: 150 }), ...some({ delivered: 300, bounced: 20 }, world.innocent)];
    await tally('s1', batch, deps());
    const why = '50 % of 300 copies bounced within two hours';
    expect((await stateOf())?.paused).toEqual({ at: START, cause: 'bounces', why });
    expect(await stateOf(world.innocent)).toBeUndefined();

    // The batch comes again, to another environment, and the attack goes on.
    world.now += 60_000;
    await tally('s1', batch, deps());
    await tally('s2', some({ bounced: 300 }), deps());
    expect((await stateOf())?.paused?.at).toBe(START);
    expect([world.paused, world.told]).toEqual([1, [`${world.account} bulk_paused`]]);
    expect(await brakes.listBrakeEvents(world.account)).toMatchObject([
      { event: 'bulk_paused', at: START, by: 'pennypost', why },
    ]);
    expect(world.problems).toEqual([`bulk of the account ${world.account} is paused: ${why}`]);
  });

  test('are seen over all shards, and over the turn of the hour', async () => {
    world.now = START + 29 * 60_000;
    await tally('s1', some({ delivered: 90, bounced: 12 }), deps());
    await tally('s2', some({ delivered: 60 }), deps());
    expect(await stateOf()).toBeUndefined();
    world.now += 5 * 60_000;
    expect(hourOf(world.now)).not.toBe(hourOf(START));
    await tally('s3', some({ delivered: 40, 'bounced-late': 12 }), deps());
    expect((await stateOf())?.paused).toMatchObject({ cause: 'bounces' });
  });

  test('by complaints, of a day: opt-outs are none, and neither are blocks bounces', async () => {
    await tally('s1', some({ delivered: 1_500, blocked: 400, 'opted-out': 40 }), deps());
    world.now += 10 * 3_600_000;
    await tally('s1', some({ complained: 4 }), deps());
    expect(await stateOf()).toBeUndefined();
    await tally('s1', some({ complained: 1 }), deps());
    expect((await stateOf())?.paused).toEqual({
      at: world.now,
      cause: 'complaints',
      why: '0.33 % of 1500 delivered copies were called spam within a day',
    });
  });

  test('a batch whose pause cannot be written comes again, is counted once, and pauses then', async () => {
    const batch = some({ delivered: 150, bounced: 150 });
    const broken = { ...deps(), pauseBulk: () => Promise.reject(new Error('no answer')) };
    await expect(tally('s1', batch, broken)).rejects.toThrow('no answer');
    await tally('s1', batch, deps());
    expect((await stateOf())?.paused?.why).toContain('of 300 copies');
  });

  test('good news is no reason to look: it costs no read', async () => {
    const blind = { ...deps(), readBrakes: () => Promise.reject(new Error('read')) };
    await tally('s1', some({ delivered: 500, blocked: 100 }), blind);
  });
});

describe('a resume', () => {
  const resume = (by: 'account' | 'operator' = 'account') =>
    resumeBulk(world.account, by, {
      ...brakes,
      ...stats,
      now: () => world.now,
      tellAccount,
      hold: async (hold) => void world.holds.push(hold),
    });

  test('lets bulk go on; what made it stop does not stop it again, but what comes then does', async () => {
    await tally('s1', some({ delivered: 150, bounced: 150 }), deps());
    world.now += 600_000;
    expect(await resume()).toBe('resumed');
    expect(await resume()).toBe('not paused');
    expect(world.told.slice(1)).toEqual([`${world.account} bulk_resumed`]);
    expect(world.holds.map(({ kind, account, due }) => [kind, account, due - world.now])).toEqual([
      ['sweep', world.account, 25_000],
      ['sweep', world.account, 90_000],
    ]);
    await tally('s1', some({ delivered: 180, bounced: 15 }), deps());
    expect(await stateOf()).toMatchObject({ resumed: { at: world.now, by: 'account' } });
    expect((await stateOf())?.paused).toBeUndefined();
    world.now += 60_000;
    await tally('s2', some({ bounced: 15 }), deps());
    expect((await stateOf())?.paused?.why).toBe('14.29 % of 210 copies bounced within two hours');
    expect((await brakes.listBrakeEvents(world.account)).map(({ event, by }) => `${event} ${by}`)).toEqual([
      'bulk_paused pennypost',
      'bulk_resumed account',
      'bulk_paused pennypost',
    ]);
  });

  // Attack: the stolen key may do all that the account may, and lifts the pause that the operator has put on.
  test('of what the operator paused is the operator’s alone', async () => {
    await brakes.pauseBulk(world.account, { at: START, cause: 'operator', why: 'the operator paused it' });
    expect(await resume('account')).toBe('operator only');
    expect((await stateOf())?.paused).toBeDefined();
    expect(await resume('operator')).toBe('resumed');
  });

  test('a judgement of before it does not pause what was resumed meanwhile', async () => {
    const pause = { at: START, cause: 'bounces' as const, why: 'x' };
    await brakes.pauseBulk(world.account, pause);
    world.now += 1_000;
    await resume();
    expect(await brakes.pauseBulk(world.account, { ...pause, at: START + 2_000 }, undefined)).toBe(false);
    expect(await brakes.pauseBulk(world.account, { ...pause, at: START + 2_000 }, world.now)).toBe(true);
    expect(await brakes.pauseBulk(world.account, { ...pause, at: START + 3_000 }, world.now)).toBe(false);
  });
});
