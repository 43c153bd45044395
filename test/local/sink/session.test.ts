import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArrivalStore, openArrivals } from '../../../local/inbox/store.ts';
import { type Sink, startSink } from '../../../local/sink/sink.ts';
import { deliver, dial, greet } from './dialogue.ts';

let store: ArrivalStore;
let sink: Sink;
beforeAll(async () => {
  store = openArrivals({});
  sink = await startSink({ store });
});
afterAll(async () => {
  await sink.stop();
  store.close();
});

describe('commands', () => {
  test.each([
    ['MAIL before EHLO', ['MAIL FROM:<a@b.test>'], ['503']],
    ['RCPT before MAIL', ['EHLO c', 'RCPT TO:<a@b.test>'], ['250', '503']],
    ['DATA before MAIL', ['EHLO c', 'DATA'], ['250', '503']],
    ['DATA without a recipient', ['EHLO c', 'MAIL FROM:<>', 'DATA'], ['250', '250', '554']],
    [
      'DATA when every recipient was refused',
      ['EHLO c', 'MAIL FROM:<>', 'RCPT TO:<bounce@b.test>', 'DATA'],
      ['250', '250', '550', '554'],
    ],
    ['MAIL twice', ['EHLO c', 'MAIL FROM:<>', 'MAIL FROM:<>'], ['250', '250', '503']],
    ['RSET ends the transaction', ['EHLO c', 'MAIL FROM:<>', 'RSET', 'MAIL FROM:<>'], ['250', '250', '250', '250']],
    [
      'EHLO ends the transaction',
      ['EHLO c', 'MAIL FROM:<>', 'EHLO c', 'RCPT TO:<a@b.test>'],
      ['250', '250', '250', '503'],
    ],
    ['HELO', ['HELO c', 'MAIL FROM:<a@b.test>'], ['250', '250']],
    ['without arguments', ['EHLO', 'HELO', 'EHLO c', 'MAIL', 'DATA x'], ['501', '501', '250', '501', '501']],
    ['NOOP, VRFY, HELP', ['NOOP', 'VRFY x', 'HELP'], ['250', '252', '214']],
    ['unknown ones', ['AUTH PLAIN', 'BDAT 10', '', '__proto__', 'constructor'], ['500', '500', '500', '500', '500']],
    ['in small letters', ['ehlo c', 'mail from:<a@b.test>'], ['250', '250']],
    ['with a NUL or a bare line end', ['NO\0OP', 'NOOP\rNOOP', 'NOOP\nNOOP', 'NOOP'], ['500', '500', '500', '250']],
    ['QUIT', ['QUIT', 'NOOP'], ['221', 'closed']],
  ])('%s', async (_, commands, codes) => {
    // Prepare
    const dialogue = await dial(sink.port);
    await dialogue.reply();

    // Act
    const replies = [];
    for (const command of commands) replies.push(await dialogue.ask(command));

    // Assess
    expect(replies.map((reply) => (reply === 'closed' ? reply : reply.slice(0, 3)))).toEqual(codes);
    dialogue.close();
  });

  test('EHLO offers what the sink can do', async () => {
    const dialogue = await dial(sink.port);
    await dialogue.reply();
    const offered = (await dialogue.ask('EHLO c')).split('\r\n').map((line) => line.slice(4));
    expect(offered.slice(1)).toEqual([
      'PIPELINING',
      'SIZE 36700160',
      '8BITMIME',
      'SMTPUTF8',
      'ENHANCEDSTATUSCODES',
      'STARTTLS',
    ]);
    dialogue.close();
  });

  test('commands may come in one write or byte by byte', async () => {
    // Prepare
    const dialogue = await greet(sink.port);
    const commands = 'MAIL FROM:<a@b.test>\r\nRCPT TO:<a@b.test>\r\nRSET\r\n';

    // Act
    dialogue.send(commands);
    const once = [await dialogue.reply(), await dialogue.reply(), await dialogue.reply()];
    for (const byte of commands) dialogue.send(byte);
    const bytewise = [await dialogue.reply(), await dialogue.reply(), await dialogue.reply()];

    // Assess
    expect(bytewise).toEqual(once);
    expect(once.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '250']);
    dialogue.close();
  });

  test('an endless command line, and endless errors, end the session', async () => {
    // Prepare
    const [long, wrong] = [await greet(sink.port), await greet(sink.port)];

    // Act
    long.send('A'.repeat(5000));
    const replies = [];
    for (let i = 0; i < 21; i++) replies.push(await wrong.ask('WRONG'));

    // Assess
    expect(await long.reply()).toMatch(/^421 /);
    expect(await long.reply()).toBe('closed');
    expect(replies.at(-2)).toMatch(/^500 /);
    expect(replies.at(-1)).toMatch(/^421 /);
    expect(await wrong.reply()).toBe('closed');
  });

  test('a body sent before the 354 is not read as commands', async () => {
    // Prepare
    const dialogue = await greet(sink.port);

    // Act
    dialogue.send('MAIL FROM:<a@b.test>\r\nRCPT TO:<early@b.test>\r\nDATA\r\nRSET\r\n.\r\n');
    const replies = [await dialogue.reply(), await dialogue.reply(), await dialogue.reply(), await dialogue.reply()];

    // Assess
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '421', 'clo']);
    expect(store.list({ to: 'early@b.test' })).toEqual([]);
  });
});

describe('smuggling', () => {
  // The attack: text that some servers read as an end of data, then commands, then a second message. The sink must store
  // nothing of a message with a bare CR or LF, and answer the next command as the next command.
  test.each([
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r.\r\n',
    '\r\n.\r',
    '\r\r\n.\r\r\n',
    '\n\n.\r\n',
    '\r\n\0.\r\n',
  ])('by %j', async (variant) => {
    // Prepare
    const dialogue = await greet(sink.port);
    const smuggled = 'MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: 2\r\n\r\nsmuggled\r\n';

    // Act
    const reply = await deliver(dialogue, 'carrier@x.test', `Subject: 1\r\n\r\nfirst${variant}${smuggled}`);
    const inStep = [await dialogue.ask('NOOP'), await dialogue.ask('VRFY x')];

    // Assess
    const bare = /\r(?!\n)|(?<!\r)\n/.test(variant);
    expect(reply).toMatch(bare ? /^550 5\.5\.2 Bare/ : /^250/);
    expect(inStep.map((one) => one.slice(0, 3))).toEqual(['250', '252']);
    expect(store.list({ to: 'victim@x.test' })).toEqual([]);
    expect(store.list({ to: 'carrier@x.test' })).toHaveLength(bare ? 0 : 1);
    store.deleteAll();
    dialogue.close();
  });

  test('over the size limit: read to its end, refused, in step', async () => {
    // Prepare
    const dialogue = await greet(sink.port);
    const message = `${'a'.repeat(998)}\r\n`.repeat(36_701);

    // Act
    const reply = await deliver(dialogue, 'big@x.test', message);
    const next = await deliver(dialogue, 'small@x.test');

    // Assess
    expect(reply).toMatch(/^552 5\.3\.4/);
    expect(next).toMatch(/^250/);
    expect(store.list({ to: 'big@x.test' })).toEqual([]);
    dialogue.close();
  });
});

describe('STARTTLS', () => {
  test('the session begins anew, encrypted, and the record says so', async () => {
    // Prepare
    const plain = await greet(sink.port);

    // Act
    const ready = await plain.ask('STARTTLS');
    const secure = await plain.encrypt();
    const early = await secure.ask('MAIL FROM:<a@b.test>');
    const offered = await secure.ask('EHLO client.test');
    const again = await secure.ask('STARTTLS');
    const reply = await deliver(secure, 'tls@x.test');
    secure.close();

    // Assess
    expect(ready).toMatch(/^220 /);
    expect(early).toMatch(/^503 /);
    expect(offered).not.toContain('STARTTLS');
    expect(again).toMatch(/^502 /);
    expect(reply).toMatch(/^250 /);
    const [arrival] = store.list({ to: 'tls@x.test' });
    expect(store.find(arrival!.id)).toMatchObject({
      tls: 'TLSv1.3',
      transcript: expect.stringContaining('(TLS established: TLSv1.3'),
    });
  });

  // The attack (CVE-2011-0411): somebody on the line adds commands behind STARTTLS in clear; a server that keeps them in
  // its buffer obeys them as if they had come encrypted. The connection must go, and nothing of them be done.
  test.each([
    ['a command', 'MAIL FROM:<evil@x.test>\r\n'],
    ['three commands', 'EHLO evil\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\n'],
    ['a fragment', 'MAIL FR'],
    ['one byte', 'M'],
    ['an empty line', '\r\n'],
  ])('injection of %s in the same packet', async (_, injected) => {
    // Prepare
    const dialogue = await greet(sink.port);

    // Act
    dialogue.send(`STARTTLS\r\n${injected}`);

    // Assess
    expect(await dialogue.reply()).toBe('closed');
  });

  test('injection before our 220, and in place of the handshake', async () => {
    // Prepare
    const slow = await startSink({ store, latency: { perCommandMs: 250, afterDotMs: 0 } });
    const [before, instead] = [await greet(slow.port), await greet(sink.port)];

    // Act
    before.send('STARTTLS\r\n');
    await new Promise((resolve) => setTimeout(resolve, 15));
    before.send('NOOP\r\n');
    const ready = await instead.ask('STARTTLS');
    instead.send('NOOP\r\n');

    // Assess
    expect(await before.reply()).toBe('closed');
    expect(ready).toMatch(/^220/);
    expect(await instead.reply()).toBe('closed');
    await slow.stop();
  });

  test('a sink without TLS neither offers nor takes it', async () => {
    // Prepare
    const clear = await startSink({ store, tls: false });
    const dialogue = await dial(clear.port);
    await dialogue.reply();

    // Act
    const offered = await dialogue.ask('EHLO c');
    const refused = await dialogue.ask('STARTTLS');

    // Assess
    expect(offered).not.toContain('STARTTLS');
    expect(refused).toMatch(/^502 /);
    dialogue.close();
    await clear.stop();
  });
});

test('a client library that we did not write gets its mail through, over TLS, to a non-ASCII address', async () => {
  // Prepare
  const transport = createTransport({ host: '127.0.0.1', port: sink.port, tls: { rejectUnauthorized: false } });

  // Act
  await transport.sendMail({ from: 'a@b.test', to: 'grüße@x.test', subject: 'Grüße', text: '.dot\nfirst' });
  transport.close();

  // Assess
  const [summary] = store.list({ to: 'grüße@x.test' });
  expect(summary).toMatchObject({ subject: 'Grüße', from: 'a@b.test' });
  expect(store.find(summary!.id)!.raw.toString()).toMatch(/\r\n\r\n\.dot\r\nfirst\r\n$/);
});
