/**
 * The ids of what jobs are split into. A part's id is its job's and one name more, `+<split>.<tail>`: the split is named by the job's hop and
 * the visit that makes it, since another visit may split the same job at the same hop, and cut it otherwise: of a second run, or of the same
 * one, to which a twin came. So an id says what its job
 * was split from, and what else may have its copies.
 *
 * Ids are keys, and keys are bounded: behind some names no further one is put. A part of the last of them stands beside what it was split
 * from, in its place, under a split whose name has a digest of it.
 */
import { createHash } from 'node:crypto';
import type { Job } from './job.ts';

/**
 * Names of an id. More, and each visit of such a job claims more; fewer, and parts that have nothing in common wait for each other
 * (`ancestorsOf`). Mail that waits its turn has one or two.
 */
export const PART_NAMES = 4;
/** Characters of a digest, base64url: 96 bits. */
const DIGEST = 16;

/**
 * The id of a part. The same split makes the same ids, and no other split does.
 * @param visit names the visit that splits it (`visitName`)
 * @param tail names the part among those of its split
 */
export function partId({ id, hop, lane }: Pick<Job, 'id' | 'hop' | 'lane'>, visit: string, tail: string): string {
  const [whole, ...names] = id.split('+');
  if (names.length < PART_NAMES) return `${id}+${hop}-${visit}.${tail}`;
  const kept = [whole, ...names.slice(0, PART_NAMES - 1)].join('+');
  const digest = createHash('sha256').update(`${id}\0${hop}`).digest('base64url').slice(0, DIGEST);
  const part = `${kept}+${hopOf(names[PART_NAMES - 1]!)}-${visit}-${digest}`;
  // The name that said so may be gone.
  return wasMoved(id) && !wasMoved(kept) && !tail.includes('.') ? `${part}.${lane}.${tail}` : `${part}.${tail}`;
}

/**
 * Names a visit of a job: no other has the name, of this job.
 * @param startedAt milliseconds since the epoch of the run
 * @param nth how many jobs the run has taken before
 */
export const visitName = (startedAt: number, nth: number): string =>
  nth === 0 ? startedAt.toString(36) : `${startedAt.toString(36)}_${nth.toString(36)}`;

/** Whether a job was given to another lane: `<split>.<lane>.<tail>`. What was only split has one dot, and names of lanes have none. */
export function wasMoved(id: string): boolean {
  const [, ...names] = id.split('+');
  return names.some((name) => name.split('.').length === 3);
}

/**
 * What a part was split from, the whole first. Each of those may be on a lane still, when the run that split it died before it could say so.
 * `split`: by which split of it; parts of one split have copies of their own, those of another perhaps the same ones.
 * `hop`: what it had at least when it came from that split itself; with fewer it is what was split.
 */
export function ancestorsOf(id: string): { id: string; split: string; hop: number }[] {
  const [whole = id, ...names] = id.split('+');
  let ancestor = whole;
  return names.map((name) => {
    const one = { id: ancestor, split: name.split('.')[0] ?? name, hop: hopOf(name) + 1 };
    ancestor = `${ancestor}+${name}`;
    return one;
  });
}

const hopOf = (name: string): number => Number.parseInt(name, 10) || 0;
