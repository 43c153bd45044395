/**
 * The attack: anybody makes us send his mail. Every form that a server has ever relayed by, unauthenticated, at port 25 and at the
 * submission ports; and our own bounce domain, where everything looks like ours. None is taken at RCPT, so none can be sent.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeReturnPath } from '../../core/return-path.ts';
import { openClient } from './client.ts';
import { openRelay, PARSE_HOST, RETURN_PATH, SECRET, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openRelay();
});
afterAll(() => world.close());

const REQUEST = 'AaIIRv4AcQGBAQEBAQEBAQ';
const ours = makeReturnPath({ account: 'operator', requestId: REQUEST, index: 0, secret: SECRET, domain: RETURN_PATH });
const token = ours.split('@')[0]!;
const VICTIM = 'victim@example.net';

/** [MAIL FROM, RCPT TO] */
const forms: [string, string][] = [
  ['<spammer@example.org>', `<${VICTIM}>`],
  ['<>', `<${VICTIM}>`],
  ['<spammer>', `<${VICTIM}>`],
  [`<postmaster@${RETURN_PATH}>`, `<${VICTIM}>`],
  [`<${ours}>`, `<${VICTIM}>`],
  ['<spammer@localhost>', `<${VICTIM}>`],
  ['<spammer@[127.0.0.1]>', `<${VICTIM}>`],
  ['<spammer@relay.example.com>', `<${VICTIM}>`],
  ['<spammer@example.org>', `<victim%example.net@${RETURN_PATH}>`],
  ['<spammer@example.org>', `<victim%example.net@${PARSE_HOST}>`],
  ['<spammer@example.org>', '<victim%example.net@relay.example.com>'],
  ['<spammer@example.org>', '<victim%example.net@[127.0.0.1]>'],
  ['<spammer@example.org>', '<victim%example.net>'],
  ['<spammer@example.org>', `<"${VICTIM}">`],
  ['<spammer@example.org>', `<"victim%example.net">`],
  ['<spammer@example.org>', `<"${VICTIM}"@${RETURN_PATH}>`],
  ['<spammer@example.org>', `<"${VICTIM}"@${PARSE_HOST}>`],
  ['<spammer@example.org>', `<"victim\\@example.net"@${PARSE_HOST}>`],
  ['<spammer@example.org>', `<${VICTIM}@${RETURN_PATH}>`],
  ['<spammer@example.org>', `<${VICTIM}@${PARSE_HOST}>`],
  ['<spammer@example.org>', `<@${RETURN_PATH}:${VICTIM}>`],
  ['<spammer@example.org>', `<@${PARSE_HOST},@relay.example.com:${VICTIM}>`],
  ['<spammer@example.org>', `<@[127.0.0.1]:${VICTIM}>`],
  ['<spammer@example.org>', `<example.net!victim>`],
  ['<spammer@example.org>', `<example.net!victim@${RETURN_PATH}>`],
  ['<spammer@example.org>', `<example.net!victim@${PARSE_HOST}>`],
  ['<spammer@example.org>', `<${RETURN_PATH}!${VICTIM}>`],
  ['<spammer@example.org>', `<victim:example.net@${PARSE_HOST}>`],
  ['<spammer@example.org>', VICTIM],
  ['<spammer@example.org>', `<<${VICTIM}>>`],
  ['<spammer@example.org>', `<${VICTIM}> <x@${PARSE_HOST}>`],
  ['<spammer@example.org>', `<x@${PARSE_HOST}>,<${VICTIM}>`],
  ['<spammer@example.org>', `<${VICTIM} >`],
  ['<spammer@example.org>', `<victim@example.net.${RETURN_PATH}>`],
  ['<spammer@example.org>', `<nobody@${RETURN_PATH}>`],
  ['<spammer@example.org>', `<b${'a'.repeat(token.length - 1)}@${RETURN_PATH}>`],
  ['<spammer@example.org>', `<${token}@em.example.org>`],
  ['<spammer@example.org>', `<${token}@example.net>`],
  ['<spammer@example.org>', `<${token.slice(0, -1)}${token.endsWith('a') ? 'b' : 'a'}@${RETURN_PATH}>`],
];

describe('no open relay', () => {
  it('has at least 30 forms', () => expect(forms.length).toBeGreaterThanOrEqual(30));

  it.each(forms)('port 25: MAIL FROM:%s RCPT TO:%s', async (from, to) => {
    const client = await openClient(world.inboundPort);
    await client.reply();
    await client.say('EHLO mx.example.org');
    const mail = await client.say(`MAIL FROM:${from}`);
    if (mail.startsWith('250')) expect(await client.say(`RCPT TO:${to}`)).toMatch(/^5\d\d 5\./);
    expect(await client.say('DATA')).toMatch(/^5\d\d 5\.5\.1/);
    client.end();
  });

  it.each([
    ['in clear', async () => openClient(world.port)],
    ['in TLS', async () => openClient(world.tlsPort, { tls: true })],
  ])('submission %s: nobody gets as far as MAIL without a key', async (_, open) => {
    const client = await open();
    await client.reply();
    await client.say('EHLO mx.example.org');
    for (const [from, to] of forms.slice(0, 8)) {
      expect(await client.say(`MAIL FROM:${from}`)).toMatch(/^5[35]0 5\.7\.[01]/);
      expect(await client.say(`RCPT TO:${to}`)).toMatch(/^503/);
      if ((await client.rest(0)) === '' && client.isClosed()) break;
    }
    client.end();
  });

  it('nothing of all that was kept', () => {
    expect(world.arrived).toEqual([]);
    expect(world.objects.size).toBe(0);
    expect(world.requests()).toEqual([]);
  });
});

describe('what port 25 is for', () => {
  it.each([
    ['a bounce', ours],
    ['a bounce, its case changed on the way', ours.toUpperCase()],
    ['feedback', `fbl@${RETURN_PATH}`],
    ['the postmaster', `Postmaster@${RETURN_PATH}`],
    ['inbound parse', `anything.at-all@${PARSE_HOST}`],
  ])('%s', async (_, to) => {
    const client = await openClient(world.inboundPort);
    await client.reply();
    expect(await client.say('EHLO mx.example.org')).not.toContain('AUTH');
    expect(await client.say('AUTH PLAIN AGEAYg==')).toMatch(/^502/);
    await client.say('MAIL FROM:<>');
    expect(await client.say(`RCPT TO:<${to}>`)).toMatch(/^250/);
    await client.say('DATA');
    const said = await client.say('Subject: Undelivered\r\n\r\nSorry\r\n.');
    const mail = world.arrived.at(-1)!;
    expect(said).toBe(`250 2.0.0 Ok: queued as ${mail.id}\r\n`);
    expect(mail).toMatchObject({ mailFrom: '', rcptTo: [to] });
    expect(mail.octets.toString()).toMatch(
      /^Received: from mx\.example\.org \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example\.com with ESMTP id [^\r]+\r\n\t[^\r]+\r\nSubject: Undelivered\r\n\r\nSorry\r\n$/,
    );
    client.end();
  });

  it('STARTTLS is offered, and the session goes on in it', async () => {
    const client = await openClient(world.inboundPort);
    await client.reply();
    expect(await client.say('EHLO mx.example.org')).toContain('STARTTLS');
    await client.say('STARTTLS');
    await client.startTls();
    await client.say('EHLO mx.example.org');
    await client.say('MAIL FROM:<a@example.org>');
    expect(await client.say(`RCPT TO:<x@${PARSE_HOST}>`)).toMatch(/^250/);
    client.end();
  });

  it('a loop: more than a hundred Received fields', async () => {
    const client = await openClient(world.inboundPort);
    await client.reply();
    await client.say('EHLO mx.example.org');
    await client.say('MAIL FROM:<a@example.org>');
    await client.say(`RCPT TO:<x@${PARSE_HOST}>`);
    await client.say('DATA');
    expect(await client.say(`${'Received: from a by b; now\r\n'.repeat(101)}\r\nHi\r\n.`)).toMatch(/^554 5\.4\.6/);
    client.end();
  });
});
