import { beforeEach, describe, expect, it } from 'vitest';
import { partId } from '../../../core/parts.ts';
import type { ClaimRecord } from '../../../core/records/messages.ts';
import { openClaims } from '../../../lambdas/deliver/claims.ts';
import { claimIn } from './claims.ts';
import { makeJob, START } from './world.ts';

const whole = makeJob(['a@x.example']);
const part = (n: number, at = START) => ({ ...whole, hop: 2, id: partId(whole, at.toString(36), String(n)) });

let now: number;
let writes: number;
let table: ReturnType<typeof claimIn>;
beforeEach(() => {
  now = START;
  writes = 0;
  table = claimIn(new Map<string, ClaimRecord>(), () => now);
});
/** A run of three minutes. */
const begin = (endsAt = now + 180_000) =>
  openClaims({
    now: () => now,
    remainingMs: () => endsAt - now,
    claim: async (claim) => {
      writes++;
      return table(claim);
    },
  });

describe('claims of a run', () => {
  it('end with the work: another split of the job need not wait for the end of the run', async () => {
    const claim = await begin().take(part(0));
    expect(await begin().take(part(0, START + 1))).toBeUndefined();
    await claim!.end();
    expect(await begin().take(part(0, START + 1))).toBeDefined();
  });

  it('on what parts of a split have in common are one, until the last of them ends', async () => {
    const run = begin();
    const claims = await Promise.all([0, 1, 2, 3].map((n) => run.take(part(n))));
    expect(claims.every(Boolean)).toBe(true);
    // One for each, and one for the whole.
    expect(writes).toBe(5);
    for (const claim of claims) {
      expect(await begin().take(whole)).toBeUndefined();
      await claim!.end();
    }
    expect(await begin().take({ ...whole, hop: 2 })).toBeDefined();
  });

  // Attack: a part ends in one run, and the whole comes in while another part is at work in the other.
  it('are not ended for parts that another run has', async () => {
    const [mine, other] = [begin(), begin(now + 60_000)];
    const [first, second] = [await mine.take(part(0)), await other.take(part(1))];
    await second!.end();
    expect(await begin().take({ ...whole, hop: 2 })).toBeUndefined();
    await first!.end();
    now += 181_000;
    expect(await begin().take({ ...whole, hop: 2 })).toBeDefined();
  });

  it('leave nothing behind where another is at work', async () => {
    const working = await begin().take(part(0));
    const twin = part(0, START + 1);
    expect(await begin().take(twin)).toBeUndefined();
    await working!.end();
    expect(await begin().take(twin)).toBeDefined();
  });
});
