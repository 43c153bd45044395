import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArrivalStore, openArrivals } from '../../../local/inbox/store.ts';
import { BEHAVIOURS } from '../../../local/sink/behaviours.ts';
import { type Sink, startSink } from '../../../local/sink/sink.ts';
import { deliver, greet } from './dialogue.ts';

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

/** The reply to one attempt on a session of its own. */
async function attempt(to: string, from?: string, message?: string): Promise<string> {
  const dialogue = await greet(sink.port);
  const reply = await deliver(dialogue, to, message, from);
  dialogue.close();
  return reply;
}
const arrived = (to: string) => store.list({ to }).length;

describe('refusals', () => {
  const always = BEHAVIOURS.filter(({ action }) => action.do === 'refuse' && action.attempts === undefined);

  test.each(always.map(({ name, action }) => [name, action] as const))('%s', async (name, action) => {
    // Prepare
    const to = `${name}+tag@example.test`;
    const sample = (action as { reply: string }).reply.replaceAll('{ip}', '127.0.0.1').replaceAll('\n', '\r\n');
    const dialogue = await greet(sink.port);

    // Act
    const replies = [await deliver(dialogue, to)];
    const closed = sample.startsWith('421') && (await dialogue.reply());
    replies.push(await attempt(to), await attempt(to));

    // Assess
    expect(replies).toEqual([sample, sample, sample]);
    expect(closed).toBe(sample.startsWith('421') ? 'closed' : false);
    expect(arrived(to)).toBe(0);
    dialogue.close();
  });
});

describe('for the first attempts only', () => {
  test.each([
    ['defer-2', [/^450 4\.2\.0/, /^450 4\.2\.0/, /^250 2\.0\.0/]],
    ['defer-dot-1', [/^451 4\.3\.2/, /^250 2\.0\.0/]],
    ['greylist', [/^451 4\.7\.1/, /^250 2\.0\.0/]],
    ['drop-after-dot-1', [/^closed/, /^250 2\.0\.0/]],
  ])('%s', async (name, expected) => {
    for (const pattern of expected) expect(await attempt(`${name}@first.test`)).toMatch(pattern);
  });

  test('attempts are counted per message, which its return path names', async () => {
    // Prepare
    const to = 'defer-1@count.test';

    // Act
    const replies = [
      await attempt(to, 'message-1@em.shop.test'),
      await attempt(to, 'message-2@em.shop.test'),
      await attempt(to, 'message-1@em.shop.test'),
    ];

    // Assess
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['450', '450', '250']);
  });
});

describe('drops and waits', () => {
  test('drop-in-data closes on the first bytes of the message and stores nothing', async () => {
    // Prepare
    const dialogue = await greet(sink.port);
    for (const command of ['MAIL FROM:<a@b.test>', 'RCPT TO:<drop-in-data@example.test>', 'DATA'])
      await dialogue.ask(command);

    // Act
    dialogue.send('Subject: half\r\n');

    // Assess
    expect(await dialogue.reply()).toBe('closed');
    expect(arrived('drop-in-data@example.test')).toBe(0);
  });

  test('drop-after-dot stores the message, closes without a reply, and says so in its record', async () => {
    // Act
    const reply = await attempt('drop-after-dot@example.test', undefined, 'Message-ID: <lost@x>\r\n\r\nhello\r\n');

    // Assess
    expect(reply).toBe('closed');
    const [{ id } = { id: '' }] = store.list({ to: 'drop-after-dot@example.test' });
    expect(store.find(id)).toMatchObject({ accepted: false, repliedAt: null, messageId: '<lost@x>' });
    expect(sink.dots.find(({ messageId }) => messageId === '<lost@x>')).toEqual({
      messageId: '<lost@x>',
      recipient: 'drop-after-dot@example.test',
      dotAt: expect.any(Number),
    });
  });

  test('what was promised before a drop still goes out', async () => {
    // Prepare: a message and, pipelined behind its dot, one that is dropped
    const dialogue = await greet(sink.port);
    for (const command of ['MAIL FROM:<a@b.test>', 'RCPT TO:<first@example.test>', 'DATA']) await dialogue.ask(command);

    // Act
    dialogue.send('\r\nhello\r\n.\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<busy-421@example.test>\r\n');
    const replies = [await dialogue.reply(), await dialogue.reply(), await dialogue.reply(), await dialogue.reply()];

    // Assess
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '421', 'clo']);
  });

  test('slow-1s answers a second after the dot', async () => {
    // Act
    const before = performance.now();
    const reply = await attempt('slow-1s@example.test');
    const took = performance.now() - before;

    // Assess
    expect(reply).toMatch(/^250/);
    expect(took).toBeGreaterThanOrEqual(999);
    const [{ id } = { id: '' }] = store.list({ to: 'slow-1s@example.test' });
    const { receivedAt, repliedAt } = store.find(id)!;
    expect(repliedAt! - receivedAt).toBeGreaterThanOrEqual(999);
  });
});

describe('arrivals', () => {
  test('one for each accepted RCPT; refused ones have none', async () => {
    // Prepare
    const dialogue = await greet(sink.port);
    const message = 'From: "Ann, Shop" <ann@shop.test>\r\nSubject: Hi\r\nMessage-ID: <m1@shop.test>\r\n\r\n..dot\r\n';

    // Act
    await dialogue.ask('MAIL FROM:<return@em.shop.test>');
    const codes = [];
    for (const name of ['a', 'bounce', 'b'])
      codes.push((await dialogue.ask(`RCPT TO:<${name}@rcpt.test>`)).slice(0, 3));
    await dialogue.ask('DATA');
    dialogue.send(`${message}.\r\n`);
    const reply = await dialogue.reply();
    dialogue.close();

    // Assess
    expect(codes).toEqual(['250', '550', '250']);
    expect(reply).toMatch(/^250/);
    const [second, first] = store.list({ search: '@rcpt.test' });
    expect([first!.to, second!.to]).toEqual(['a@rcpt.test', 'b@rcpt.test']);
    const arrival = store.find(first!.id)!;
    expect(arrival).toMatchObject({
      mailFrom: 'return@em.shop.test',
      from: 'ann@shop.test',
      subject: 'Hi',
      messageId: '<m1@shop.test>',
      tls: null,
      accepted: true,
      repliedAt: expect.any(Number),
    });
    expect(arrival.raw.toString()).toBe(message.replace('..dot', '.dot'));
    expect(arrival.transcript).toContain('C: RCPT TO:<bounce@rcpt.test>\nS: 550-5.1.1 The email');
    expect(arrival.transcript).toMatch(/^S: 220 .*\nC: EHLO client\.test\n(?:.*\n)*S: 250 2\.0\.0 Ok: queued as .*$/);
  });

  test('a transcript holds its own transaction only', async () => {
    // Prepare
    const dialogue = await greet(sink.port);

    // Act
    await deliver(dialogue, 'one@script.test');
    await deliver(dialogue, 'two@script.test');
    dialogue.close();

    // Assess
    const [two] = store.list({ to: 'two@script.test' });
    const { transcript } = store.find(two!.id)!;
    expect(transcript).toContain('EHLO client.test');
    expect(transcript).toContain('two@script.test');
    expect(transcript).not.toContain('one@script.test');
  });
});

describe('latency', () => {
  test('each burst is late by perCommandMs, the dot by afterDotMs more; pipelined commands are one burst', async () => {
    // Prepare
    const slow = await startSink({ store, latency: { perCommandMs: 40, afterDotMs: 100 } });
    const before = performance.now();
    const dialogue = await greet(slow.port);
    const greeted = performance.now() - before;

    // Act
    dialogue.send('MAIL FROM:<a@b.test>\r\nRCPT TO:<late@example.test>\r\nDATA\r\n');
    const replies = [await dialogue.reply(), await dialogue.reply(), await dialogue.reply()];
    const burst = performance.now() - before - greeted;
    dialogue.send('\r\nhello\r\n.\r\n');
    replies.push(await dialogue.reply());
    const dot = performance.now() - before - greeted - burst;
    dialogue.close();
    await slow.stop();

    // Assess
    expect(replies.map((reply) => reply.slice(0, 3))).toEqual(['250', '250', '354', '250']);
    expect(greeted).toBeGreaterThanOrEqual(79);
    expect(burst).toBeGreaterThanOrEqual(39);
    expect(dot).toBeGreaterThanOrEqual(139);
  });
});

test('a port in use is told in a sentence', async () => {
  await expect(startSink({ store, port: sink.port })).rejects.toThrow(
    `the sink cannot listen on 127.0.0.1:${sink.port}: listen EADDRINUSE`,
  );
});
