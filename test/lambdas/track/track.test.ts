import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type EngagementRecord, MOST_ENGAGEMENTS } from '../../../core/event/engagement.ts';
import type { SuppressionRecord } from '../../../core/records/suppressions.ts';
import { addToList, removeFromList } from '../../../core/suppression.ts';
import {
  makeClickToken,
  makeOpenToken,
  makeTrackingKey,
  makeUnsubscribeToken,
  nameReader,
  type UnsubscribeAction,
} from '../../../core/tracking/token.ts';
import { type TrackDeps, type TrackRequest, track } from '../../../lambdas/track/track.ts';

const HOST = 'links.example.com';
const NOW = Date.UTC(2026, 10, 25, 12);
const key = makeTrackingKey(Buffer.alloc(64, 'k'));
const reader = { account: 'abcdefgh', requestId: 'AZq4sZ3HfjCyGyQ0bV1q7g', index: 0, address: 'Reader@example.net' };
const name = nameReader(reader);
const URL = 'https://shop.example/a?b=c#d';
const CLICK = `/c/${makeClickToken(name, { url: URL, index: 2, part: 'html' }, HOST, key)}`;
const OPEN = `/o/${makeOpenToken(name, HOST, key)}`;
const leave = (action: UnsubscribeAction, groupId?: number, shown: number[] = []) =>
  `/u/${makeUnsubscribeToken(name, { action, shown, ...(groupId && { groupId }) }, HOST, key)}`;
const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36';

function setUp(overrides: Partial<TrackDeps> = {}) {
  const items = new Map<string, EngagementRecord>();
  const lists = new Map<string, SuppressionRecord>();
  const counts: Record<string, number> = {};
  const problems: string[] = [];
  let now = NOW;
  const write = (key: string, change: { record: SuppressionRecord } | undefined) => {
    if (change) lists.set(key, change.record);
    return change !== undefined;
  };
  const deps: TrackDeps = {
    keys: async () => [key],
    now: () => now,
    messagesDays: 30,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    putEngagement: async (record) => {
      const known = items.get(record.sk);
      if (!known) return void items.set(record.sk, record);
      return { at: known.at, ip: known.ip, userAgent: known.userAgent, link: known.urlOffset?.index };
    },
    suppress: async (one) => write(one.address, addToList(lists.get(one.address), one)),
    unsuppress: async (one) => write(one.address, removeFromList(lists.get(one.address), one)),
    readSuppression: async (_, address) => lists.get(address),
    readShownGroups: async (_, shown, own) =>
      [
        { id: 1, name: 'News', description: 'Once a week' },
        { id: 2, name: '<b>Offers</b>', description: '' },
        { id: 3, name: 'Receipts', description: '' },
      ].filter(({ id }) => (shown.length > 0 ? shown.includes(id) : id === own || id === 1)),
    count: (what) => {
      counts[what] = (counts[what] ?? 0) + 1;
    },
    report: (problem) => void problems.push(problem),
    ...overrides,
  };
  const ask = (path: string, more: Partial<TrackRequest> = {}) =>
    track(
      {
        method: 'GET',
        path,
        host: HOST,
        ip: '203.0.113.7',
        body: Buffer.alloc(0),
        ...more,
        headers: { 'user-agent': CHROME, 'accept-language': 'en', ...more.headers },
      },
      deps,
    );
  const post = (path: string, form: Record<string, string> | [string, string][], more: Partial<TrackRequest> = {}) =>
    ask(path, { method: 'POST', body: Buffer.from(String(new URLSearchParams(form))), ...more });
  return { ask, post, items, lists, counts, problems, later: (ms: number) => (now += ms) };
}
const listed = (lists: Map<string, SuppressionRecord>) => {
  const { unsubscribes, groups = {} } = lists.get(reader.address) ?? {};
  return [...(unsubscribes ? ['all'] : []), ...Object.keys(groups)];
};

describe('a pixel', () => {
  it('is an image that nobody keeps, and says who opened with what', async () => {
    const { ask, items, counts } = setUp();
    const { status, headers, isBase64 } = await ask(OPEN, { country: 'DE' });
    expect({ status, isBase64, type: headers['Content-Type'] }).toEqual({
      status: 200,
      isBase64: true,
      type: 'image/gif',
    });
    expect(headers['Cache-Control']).toContain('no-store');
    expect([...items.values()]).toMatchObject([
      {
        pk: 'abcdefgh#AZq4sZ3HfjCyGyQ0bV1q7g',
        event: 'open',
        address: 'reader@example.net',
        at: NOW,
        first: true,
        ip: '203.0.113.7',
        country: 'DE',
        browser: 'Chrome',
        contentType: 'html',
      },
    ]);
    expect(counts).toEqual({ opened: 1 });
  });

  it('that is loaded a hundred times at once was opened once (K5)', async () => {
    const { ask, items } = setUp();
    for (let n = 0; n < 100; n++) await ask(OPEN);
    expect(items.size).toBe(1);
    expect([...items.values()].filter(({ first }) => first)).toHaveLength(1);
  });

  /** Attack: a stranger has the pixel of one copy, and loads it from everywhere, for ever, to fill the table or a bill. */
  it('that is loaded from everywhere for ever leaves so many items and no more', async () => {
    const { ask, items, later } = setUp();
    for (let n = 0; n < 5_000; n++) {
      later(61_000);
      const agent = n % 2 ? CHROME : `Bot${n}/1.0 (+https://bot.example)`;
      await ask(OPEN, { ip: `203.0.113.${n % 256}`, headers: { 'user-agent': `${agent} ${n}` } });
    }
    expect(items.size).toBeLessThan(MOST_ENGAGEMENTS);
    expect([...items.values()].filter(({ first }) => first)).toHaveLength(2);
  });

  it('by a machine is marked, and does not take the place of the first reader (K4)', async () => {
    const { ask, items } = setUp();
    await ask(OPEN, { headers: { 'user-agent': 'Mozilla/5.0' } });
    await ask(OPEN);
    const [machine, person] = [...items.values()];
    expect(machine).toMatchObject({ machine: true, first: true });
    expect(machine).not.toHaveProperty('browser');
    expect(person).toMatchObject({ first: true, browser: 'Chrome' });
    expect(person).not.toHaveProperty('machine');
  });
});

describe('a link', () => {
  it('leads where its token says, and tells nobody else', async () => {
    const { ask, items } = setUp();
    const { status, headers } = await ask(CLICK);
    expect([status, headers.Location, headers['Referrer-Policy']]).toEqual([302, URL, 'no-referrer']);
    expect([...items.values()]).toMatchObject([{ event: 'click', url: URL, urlOffset: { index: 2, type: 'html' } }]);
  });

  it('leads there whether or not the table takes it', async () => {
    const failing = setUp({ putEngagement: () => Promise.reject(new Error('throttled')) });
    expect((await failing.ask(CLICK)).headers.Location).toBe(URL);
    expect(failing.problems[0]).toContain('throttled');
    const silent = setUp({ putEngagement: () => new Promise(() => {}) });
    const began = performance.now();
    expect((await silent.ask(CLICK)).headers.Location).toBe(URL);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(silent.counts).toEqual({ notRecorded: 1 });
  });

  /** Attack: our host's good name leads a reader to a stranger's page, by a link that we never made. */
  it('of a stranger leads nowhere: 300 tricks, 300 times 404 (K2)', async () => {
    const { ask, items } = setUp();
    const evil = [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
      '%2f%2fevil.example',
      'https:evil.example',
      '\r\nLocation: https://evil.example',
      '%0d%0aLocation:%20https://evil.example',
    ];
    const token = CLICK.slice(3);
    const elsewhere = makeClickToken(
      name,
      { url: 'https://evil.example/', index: 0, part: 'html' },
      'links.evil.example',
      key,
    );
    const foreign = makeClickToken(
      name,
      { url: 'https://evil.example/', index: 0, part: 'html' },
      HOST,
      makeTrackingKey(Buffer.alloc(32, 'z')),
    );
    const shapes: ((e: string) => string)[] = [
      (e) => `/c/${e}`,
      (e) => `/c/?url=${e}`,
      (e) => `/c/${token}/${e}`,
      (e) => `/c/${token}%2f${e}`,
      (e) => `/c/${token}#${e}`,
      (e) => `/c/${token};${e}`,
      (e) => `/c/${token}@${e}`,
      (e) => `/c/${token}\\${e}`,
      (e) => `/c/../${e}`,
      (e) => `/c//${e}`,
      (e) => `/${e}`,
      (e) => `//${e}/c/${token}`,
      (e) => `/uni/${e}`,
      (e) => `/uni/uni/c/${token}${e}`,
      (e) => `/o/${token}?${e}`,
      (e) => `/u/${token}?${e}`,
      (e) => `/C/${token}${e}`,
      (e) => `/c/${token}=${e}`,
      (e) => `/c/${token}.${e}`,
      (e) => `/c/${Buffer.from(e).toString('base64url')}`,
      (e) => `/c/${token}${Buffer.from(e).toString('base64url')}`,
      (e) => `/c/${Buffer.from(e).toString('base64url')}${token}`,
      (e) => `/c/${token.slice(0, 60)}${Buffer.from(e).toString('base64url')}`,
      (e) => `/c/${encodeURIComponent(e)}/${token}`,
      (e) => `/ls/click?upn=${e}`,
      (e) => `/wf/click?upn=${token}&url=${e}`,
      (e) => `/redirect?to=${e}`,
      (e) => `/c/${token} ${e}`,
      (e) => `/c/${token}\n${e}`,
      (e) => `/c/${token}\0${e}`,
      (e) => `/c/${token}%00${e}`,
      (e) => `/up/${e}`,
      (e) => `/robots.txt/${e}`,
      (e) => `/c/${elsewhere}`.padEnd(e.length, '/'),
      (e) => `/c/${foreign}`.padEnd(e.length, '/'),
      (e) => `/p/${token}?${e}`,
      (e) => `/c/${token}?x`.replace('?x', `/?${e}`),
      (e) => `/./c/${token}${e}`,
    ];
    const tricks = shapes.flatMap((shape) => evil.map(shape));
    expect(tricks.length).toBeGreaterThanOrEqual(300);
    for (const path of tricks) {
      const { status, headers } = await ask(path);
      expect([path, status, headers.Location]).toEqual([path, 404, undefined]);
    }
    for (const host of ['evil.example', 'links.example.com.evil.example', ''])
      expect((await ask(CLICK, { host })).status).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])
      expect((await ask(CLICK, { method })).status).toBe(405);
    expect(items.size).toBe(0);
  });

  it('answers anything without failing', async () => {
    const { ask } = setUp();
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('/c/', '/o/', '/u/', '/'),
        async (text, before) => {
          expect((await ask(before + text)).status).toBe(404);
        },
      ),
    );
  });
});

describe('unsubscribing', () => {
  it('a visit asks and changes nothing, however often and by whom', async () => {
    const { ask, lists, items } = setUp();
    for (const action of ['list', 'all', 'preferences'] as const)
      for (const method of ['GET', 'HEAD'])
        for (let n = 0; n < 50; n++) expect((await ask(leave(action, 1), { method })).status).toBe(200);
    expect([lists.size, items.size]).toEqual([0, 0]);
  });

  it.each([
    ['urlencoded', {}, 'List-Unsubscribe=One-Click'],
    [
      'multipart',
      { 'content-type': 'multipart/form-data; boundary=b' },
      '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
    ],
  ])('one click of a mail program is enough, %s (RFC 8058)', async (_, headers, body) => {
    const { ask, lists, items, counts } = setUp();
    const { status } = await ask(leave('list', 1), { method: 'POST', body: Buffer.from(body), headers });
    expect([status, listed(lists)]).toEqual([200, ['1']]);
    expect([...items.values()]).toMatchObject([{ event: 'group_unsubscribe', asmGroupId: 1, first: true }]);
    expect(counts).toEqual({ unsubscribed: 1 });
    // Again it is no news.
    await ask(leave('list', 1), { method: 'POST', body: Buffer.from(body), headers });
    expect(items.size).toBe(1);
  });

  it('without a group, or by the link for all, it is from all mail; and a mistake is taken back', async () => {
    const { post, lists, items } = setUp();
    await post(leave('all', 1), { do: 'unsubscribe' });
    expect(listed(lists)).toEqual(['all']);
    expect((await post(leave('all', 1), { do: 'resubscribe' })).body).toContain('You are subscribed');
    expect(listed(lists)).toEqual([]);
    await post(leave('list'), { do: 'unsubscribe' });
    expect(listed(lists)).toEqual(['all']);
    expect([...items.values()].map(({ event }) => event)).toEqual(['unsubscribe', 'unsubscribe'].slice(0, items.size));
  });

  it('preferences show the groups, and save what is chosen', async () => {
    const { ask, post, lists, items } = setUp();
    const page = leave('preferences', 1, [1, 2]);
    const { body } = await ask(page);
    expect(body.match(/type="checkbox"/g)).toHaveLength(2);
    expect(body).toContain('&#60;b&#62;Offers');
    expect(body).not.toContain('Receipts');
    const saved = await post(page, [
      ['do', 'save'],
      ['group', '2'],
    ]);
    expect(saved.body).toContain('saved');
    expect(listed(lists)).toEqual(['1']);
    await post(page, [
      ['do', 'save'],
      ['group', '1'],
      ['group', '2'],
      ['group', '3'],
    ]);
    expect(listed(lists)).toEqual([]);
    expect([...items.values()].map(({ event }) => event)).toEqual(['group_unsubscribe', 'group_resubscribe']);
    await post(page, { do: 'unsubscribe-all' });
    expect(listed(lists)).toEqual(['all']);
    expect((await ask(page)).body).toContain('You get no e-mail');
  });

  /** Attack: somebody who has one link switches a reader on and off for ever. */
  it('on and off for ever leaves so many items and no more', async () => {
    const { post, items, later } = setUp();
    for (let n = 0; n < 2_000; n++) {
      later(61_000);
      await post(leave('list', 1), { do: n % 2 ? 'resubscribe' : 'unsubscribe' });
    }
    expect(items.size).toBeLessThan(2 * MOST_ENGAGEMENTS);
  });

  it('says what is so: when the table does not take it, nobody is told that it did', async () => {
    const { post } = setUp({ suppress: () => Promise.reject(new Error('down')) });
    const { status, body } = await post(leave('list', 1), { 'List-Unsubscribe': 'One-Click' });
    expect(status).toBe(503);
    expect(body).toContain('Nothing has changed');
  });

  it('pages hold no script, load nothing, and are framed by nobody', async () => {
    const { ask } = setUp();
    const { headers, body } = await ask(leave('preferences', 1));
    expect(headers['Content-Security-Policy']).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect(body).not.toMatch(/<script|src=|href=|\son\w+=/);
  });
});

describe('keys (K3)', () => {
  it('are read again when a token is of none that is known', async () => {
    const asked: boolean[] = [];
    const { ask } = setUp({
      keys: async (again) => {
        asked.push(again);
        return again ? [key] : [makeTrackingKey(Buffer.alloc(32, 'o'))];
      },
    });
    expect((await ask(CLICK)).status).toBe(302);
    expect(asked).toEqual([false, true]);
  });
});
