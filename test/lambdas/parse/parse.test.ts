import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { inboundKey } from '../../../core/inbound/message.ts';
import { PARSE_HOURS, type ParseMessage } from '../../../core/parse/message.ts';
import type { Hold } from '../../../core/records/holds.ts';
import { type ParseSettingRecord, parseSettingKey } from '../../../core/records/inbound.ts';
import { type Posted as Answered, openWebhookPost } from '../../../io/webhook-post.ts';
import { type ParseDeps, parse } from '../../../lambdas/parse/parse.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const RAW = Buffer.from(
  [
    'From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.net>',
    'To: support@in.shop.example',
    'Subject: Order',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/plain; charset=iso-8859-1',
    '',
    'Gr\xfc\xdfe',
    '--b',
    'Content-Type: text/html',
    '',
    '<img src="cid:logo">',
    '--b',
    'Content-Type: image/png',
    'Content-Disposition: inline; filename="a\\"; name=\\"email.png"',
    'Content-ID: <logo>',
    'Content-Transfer-Encoding: base64',
    '',
    'iVBORw==',
    '--b--',
  ].join('\r\n'),
  'latin1',
);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Posted = { path: string; headers: IncomingMessage['headers']; form: FormData; body: Buffer };

/** A customer's server. @param answer may answer otherwise than 200 */
async function customer(answer?: (response: ServerResponse, n: number) => void) {
  const posts: Posted[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const type = request.headers['content-type']!;
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
    posts.push({ path: request.url!, headers: request.headers, form, body });
    if (answer) answer(response, posts.length);
    else response.end('thanks');
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { posts, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/parse?x=1` };
}

function setUp(url: string, { raw = RAW, setting = {}, ...overrides }: Partial<ParseDeps> & SetUp = {}) {
  const world = { now: NOW, held: [] as Hold[], problems: [] as string[], counts: {} as Record<string, number> };
  const record: ParseSettingRecord = {
    ...parseSettingKey('customer', 'in.shop.example'),
    hostname: 'in.shop.example',
    url,
    spamCheck: false,
    sendRaw: false,
    createdAt: NOW,
    ...setting,
  };
  const deps: ParseDeps = {
    now: () => world.now,
    random: () => 0.5,
    randomHex: () => 'c0ffee',
    readParseSetting: async () => record,
    readInbound: async (_, most) => (raw.length > most ? undefined : raw),
    authenticate: async () => ({ spf: 'pass', dkim: '{@example.net : pass}', dmarc: 'pass' }),
    post: openWebhookPost({
      resolveHost: async (host) => ({ addresses: [host] }),
      anyPort: true,
      timeoutMs: 1_000,
    }),
    // Without a policy none of these is asked.
    readPolicy: async () => undefined,
    askToken: async () => ({ error: 'nobody' }),
    openSecret: async () => Buffer.alloc(0),
    tokens: new Map(),
    hold: async (hold) => void world.held.push(hold),
    silent: new Map(),
    publish: (counts) => Object.assign(world.counts, counts),
    report: (problem) => void world.problems.push(problem),
    ...overrides,
  };
  const message: ParseMessage = {
    v: 1,
    account: 'customer',
    hostname: 'in.shop.example',
    attempt: 0,
    hop: 0,
    mail: {
      v: 1,
      id: 'mail-1',
      key: inboundKey('mail-1'),
      receivedAt: NOW,
      mailFrom: 'joerg@example.net',
      rcptTo: ['support@in.shop.example', 'hidden@in.shop.example'],
      remoteAddress: '192.0.2.7',
      spamVerdict: 'FAIL',
    },
  };
  const take = (more: Partial<ParseMessage> = {}) =>
    parse([{ messageId: 'm', body: JSON.stringify({ ...message, ...more }) }], deps);
  return { world, deps, message, take };
}
type SetUp = { raw?: Buffer; setting?: Partial<ParseSettingRecord> };

const fieldsOf = (form: FormData) => [...form.keys()];

describe('a mail at a customer’s URL', () => {
  it('is a form with every field of SendGrid’s, bodies in their charsets', async () => {
    const { posts, url } = await customer();
    const { world, take } = setUp(url);
    expect(await take()).toEqual([]);
    expect(world.counts).toEqual({ parsePosted: 1 });
    const [{ path, headers, form, body }] = posts as [Posted];
    expect(path).toBe('/parse?x=1');
    expect(headers['content-type']).toBe('multipart/form-data; boundary=xYzZYc0ffee');
    expect(headers['content-length']).toBe(String(body.length));
    expect(fieldsOf(form).sort()).toEqual([
      'SPF',
      'attachment-info',
      'attachment1',
      'attachments',
      'charsets',
      'content-ids',
      'dkim',
      'dmarc',
      'envelope',
      'from',
      'headers',
      'html',
      'sender_ip',
      'subject',
      'text',
      'to',
    ]);
    const told = Object.fromEntries([...form].filter(([, value]) => typeof value === 'string'));
    expect(told).toMatchObject({
      headers: expect.stringMatching(/^From: =\?utf-8\?Q\?J=C3=B6rg\?= /),
      from: 'Jörg <joerg@example.net>',
      to: 'support@in.shop.example',
      subject: 'Order',
      html: '<img src="cid:logo">',
      SPF: 'pass',
      dkim: '{@example.net : pass}',
      dmarc: 'pass',
      sender_ip: '192.0.2.7',
      attachments: '1',
    });
    expect(JSON.parse(String(told.envelope))).toEqual({
      to: ['support@in.shop.example', 'hidden@in.shop.example'],
      from: 'joerg@example.net',
    });
    expect(JSON.parse(String(told.charsets))).toEqual({
      to: 'UTF-8',
      from: 'UTF-8',
      subject: 'UTF-8',
      html: 'UTF-8',
      text: 'iso-8859-1',
    });
    expect(body.includes(Buffer.from('name="text"\r\n\r\nGr\xfc\xdfe\r\n--', 'latin1'))).toBe(true);
    expect(JSON.parse(String(told['attachment-info']))).toEqual({
      attachment1: {
        filename: 'a"; name="email.png',
        name: 'a"; name="email.png',
        type: 'image/png',
        'content-id': 'logo',
      },
    });
    expect(JSON.parse(String(told['content-ids']))).toEqual({ logo: 'attachment1' });
    const file = form.get('attachment1') as File;
    // Attack: a name of a file that ends its parameter and begins another field's.
    expect(file.name).toContain('a');
    expect(fieldsOf(form)).not.toContain('email.png');
    expect(Buffer.from(await file.arrayBuffer()).toString('latin1')).toBe('\x89PNG');
    expect(file.type).toBe('image/png');
  });

  it('in raw mode is the mail as it came, without its parts and its headers; with spam_check, what was found', async () => {
    const { posts, url } = await customer();
    const { take } = setUp(url, { setting: { sendRaw: true, spamCheck: true } });
    await take();
    const { form, body } = posts[0]!;
    expect(fieldsOf(form).sort()).toEqual([
      'SPF',
      'charsets',
      'dkim',
      'dmarc',
      'email',
      'envelope',
      'from',
      'sender_ip',
      'spam_report',
      'spam_score',
      'subject',
      'to',
    ]);
    expect(body.includes(RAW)).toBe(true);
    expect(form.get('spam_score')).toBe('5.0');
  });

  it('is sent with the user and password of its URL', async () => {
    const { posts, url } = await customer();
    await setUp(url.replace('//', '//me:p%40ss@')).take();
    expect(posts[0]!.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });
});

describe('an answer', () => {
  it.each([200, 201, 204, 299])('%d: it is done', async (status) => {
    const { url } = await customer((response) => response.writeHead(status).end());
    const { world, take } = setUp(url);
    expect(await take()).toEqual([]);
    expect([world.held, world.counts]).toEqual([[], { parsePosted: 1 }]);
  });

  it.each([500, 502, 503, 599, 408, 425, 429])('%d: it is held, and tried again', async (status) => {
    const { url } = await customer((response) => response.writeHead(status).end());
    const { world, message, take } = setUp(url);
    expect(await take()).toEqual([]);
    expect(world.held).toMatchObject([
      { kind: 'parse', account: 'customer', copies: 0, due: NOW + 60_000, parse: { ...message, attempt: 1 } },
    ]);
  });

  // A redirect may lead anywhere (reliability: W2); it is an answer like any other.
  it.each([301, 302, 303, 307, 308, 400, 401, 403, 404, 410])(
    '%d: it is let go, with its id in the log',
    async (status) => {
      const elsewhere = await customer();
      const { url } = await customer((response) => response.writeHead(status, { location: elsewhere.url }).end());
      const { world, take } = setUp(url);
      expect(await take()).toEqual([]);
      expect([world.held, world.counts, elsewhere.posts]).toEqual([[], { parseDropped: 1 }, []]);
      expect(world.problems).toEqual([
        expect.stringContaining(`mail-1 for in.shop.example of customer is let go: HTTP ${status}`),
      ]);
    },
  );

  it('grows later each time, for three days', async () => {
    const { url } = await customer((response) => response.writeHead(500).end());
    const { world, message, take } = setUp(url);
    const waits: number[] = [];
    let next: ParseMessage | undefined = message;
    for (let n = 0; n < 60 && next; n++) {
      world.held = [];
      await take(next);
      const [hold] = world.held as (Hold & { kind: 'parse' })[];
      if (hold) waits.push((hold.due - world.now) / 60_000);
      world.now = hold?.due ?? world.now;
      next = hold?.parse;
    }
    expect(waits.slice(0, 9)).toEqual([1, 5, 15, 30, 60, 120, 240, 240, 240]);
    expect(world.now - NOW).toBeGreaterThan((PARSE_HOURS - 5) * HOUR);
    expect(world.now - NOW).toBeLessThanOrEqual(PARSE_HOURS * HOUR);
    expect(world.problems.at(-1)).toContain('its three days are over: HTTP 500');
  });
});

// Attack: a receiver that does not answer, or never stops, keeps a function busy and other customers waiting (reliability: W3).
describe('a hostile receiver', () => {
  it.each<[string, (response: ServerResponse) => void]>([
    ['says nothing', () => {}],
    ['closes', (response) => response.socket!.destroy()],
    ['sends no HTTP', (response) => response.socket!.end('hello\r\n')],
    ['sends half a status', (response) => response.socket!.write('HTTP/1.1 20')],
  ])('that %s is no answer: held', async (_, answer) => {
    const { url } = await customer(answer);
    const { world, take } = setUp(url);
    const began = performance.now();
    await take();
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(world.held).toHaveLength(1);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    [
      'sends an endless body',
      (response) => {
        const pour = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
          response.once('drain', pour);
        };
        pour();
      },
    ],
    [
      'sends a byte now and then',
      (response) => {
        response.write('x');
        const timer = setInterval(() => response.write('x'), 100);
        response.on('close', () => clearInterval(timer));
      },
    ],
  ])('that says 200 and %s has said 200', async (_, answer) => {
    const { url } = await customer((response) => answer(response.writeHead(200)));
    const { world, take } = setUp(url);
    await take();
    expect(world.counts).toEqual({ parsePosted: 1 });
  });

  it('is left alone for a minute after three silences, and its mails are held at once', async () => {
    let asked = 0;
    const { world, take } = setUp('https://in.shop.example/', {
      post: async () => {
        asked++;
        return { error: 'timeout' };
      },
    });
    for (let n = 0; n < 5; n++) await take();
    expect(asked).toBe(3);
    expect(world.held.slice(3)).toMatchObject([
      { due: NOW + 60_000, parse: { attempt: 0, hop: 0 } },
      { due: NOW + 60_000, parse: { attempt: 0, hop: 0 } },
    ]);
    world.now += 60_001;
    await take();
    expect(asked).toBe(4);
  });
});

describe('a URL that is down for hours', () => {
  const MINUTE = 60_000;

  /** A mail every ten minutes, by release and the queue, in virtual time. @param upAt when the URL answers again */
  async function runDays(hours: number, upAt: number) {
    const ends = new Map<string, { age: number; how: string }>();
    let now = NOW;
    let looks = 0;
    let taken = '';
    const { world, deps, message } = setUp('https://in.shop.example/', {
      now: () => now,
      post: async (): Promise<Answered> => (now >= upAt ? { status: 200 } : { error: 'connect ECONNREFUSED' }),
      report: (problem) => void ends.set(taken, { age: now - Number(taken), how: problem.split('let go: ')[1]! }),
    });
    let waiting: { due: number; message: ParseMessage }[] = [];
    for (const end = NOW + hours * HOUR; now < end; now += MINUTE) {
      if ((now - NOW) % (10 * MINUTE) === 0) {
        const mail = { ...message.mail, id: String(now), receivedAt: now };
        waiting.push({ due: now, message: { ...message, mail } });
      }
      const due = waiting.filter((one) => one.due <= now);
      waiting = waiting.filter((one) => one.due > now);
      for (const { message: body } of due) {
        looks++;
        taken = body.mail.id;
        world.held = [];
        expect(await parse([{ messageId: 'm', body: JSON.stringify(body) }], deps)).toEqual([]);
        const [hold] = world.held as (Hold & { kind: 'parse' })[];
        // As release does.
        if (hold) waiting.push({ due: hold.due, message: { ...hold.parse, hop: hold.parse.hop + 1 } });
        else if (!ends.has(taken)) ends.set(taken, { age: now - Number(taken), how: 'posted' });
      }
    }
    return { ends: [...ends.values()], looks, waiting };
  }

  it('costs no mail before its three days are over, and each few looks', async () => {
    const { ends, looks, waiting } = await runDays(76, Number.POSITIVE_INFINITY);
    expect(ends.length + waiting.length).toBe(76 * 6);
    expect(ends.length).toBeGreaterThan(4 * 6);
    for (const { how, age } of ends) {
      expect(how).toMatch(/^its three days are over: /);
      expect(age).toBeGreaterThan((PARSE_HOURS - 5) * HOUR);
    }
    expect(looks / (76 * 6)).toBeLessThan(100);
  });

  it('has all that waits within hours of its return', async () => {
    const { ends, waiting } = await runDays(20, NOW + 12 * HOUR);
    expect(new Set(ends.map(({ how }) => how))).toEqual(new Set(['posted']));
    expect([ends.length, waiting.length]).toEqual([20 * 6, 0]);
  });
});

describe('a mail that cannot go', () => {
  it('is let go when its setting was removed, or it is too long', async () => {
    const { url, posts } = await customer();
    const removed = setUp(url, { readParseSetting: async () => undefined });
    await removed.take();
    const long = setUp(url, { raw: Buffer.alloc(31_457_281) });
    await long.take();
    expect([removed.world.problems[0], long.world.problems[0]]).toEqual([
      expect.stringContaining('setting was removed'),
      expect.stringContaining('longer than 31457280 octets'),
    ]);
    expect(posts).toEqual([]);
  });

  it('is handed back when it cannot be read, or held', async () => {
    const failing = async () => {
      throw new Error('no store');
    };
    expect(await setUp('https://x.example/', { readInbound: failing }).take()).toEqual(['m']);
    const { url } = await customer((response) => response.writeHead(500).end());
    expect(await setUp(url, { hold: failing }).take()).toEqual(['m']);
    const { deps } = setUp(url);
    expect(await parse([{ messageId: 'poison', body: '{"v":2}' }], deps)).toEqual(['poison']);
  });
});

it('a mail of 30 MB takes no more than 256 MB', async () => {
  const { url } = await customer();
  const attachment = Buffer.alloc(22_000_000, 7).toString('base64').replace(/.{76}/g, '$&\r\n');
  const raw = Buffer.from(
    `Content-Type: application/zip; name=x.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n${attachment}`,
  );
  // Measured on what is made of it, not on the server of this test, which holds it once more.
  let peak = 0;
  const before = process.memoryUsage();
  const { take } = setUp(url, {
    raw,
    post: async (_, { pieces }) => {
      const { heapUsed, external } = process.memoryUsage();
      peak = heapUsed + external - before.heapUsed - before.external;
      expect(pieces.length).toBeGreaterThan(10);
      return { status: 200 };
    },
  });
  await take();
  expect(peak).toBeLessThan(256 * 1_048_576);
});
