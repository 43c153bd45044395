import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recipientKey } from '../../core/records/message-key.ts';
import {
  attemptKey,
  claimKey,
  copyKey,
  idempotencyKey,
  type LateRecord,
  lateKey,
  requestKey,
} from '../../core/records/messages.ts';
import { messagesIn } from '../../io/messages.ts';
import { startDynamodb } from './dynamodb.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const HOUR = 3_600_000;
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let messages: ReturnType<typeof messagesIn>;

beforeAll(async () => {
  dynamodb = await startDynamodb(['messages']);
  messages = messagesIn('messages', dynamodb.client);
});
afterAll(() => dynamodb.stop());

const makeRequest = (requestId: string) => ({
  ...requestKey('operator', requestId),
  acceptedAt: NOW,
  copies: 2,
  keyId: 'k',
  from: 'shop@example.com',
  expiresAt: 1,
});
const makeOutcome = (requestId: string, index: number, event: 'delivered' | 'bounced' = 'delivered') => ({
  ...copyKey('operator', requestId, index),
  event,
  recipient: recipientKey('operator', 'a@example.net'),
  at: NOW,
  attempt: 0,
  reply: '250 ok',
  site: 'mx',
  lane: 'default-1',
  expiresAt: 1,
});
const makeIdempotency = (key: string, requestId: string, at = NOW) => ({
  ...idempotencyKey('operator', key),
  requestId,
  body: 'hash',
  at,
  state: 'accepting' as const,
  expiresAt: 1,
});

describe('outcomes', () => {
  it('the first stands, whatever comes later', async () => {
    expect(await messages.recordOutcome(makeOutcome('R1', 0))).toBe('recorded');
    expect(await messages.recordOutcome(makeOutcome('R1', 0, 'bounced'))).toBe('already-final');
    expect(await messages.readTrace('operator', 'R1')).toEqual([makeOutcome('R1', 0)]);
  });

  it('what SES has is not final: its word replaces it, and is not replaced', async () => {
    const relayed = { ...makeOutcome('R6', 0), event: 'relayed' as const, relayId: 'ses-1' };
    expect(await messages.recordOutcome(relayed)).toBe('recorded');
    expect(await messages.recordOutcome(relayed)).toBe('already-final');
    expect(await messages.recordHeard(makeOutcome('R6', 0, 'bounced'))).toBeUndefined();
    expect(await messages.recordHeard(makeOutcome('R6', 0))).toBe('bounced');
    expect(await messages.recordOutcome(relayed)).toBe('already-final');
    expect(await messages.readTrace('operator', 'R6')).toEqual([makeOutcome('R6', 0, 'bounced')]);
  });

  it('a copy that is relayed is not sent again', async () => {
    await messages.recordOutcome({ ...makeOutcome('R7', 0), event: 'relayed' });
    expect(await messages.readOutcomes('operator', 'R7', [0, 1])).toEqual(new Set([0]));
  });

  it('what comes after the outcome is an item of its own, once', async () => {
    const { event: _, recipient: __, attempt: ___, ...rest } = makeOutcome('R8', 0);
    const late = {
      ...rest,
      ...lateKey('operator', 'R8', 0, 'complained'),
      event: 'complained',
      address: 'a@b.example',
    };
    await messages.recordOutcome(makeOutcome('R8', 0));
    await messages.recordLate(late as LateRecord);
    await messages.recordLate({ ...late, reply: 'another' } as LateRecord);
    expect(await messages.readTrace('operator', 'R8')).toEqual([makeOutcome('R8', 0), late]);
  });

  it('are found among more copies than one read can ask for', async () => {
    for (const index of [0, 99, 100, 240]) await messages.recordOutcome(makeOutcome('R2', index));
    const indexes = Array.from({ length: 250 }, (_, index) => index);
    expect(await messages.readOutcomes('operator', 'R2', indexes)).toEqual(new Set([0, 99, 100, 240]));
    expect(await messages.readOutcomes('operator', 'R2', [])).toEqual(new Set());
  });

  it('are not found under another account', async () => {
    expect(await messages.readOutcomes('intruder', 'R2', [0, 99])).toEqual(new Set());
  });
});

describe('request records', () => {
  it('a lost answer makes no difference', async () => {
    await messages.recordRequest(makeRequest('R3'));
    await messages.recordRequest(makeRequest('R3'));
    expect(await messages.readTrace('operator', 'R3')).toEqual([makeRequest('R3')]);
  });

  it('a refused one counts no copies', async () => {
    await messages.refuseRequest(makeRequest('R3'));
    expect(await messages.readTrace('operator', 'R3')).toEqual([{ ...makeRequest('R3'), copies: 0, refused: true }]);
  });

  it('a refused one gives way when the request is accepted after all', async () => {
    await messages.refuseRequest(makeRequest('R5'));
    await messages.recordRequest(makeRequest('R5'));
    expect(await messages.readTrace('operator', 'R5')).toEqual([makeRequest('R5')]);
  });

  it('come before their attempts and outcomes in a trace', async () => {
    await messages.recordRequest(makeRequest('R4'));
    const { event: _event, recipient: _recipient, ...outcome } = makeOutcome('R4', 0);
    const attempt = {
      ...outcome,
      ...attemptKey('operator', 'R4', 0, 'deferred', 0),
      event: 'deferred' as const,
      address: 'a@example.net',
      due: NOW,
    };
    await messages.recordAttempt(attempt);
    await messages.recordAttempt(attempt);
    await messages.recordOutcome(makeOutcome('R4', 0));
    expect((await messages.readTrace('operator', 'R4')).map(({ sk }) => sk)).toEqual([
      '0000',
      '0000#000#deferred',
      'request',
    ]);
  });
});

describe('claims of parts', () => {
  const claim = (fence: string, hop: number, part?: string) => ({
    ...claimKey('operator', 'R6', 'R6.0.0'),
    until: NOW + 180_000,
    fence,
    hop,
    ...(part ? { part } : {}),
    expiresAt: 2_000_000_000,
  });

  // Attack: a run splits a job and dies before it can say so; the whole comes back beside its parts.
  it('let other parts in, and keep the whole out', async () => {
    expect(await messages.claimJob(claim('part-1', 2, '0'), NOW)).toBe('taken');
    expect(await messages.claimJob(claim('part-2', 2, '0'), NOW + 1_000)).toBe('shared');
    expect(await messages.claimJob(claim('part-of-another-split', 4, '3'), NOW + 1_500)).toBe(false);
    expect(await messages.claimJob(claim('whole', 0), NOW + 2_000)).toBe(false);
    // Not even when their time is over: with fewer hops it is the stale one.
    expect(await messages.claimJob(claim('whole', 0), NOW + 200_000)).toBe(false);
    expect(await messages.claimJob(claim('whole', 3), NOW + 200_000)).toBe('taken');
    expect(await messages.claimJob(claim('part-3', 4, '0'), NOW + 100_000)).toBe(false);
  });

  // Attack: a part ends, and with it what others of its split hold in another run.
  it('are ended by their own, and not while another run may have some of the split', async () => {
    const part = (fence: string, until: number, split = '0') => ({
      ...claim(fence, 1, split),
      ...claimKey('operator', 'R8', 'R8'),
      until,
    });
    expect(await messages.claimJob(part('alone', NOW + 180_000), NOW)).toBe('taken');
    await messages.claimJob(part('alone', NOW - 1), NOW);
    expect(await messages.claimJob(part('one', NOW + 180_000), NOW)).toBe('taken');
    expect(await messages.claimJob(part('two', NOW + 90_000), NOW)).toBe('shared');
    await messages.claimJob(part('one', NOW + 999), NOW + 1_000);
    expect(await messages.claimJob(part('other', NOW + 360_000, '7'), NOW + 170_000)).toBe(false);
    expect(await messages.claimJob(part('other', NOW + 360_000, '7'), NOW + 181_000)).toBe('taken');
  });

  // A part of a split at few hops, beside one at many: neither is a stale twin of the other.
  it('let no part wait for its hops', async () => {
    const part = (fence: string, hop: number) => ({ ...claim(fence, hop, fence), ...claimKey('operator', 'R9', 'R9') });
    expect(await messages.claimJob(part('late', 200), NOW)).toBe('taken');
    expect(await messages.claimJob(part('early', 3), NOW + 181_000)).toBe('taken');
  });

  // Attack: a part that ends sooner takes over the claim of one that lasts; when its own time is over, the whole comes in.
  it('last as long as the part that may run longest', async () => {
    const part = (fence: string, until: number) => ({
      ...claim(fence, 2, '0'),
      ...claimKey('operator', 'R7', 'R7'),
      until,
    });
    expect(await messages.claimJob(part('long', NOW + 180_000), NOW)).toBe('taken');
    expect(await messages.claimJob(part('short', NOW + 10_000), NOW)).toBe('shared');
    const whole = { ...claim('whole', 9), ...claimKey('operator', 'R7', 'R7') };
    expect(await messages.claimJob(whole, NOW + 20_000)).toBe(false);
    expect(await messages.claimJob(part('longer', NOW + 300_000), NOW)).toBe('shared');
    expect(await messages.claimJob(whole, NOW + 200_000)).toBe(false);
    expect(await messages.claimJob(whole, NOW + 301_000)).toBe('taken');
  });
});

describe('claims', () => {
  const claim = (fence: string, until: number) => ({
    ...claimKey('operator', 'R5', 'R5.0.0'),
    until,
    fence,
    expiresAt: 1,
  });

  it('one worker at a time, until its time is over', async () => {
    expect(await messages.claimJob(claim('first', NOW + 180_000), NOW)).toBe('taken');
    expect(await messages.claimJob(claim('second', NOW + 180_000), NOW + 179_000)).toBe(false);
    expect(await messages.claimJob(claim('second', NOW + 400_000), NOW + 181_000)).toBe('taken');
  });

  it('the same worker again after a lost answer', async () => {
    expect(await messages.claimJob(claim('second', NOW + 400_000), NOW + 200_000)).toBe('taken');
  });
});

describe('idempotency records', () => {
  it('one taker; the others see who it was', async () => {
    const taken = await Promise.all(
      Array.from({ length: 20 }, (_, i) => messages.beginIdempotent(makeIdempotency('k1', `R-${i}`))),
    );
    expect(taken.filter((one) => one === undefined)).toHaveLength(1);
    expect(new Set(taken.flatMap((one) => one?.requestId ?? [])).size).toBe(1);
  });

  it('a lost answer to its own taker is no conflict', async () => {
    expect(await messages.beginIdempotent(makeIdempotency('k2', 'R-a'))).toBeUndefined();
    expect(await messages.beginIdempotent(makeIdempotency('k2', 'R-a'))).toBeUndefined();
  });

  it('is free again after 24 hours although TTL has not removed it', async () => {
    await messages.beginIdempotent(makeIdempotency('k3', 'R-a'));
    expect(await messages.beginIdempotent(makeIdempotency('k3', 'R-b', NOW + 24 * HOUR))).toMatchObject({
      requestId: 'R-a',
    });
    expect(await messages.beginIdempotent(makeIdempotency('k3', 'R-b', NOW + 24 * HOUR + 1))).toBeUndefined();
  });
});
