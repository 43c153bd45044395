import { afterEach, describe, expect, it } from 'vitest';
import { jsonItems } from '../../../bin/cli/import/json-items.ts';
import { byOffset, byTime } from '../../../bin/cli/import/lists.ts';
import { openSource, readOrigin, type SourceDeps } from '../../../bin/cli/import/source.ts';
import { startSource } from './fake-source.ts';

const KEY = 'SG.secret.of-the-source';
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function given(answer: Parameters<typeof startSource>[0], deps: SourceDeps = {}) {
  const fake = await startSource(answer);
  ends.push(fake.end);
  const waits: number[] = [];
  const clock = { now: 1_000_000 };
  const source = openSource(fake.origin, KEY, {
    now: () => clock.now,
    wait: async (time) => {
      waits.push(time);
      clock.now += time;
    },
    timeout: 200,
    ...deps,
  });
  return { fake, source, waits, clock };
}

describe('where the source is', () => {
  it.each([
    ['https://api.sendgrid.com', 'https://api.sendgrid.com'],
    ['https://api.eu.sendgrid.com/v3/', 'https://api.eu.sendgrid.com'],
    ['http://127.0.0.1:8025', 'http://127.0.0.1:8025'],
    ['http://[::1]:8025', 'http://[::1]:8025'],
  ])('%s', (text, origin) => expect(readOrigin(text)).toBe(origin));

  // The attack: somebody on the way reads a key that is sent in clear, or it is sent to a place that was mistyped.
  it.each([
    ['http://api.sendgrid.com', /in clear/],
    ['http://127.0.0.1.evil.example', /in clear/],
    ['ftp://api.sendgrid.com', /https/],
    ['https://user:pass@api.sendgrid.com', /user or a password/],
    ['https://api.sendgrid.com/other', /origin/],
    ['api.sendgrid.com', /is not a URL/],
  ])('never %s', (text, why) => expect(() => readOrigin(text)).toThrow(why));
});

describe('asking', () => {
  it('waits as long as Retry-After says, and asks again', async () => {
    const { source, waits } = await given((_, count) =>
      count === 1 ? { status: 429, headers: { 'retry-after': '7' } } : { body: { done: true } },
    );
    expect(await source.get('/v3/x')).toEqual({ done: true });
    expect(waits).toEqual([7_000]);
  });

  it('waits for X-RateLimit-Reset once nothing remains, before it is refused', async () => {
    const { source, waits, fake } = await given(() => ({
      headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1012' },
      body: {},
    }));
    await source.get('/v3/x');
    await source.get('/v3/x');
    expect(waits).toEqual([12_000]);
    expect(fake.asked.length).toBe(2);
  });

  it('waits 300 seconds at most at once, and gives up a source that never lets it', async () => {
    const { source, waits } = await given(() => ({ status: 429, headers: { 'retry-after': '86400' } }));
    await expect(source.get('/v3/x')).rejects.toThrow(/\/v3\/x: 429/);
    expect(Math.max(...waits)).toBe(300_000);
    expect(waits.length).toBeLessThan(30);
  });

  it.each([
    ['500', () => ({ status: 500 })],
    ['no answer in time', () => undefined],
  ])('%s: again, twice as late each time', async (_, broken) => {
    const { source, waits } = await given((_asked, count) => (count > 1 && count <= 3 ? broken() : { body: [] }));
    await source.get('/v3/first');
    expect(await source.get('/v3/x')).toEqual([]);
    expect(waits).toEqual([500, 1_000]);
  });

  it('gives up after six tries, and says why', async () => {
    const { source, fake } = await given(() => ({ status: 502, body: '<html>' }));
    await expect(source.get('/v3/x')).rejects.toThrow('/v3/x: 502');
    expect(fake.asked.length).toBe(6);
  });

  it('a refusal is final, and its words are told', async () => {
    const { source, fake } = await given(() => ({ status: 403, body: { errors: [{ message: 'access forbidden' }] } }));
    await expect(source.get('/v3/x')).rejects.toThrow('/v3/x: 403 access forbidden');
    expect(fake.asked.length).toBe(1);
  });

  it('follows no redirect', async () => {
    // The attack: the source sends whoever has the key to another host, and learns it there.
    const other = await startSource(() => ({ body: {} }));
    ends.push(other.end);
    const { source } = await given(() => ({ status: 302, headers: { location: `${other.origin}/v3/x` } }));
    await expect(source.get('/v3/x')).rejects.toThrow(/leads elsewhere/);
    expect(other.asked).toEqual([]);
  });

  it('never says its key, whatever goes wrong', async () => {
    // The attack: a source that answers with what it was asked, so that logs of the import hold the key.
    const { source } = await given(({ url }) => ({
      status: 400,
      body: { errors: [{ message: `no: ${url.pathname}` }] },
    }));
    const error = await source.get('/v3/x').catch((one: Error) => one);
    expect(JSON.stringify([String(error), (error as Error).stack, error])).not.toContain(KEY);
  });

  it('ends at the first question when nobody answers: the host is mistyped, or there is no way to it', async () => {
    const fake = await startSource(() => ({ body: [] }));
    await fake.end();
    const source = openSource(fake.origin, KEY, { wait: () => expect.unreachable() });
    await expect(source.get('/v3/x')).rejects.toThrow(/^cannot reach 127\.0\.0\.1:\d+: ECONNREFUSED/);
  });

  it('goes on where a list broke off, and gives nothing twice', async () => {
    const list = Array.from({ length: 300 }, (_, n) => ({ email: `reader-${n}@x.example` }));
    const { source } = await given((_, count, response) => {
      if (count > 1) return { body: list };
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '999999' });
      response.write(JSON.stringify(list).slice(0, 5_000), () => setTimeout(() => response.destroy(), 20));
      return 'mine';
    });
    const seen: unknown[] = [];
    for await (const item of source.items('/v3/x')) seen.push(item);
    expect(seen).toEqual(list);
  });
});

describe('a list by pages', () => {
  type Entry = { email: string; created: number };
  const paged = (entries: () => Entry[], costs: number[] = []) =>
    given(({ url }) => {
      const [limit, offset, since] = ['limit', 'offset', 'start_time'].map((name) =>
        Number(url.searchParams.get(name)),
      );
      costs.push(offset!);
      return {
        body: entries()
          .filter(({ created }) => created >= since!)
          .slice(offset, offset! + limit!),
      };
    });
  const read = async (list: AsyncGenerator<Record<string, unknown>>) => {
    const seen: unknown[] = [];
    for await (const { email } of list) seen.push(email);
    return seen;
  };
  const many = (count: number, created: (n: number) => number): Entry[] =>
    Array.from({ length: count }, (_, n) => ({ email: `reader-${n}@x.example`, created: created(n) }));

  it.each([
    ['from the oldest on', many(2_345, (n) => 1_000 + Math.floor(n / 3))],
    ['from the newest on', many(2_345, (n) => 9_000 - Math.floor(n / 3))],
    ['in no order', many(2_345, (n) => 1_000 + ((n * 7_919) % 2_345))],
    ['all of one second', many(1_700, () => 1_000)],
    ['one second at first, older ones behind', many(1_700, (n) => (n < 600 ? 5_000 : 4_000 - n))],
    ['of exactly two pages', many(1_000, (n) => n + 1)],
    ['of nobody', []],
  ])('%s: everybody is seen', async (_, entries) => {
    const { source } = await paged(() => entries);
    const seen = await read(byTime(source, '/v3/x'));
    expect(new Set(seen)).toEqual(new Set(entries.map(({ email }) => email)));
  });

  it('that looks sorted at first and is not: everybody is seen', async () => {
    const late = many(900, (n) => 900 - n).map((one) => ({ ...one, email: `late-${one.email}` }));
    const { source } = await paged(() => [...many(600, (n) => 1_000 + n), ...late]);
    expect(new Set(await read(byTime(source, '/v3/x'))).size).toBe(1_500);
  });

  it('in order of time: one deep offset at the end, and none is lost when others leave meanwhile', async () => {
    const entries = many(5_000, (n) => 1_000 + n);
    const costs: number[] = [];
    let asked = 0;
    const { source } = await paged(() => {
      // Two that were read already leave the list with each page.
      if (asked++ > 0) entries.splice(0, 2);
      return entries;
    }, costs);
    const seen = await read(byTime(source, '/v3/x'));
    expect(new Set(seen).size).toBe(5_000);
    expect(costs.filter((offset) => offset > 500).length).toBe(1);
  });

  it('a list that is not paged is read once', async () => {
    const entries = many(1_700, () => 1);
    const whole = await given(() => ({ body: entries }));
    expect(await read(byOffset(whole.source, '/v3/x'))).toHaveLength(1_700);
    expect(whole.fake.asked.length).toBe(1);
    const short = await given(() => ({ body: entries.slice(0, 3) }));
    expect(await read(byOffset(short.source, '/v3/x'))).toHaveLength(3);
    const pages = await paged(() => entries);
    expect(await read(byOffset(pages.source, '/v3/x'))).toHaveLength(1_700);
  });
});

describe('the objects of an array', () => {
  const cut = async (text: string, size: number) => {
    const bytes = Buffer.from(text);
    const parts = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    };
    const items: unknown[] = [];
    for await (const item of jsonItems(parts(), '/x')) items.push(item);
    return items;
  };
  const items = [{ a: '}]"\\', b: [1, { c: '{' }] }, {}, { é: '日本 \u0000', d: null }];

  it.each([1, 2, 3, 7, 1_000])('in parts of %i bytes', async (size) => {
    expect(await cut(JSON.stringify(items), size)).toEqual(items);
    expect(await cut(JSON.stringify(items, null, 2), size)).toEqual(items);
    expect(await cut(' [ ] ', size)).toEqual([]);
  });

  it.each([
    ['an object', '{"errors":[]}'],
    ['numbers', '[1,2]'],
    ['a page', '<html>'],
    ['what ends in its midst', '[{"a":1},{"b"'],
    ['nothing', ''],
    ['two arrays', '[][]'],
    ['what is no JSON inside', '[{a:1}]'],
    ['one object without end', `[{"a":"${'x'.repeat(1_100_000)}"}]`],
  ])('refuses %s', async (_, text) => {
    await expect(cut(text, 65_536)).rejects.toThrow(/the answer/);
  });
});
