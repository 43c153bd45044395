/**
 * The attack (CVE-2011-0411, CVE-2021-38371, "NO STARTTLS"): somebody on the way puts commands behind the client's STARTTLS, in
 * clear. A server that keeps them answers them inside TLS, as the client's: a MAIL, or a login that takes the victim's message into
 * the attacker's account. Here the connection ends, or nothing of them survives.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClient, PLAIN } from './client.ts';
import { openRelay, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await openRelay();
});
afterAll(() => world.close());

const ready = async () => {
  const client = await openClient(world.port);
  await client.reply();
  await client.say('EHLO victim.example');
  return client;
};

describe('commands behind STARTTLS', () => {
  const injected: [string, string][] = [
    ['a command', 'NOOP\r\n'],
    ['three commands', `EHLO x\r\nAUTH PLAIN ${PLAIN}\r\nMAIL FROM:<a@example.com>\r\n`],
    ['half a command', 'NOO'],
    ['one octet', 'N'],
    ['a line end', '\r\n'],
    ['64 KB', `NOOP ${'x'.repeat(65_536)}`],
  ];
  it.each(injected)('%s in the same packet: the connection ends', async (_, text) => {
    const client = await ready();
    client.write(`STARTTLS\r\n${text}`);
    await client.closed();
    expect(await client.rest(0)).toBe('');
  });

  it.each(injected)('%s after the 220, in clear: the handshake fails, and nothing is answered', async (_, text) => {
    const client = await ready();
    expect(await client.say('STARTTLS')).toMatch(/^220/);
    client.write(`${text}\r\n${'x'.repeat(300)}`);
    await client.closed();
    // At most a TLS alert, in no case a reply.
    expect(await client.rest(0)).not.toMatch(/\d{3}[ -]/);
  });

  it('one octet at a time: what comes before our 220 ends it, what comes after is no handshake', async () => {
    const client = await ready();
    for (const octet of 'STARTTLS\r\nNOOP\r\nNOOP\r\n') {
      client.write(octet);
      await new Promise((done) => setImmediate(done));
    }
    client.write('x'.repeat(300));
    await client.closed();
    expect((await client.rest(0)).match(/^250/gm)).toBeNull();
  });

  it('nothing: TLS, and what was said before it is forgotten', async () => {
    const client = await ready();
    await client.say('STARTTLS');
    await client.startTls();
    expect(await client.say(`AUTH PLAIN ${PLAIN}`)).toMatch(/^503 5\.5\.1 Bad sequence of commands: EHLO first/);
    expect(await client.say('EHLO victim.example')).not.toContain('STARTTLS');
    expect(await client.say('MAIL FROM:<a@example.com>')).toMatch(/^550 5\.7\.1 Unauthenticated Senders Not Allowed/);
    client.end();
  });

  it('a login in clear, where that is allowed, does not outlive STARTTLS', async () => {
    const open = await openRelay({ loginInClear: true });
    const client = await openClient(open.port);
    await client.reply();
    expect(await client.say('EHLO c')).toContain('AUTH PLAIN LOGIN');
    expect(await client.say(`AUTH PLAIN ${PLAIN}`)).toMatch(/^235/);
    await client.say('STARTTLS');
    await client.startTls();
    await client.say('EHLO c');
    expect(await client.say('MAIL FROM:<a@example.com>')).toMatch(/^550/);
    client.end();
    await open.close();
  });

  it('an argument, or a handshake that never comes', async () => {
    const client = await ready();
    expect(await client.say('STARTTLS now')).toMatch(/^501/);
    client.end();
    const slow = await openRelay({ limits: { tlsMs: 100 } });
    const waiting = await openClient(slow.port);
    await waiting.reply();
    await waiting.say('EHLO c');
    await waiting.say('STARTTLS');
    await waiting.closed();
    const silent = await openClient(slow.tlsPort);
    await silent.closed();
    await slow.close();
  });
});
