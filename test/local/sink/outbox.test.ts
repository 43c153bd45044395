import { expect, test, vi } from 'vitest';
import { createOutbox } from '../../../local/sink/outbox.ts';

test('what is due leaves in one write, the rest in order and not before its time', () => {
  // Prepare
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const written: string[] = [];
  const sent = vi.fn();
  const outbox = createOutbox((text) => void written.push(text));

  // Act
  outbox.put('a', 0);
  outbox.put('b', 0, sent);
  outbox.put('c', 50);
  outbox.put('d', 10);
  outbox.drain();

  // Assess
  expect(written).toEqual(['ab']);
  expect(sent).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(49);
  expect(written).toEqual(['ab']);
  vi.advanceTimersByTime(2);
  expect(written).toEqual(['ab', 'cd']);
  vi.useRealTimers();
});

test('bursts overlap as round trips do: two of 50 ms sent 20 ms apart take 70 ms', () => {
  // Prepare
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const written: string[] = [];
  const outbox = createOutbox((text) => void written.push(text));

  // Act
  outbox.put('a', 50);
  outbox.drain();
  vi.advanceTimersByTime(20);
  outbox.put('b', 50);
  outbox.drain();
  vi.advanceTimersByTime(31);
  const after51 = [...written];
  vi.advanceTimersByTime(20);

  // Assess
  expect(after51).toEqual(['a']);
  expect(written).toEqual(['a', 'b']);
  vi.useRealTimers();
});

test('what is discarded is never written', () => {
  // Prepare
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const written: string[] = [];
  const outbox = createOutbox((text) => void written.push(text));
  outbox.put('a', 50);
  outbox.drain();

  // Act
  outbox.discard();
  vi.advanceTimersByTime(1000);

  // Assess
  expect(written).toEqual([]);
  vi.useRealTimers();
});
