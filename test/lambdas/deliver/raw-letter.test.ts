/** deliver with messages that came as MIME: to a server that takes eight bits, and to one that does not. */
import { generateKeyPairSync } from 'node:crypto';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { simpleParser } from 'mailparser';
import { afterEach, describe, expect, it } from 'vitest';
import type { DkimKey } from '../../../core/dkim.ts';
import { ERASED } from '../../../core/erased-address.ts';
import { type Job, mimeKey } from '../../../core/job.ts';
import type { Content, RawMime } from '../../../core/mail.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, KEY, makeJob, makeWorld, message, PUBLIC_KEY, REQUEST } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());
const SEVEN_BITS = '250-script.test\r\n250 PIPELINING\r\n';
const KEY_OF_MIME = mimeKey('operator', REQUEST);

async function setUp(ehlo?: string) {
  server = await startScript({}, ehlo === undefined ? {} : { ehlo });
  return makeWorld(server.port);
}
const contentOf = (mime: RawMime, changes: Partial<Content> = {}): Content => ({
  ...CONTENT,
  parts: [],
  mime,
  ...changes,
});
const inline = (text: string): RawMime => ({ octets: Buffer.from(text).toString('latin1') });
const HEAD =
  'From: News <news@sender.example>\r\nTo: a@x.example\r\nSubject: Hello -name-\r\nDate: Mon, 23 Nov 2026 11:00:00 +0000\r\nMessage-ID: <own@sender.example>\r\nMIME-Version: 1.0\r\n';
const TEXT = `${HEAD}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nDear -name-, hällo\r\n.\r\n..x\r\n`;
const SIGNED = `${HEAD}Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nhällo\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n`;

async function verified(data: Buffer): Promise<string[]> {
  const resolver = async () => [[`v=DKIM1; k=rsa; p=${PUBLIC_KEY}`]];
  const { results } = (await dkimVerify(data, { resolver } as never)) as unknown as {
    results: { status: { result: string } }[];
  };
  return results.map(({ status }) => status.result);
}
/** A job as the RCPT list makes it: the header has To. */
const makeShared = (to: string[], changes: Partial<Job>): Job =>
  makeJob(to, { personalizations: [{ index: 0, to: [], cc: [] }], ...changes });
/** Copies of one message, one personalization for each name. */
function makePersonal(content: Content, names: string[]): Job {
  const job = makeJob(
    names.map((name) => `${name}@x.example`),
    { content },
  );
  job.personalizations = names.map((name, index) => ({
    index,
    to: [{ email: `${name}@x.example` }],
    cc: [],
    substitutions: { '-name-': `Zoë ${name}` },
  }));
  job.copies = job.copies.map((copy, personalization) => ({ ...copy, personalization }));
  return job;
}

describe('a message that came as MIME', () => {
  it('stands in its legacy template, tags of both replaced, signed as it then is', async () => {
    const world = await setUp();
    world.templates.set('r', { subject: 'Shop: <%subject%>', html: '<h1>-name-</h1><%body%>', plain: '' });
    const named = {
      templateId: '13b8f94f-bcae-4ec6-b752-70d6cb59f932',
      template: { version: 'v', revision: 'r', pieces: 1 },
    };
    const job = makePersonal(contentOf(inline(TEXT), named), ['a', 'b']);
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    for (const [n, { data }] of server.messages.entries()) {
      const name = `Zoë ${'ab'[n]}`;
      const { subject, html, text } = await simpleParser(data);
      expect([subject, html, text?.split('\n')[0]]).toEqual([
        `Shop: Hello ${name}`,
        expect.stringContaining(`<h1>${name}</h1>Dear ${name}, hällo`),
        `Dear ${name}, hällo`,
      ]);
      expect(await verified(data)).toEqual(['pass']);
    }
  });

  it('that is signed goes nowhere with a template: it is dropped, and says why', async () => {
    const world = await setUp();
    world.templates.set('r', { subject: '', html: '<%body%>', plain: '' });
    const named = {
      templateId: '13b8f94f-bcae-4ec6-b752-70d6cb59f932',
      template: { version: 'v', revision: 'r', pieces: 1 },
    };
    const job = makeShared(['a@x.example'], { content: contentOf(inline(SIGNED), named) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(world.outcome(0)).toMatchObject({ event: 'dropped', reply: expect.stringMatching(/^5\.6\.0 its template/) });
  });

  it('goes out as it came, signed, to a host that takes eight bits', async () => {
    const world = await setUp();
    const job = makeShared(['a@x.example', 'b@x.example'], { content: contentOf(inline(TEXT)) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(server.messages).toHaveLength(2);
    for (const { data } of server.messages) {
      expect(data.toString().endsWith(TEXT)).toBe(true);
      expect(await verified(data)).toEqual(['pass']);
    }
    expect(server.commands.filter((line) => / BODY=8BITMIME$/.test(line))).toHaveLength(2);
    expect(server.commands.some((line) => line.includes('SMTPUTF8'))).toBe(false);
    expect(world.outcome(1)).toMatchObject({ event: 'delivered' });
  });

  it('is converted for one that takes seven, and signed as it then is', async () => {
    const world = await setUp(SEVEN_BITS);
    const job = makeShared(['a@x.example'], { content: contentOf(inline(TEXT)) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    const { data } = server.messages[0]!;
    expect(data.toString('latin1')).toMatch(/^[\x00-\x7f]*$/);
    expect(data.toString()).toContain('Content-Transfer-Encoding: quoted-printable\r\n');
    expect(await verified(data)).toEqual(['pass']);
    expect((await simpleParser(data)).text).toBe('Dear -name-, hällo\n.\n..x\n');
  });

  it('is both in one run, each for its own host, and is let go with its last copy', async () => {
    const world = await setUp();
    const seven = await startScript({}, { ehlo: SEVEN_BITS });
    const { openSession } = world.deps;
    world.deps.openSession = (options) =>
      openSession({ ...options, port: options.host === 'mx.seven.example' ? seven.port : server.port });
    const job = makeShared(['a@x.example', 'b@seven.example'], { content: contentOf(inline(TEXT)) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(server.messages[0]?.data.toString()).toContain('8bit');
    expect(seven.messages[0]?.data.toString()).toContain('quoted-printable');
    await seven.close();
  });

  it('is not sent where a signed part would have to be converted: the host is to blame, and the record says so', async () => {
    const world = await setUp(SEVEN_BITS);
    const job = makeShared(['a@x.example'], { content: contentOf(inline(SIGNED)) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(server.messages).toHaveLength(0);
    expect(world.outcome(0)).toMatchObject({
      event: 'bounced',
      type: 'blocked',
      reply: expect.stringContaining('5.6.3'),
    });
  });

  it('keeps a signed part to a host that takes eight bits', async () => {
    const world = await setUp();
    const job = makeShared(['a@x.example'], { content: contentOf(inline(SIGNED)) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(server.messages[0]?.data.toString().endsWith(SIGNED)).toBe(true);
  });

  it('is dropped where the wire cannot have it', async () => {
    const world = await setUp();
    const content = contentOf(inline(SIGNED.replace('hällo', 'x'.repeat(1_000))));
    expect(await deliver([message(makeShared(['a@x.example'], { content }))], world.begin())).toEqual([]);
    expect(world.outcome(0)).toMatchObject({ event: 'dropped', reply: expect.stringMatching(/^5\.6\.2 /) });
  });

  it('is each recipient’s own where X-SMTPAPI says so: To, tags, template and footer', async () => {
    const world = await setUp();
    const html = `${HEAD}Content-Type: text/html; charset=utf-8\r\n\r\n<p>Dear -name-</p>\r\n`;
    const content = contentOf(inline(html), {
      mailSettings: {
        footer: { enable: true, html: '<hr>-name-' },
        template: { enable: true, html: '<body><% body %></body>' },
      },
    });
    expect(await deliver([message(makePersonal(content, ['ann', 'bob']))], world.begin())).toEqual([]);
    for (const name of ['ann', 'bob']) {
      const { data } = server.messages.find(({ to }) => to[0] === `${name}@x.example`)!;
      expect(await verified(data)).toEqual(['pass']);
      const mail = await simpleParser(data);
      expect(mail.subject).toBe(`Hello Zoë ${name}`);
      expect((mail.html || '').trimEnd()).toBe(`<body><p>Dear Zoë ${name}</p>\n<hr>Zoë ${name}</body>`);
      expect(mail.to).toMatchObject({ value: [{ address: `${name}@x.example` }] });
    }
  });

  it('lies in the bucket where it is long, is read once, and only so much of it at a time', async () => {
    // Prepare
    const world = await setUp();
    const long = `${HEAD}\r\n${'A line of a long message.\r\n'.repeat(4_000)}`;
    world.mimes.set(KEY_OF_MIME, Buffer.from(long));
    const mime = { key: KEY_OF_MIME, bytes: long.length };
    const job = (n: number) =>
      makeShared([`a${n}@x.example`], {
        id: `${REQUEST}.0.${n}`,
        content: contentOf(mime),
        copies: [{ personalization: 0, role: 'to', address: `a${n}@x.example`, index: n }],
      });
    const stored = {
      content: contentOf(mime),
      personalizations: job(2).personalizations as never,
      copies: [],
      sendAt: {},
    };
    world.bucket.set('requests/operator/stored.json', stored);
    const { content: _, ...rest } = job(2);
    const byKey: Job = { ...rest, contentKey: 'requests/operator/stored.json', contentBytes: long.length + 500 };
    let reads = 0;
    const { readMime } = world.deps;
    world.deps.readMime = async (key) => {
      reads++;
      return readMime(key);
    };
    world.deps.settings.contentBytes = 1.5 * long.length;
    // Act
    const handedBack = await deliver(
      [message(job(0)), message(job(1), 1, 'm2'), message(byKey, 1, 'm3')],
      world.begin(),
    );
    // Assess
    expect(handedBack).toEqual([]);
    expect(server.messages.map(({ data }) => data.toString().endsWith(long))).toEqual([true, true, true]);
    // Two jobs shared it; the third came when there was room.
    expect(reads).toBe(2);
  });

  it('is not sent where it was emptied, because its readers were erased', async () => {
    const world = await setUp();
    world.mimes.set(KEY_OF_MIME, Buffer.alloc(0));
    const before = server.messages.length;
    const job = makeShared(['a@x.example'], { content: contentOf({ key: KEY_OF_MIME, bytes: 30_000 }) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(server.messages).toHaveLength(before);
    expect([...world.outcomes.values()]).toMatchObject([{ event: 'dropped', reply: ERASED }]);
  });

  it('is handed back where the bucket does not give it', async () => {
    const world = await setUp();
    const job = makeShared(['a@x.example'], { content: contentOf({ key: KEY_OF_MIME, bytes: 7 }) });
    expect(await deliver([message(job)], world.begin())).toEqual(['m1']);
    expect(world.problems.join()).toContain(KEY_OF_MIME);
  });

  it('keeps to few long messages in memory, as other mail does', async () => {
    let [waiting, most] = [0, 0];
    server = await startScript({
      dot: {
        act: (socket) => {
          most = Math.max(most, ++waiting);
          setTimeout(() => {
            waiting--;
            socket.write('250 2.0.0 OK\r\n');
          }, 20);
        },
      },
    });
    const world = makeWorld(server.port);
    const text = `${HEAD}\r\n-name- ${'text\r\n'.repeat(20_000)}`;
    world.deps.settings.letterBytes = 3.5 * text.length;
    world.limits.messagesPerConnection = 1;
    const names = Array.from({ length: 12 }, (_, n) => `u${n}`);
    expect(await deliver([message(makePersonal(contentOf(inline(text)), names))], world.begin())).toEqual([]);
    expect(world.outcomes.size).toBe(12);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('goes to Yahoo without Ed25519, and else the same', async () => {
    const world = await setUp();
    const edwards: DkimKey = {
      domain: 'sender.example',
      selector: 'e1',
      algorithm: 'ed25519',
      key: generateKeyPairSync('ed25519').privateKey,
    };
    const rsa: DkimKey = { domain: 'sender.example', selector: 's1', algorithm: 'rsa', key: KEY };
    world.deps.readDomain = async () =>
      ({ keys: [rsa, edwards], returnPath: 'em.sender.example', domain: 'sender.example' }) as never;
    const { resolveSite } = world.deps;
    world.deps.resolveSite = async (domain) =>
      ({ ...(await resolveSite(domain)), provider: domain.split('.')[0] }) as never;
    const job = makeShared(['a@yahoo.example', 'b@google.example'], { content: contentOf(inline(TEXT)) });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    const algorithms = (to: string) =>
      [
        ...server.messages
          .find((one) => one.to[0] === to)!
          .data.toString()
          .matchAll(/a=(\w+)-sha256/g),
      ].map(([, one]) => one);
    expect(algorithms('a@yahoo.example')).toEqual(['rsa']);
    expect(algorithms('b@google.example')).toEqual(['rsa', 'ed25519']);
  });
});

describe('a request that is dropped', () => {
  it('has each copy recorded with its reason; nobody is asked for an MX, and nothing is sent', async () => {
    const world = await setUp();
    world.deps.resolveSite = async () => {
      throw new Error('no look-up');
    };
    const content = contentOf(inline(TEXT), { dropped: 'Invalid SMTPAPI header' });
    expect(await deliver([message(makeShared(['a@x.example', 'b@y.example'], { content }))], world.begin())).toEqual(
      [],
    );
    expect([0, 1].map((index) => world.outcome(index))).toMatchObject([
      { event: 'dropped', reply: 'Invalid SMTPAPI header', site: 'x.example', recipient: 'operator#a@x.example' },
      { event: 'dropped', reply: 'Invalid SMTPAPI header', site: 'y.example' },
    ]);
    expect(server.connections()).toBe(0);
    expect(world.published.get('other')).toMatchObject({ accepted: 2, dropped: 2 });
  });
});
