/** What a client says in its session, and what it hears: greeting, TLS, login, mail, and everything out of order. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../core/job.ts';
import { messageName } from '../../core/records/message-key.ts';
import { begin, logIn, MESSAGE, openClient, PLAIN } from './client.ts';
import { HOST, openRelay, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openRelay();
});
afterAll(() => world.close());

const lastJob = () => JSON.parse(world.cloud.queues.get('lane:default-1')!.at(-1)!.body) as Job;

describe('submission', () => {
  it('STARTTLS, EHLO again, AUTH PLAIN, a message: 250 with its id, in the words of SendGrid', async () => {
    // Prepare
    const client = await openClient(world.port);
    const said: string[] = [await client.reply(), await client.say('EHLO client.example')];
    said.push(await client.say('STARTTLS'));
    await client.startTls();

    // Act
    for (const line of ['EHLO client.example', `AUTH PLAIN ${PLAIN}`, 'MAIL FROM:<shop@example.com> SIZE=300'])
      said.push(await client.say(line));
    said.push(await client.say('RCPT TO:<reader@example.net>'), await client.say('DATA'));
    said.push(await client.say(`${MESSAGE}.`), await client.say('QUIT'));

    // Assess
    const requestId = messageName(world.requests().at(-1)!)!.requestId;
    expect(said).toEqual([
      `220 ${HOST} ESMTP Pennypost service ready\r\n`,
      `250-${HOST}\r\n250-8BITMIME\r\n250-PIPELINING\r\n250-SIZE 31457280\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n`,
      '220 2.0.0 Ready to start TLS\r\n',
      `250-${HOST}\r\n250-8BITMIME\r\n250-PIPELINING\r\n250-SIZE 31457280\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n`,
      '235 2.7.0 Authentication successful\r\n',
      '250 2.1.0 Sender address accepted\r\n',
      '250 2.1.5 Recipient address accepted\r\n',
      '354 Continue\r\n',
      `250 2.0.0 Ok: queued as ${requestId}\r\n`,
      '221 2.0.0 See you later\r\n',
    ]);
    await client.closed();
  });

  it('the record is the same as by HTTP, the octets as they came, with one trace field on top', async () => {
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    await client.say(`${MESSAGE}..dot\r\n.`);
    const [record, job] = [world.requests().at(-1)!, lastJob()];
    expect(record).toMatchObject({ from: 'shop@example.com', subject: 'Hello', copies: 1, keyId: expect.any(String) });
    expect(job.copies).toEqual([{ personalization: 0, role: 'to', address: 'reader@example.net', index: 0 }]);
    const { octets } = job.content!.mime as { octets: string };
    const [received, ...kept] = octets.split(/\r\n(?!\t)/);
    expect(received).toMatch(
      /^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby relay\.example\.com with ESMTPSA id \S{22};\r\n\tMon, 23 Nov 2026 12:\d\d:\d\d \+0000$/,
    );
    expect(kept.join('\r\n')).toBe(`${MESSAGE}.dot\r\n`);
    client.end();
  });

  it('AUTH LOGIN, with and without the user beforehand', async () => {
    for (const opening of ['AUTH LOGIN', `AUTH LOGIN ${Buffer.from('apikey').toString('base64')}`]) {
      const client = await openClient(world.tlsPort, { tls: true });
      await client.reply();
      await client.say('EHLO client.example');
      let said = await client.say(opening);
      if (said === '334 VXNlcm5hbWU6\r\n') said = await client.say(Buffer.from('apikey').toString('base64'));
      expect(said).toBe('334 UGFzc3dvcmQ6\r\n');
      const key = Buffer.from(PLAIN, 'base64').toString().split('\0')[2]!;
      expect(await client.say(Buffer.from(key).toString('base64'))).toMatch(/^235 /);
      client.end();
    }
  });

  it('BDAT: octets as they are, dots untouched', async () => {
    const client = await logIn(world.tlsPort);
    await begin(client);
    const [one, two] = [MESSAGE.slice(0, 50), `${MESSAGE.slice(50)}.dot\r\n..dots\r\n`];
    client.write(`BDAT ${one.length}\r\n${one}`);
    expect(await client.reply()).toBe('250 2.0.0 50 octets received\r\n');
    client.write(`BDAT ${two.length} LAST\r\n${two}`);
    expect(await client.reply()).toMatch(/^250 2\.0\.0 Ok: queued as /);
    const { octets } = lastJob().content!.mime as { octets: string };
    expect(octets.endsWith(`\r\n\r\nHi\r\n.dot\r\n..dots\r\n`)).toBe(true);
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.end();
  });

  it('everything in one packet: every reply, in order', async () => {
    const client = await openClient(world.tlsPort, { tls: true });
    const one = `MAIL FROM:<shop@example.com>\r\nRCPT TO:<reader@example.net>\r\nDATA\r\n${MESSAGE}.\r\n`;
    client.write(`EHLO c\r\nAUTH PLAIN ${PLAIN}\r\n${one}${one}NOOP\r\nQUIT\r\n`);
    const codes = (await client.rest(500)).match(/^\d{3}(?= )/gm);
    expect(codes?.join(' ')).toBe('220 250 235 250 250 354 250 250 250 354 250 250 221');
  });

  it('one octet at a time', async () => {
    const before = world.requests().length;
    const client = await openClient(world.tlsPort, { tls: true });
    const all = `EHLO c\r\nAUTH PLAIN ${PLAIN}\r\nMAIL FROM:<shop@example.com>\r\nRCPT TO:<reader@example.net>\r\nDATA\r\n${MESSAGE}.\r\nQUIT\r\n`;
    for (const octet of all) client.write(octet);
    await client.closed();
    expect(world.requests()).toHaveLength(before + 1);
  });

  it('a sender that is not the account’s: 550 in SendGrid’s words, and the session goes on', async () => {
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    const said = await client.say(`${MESSAGE.replace('shop@example.com', 'ceo@bank.example')}.`);
    expect(said).toMatch(
      /^550 5\.7\.1 The from address does not match a verified Sender Identity\..* bank\.example is no/,
    );
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.end();
  });

  it('Idempotency-Key as a header: twice sent, once taken, the same id', async () => {
    const client = await logIn(world.tlsPort);
    const send = async (text: string) => {
      await begin(client);
      await client.say('DATA');
      return client.say(`Idempotency-Key: order-17\r\n${text}.`);
    };
    const first = await send(MESSAGE);
    expect(await send(MESSAGE)).toBe(first);
    expect(await send(MESSAGE.replace('Hi', 'Ho'))).toMatch(/^550 5\.6\.0 This Idempotency-Key was used/);
    client.end();
  });
});

describe('out of order', () => {
  const cases: [string, string[], RegExp][] = [
    ['MAIL before EHLO', ['MAIL FROM:<a@example.com>'], /^503 5\.5\.1/],
    ['AUTH before EHLO and TLS', [`AUTH PLAIN ${PLAIN}`], /^538 5\.7\.11/],
    ['AUTH before TLS', ['EHLO c', `AUTH PLAIN ${PLAIN}`], /^538 5\.7\.11/],
    ['MAIL before TLS', ['EHLO c', 'MAIL FROM:<a@example.com>'], /^530 5\.7\.0/],
    ['RCPT before MAIL', ['EHLO c', 'RCPT TO:<a@example.com>'], /^503/],
    ['DATA before MAIL', ['EHLO c', 'DATA'], /^503/],
    ['an unknown verb', ['EHLO c', 'XFOO'], /^500 5\.5\.1/],
    ['an empty line', ['EHLO c', ''], /^500/],
    ['a bare LF in a line', ['EHLO c', 'NOOP\nRSET'], /^500 5\.5\.2/],
    ['a bare CR in a line', ['EHLO c', 'NOOP\rRSET'], /^500 5\.5\.2/],
    ['NUL in a line', ['EHLO c', 'NOOP \0'], /^500 5\.5\.2/],
    ['octets that are no UTF-8', ['EHLO c', 'NOOP \xff\xfe'], /^500 5\.5\.2/],
    ['a long line', ['EHLO c', `NOOP ${'x'.repeat(3_000)}`], /^500 5\.5\.2 Command line too long/],
    ['EHLO without a name', ['EHLO'], /^501/],
    ['EHLO with comments', ['EHLO a(b)'], /^501/],
    ['EXPN', ['EHLO c', 'EXPN staff'], /^502/],
    ['VRFY', ['EHLO c', 'VRFY root'], /^252/],
    ['HELO', ['HELO c'], /^250 relay\.example\.com/],
    ['HELP', ['HELP'], /^214/],
  ];
  it.each(cases)('%s', async (_, lines, expected) => {
    const client = await openClient(world.port);
    await client.reply();
    let said = '';
    for (const line of lines) said = await client.say(line);
    expect(said).toMatch(expected);
    expect(await client.say('NOOP')).toBe('250 2.0.0 OK\r\n');
    client.end();
  });

  const inside: [string, string[], RegExp][] = [
    ['AUTH again', [`AUTH PLAIN ${PLAIN}`], /^503/],
    ['STARTTLS in TLS', ['STARTTLS'], /^503/],
    ['MAIL twice', ['MAIL FROM:<a@example.com>', 'MAIL FROM:<a@example.com>'], /^503/],
    ['AUTH in a message', ['MAIL FROM:<a@example.com>', 'AUTH PLAIN x'], /^503/],
    ['DATA without a recipient', ['MAIL FROM:<a@example.com>', 'DATA'], /^554 5\.5\.1/],
    ['BDAT without MAIL', ['BDAT 0 LAST'], /^503/],
    ['MAIL without brackets', ['MAIL FROM:a@example.com'], /^501 5\.5\.4/],
    ['MAIL with a parameter we do not have', ['MAIL FROM:<a@example.com> RET=HDRS'], /^555/],
    ['MAIL with a size that is none', ['MAIL FROM:<a@example.com> SIZE=big'], /^555/],
    ['MAIL with the same parameter twice', ['MAIL FROM:<a@example.com> SIZE=1 SIZE=2'], /^555/],
    ['MAIL with too large a size', ['MAIL FROM:<a@example.com> SIZE=31457281'], /^552 5\.3\.4/],
    ['a sender beyond ASCII without SMTPUTF8', ['MAIL FROM:<\xc3\xa4@example.com>'], /^553 5\.6\.7/],
    ['a sender beyond ASCII with it', ['MAIL FROM:<\xc3\xa4@example.com> SMTPUTF8'], /^250/],
    ['the null sender', ['MAIL FROM:<>'], /^250/],
    ['a sender without a dot', ['MAIL FROM:<root@localhost>'], /^250/],
    ['a recipient without a domain', ['MAIL FROM:<>', 'RCPT TO:<root>'], /^501 5\.1\.3/],
    ['a recipient at an IP address', ['MAIL FROM:<>', 'RCPT TO:<a@[127.0.0.1]>'], /^501 5\.1\.3/],
    ['a recipient in a domain beyond ASCII', ['MAIL FROM:<> SMTPUTF8', 'RCPT TO:<a@b\xc3\xbccher.example>'], /^250/],
    ['a local part beyond ASCII', ['MAIL FROM:<> SMTPUTF8', 'RCPT TO:<\xc3\xa4@example.net>'], /^250/],
    ['the same without SMTPUTF8', ['MAIL FROM:<>', 'RCPT TO:<\xc3\xa4@example.net>'], /^553 5\.6\.7/],
    [
      'one with a space that is not seen',
      ['MAIL FROM:<> SMTPUTF8', 'RCPT TO:<a\xe2\x80\x8bb@example.net>'],
      /^501 5\.1\.3/,
    ],
    ['DSN parameters', ['MAIL FROM:<>', 'RCPT TO:<a@example.net> NOTIFY=NEVER'], /^555/],
    ['EHLO forgets the message', ['MAIL FROM:<>', 'EHLO c', 'RCPT TO:<a@example.net>'], /^503/],
  ];
  it.each(inside)('logged in: %s', async (_, lines, expected) => {
    const client = await logIn(world.tlsPort);
    let said = '';
    for (const line of lines) said = await client.say(line);
    expect(said).toMatch(expected);
    expect(await client.say('NOOP')).toBe('250 2.0.0 OK\r\n');
    client.end();
  });

  it('a chunk that nobody wants is read, and the next command is a command', async () => {
    const client = await logIn(world.tlsPort);
    client.write('BDAT 17\r\nMAIL FROM:<evil>\r\nNOOP\r\n');
    expect(await client.reply()).toMatch(/^503/);
    client.end();
  });

  it('a bad chunk spoils the message until RSET', async () => {
    const client = await logIn(world.tlsPort);
    await begin(client);
    client.write('BDAT 4\r\na\nb\n');
    expect(await client.reply()).toMatch(/^554 5\.6\.0 Bare CR or LF/);
    client.write('BDAT 2 LAST\r\n\r\n');
    expect(await client.reply()).toMatch(/^503/);
    expect(await client.say('DATA')).toMatch(/^503/);
    expect(await client.say('RSET')).toMatch(/^250/);
    await begin(client);
    client.end();
  });
});
