/**
 * The attacks: connections that are opened and left (slow loris), lines and messages without an end, keys guessed by the thousand,
 * commands that do nothing, messages that fill the memory. Each is bounded, and who is within the limits does not notice.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Limits } from '../../relay/limits.ts';
import { begin, type Client, logIn, MESSAGE, openClient, PLAIN } from './client.ts';
import { openRelay, PARSE_HOST, type World } from './world.ts';

let world: World;
afterEach(() => world.close());
const open = async (limits: Partial<Limits> = {}) => {
  world = await openRelay({ limits });
};
const greeted = async (port = world.port): Promise<Client> => {
  const client = await openClient(port);
  await client.reply();
  return client;
};
const WRONG = Buffer.from(`\0apikey\0SG.operator${'a'.repeat(14)}.${'b'.repeat(43)}`).toString('base64');

describe('slow clients', () => {
  it('says nothing: 421 after the idle time', async () => {
    await open({ idleMs: 100 });
    const client = await greeted();
    expect(await client.reply()).toMatch(/^421 4\.4\.2 Nothing came for/);
    await client.closed();
  });

  it('an octet now and then: a line has its own time', async () => {
    await open({ lineMs: 200, idleMs: 100 });
    const client = await greeted();
    const drip = setInterval(() => client.write('x'), 20);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 That came too slowly/);
    clearInterval(drip);
  });

  it('commands, but no login: the time until then counts', async () => {
    await open({ loginMs: 200, idleMs: 10_000 });
    const client = await openClient(world.tlsPort, { tls: true });
    await client.reply();
    await client.say('EHLO c');
    expect(await client.reply()).toMatch(/^421 4\.4\.2/);
  });

  it('a message that drips: it must come at a rate, and nothing of it is kept', async () => {
    await open({ messageMs: 200 });
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    const drip = setInterval(() => client.write('x'), 20);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 That came too slowly/);
    clearInterval(drip);
    await client.closed();
    expect(world.requests()).toEqual([]);
    expect(world.memory.short.used()).toBe(0);
  });

  it('does not read what it asked for', async () => {
    await open({ writeMs: 200, idleCommands: 1e9 });
    const client = await greeted();
    client.socket().pause();
    // More replies than the kernel's buffers hold.
    const lines = 'HELP\r\n'.repeat(20_000);
    for (let n = 0; n < 30 && !client.socket().destroyed; n++) {
      client.write(lines);
      await new Promise((done) => setTimeout(done, 20));
    }
    await expect.poll(() => world.gate.connections(), { timeout: 10_000 }).toBe(0);
  });
});

describe('lines and messages without an end', () => {
  it('a line: read to its end, one reply; without an end the connection is given up', async () => {
    await open();
    const client = await greeted();
    expect(await client.say('x'.repeat(60_000))).toMatch(/^500 5\.5\.2 Command line too long/);
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.write('x'.repeat(200_000));
    expect(await client.reply()).toMatch(/^421/);
  });

  it('a message over the limit: 552 when it ends, and the session is in step', async () => {
    await open({ messageBytes: 100_000 });
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    client.write(`${MESSAGE}${`${'x'.repeat(998)}\r\n`.repeat(120)}`);
    expect(await client.say('.')).toMatch(/^552 5\.3\.4/);
    expect(await client.say('NOOP')).toMatch(/^250/);
    expect(world.objects.size).toBe(0);
    client.end();
  });

  it('a message that never ends: cut', async () => {
    await open({ messageBytes: 100_000, excessBytes: 500_000 });
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    for (let n = 0; n < 100; n++) client.write(`${'x'.repeat(9_998)}\r\n`);
    expect(await client.reply()).toMatch(/^552 5\.3\.4/);
    await client.closed();
  });

  it('a line of a message, and its header', async () => {
    await open({ messageLineBytes: 5_000, headerBytes: 10_000 });
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    expect(await client.say(`${MESSAGE}${'x'.repeat(5_001)}\r\n.`)).toMatch(/^554 5\.6\.0 A line/);
    await begin(client);
    await client.say('DATA');
    expect(await client.say(`${'X-Y: 0123456789\r\n'.repeat(700)}${MESSAGE}.`)).toMatch(/^552 5\.3\.4 Header section/);
    expect(await client.say('NOOP')).toMatch(/^250/);
    client.end();
  });

  it('NUL', async () => {
    await open();
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    expect(await client.say(`${MESSAGE}a\0b\r\n.`)).toMatch(/^554 5\.6\.0 NUL/);
    client.end();
  });
});

describe('counts of a session', () => {
  it('errors', async () => {
    await open({ errors: 5 });
    const client = await greeted();
    for (let n = 0; n < 5; n++) expect(await client.say('XFOO')).toMatch(/^500/);
    expect(await client.reply()).toMatch(/^421 4\.7\.0 Too many errors/);
    await client.closed();
  });

  it('commands that do nothing', async () => {
    await open({ idleCommands: 10 });
    const client = await greeted();
    for (let n = 0; n < 11; n++) expect(await client.say(n % 2 ? 'NOOP' : 'RSET')).toMatch(/^250/);
    expect(await client.reply()).toMatch(/^421 4\.7\.0 Too many commands/);
  });

  it('recipients of a message: 452, and the others get it', async () => {
    await open({ recipients: 3 });
    const client = await logIn(world.tlsPort);
    await client.say('MAIL FROM:<shop@example.com>');
    for (let n = 0; n < 3; n++) expect(await client.say(`RCPT TO:<r${n}@example.net>`)).toMatch(/^250/);
    expect(await client.say('RCPT TO:<r3@example.net>')).toMatch(/^452 4\.5\.3/);
    await client.say('DATA');
    await client.say(`${MESSAGE}.`);
    expect(world.requests()).toMatchObject([{ copies: 3 }]);
    client.end();
  });

  it('messages on a connection', async () => {
    await open({ messages: 2 });
    const client = await logIn(world.tlsPort);
    for (let n = 0; n < 2; n++) {
      await begin(client);
      await client.say('DATA');
      await client.say(`${MESSAGE}.`);
    }
    expect(await client.say('MAIL FROM:<shop@example.com>')).toMatch(/^421 4\.7\.0 2 messages were sent/);
    await client.closed();
  });

  it('at port 25 refused recipients are errors: nobody tries names for long', async () => {
    await open({ errors: 5 });
    const client = await greeted(world.inboundPort);
    await client.say('EHLO c');
    await client.say('MAIL FROM:<>');
    for (let n = 0; n < 5; n++) expect(await client.say(`RCPT TO:<n${n}@em.example.com>`)).toMatch(/^550 5\.1\.1/);
    expect(await client.reply()).toMatch(/^421/);
  });
});

describe('logins', () => {
  it('three wrong ones end the session', async () => {
    await open();
    const client = await openClient(world.tlsPort, { tls: true });
    await client.reply();
    await client.say('EHLO c');
    for (let n = 0; n < 3; n++) expect(await client.say(`AUTH PLAIN ${WRONG}`)).toMatch(/^535 5\.7\.8/);
    await client.closed();
  });

  it('ten wrong ones of an address: it waits, its own key or not, and then may again', async () => {
    await open({ loginsOfAddress: 10 });
    for (let n = 0; n < 5; n++) {
      const client = await openClient(world.tlsPort, { tls: true });
      await client.reply();
      await client.say('EHLO c');
      for (let m = 0; m < 2; m++) expect(await client.say(`AUTH PLAIN ${WRONG}`)).toMatch(/^535/);
      client.end();
    }
    const client = await openClient(world.tlsPort, { tls: true });
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say(`AUTH PLAIN ${PLAIN}`)).toBe(
      '421 4.7.0 Too many failed logins from your address; wait 600 seconds\r\n',
    );
    world.cloud.now += 600_001;
    (await logIn(world.tlsPort)).end();
  });

  it.each([
    ['another user', Buffer.from(`\0admin\0${Buffer.from(PLAIN, 'base64').toString().split('\0')[2]}`), 535],
    ['acting as somebody else', Buffer.concat([Buffer.from('root'), Buffer.from(PLAIN, 'base64')]), 535],
    ['an empty password', Buffer.from('\0apikey\0'), 535],
    ['no NUL at all', Buffer.from('apikey'), 535],
    ['a password of 8 KB', Buffer.from(`\0apikey\0${'x'.repeat(1_000)}`), 535],
  ])('%s', async (_, octets, code) => {
    await open();
    const client = await openClient(world.tlsPort, { tls: true });
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say(`AUTH PLAIN ${octets.toString('base64')}`)).toMatch(new RegExp(`^${code}`));
    client.end();
  });

  it.each([
    ['no base64', 'AUTH PLAIN !!!!', /^501 5\.5\.2/],
    ['base64 without its padding', 'AUTH PLAIN YQ', /^501 5\.5\.2/],
    ['a mechanism we do not have', 'AUTH CRAM-MD5', /^504/],
    ['no mechanism', 'AUTH', /^504/],
    ['too much', `AUTH PLAIN ${PLAIN} x`, /^504/],
  ])('%s', async (_, line, expected) => {
    await open();
    const client = await openClient(world.tlsPort, { tls: true });
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say(line)).toMatch(expected);
    client.end();
  });

  it('is given up with an asterisk', async () => {
    await open();
    const client = await openClient(world.tlsPort, { tls: true });
    await client.reply();
    await client.say('EHLO c');
    expect(await client.say('AUTH LOGIN')).toMatch(/^334/);
    expect(await client.say('*')).toMatch(/^501 5\.7\.0/);
    client.end();
  });

  it('a key that may not send mail: it says so, and no other key is guessed by it', async () => {
    world = await openRelay({ scopes: ['stats.read'] });
    await expect(logIn(world.tlsPort)).rejects.toThrow(
      '535 5.7.8 Authentication failed: this API key has no mail.send scope',
    );
  });
});

describe('counts of a process', () => {
  it('connections of an address, those that are not logged in, and all', async () => {
    await open({ strangersOfAddress: 2, connectionsOfAddress: 3 });
    const first = await greeted();
    const second = await greeted();
    const third = await openClient(world.port);
    expect(await third.reply()).toMatch(/^421 4\.7\.0 Too many connections from your address/);
    await third.closed();
    first.end();
    second.end();
    await expect.poll(() => world.gate.connections()).toBe(0);
    const known = await logIn(world.tlsPort);
    const more = [await greeted(), await greeted()];
    const last = await openClient(world.port);
    expect(await last.reply()).toMatch(/^421/);
    for (const client of [known, ...more]) client.end();
  });

  it('connections of a key', async () => {
    await open({ connectionsOfKey: 1 });
    const first = await logIn(world.tlsPort);
    await expect(logIn(world.tlsPort)).rejects.toThrow('421 4.7.0 Too many connections with this API key');
    first.end();
    await expect.poll(() => world.gate.connections()).toBe(0);
    (await logIn(world.tlsPort)).end();
  });

  it('messages of a key, and mails of an address, in a minute', async () => {
    await open({ messagesOfKey: 1, inboundMessagesOfAddress: 1 });
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('RSET');
    expect(await client.say('MAIL FROM:<shop@example.com>')).toBe(
      '451 4.7.1 Too many messages in a minute; wait 60 seconds\r\n',
    );
    world.cloud.now += 60_001;
    await begin(client);
    const mx = await greeted(world.inboundPort);
    await mx.say('EHLO mx');
    await mx.say('MAIL FROM:<>');
    expect(await mx.say(`RCPT TO:<x@${PARSE_HOST}>`)).toMatch(/^250/);
    await mx.say('RSET');
    expect(await mx.say('MAIL FROM:<>')).toMatch(/^451 4\.7\.1/);
    client.end();
    mx.end();
  });
});

describe('packets of one octet', () => {
  it('a header of a megabyte in lines of a dot: it costs its octets, not an object each', async () => {
    await open({ messageLineBytes: 2_000_000 });
    const client = await logIn(world.tlsPort);
    await begin(client);
    await client.say('DATA');
    const before = process.memoryUsage().heapUsed;
    const dotted = '..\r\n'.repeat(16_384);
    let most = 0;
    for (let n = 0; n < 20; n++) {
      client.write(dotted);
      await new Promise((done) => setTimeout(done, 5));
      most = Math.max(most, process.memoryUsage().heapUsed - before);
    }
    expect(await client.say('.')).toMatch(/^5\d\d/);
    expect(most).toBeLessThan(100_000_000);
    client.end();
  });

  it('pipelined while nobody reads them: the client is stopped, and all are answered in the end', async () => {
    await open({ idleCommands: 1e9 });
    const client = await logIn(world.tlsPort);
    for (let n = 0; n < 2_000; n++) client.write(n % 6 < 4 ? 'NOOP'[n % 6]! : '\r\n'[(n % 6) - 4]!);
    const replies = (await client.rest(500)).match(/^250 /gm) ?? [];
    expect(replies.length).toBe(Math.floor(2_000 / 6));
    client.end();
  });
});
