/** Questions of DNS about many domains: never more than the rate, each domain once, and nobody waits for servers that are silent. */
import { expect, it } from 'vitest';
import { openMailDomains } from '../../io/mail-domains.ts';

type Answers = (name: string, type: string) => Promise<{ values: string[] } | { error: string }>;

function setUp(answers: Answers, { rate = 1_000, size = 1_000 } = {}) {
  const asked: { name: string; at: number }[] = [];
  const clock = { ahead: 0 };
  const look = openMailDomains({
    lookUp: (name, type) => {
      asked.push({ name: `${name} ${type}`, at: performance.now() });
      return answers(name, type);
    },
    now: () => Date.now() + clock.ahead,
    rate,
    life: 60_000,
    size,
  });
  return { look: (names: string[], ms = 5_000) => look(names, Date.now() + clock.ahead + ms), asked, clock };
}
const takesMail: Answers = async () => ({ values: ['10 mx.example.net'] });

it('asks for each domain once, keeps what it found, and asks again when that is old', async () => {
  const { look, asked, clock } = setUp(takesMail);
  const found = await look(['a.example', 'b.example', 'a.example']);
  expect([...found]).toEqual([
    ['a.example', { takesMail: true }],
    ['b.example', { takesMail: true }],
  ]);
  await look(['b.example', 'c.example']);
  expect(asked.map(({ name }) => name)).toEqual(['a.example MX', 'b.example MX', 'c.example MX']);
  clock.ahead = 61_000;
  await look(['a.example']);
  expect(asked).toHaveLength(4);
});

it('asks no faster than its rate, also for the questions that follow from one', async () => {
  const { look, asked } = setUp(async () => ({ values: [] }), { rate: 100 });
  const began = performance.now();
  // Without an MX, two questions more for each.
  await look(Array.from({ length: 20 }, (_, n) => `d${n}.example`));
  const took = performance.now() - began;
  expect(asked).toHaveLength(60);
  expect(took).toBeGreaterThan(500);
  for (const { at } of asked) expect(asked.filter((one) => one.at >= at && one.at < at + 200).length).toBeLessThan(30);
});

// Attack: a list of domains whose name servers take every question and answer none.
it('does not wait beyond its time: what is silent, or was not asked, is unknown', async () => {
  const { look, asked } = setUp(
    (name) => (name.startsWith('slow') ? new Promise(() => undefined) : takesMail(name, 'MX')),
    { rate: 100 },
  );
  const began = performance.now();
  const found = await look(
    ['slow1.example', 'quick.example', ...Array.from({ length: 500 }, (_, n) => `d${n}.example`)],
    300,
  );
  expect(performance.now() - began).toBeLessThan(900);
  expect(found.get('slow1.example')).toEqual({ unknown: 'no answer in time' });
  expect(found.get('quick.example')).toEqual({ takesMail: true });
  expect(found.get('d499.example')).toEqual({ unknown: 'no answer in time' });
  expect(found.size).toBe(502);
  expect(asked.length).toBeLessThan(60);
});

it('keeps a failure for a tenth of the time, and no more domains than it may', async () => {
  let fails = true;
  const { look, asked, clock } = setUp(
    async () => (fails ? { error: 'SERVFAIL' } : { values: ['10 mx.example.net'] }),
    { size: 3 },
  );
  expect((await look(['a.example'])).get('a.example')).toEqual({ unknown: 'SERVFAIL' });
  fails = false;
  await look(['a.example']);
  expect(asked).toHaveLength(1);
  clock.ahead = 6_001;
  expect((await look(['a.example'])).get('a.example')).toEqual({ takesMail: true });
  await look(['b.example', 'c.example', 'd.example']);
  await look(['a.example']);
  expect(asked.map(({ name }) => name[0])).toEqual(['a', 'a', 'b', 'c', 'd', 'a']);
});
