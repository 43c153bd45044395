/** `/v3/brakes`: what an account sees of its brakes, and may do about them; on real tables. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hold } from '../../../core/records/holds.ts';
import { brakesIn, creditsIn } from '../../../io/brakes.ts';
import { BRAKE_ROUTES } from '../../../lambdas/manage/brake-routes.ts';
import { startDynamodb } from '../../io/dynamodb.ts';
import { AT, NOW, startManage } from './account.ts';

let world: Awaited<ReturnType<typeof startManage>>;
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let brakes: ReturnType<typeof brakesIn>;
let credits: ReturnType<typeof creditsIn>;
const holds: Hold[] = [];
beforeAll(async () => {
  world = await startManage();
  dynamodb = await startDynamodb(['brakes', 'messages']);
  brakes = brakesIn('brakes', dynamodb.client);
  credits = creditsIn('messages', dynamodb.client);
});
afterAll(async () => {
  await world.stop();
  await dynamodb.stop();
});

const callBy = (account: string, scopes?: string[]) =>
  world.callBy(
    account,
    {
      ...brakes,
      ...credits,
      defaultCap: 1_000,
      hold: async (hold) => void holds.push(hold),
      tellAccount: async () => {},
      readHours: async function* () {},
    },
    scopes,
  );
const PAUSE = { at: NOW - 60_000, cause: 'bounces' as const, why: '50 % of 300 copies bounced within two hours' };

describe('GET /v3/brakes', () => {
  it('shows the cap, what is claimed of it, and that nothing is paused', async () => {
    await credits.claimCredits('quiet222', '2026-11-25', { needed: 1, wanted: 40, cap: 1_000, expiresAt: 9e9 });
    const { status, json } = await callBy('quiet222')('GET', '/v3/brakes');
    expect([status, json]).toEqual([
      200,
      {
        daily_cap: { limit: 1_000, own: null, used: 40, reached_at: null, resets_at: Date.parse('2026-11-26') / 1_000 },
        bulk: { paused: false },
        events: [],
      },
    ]);
  });
});

describe('PATCH /v3/brakes', () => {
  it('an account lowers its cap, and never raises the operator’s', async () => {
    const call = callBy('caps2222');
    await brakes.setCap('caps2222', 'operatorCap', 500, NOW);
    expect((await call('PATCH', '/v3/brakes', { daily_cap: 70 })).json.daily_cap).toMatchObject({ limit: 70, own: 70 });
    expect((await call('PATCH', '/v3/brakes', { daily_cap: 9_000 })).json.daily_cap).toMatchObject({
      limit: 500,
      own: 9_000,
    });
    const { json } = await call('PATCH', '/v3/brakes', { daily_cap: null });
    expect(json.daily_cap).toMatchObject({ limit: 500, own: null });
    expect(json.events[0]).toMatchObject({ event: 'daily_cap_changed', timestamp: AT });
  });

  it.each([
    ['daily_cap', { daily_cap: -1 }],
    ['daily_cap', { daily_cap: 1.5 }],
    ['daily_cap', { daily_cap: '5' }],
    ['daily_cap', {}],
    ['bulk', { bulk: { paused: false } }],
    [null, [1]],
    [null, undefined],
  ])('names %s where it is wrong: %j', async (field, body) => {
    const { status, json } = await callBy('wrong222')('PATCH', '/v3/brakes', body);
    expect([status, json.errors[0].field]).toEqual([400, field]);
    expect(await brakes.readBrakes('wrong222', true)).toBeUndefined();
  });

  it('any JSON is taken or refused, and never fails', async () => {
    const call = callBy('fuzzfuzz');
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), fc.record({ daily_cap: fc.jsonValue() })), async (body) => {
        expect((await call('PATCH', '/v3/brakes', body)).status).toBeLessThan(500);
      }),
      { numRuns: 200 },
    );
    expect(world.problems).toEqual([]);
  });
});

describe('POST /v3/brakes/resume', () => {
  it('resumes what paused by itself: its holds are swept, and it is told', async () => {
    const call = callBy('bulky222');
    await brakes.pauseBulk('bulky222', PAUSE);
    expect((await call('GET', '/v3/brakes')).json.bulk).toEqual({
      paused: true,
      paused_at: AT - 60,
      cause: 'bounces',
      reason: PAUSE.why,
    });
    const { status, json } = await call('POST', '/v3/brakes/resume');
    expect([status, json.bulk]).toEqual([200, { paused: false, resumed_at: AT, resumed_by: 'account' }]);
    expect(json.events.map(({ event }: { event: string }) => event)).toEqual(['bulk_resumed', 'bulk_paused']);
    expect(holds.filter(({ account }) => account === 'bulky222').map(({ kind }) => kind)).toEqual(['sweep', 'sweep']);
    expect((await call('POST', '/v3/brakes/resume')).status).toBe(409);
  });

  // Attack: a stolen key lifts the operator's pause.
  it('not what the operator paused: 403, and nothing is swept', async () => {
    await brakes.pauseBulk('stolen22', { ...PAUSE, cause: 'operator' });
    expect((await callBy('stolen22')('POST', '/v3/brakes/resume')).status).toBe(403);
    expect(holds.filter(({ account }) => account === 'stolen22')).toEqual([]);
    expect((await brakes.readBrakes('stolen22', true))?.paused).toBeDefined();
  });

  // Attack: another account looks at the brakes of its neighbour, takes them off, or puts them on.
  it('a call is about its own account alone, and needs the scope', async () => {
    await brakes.pauseBulk('victim22', PAUSE);
    const before = await brakes.readBrakes('victim22', true);
    const attack = callBy('attacker');
    for (const { method, path } of BRAKE_ROUTES) {
      const { status, body } = await attack(
        method,
        path,
        method === 'PATCH' ? { daily_cap: 0, account: 'victim22' } : undefined,
      );
      expect(status).toBeLessThan(500);
      expect(body).not.toContain('300 copies');
      const poor = await callBy('victim22', ['mail.send'])(method, path);
      expect([poor.status, poor.json.errors[0].message]).toEqual([403, 'access forbidden']);
    }
    expect(await brakes.readBrakes('victim22', true)).toEqual(before);
  });
});
