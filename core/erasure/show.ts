/** A job as its account is shown it: what was erased, by kind, and from when on it is certain that nothing is left. */
import { certainAt, type ErasureCounts, type ErasureRecord } from '../records/erasure.ts';

const seconds = (at: number) => Math.floor(at / 1_000);

/** `queued` until the first pass, `running` while one is under way, `waiting` for the next, `done`. */
function stateOf({ doneAt, begun, pass, until = 0 }: ErasureRecord, now: number) {
  if (doneAt !== undefined) return 'done';
  if (begun.length === 0) return 'queued';
  return begun.length > pass || until > now ? 'running' : 'waiting';
}

export type ShownErasure = {
  job_id: string;
  state: ReturnType<typeof stateOf>;
  /** Unix seconds, as all its times. */
  created_at: number;
  email_addresses: number;
  passes: number;
  /** Absent when it is done. */
  next_pass_at?: number;
  certain_at: number;
  erased: ErasureCounts;
  left: number;
  /** By list: addresses. */
  kept: { suppressions: Record<string, number> };
};

/** @param now milliseconds since the epoch */
export function showErasure(job: ErasureRecord, now: number): ShownErasure {
  const { id, createdAt, count, begun, pass, due, erased, left, kept, doneAt } = job;
  return {
    job_id: id,
    state: stateOf(job, now),
    created_at: seconds(createdAt),
    email_addresses: count,
    passes: begun.length,
    ...(doneAt === undefined
      ? { next_pass_at: seconds(due), certain_at: seconds(certainAt({ createdAt, pass, due })) }
      : { certain_at: seconds(doneAt) }),
    erased,
    left,
    kept: { suppressions: kept },
  };
}
