/**
 * `Idempotency-Key`: for 24 hours, the same key with the same body gets the same answer, whatever happened to the first
 * answer on its way; with another body, 409. A request that failed, or whose process died, is taken over under its first
 * id, made of what the first was made of, with its jobs marked as perhaps sent.
 */
import { createHash } from 'node:crypto';
import { type ApiFailure, apiErrors } from '../core/errors.ts';
import { IDEMPOTENCY_HOURS } from '../core/limits.ts';
import { type Beside, type IdempotencyRecord, idempotencyKey } from '../core/records/messages.ts';
import { isThrottle } from '../io/queue.ts';
import type { Committed, Earlier } from './commit.ts';
import type { Idempotency, Submission } from './request.ts';

export type IdempotencyDeps = {
  now: () => number;
  wait: (milliseconds: number) => Promise<void>;
  beginIdempotent: (record: IdempotencyRecord) => Promise<IdempotencyRecord | undefined>;
  readIdempotent: (key: { pk: string; sk: 'idempotency' }) => Promise<IdempotencyRecord | undefined>;
  endIdempotent: (record: IdempotencyRecord) => Promise<void>;
};

type RefusedOnce = { ok: false; error: ApiFailure };
export type Once = { ok: true; requestId: string } | RefusedOnce;

/** Longer than this no run of accept lasts: one that has not said how it ended, has died. */
const ACCEPT_MS = 30_000;
/** How long a second request waits for the first one's end before it asks its caller to come again. */
const PATIENCE_MS = 10_000;
const POLL_MS = 100;

/**
 * Runs `act` once per key.
 * @param idempotency the header's value and what it stands for; absent: `act` simply runs
 * @param beside what the request is made of now; `act` is told what its first run made it of
 */
export async function once(
  idempotency: Pick<Idempotency, 'key' | 'fingerprint'> | undefined,
  { beside, ...submission }: Submission & { beside: Beside },
  deps: IdempotencyDeps,
  act: (submission: Submission, earlier: Earlier, beside?: Beside) => Promise<Committed>,
): Promise<Once> {
  if (idempotency === undefined) return conclude(await act(submission, 'none'), submission.requestId);
  if (!/^[\x21-\x7e]{1,256}$/.test(idempotency.key)) return { ok: false, error: apiErrors.badIdempotencyKey };

  const record = { ...makeRecord(idempotency, submission, deps.now()), beside };
  try {
    const first = await deps.beginIdempotent(record);
    if (!first) return await run(record, 'none');
    if (first.body !== record.body) return { ok: false, error: apiErrors.idempotencyMismatch };
    const ended = await awaitEnd(first, deps);
    if (ended.state === 'accepted') return { ok: true, requestId: ended.requestId };
    if (ended.state === 'accepting' && deps.now() < ended.at + ACCEPT_MS)
      return { ok: false, error: apiErrors.idempotencyInProgress };
    return await run({ ...ended, at: deps.now(), state: 'accepting' }, ended.state === 'failed' ? 'failed' : 'unknown');
  } catch (error) {
    return conclude(
      { ok: false, why: isThrottle((error as Error).name) ? 'throttled' : 'unavailable' },
      submission.requestId,
    );
  }

  async function run(taken: IdempotencyRecord, earlier: Earlier): Promise<Once> {
    if (earlier !== 'none') await deps.endIdempotent(taken);
    const committed = await act({ ...submission, requestId: taken.requestId }, earlier, taken.beside);
    // If this last write is lost, the next request with the key takes over and finds everything done: still one message.
    // What nobody knew before this run is not known behind it either.
    const unknown = earlier === 'unknown' || (!committed.ok && committed.why === 'uncertain');
    const state = committed.ok ? 'accepted' : unknown ? 'uncertain' : 'failed';
    await deps.endIdempotent({ ...taken, state }).catch(() => undefined);
    return conclude(committed, taken.requestId);
  }
}

async function awaitEnd(first: IdempotencyRecord, deps: IdempotencyDeps): Promise<IdempotencyRecord> {
  const until = deps.now() + PATIENCE_MS;
  let record = first;
  while (record.state === 'accepting' && deps.now() < Math.min(until, record.at + ACCEPT_MS)) {
    await deps.wait(POLL_MS);
    record = (await deps.readIdempotent(first)) ?? record;
  }
  return record;
}

function makeRecord(
  { key, fingerprint }: Pick<Idempotency, 'key' | 'fingerprint'>,
  { account, requestId }: Submission,
  now: number,
): IdempotencyRecord {
  return {
    ...idempotencyKey(account, createHash('sha256').update(key).digest('hex')),
    requestId,
    body: fingerprint(),
    at: now,
    state: 'accepting',
    expiresAt: Math.floor(now / 1_000) + (IDEMPOTENCY_HOURS + 1) * 3_600,
  };
}

function conclude(committed: Committed, requestId: string): Once {
  if (committed.ok) return { ok: true, requestId };
  const errors = {
    throttled: apiErrors.tooManyRequests,
    unavailable: apiErrors.unavailable,
    uncertain: apiErrors.uncertain,
    'over the cap': apiErrors.creditsExceeded,
  };
  return { ok: false, error: errors[committed.why] };
}
