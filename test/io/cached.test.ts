import { expect, it } from 'vitest';
import { cached } from '../../io/cached.ts';

function makeLook(answers: (string | Error)[]) {
  let now = Date.UTC(2026, 10, 23);
  const asked: string[] = [];
  const look = cached(
    async (key) => {
      asked.push(key);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    60_000,
    () => now,
    3,
  );
  return { look, asked, pass: (milliseconds: number) => (now += milliseconds) };
}

it('asks once within the life of an answer, also when there was none', async () => {
  const { look, asked, pass } = makeLook([]);
  await look('a');
  pass(59_999);
  await look('a');
  expect(asked).toEqual(['a']);
  pass(1);
  await look('a');
  expect(asked).toEqual(['a', 'a']);
});

it('does not keep a failure', async () => {
  const { look } = makeLook([new Error('down'), 'up']);
  await expect(look('a')).rejects.toThrow('down');
  expect(await look('a')).toBe('up');
});

// The attack: a stranger guesses ids until the environment's memory is full.
it('keeps no more than its size, the oldest going first', async () => {
  const { look, asked } = makeLook([]);
  for (const key of ['a', 'b', 'c', 'd', 'd', 'b', 'a']) await look(key);
  expect(asked).toEqual(['a', 'b', 'c', 'd', 'a']);
});
