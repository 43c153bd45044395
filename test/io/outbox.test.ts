/** The outbox and its cursors in the emulator: one teller at a time, and no news that nobody hears. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CursorRecord, oldShards, positionIn } from '../../core/webhook/cursor.ts';
import { outboxIn } from '../../io/outbox.ts';
import { startDynamodb } from './dynamodb.ts';

const NOW = Date.UTC(2026, 10, 25, 12);
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let outbox: ReturnType<typeof outboxIn>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['outbox']);
  outbox = outboxIn('outbox', dynamodb.client);
});
afterAll(() => dynamodb.stop());

let webhooks = 0;
const take = (webhook: string, fence: string, now = NOW, shards = ['s1']) =>
  outbox.takeCursor('operator', webhook, { fence, until: now + 1_000, now, shards });
const taken = async (webhook: string, fence: string, now = NOW, shards = ['s1']): Promise<CursorRecord> => {
  const found = await take(webhook, fence, now, shards);
  if (typeof found === 'string') throw new Error(found);
  return found.cursor;
};

describe('a cursor', () => {
  it('has one teller; who comes second leaves his shards, and the first hears of them before he leaves', async () => {
    const name = `w${++webhooks}`;
    const cursor = await taken(name, 'a');
    expect([...cursor.news!]).toEqual(['s1']);
    expect(await take(name, 'b', NOW, ['s2'])).toBe('busy');
    const positions = new Map([['s1', '0007']]);
    const stays = await outbox.moveCursor(cursor, { positions }, NOW, { rung: cursor.rung ?? 0 });
    expect(stays).toMatchObject({ left: false, cursor: { rung: 1 } });
    expect([...stays!.cursor.news!].sort()).toEqual(['s1', 's2']);
    const left = await outbox.moveCursor(stays!.cursor, {}, NOW, { rung: 1 });
    expect(left).toMatchObject({ left: true });
    expect(left!.cursor.news).toBeUndefined();
    expect(positionIn(left!.cursor, 's1')).toBe('0007');
    expect(await taken(name, 'c')).toMatchObject({ fence: 'c' });
  });

  it('is taken by who found it busy, when its teller left before he could hear of it', async () => {
    // Prepare: between the refusal and the ring, the teller leaves.
    const name = `w${++webhooks}`;
    const cursor = await taken(name, 'a');
    let sent = 0;
    const client = Object.create(dynamodb.client) as typeof dynamodb.client;
    client.send = (async (command: never) => {
      if (++sent === 2) await outbox.moveCursor(cursor, {}, NOW, { rung: cursor.rung ?? 0 });
      return dynamodb.client.send(command);
    }) as typeof client.send;

    // Act
    const late = await outboxIn('outbox', client).takeCursor('operator', name, {
      fence: 'b',
      until: NOW + 1_000,
      now: NOW,
      shards: ['s2'],
    });

    // Assess
    expect(late).toMatchObject({ cursor: { fence: 'b' } });
    expect([...(late as { cursor: CursorRecord }).cursor.news!]).toEqual(['s2']);
  });

  it('is taken from a teller who died, whose words count no more', async () => {
    const name = `w${++webhooks}`;
    const dead = await taken(name, 'a');
    const heir = await taken(name, 'b', NOW + 2_000);
    expect(await outbox.moveCursor(dead, { positions: new Map([['s1', '9']]) }, NOW, 'anyway')).toBeUndefined();
    expect(await outbox.moveCursor(heir, {}, NOW, 'anyway')).toMatchObject({ left: true });
    expect(positionIn((await outbox.readCursor('operator', name))!, 's1')).toBe('');
  });

  it('is left alone until its next attempt, with what came meanwhile', async () => {
    const name = `w${++webhooks}`;
    const cursor = await taken(name, 'a');
    await outbox.moveCursor(cursor, { failed: 1, failingSince: NOW, nextAt: NOW + 60_000 }, NOW, 'anyway');
    expect(await take(name, 'b', NOW + 1_000, ['s9'])).toBe('waiting');
    const due = await taken(name, 'c', NOW + 60_000, []);
    expect([...due.news!].sort()).toEqual(['s1', 's9']);
    const well = await outbox.moveCursor(due, { failed: undefined, nextAt: undefined }, NOW, { rung: due.rung ?? 0 });
    expect(well!.cursor).not.toHaveProperty('nextAt');
  });

  it('forgets shards that said nothing for longer than pages are kept', async () => {
    const name = `w${++webhooks}`;
    const cursor = await taken(name, 'a');
    const moved = await outbox.moveCursor(
      cursor,
      {
        positions: new Map([
          ['s1', '1'],
          ['s2', '1'],
        ]),
      },
      NOW,
    );
    const later = NOW + 7 * 86_400_000;
    expect(oldShards(moved!.cursor, NOW + 1_000)).toEqual([]);
    expect(oldShards(moved!.cursor, later).sort()).toEqual(['s1', 's2']);
    const rest = await outbox.moveCursor(moved!.cursor, { forget: ['s1'] }, later, 'anyway');
    expect([positionIn(rest!.cursor, 's1'), positionIn(rest!.cursor, 's2')]).toEqual(['', '1']);
  });
});
