/** Messages that came as MIME, tracked: what the reader sees has links of his own, and nothing else of it changes. */
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { type ParsedMail, simpleParser } from 'mailparser';
import { afterEach, describe, expect, it } from 'vitest';
import type { Content } from '../../../core/mail.ts';
import { makeTrackingKey, readClickToken, readOpenToken, readUnsubscribeToken } from '../../../core/tracking/token.ts';
import { readUnsubscribeAddress } from '../../../core/unsubscribe-address.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message, PUBLIC_KEY, REQUEST, SECRET } from './world.ts';

const HOST = 'links.sender.example';
const keys = [makeTrackingKey(Buffer.alloc(32, 7))];
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

const HTML = '<p>Grüße, <a href="https://shop.example/?a=1&amp;b=2">shop</a></p>\r\n';
const HEAD =
  'From: News <news@sender.example>\r\nTo: a@x.example\r\nSubject: Hello\r\nDate: Mon, 23 Nov 2026 11:00:00 +0000\r\nMessage-ID: <own@sender.example>\r\nMIME-Version: 1.0\r\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const part = (type: string, text: string, ...more: string[]) =>
  [`--b`, `Content-Type: ${type}`, 'Content-Transfer-Encoding: base64', ...more, '', base64(text), ''].join('\r\n');
const MIXED = [
  `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n`,
  part('text/html; charset=utf-8', HTML),
  part('text/html; charset=utf-8', '<a href="https://second.example/">second</a>'),
  part('text/html', HTML, 'Content-Disposition: attachment; filename=a.html'),
  `--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: forwarded\r\nContent-Type: text/html\r\n\r\n${HTML.replace('üß', 'us')}`,
  '--b--\r\n',
].join('');
const TRACK = { trackingSettings: { click_tracking: { enable: true }, open_tracking: { enable: true } } };
const ASM = { asm: { groupId: 12, groupsToDisplay: [12, 13] } };

/** Sends a message to its readers, and gives what arrived. */
async function send(text: string, content: Partial<Content>, overrides: Partial<DeliverDeps> = {}, ehlo?: string) {
  server = await startScript({}, ehlo === undefined ? {} : { ehlo });
  const mime = { octets: Buffer.from(text).toString('latin1') };
  const job = makeJob(['ann@x.example', 'bob@x.example'], {
    personalizations: [{ index: 0, to: [], cc: [] }],
    content: { ...CONTENT, parts: [], mime, ...content },
  });
  const world = makeWorld(server.port, { readLinkHost: async () => HOST, ...overrides });
  world.deps.settings.unsubscribeByMail = true;
  expect(await deliver([message(job)], world.begin())).toEqual([]);
  const raws = server.messages.map(({ data }) => data);
  return { world, raws, mails: await Promise.all(raws.map((raw) => simpleParser(raw, { skipImageLinks: true }))) };
}
const htmlOf = ({ html }: ParsedMail) => html || '';
const token = (text: string, path: string) => new RegExp(`https://${HOST}/${path}/([\\w-]+)`).exec(text)![1]!;
const fieldOf = (raw: Buffer, name: string) =>
  new RegExp(`^${name}: ?(.*(?:\r\n[ \t].*)*)`, 'im').exec(raw.toString('latin1'))?.[1]?.replace(/\r\n/g, '');

async function assertSigned(raw: Buffer): Promise<void> {
  const resolver = async () => [[`v=DKIM1; k=rsa; p=${PUBLIC_KEY}`]];
  const { results } = (await dkimVerify(raw, { resolver } as never)) as unknown as {
    results: { status: { result: string } }[];
  };
  expect(results.map(({ status }) => status.result)).toEqual(['pass']);
}

describe('a tracked message that came as MIME', () => {
  it('has links, pixel and unsubscribe links of each copy, and is signed with both fields of RFC 8058', async () => {
    // Act
    const { raws, mails } = await send(MIXED, { ...TRACK, ...ASM });

    // Assess
    expect(mails).toHaveLength(2);
    const readers = mails.map((mail, n) => {
      const html = htmlOf(mail);
      expect(readClickToken(token(html, 'c'), HOST, keys)).toMatchObject({
        link: { url: 'https://shop.example/?a=1&b=2', part: 'html' },
        requestId: REQUEST,
      });
      const listed = fieldOf(raws[n]!, 'List-Unsubscribe')!;
      expect(fieldOf(raws[n]!, 'List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
      expect(fieldOf(raws[n]!, 'DKIM-Signature')).toMatch(/list-unsubscribe:\s*.*list-unsubscribe-post/);
      const { action, address, groupId } = readUnsubscribeToken(token(listed, 'u'), HOST, keys)!;
      const { index } = readOpenToken(token(html, 'o'), HOST, keys)!;
      expect([action, groupId]).toEqual(['list', 12]);
      expect(readUnsubscribeAddress(/<mailto:([^?]+)/.exec(listed)![1]!, SECRET)).toMatchObject({ index, groupId: 12 });
      return [index, address];
    });
    expect(readers.sort()).toEqual([
      [0, 'ann@x.example'],
      [1, 'bob@x.example'],
    ]);
    for (const raw of raws) await assertSigned(raw);
  });

  it('keeps everything else: words, fields, attachments, forwarded mail, and one pixel is enough', async () => {
    const { raws } = await send(MIXED, TRACK);
    for (const raw of raws) {
      const text = raw.toString('latin1');
      const bodies = [...text.matchAll(/base64\r\n(?:Content-Disp.*\r\n)?\r\n([\w+/=\r\n]+)/g)].map(([, body]) =>
        Buffer.from(body!, 'base64').toString(),
      );
      const [first, second, attached] = bodies;
      const own = first!.replace(/"https:[^"]*\/c\/[\w-]+"/, '"https://shop.example/?a=1&amp;b=2"');
      expect(own.replace(/<img [^>]+>/, '')).toBe(HTML);
      expect(second).toMatch(/^<a href="https:\/\/links\.sender\.example\/c\/[\w-]+">second<\/a>$/);
      expect(attached).toBe(HTML);
      expect(text).toContain(`Subject: forwarded\r\nContent-Type: text/html\r\n\r\n${HTML.replace('üß', 'us')}`);
      expect(text).toContain('Message-ID: <own@sender.example>\r\n');
      expect(text).not.toMatch(/^List-Unsubscribe/im);
    }
  });

  it('is converted for a host of seven bits, for each reader his own', async () => {
    const text = `${HEAD}Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${HTML}`;
    const { raws, mails } = await send(text, TRACK, {}, '250-script.test\r\n250 PIPELINING\r\n');
    const clicks = mails.map((mail) => readClickToken(token(htmlOf(mail), 'c'), HOST, keys)?.index);
    expect(clicks.sort()).toEqual([0, 1]);
    for (const raw of raws) {
      expect(raw.toString('latin1')).toMatch(/^[\x00-\x7f]*$/);
      await assertSigned(raw);
    }
  });

  it('is the same at every attempt', async () => {
    const first = await send(MIXED, { ...TRACK, ...ASM });
    await server?.close();
    const second = await send(MIXED, { ...TRACK, ...ASM });
    expect(second.raws.map(String).sort()).toEqual(first.raws.map(String).sort());
  });

  it('is not touched where it is signed, and its own List-Unsubscribe stands', async () => {
    const body = `--b\r\nContent-Type: text/html\r\n\r\n${HTML.replace('üß', 'us')}\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n`;
    const head = `${HEAD}List-Unsubscribe: <https://own.example/u>\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n`;
    const { raws } = await send(head + body, { ...TRACK, ...ASM });
    for (const raw of raws) {
      expect(raw.toString('latin1').endsWith(`\r\n\r\n${body}`)).toBe(true);
      expect(raw.toString().match(/^List-Unsubscribe.*/gim)).toEqual(['List-Unsubscribe: <https://own.example/u>']);
    }
  });

  it('is not tracked while its sender has no link host, and then all copies are the same', async () => {
    const { raws } = await send(MIXED, TRACK, { readLinkHost: async () => undefined });
    // But for the field that names the copy to the server.
    const [ann, bob] = raws.map((raw) => String(raw).slice(raw.indexOf('\r\n')));
    expect(ann).toBe(bob);
    expect(raws[0]!.toString()).toContain(MIXED.slice(MIXED.indexOf('--b\r\n')));
  });

  it('has its unsubscribe links where their tags are, and below its text where there are none', async () => {
    const text = `${HEAD}Content-Type: text/plain\r\n\r\nLeave: now\r\n`;
    const { mails } = await send(text, ASM);
    expect(mails[0]!.text).toMatch(/Leave: now[\s\S]+https:\/\/links\.sender\.example\/u\//);
    await server?.close();
    const tagged = await send(text.replace('now', '<%asm_group_unsubscribe_raw_url%>'), ASM);
    expect(tagged.mails[0]!.text).toMatch(/^Leave: https:\/\/links\.sender\.example\/u\/[\w-]+\s*$/);
  });

  it('is dropped where it asks for a link that nothing can make', async () => {
    server = await startScript({});
    const text = `${HEAD}Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64('Leave: <%asm_group_unsubscribe_raw_url%>')}\r\n`;
    const world = makeWorld(server.port);
    const content = { ...CONTENT, parts: [], mime: { octets: text }, ...ASM };
    const job = makeJob(['ann@x.example'], { personalizations: [{ index: 0, to: [], cc: [] }], content });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(server.messages).toEqual([]);
    expect(world.outcome(0)).toMatchObject({
      event: 'dropped',
      reply: expect.stringContaining('5.7.0 the mail asks for an unsubscribe link'),
    });
  });
});
