import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openArrivals } from '../../../local/inbox/store.ts';
import { makeArrival } from './arrival.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inbox-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what was added is there at once, whole, and after a restart', () => {
  // Prepare
  const arrival = makeArrival({ raw: Buffer.from([0, 255, 13, 10]), subject: 'Grüße', tls: null, accepted: false });
  const store = openArrivals({ folder });

  // Act
  store.add(arrival);
  const [atOnce, unknown] = [store.find(arrival.id), store.find('unknown')];
  store.replied(arrival.id, arrival.receivedAt + 5);
  store.close();
  const again = openArrivals({ folder });

  // Assess
  expect(atOnce).toEqual(arrival);
  expect(unknown).toBeUndefined();
  expect(again.find(arrival.id)).toEqual({ ...arrival, repliedAt: arrival.receivedAt + 5 });
  expect(again.count()).toBe(1);
  again.close();
});

test('a list is newest first, by whole recipient in any case, by part of what it shows, and no longer than asked', () => {
  // Prepare
  const store = openArrivals({});
  for (const [to, subject] of [
    ['ann@x.test', 'One'],
    ['joann@x.test', 'Two'],
    ['Ann@X.test', '100% three_'],
  ] as const)
    store.add(makeArrival({ to, subject }));
  const subjects = (wanted: Parameters<typeof store.list>[0]) => store.list(wanted).map(({ subject }) => subject);

  // Act and assess
  expect(subjects({})).toEqual(['100% three_', 'Two', 'One']);
  expect(subjects({ to: 'ANN@x.test' })).toEqual(['100% three_', 'One']);
  expect(subjects({ search: 'JOANN' })).toEqual(['Two']);
  expect(subjects({ search: 'ann@' })).toHaveLength(3);
  expect(subjects({ search: '%' })).toEqual(['100% three_']);
  expect(subjects({ search: "'; DROP TABLE arrivals; --" })).toEqual([]);
  expect(subjects({ limit: 2 })).toEqual(['100% three_', 'Two']);
  expect(Object.keys(store.list()[0]!).sort()).toEqual([
    'accepted',
    'from',
    'fromName',
    'id',
    'receivedAt',
    'subject',
    'to',
  ]);
  store.close();
});

test('beyond the limits the oldest go, by number and by bytes', () => {
  // Prepare
  const byNumber = openArrivals({ keep: { messages: 10, bytes: 1e9 } });
  const byBytes = openArrivals({ keep: { messages: 1000, bytes: 1000 } });

  // Act
  for (let i = 0; i < 25; i++) {
    byNumber.add(makeArrival({ subject: String(i) }));
    byBytes.add(makeArrival({ subject: String(i), raw: Buffer.alloc(100) }));
    byNumber.count();
    byBytes.count();
  }

  // Assess
  for (const store of [byNumber, byBytes]) {
    expect(store.count()).toBeGreaterThanOrEqual(9);
    expect(store.count()).toBeLessThanOrEqual(10);
    expect(store.list()[0]!.subject).toBe('24');
    expect(store.list()).toHaveLength(store.count());
    store.close();
  }
});

describe('changes', () => {
  test('many arrivals are told once, deletion too, until it is stopped', () => {
    // Prepare
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const store = openArrivals({});
    const listener = vi.fn();
    const stop = store.onChange(listener);

    // Act and assess
    for (let i = 0; i < 100; i++) store.add(makeArrival());
    expect(listener).not.toHaveBeenCalled();
    vi.advanceTimersByTime(50);
    expect(listener).toHaveBeenCalledTimes(1);
    store.deleteAll();
    expect(listener).toHaveBeenCalledTimes(2);
    expect(store.count()).toBe(0);
    stop();
    store.add(makeArrival());
    vi.advanceTimersByTime(50);
    expect(listener).toHaveBeenCalledTimes(2);
    store.close();
    vi.useRealTimers();
  });
});

describe('a folder that cannot be used', () => {
  test('a file that is no inbox', () => {
    writeFileSync(join(folder, 'inbox.sqlite'), 'this is no database, and long enough to be seen as none'.repeat(20));
    expect(() => openArrivals({ folder })).toThrow(/inbox\.sqlite cannot be used: .*not a database; delete it/);
  });

  test('one that another process has open', () => {
    const first = openArrivals({ folder });
    expect(() => openArrivals({ folder })).toThrow(/another process has it open/);
    first.close();
    openArrivals({ folder }).close();
  });
});
