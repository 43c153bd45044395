import { afterAll, beforeAll, expect, it } from 'vitest';
import { parkedKey } from '../../core/brakes/brakes.ts';
import { type Hold, holdKey } from '../../core/records/holds.ts';
import { holdsIn } from '../../io/holds.ts';
import { startDynamodb } from './dynamodb.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let holds: ReturnType<typeof holdsIn>;

beforeAll(async () => {
  dynamodb = await startDynamodb(['holds']);
  holds = holdsIn('holds', dynamodb.client);
});
afterAll(() => dynamodb.stop());

function makeHold(id: string, due: number): Hold {
  const expansion = { v: 1 as const, account: 'operator', requestId: id, acceptedAt: NOW, contentKey: 'k' };
  return { ...holdKey(id, due), due, account: 'operator', copies: 1, kind: 'request', expansion };
}
async function readAll(until: number): Promise<Hold[]> {
  const found: Hold[] = [];
  for await (const page of holds.readDue(until)) found.push(...page);
  return found;
}

it('finds what is due, to the millisecond, however late it was written, and nothing else', async () => {
  for (let i = 0; i < 300; i++) await holds.hold(makeHold(`due-${i}`, NOW - (i % 2 ? 86_400_000 : 0)));
  await holds.hold(makeHold('later', NOW + 1));
  const found = await readAll(NOW);
  expect(found).toHaveLength(300);
  expect(found.map(({ due }) => due).every((due) => due <= NOW)).toBe(true);
  expect(await readAll(NOW + 1)).toHaveLength(301);
});

it('removes any number, also twice', async () => {
  const found = await readAll(NOW);
  await holds.removeHolds(found);
  await holds.removeHolds(found);
  expect((await readAll(NOW + 1)).map(({ due }) => due)).toEqual([NOW + 1]);
  await holds.removeHolds([]);
});

it('holds the same thing once', async () => {
  await holds.hold(makeHold('twice', NOW));
  await holds.hold(makeHold('twice', NOW));
  expect(await readAll(NOW)).toHaveLength(1);
});

it('what an account has parked is no time’s: it is found by its account alone, the oldest first', async () => {
  const park = (account: string, n: number): Hold => ({
    ...makeHold(`parked-${n}`, NOW),
    ...parkedKey(account, `parked-${n}`, NOW + n),
    account,
  });
  for (let n = 250; n > 0; n--) await holds.hold(park('shopshop', n));
  await holds.hold(park('another2', 1));
  expect((await readAll(NOW + 1_000)).filter(({ pk }) => pk.includes('parked'))).toEqual([]);
  const found: Hold[] = [];
  for await (const page of holds.readParked('shopshop')) found.push(...page);
  expect(found.map(({ sk }) => Number(sk.split('-')[1]))).toEqual(Array.from({ length: 250 }, (_, n) => n + 1));
});
