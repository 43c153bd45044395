import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterEach, describe, expect, it } from 'vitest';
import { sampleIndex } from '../../../core/copies.ts';
import { NOTHING } from '../../../core/tracking/settings.ts';
import { makeTrackingKey, readClickToken, readOpenToken, readUnsubscribeToken } from '../../../core/tracking/token.ts';
import { readUnsubscribeAddress } from '../../../core/unsubscribe-address.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message, PUBLIC_KEY, REQUEST, SECRET } from './world.ts';

const HOST = 'links.sender.example';
const keys = [makeTrackingKey(Buffer.alloc(32, 7))];
const HTML =
  '<p>Dear -name-, <a href="https://shop.example/?who=-name-&amp;x=1">shop</a> <%asm_group_unsubscribe_url%></p>'.padEnd(
    400,
    'x',
  );
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

/** Sends a mail to its readers and gives what arrived, decoded, by reader. */
async function send(
  content: object,
  overrides: Partial<DeliverDeps> = {},
  personalization: object = {},
  to = ['ann@x.example', 'bob@x.example'],
) {
  server = await startScript({});
  const job = makeJob(to, { content: { ...CONTENT, parts: [{ type: 'text/html', value: HTML }], ...content } });
  job.personalizations[0] = { ...job.personalizations[0]!, ...personalization };
  const world = makeWorld(server.port, { readLinkHost: async () => HOST, ...overrides });
  world.deps.settings.unsubscribeByMail = true;
  expect(await deliver([message(job)], world.begin())).toEqual([]);
  const mails = server.messages.map(({ data }) => data.toString('latin1'));
  return { world, mails, texts: mails.map(decode) };
}

const decode = (mail: string) =>
  mail.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
const field = (mail: string, name: string) =>
  new RegExp(`^${name}:[ ]?(.*(?:\r\n[ \t].*)*)`, 'mi').exec(mail)?.[1]?.replace(/\r\n/g, '');
const ASM = { asm: { groupId: 12, groupsToDisplay: [12, 13] } };
const TRACK = { trackingSettings: { click_tracking: { enable: true }, open_tracking: { enable: true } } };

describe('tracked mail', () => {
  it('has links, pixel and unsubscribe links of each copy, and is signed with both fields of RFC 8058', async () => {
    const { mails, texts } = await send({ ...ASM, ...TRACK }, {}, { substitutions: { '-name-': 'Ann' } });
    expect(texts).toHaveLength(2);

    const seen = texts.map((text, n) => {
      const token = (path: string) => new RegExp(`https://${HOST}/${path}/([\\w-]+)`).exec(text)![1]!;
      const click = readClickToken(token('c'), HOST, keys);
      const open = readOpenToken(token('o'), HOST, keys);
      const oneClick = readUnsubscribeToken(
        /<https:[^>]*\/u\/([\w-]+)>/.exec(field(mails[n]!, 'List-Unsubscribe')!)![1]!,
        HOST,
        keys,
      )!;
      const mailto = /<mailto:([^?]+)\?/.exec(field(mails[n]!, 'List-Unsubscribe')!)![1]!;
      expect(click).toMatchObject({
        link: { url: 'https://shop.example/?who=Ann&x=1', index: 0, part: 'html' },
        requestId: REQUEST,
      });
      expect(oneClick).toMatchObject({ action: 'list', groupId: 12, shown: [12, 13] });
      expect(readUnsubscribeAddress(mailto, SECRET)).toMatchObject({ groupId: 12, index: open!.index });
      expect(field(mails[n]!, 'List-Unsubscribe-Post')).toBe('List-Unsubscribe=One-Click');
      return [open!.index, oneClick.address];
    });
    expect(seen.sort()).toEqual([
      [0, 'ann@x.example'],
      [1, 'bob@x.example'],
    ]);
    for (const mail of mails) {
      expect(field(mail, 'DKIM-Signature')).toMatch(/list-unsubscribe:\s*.*list-unsubscribe-post/);
      const resolver = async () => [[`v=DKIM1; k=rsa; p=${PUBLIC_KEY}`]];
      const { results } = (await dkimVerify(Buffer.from(mail, 'latin1'), { resolver } as never)) as {
        results: { status: { result: string } }[];
      };
      expect(results.map(({ status }) => status.result)).toEqual(['pass']);
    }
  });

  it('is the same at every attempt', async () => {
    const first = await send({ ...ASM, ...TRACK }, {}, {}, ['ann@x.example']);
    await server?.close();
    const second = await send({ ...ASM, ...TRACK }, {}, {}, ['ann@x.example']);
    expect(second.mails).toEqual(first.mails);
  });

  it('is not tracked while its sender has no link host', async () => {
    const { texts } = await send(
      { ...TRACK, parts: [{ type: 'text/html', value: '<a href="https://a.example/">x</a>' }] },
      { readLinkHost: async () => undefined },
    );
    for (const text of texts) {
      expect(text).toContain('<a href="https://a.example/">x</a>');
      expect(text).not.toMatch(/<img|List-Unsubscribe:/);
    }
  });

  it('is tracked by what the account says, unless the mail says otherwise', async () => {
    const account = async () => ({ ...NOTHING, open: { enabled: true } });
    const by = await send({}, { readTracking: account });
    expect(by.texts[0]).toContain(`https://${HOST}/o/`);
    await server?.close();
    const not = await send({ trackingSettings: { open_tracking: { enable: false } } }, { readTracking: account });
    expect(not.texts[0]).not.toContain(HOST);
  });

  it('has tracked links, pixel and unsubscribe links also in HTML that was made of its text', async () => {
    const value = 'Dear -name-, -link- and\n<%asm_group_unsubscribe_url%>';
    const content = { ...ASM, ...TRACK, htmlOfText: true, parts: [{ type: 'text/plain', value }] };
    const substitutions = { '-name-': '<b>Ann', '-link-': 'https://shop.example/?a=1&b=2' };
    const { texts } = await send(content, {}, { substitutions }, ['ann@x.example']);
    expect(texts[0]).toContain('\r\nDear <b>Ann, ');
    const [, token, words] =
      /Dear &#60;b&#62;Ann, <a href="https:\/\/links\.sender\.example\/c\/([\w-]+)">(.*?)<\/a> and<br>/.exec(
        texts[0]!,
      )!;
    expect(readClickToken(token!, HOST, keys)).toMatchObject({ link: { url: 'https://shop.example/?a=1&b=2' } });
    expect(words).toBe('https://shop.example/?a=1&#38;b=2');
    expect(texts[0]).toMatch(/<a href="https:\/\/links\.sender\.example\/u\/[\w-]+">Unsubscribe From This List<\/a>/);
    expect(texts[0]).toMatch(/<img [^>]*\/o\/[\w-]+/);
  });

  it('is not tracked where its copy is a sample: its reader opens nothing that is told', async () => {
    server = await startScript({});
    const job = makeJob(['ann@x.example', 'parent@x.example'], {
      content: { ...CONTENT, ...ASM, ...TRACK, parts: [{ type: 'text/html', value: HTML }] },
    });
    job.copies[1]!.index = sampleIndex(0);
    const world = makeWorld(server.port, { readLinkHost: async () => HOST });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    const tracked = server.messages.map(({ data }) =>
      /links\.sender\.example\/[co]\//.test(decode(data.toString('latin1'))),
    );
    expect(tracked.sort()).toEqual([false, true]);
  });

  it('keeps a List-Unsubscribe of the sender, and adds no second', async () => {
    const { mails } = await send({ ...ASM, headers: { 'list-unsubscribe': '<https://own.example/u>' } });
    expect(mails[0]!.match(/^List-Unsubscribe/gim)).toHaveLength(1);
    expect(field(mails[0]!, 'List-Unsubscribe')).toBe('<https://own.example/u>');
  });

  it('has no such field unless a group or subscription tracking asks for it', async () => {
    const { mails } = await send(TRACK);
    expect(mails[0]).not.toMatch(/^List-Unsubscribe/im);
  });

  it('without a link host, who unsubscribes writes a mail; and where none comes in, it is dropped', async () => {
    const settings = { subscription_tracking: { enable: true, text: 'Leave: <% %>', html: '<% leave %>' } };
    const content = { trackingSettings: settings, parts: [{ type: 'text/html', value: '<p>x</p>' }] };
    const { texts } = await send(content, { readLinkHost: async () => undefined });
    expect(texts[0]).toMatch(
      /<p>x<\/p><a href="mailto:u[a-z2-7]+@em\.sender\.example\?subject=unsubscribe">leave<\/a>/,
    );
    await server?.close();
    server = await startScript({});
    const world = makeWorld(server.port);
    await deliver([message(makeJob(['ann@x.example'], { content: { ...CONTENT, ...content } }))], world.begin());
    expect([...world.outcomes.values()]).toMatchObject([
      { event: 'dropped', reply: expect.stringContaining('unsubscribe link') },
    ]);
  });
});
