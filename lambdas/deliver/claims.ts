/**
 * Claims of jobs that may be on a lane twice. Whoever works at one holds a claim on it, and on all that it was split from (core/parts.ts): parts of
 * one split have copies of their own and hold those together, any other that may have the same copies waits. A claim ends with the work at
 * its job; what a run that dies has claimed is free when the run could have lasted no longer.
 *
 * In a run, parts of one split hold a claim as one. Where another run holds it too, neither can know when the other is done, and it ends by time.
 */
import { randomUUID } from 'node:crypto';
import type { Job } from '../../core/job.ts';
import { DAY_SECONDS } from '../../core/limits.ts';
import { ancestorsOf } from '../../core/parts.ts';
import { type ClaimRecord, claimKey } from '../../core/records/messages.ts';
import { createGate } from './gate.ts';

export type ClaimDeps = {
  now: () => number;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  /**
   * False: another worker holds the job. `shared`: other parts of the same split hold it too, in another run. The same fence may claim
   * again, so also end its claim.
   */
  claim: (claim: ClaimRecord) => Promise<'taken' | 'shared' | false>;
};

/** Ends a claim: whoever comes next has the job at once. What cannot be said is over when this run is. */
type End = () => Promise<void>;
export type Claim = { end: End };

export type Claims = {
  /** Undefined: another is at work. */
  take: (job: Job) => Promise<Claim | undefined>;
};

/** Jobs that are being claimed at once. */
const CLAIMS = 25;

export function openClaims({ claim: say, now, remainingMs }: ClaimDeps): Claims {
  // What waits for a socket longer than for an answer would be a table that does not answer, and where there is a backlog every job comes this way.
  const gate = createGate(CLAIMS);
  const held = new Map<string, { users: number; record: ClaimRecord; taken: ReturnType<ClaimDeps['claim']> }>();

  const letGo = async (record: ClaimRecord) => void (await say({ ...record, until: now() - 1 }).catch(() => false));

  async function takeOwn(record: ClaimRecord): Promise<End | undefined> {
    try {
      return (await say(record)) ? () => letGo(record) : undefined;
    } catch (error) {
      await letGo(record);
      throw error;
    }
  }

  async function takeTogether(wanted: ClaimRecord): Promise<End | undefined> {
    const name = `${wanted.pk}/${wanted.sk}/${wanted.part}`;
    const one = held.get(name) ?? { users: 0, record: wanted, taken: say(wanted) };
    held.set(name, one);
    one.users++;
    const leave = () => {
      one.users--;
      if (one.users === 0 && held.get(name) === one) held.delete(name);
      return one.users === 0;
    };
    try {
      const taken = await one.taken;
      if (taken) return async () => void (leave() && taken === 'taken' && (await letGo(one.record)));
      leave();
      return undefined;
    } catch (error) {
      // It may be held, and with others of another run: it ends by time.
      leave();
      throw error;
    }
  }

  async function take(job: Job): Promise<Claim | undefined> {
    const ends: End[] = [];
    const end = async () => void (await Promise.all(ends.splice(0).map((one) => one())));
    await gate.enter();
    try {
      for (const record of recordsOf(job)) {
        const one = await (record.part === undefined ? takeOwn(record) : takeTogether(record));
        if (one) ends.push(one);
        else {
          await end();
          return undefined;
        }
      }
      return { end };
    } catch (error) {
      await end();
      throw error;
    } finally {
      gate.leave();
    }
  }

  /** The job's own, held as long as this run can last, then those of what it was split from. Of two chains of one job the one with fewer hops gives way. */
  function recordsOf({ account, requestId, id, hop }: Job): ClaimRecord[] {
    const until = now() + remainingMs();
    const expiresAt = Math.floor(until / 1_000) + DAY_SECONDS;
    const one = (jobId: string) => ({ ...claimKey(account, requestId, jobId), until, fence: randomUUID(), expiresAt });
    const ancestors = ancestorsOf(id).map((from) => ({ ...one(from.id), hop: from.hop, part: from.split }));
    return [{ ...one(id), hop }, ...ancestors.reverse()];
  }

  return { take };
}
