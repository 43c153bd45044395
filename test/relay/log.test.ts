/** What is logged and counted: enough to see what is wrong, nothing that is secret, and not as much as a stranger wants. */
import { describe, expect, it } from 'vitest';
import { smtpReplies } from '../../core/smtp-server/replies.ts';
import { makeLog, describe as tell } from '../../relay/log.ts';
import { createTally } from '../../relay/tally.ts';
import { begin, logIn, MESSAGE, openClient, PLAIN } from './client.ts';
import { openRelay } from './world.ts';

describe('the log', () => {
  it('has a hundred lines of a kind in a minute, then their number', () => {
    const lines: string[] = [];
    let now = 0;
    const log = makeLog(
      (line) => void lines.push(line),
      () => now,
    );
    for (let n = 0; n < 1_000; n++) log('WARN', 'refused', { n });
    log('WARN', 'another');
    expect(lines).toHaveLength(101);
    now = 60_001;
    log('WARN', 'refused');
    expect(lines.slice(101).map((line) => JSON.parse(line))).toMatchObject([{ notLogged: 900 }, { event: 'refused' }]);
  });

  it('tells an error without what it carries', () =>
    expect(
      JSON.stringify(tell(Object.assign(new Error('no'), { request: { authorization: 'secret' } }))),
    ).not.toContain('secret'));
});

describe('the tally', () => {
  it('of a day: taken, refused, put off, wrong keys, and no line of it has a secret', async () => {
    const lines: string[] = [];
    const tally = createTally(makeLog((line) => void lines.push(line), Date.now));
    const world = await openRelay({ plans: [{ operation: 'recordRequest', fault: 'error', times: 1 }] });
    const client = await logIn(world.tlsPort);
    const send = async (text: string) => {
      await begin(client);
      await client.say('DATA');
      await client.say(`${text}.`);
    };
    await send(MESSAGE);
    await send(MESSAGE);
    await send(MESSAGE.replace('shop@example.com', 'ceo@bank.example'));
    await client.say('XFOO');
    await client.say('MAIL FROM:<> RET=FULL');
    const stranger = await openClient(world.tlsPort, { tls: true });
    await stranger.reply();
    await stranger.say('EHLO c');
    const wrong = PLAIN.slice(0, -6).concat('AAAAAA');
    await stranger.say(`AUTH PLAIN ${wrong}`);
    client.end();
    stranger.end();
    for (const one of world.answered) tally.answered(one, 'submission');
    expect(tally.take()).toEqual({ relayAccepted: 1, relayRefused: 1, relayDeferred: 1, authFailures: 1 });
    expect(tally.take()).toEqual({ relayAccepted: 0, relayRefused: 0, relayDeferred: 0, authFailures: 0 });
    const secret = Buffer.from(PLAIN, 'base64').toString().split('\0')[2]!.split('.')[2]!;
    for (const text of [secret, PLAIN, wrong, 'reader@example.net']) expect(lines.join()).not.toContain(text);
    await world.close();
  });

  it('of the door', () => {
    const tally = createTally(() => {});
    for (const status of [202, 200, 400, 401, 413, 429, 503]) tally.posted(status);
    expect(tally.take()).toEqual({ relayAccepted: 2, relayRefused: 2, relayDeferred: 2, authFailures: 1 });
  });

  it('idle sessions and too many recipients are nobody’s trouble', () => {
    const tally = createTally(() => {});
    const client = { address: '192.0.2.1', helo: '', esmtp: true };
    tally.answered({ verb: 'none', reply: smtpReplies.idle, taken: false, client }, 'submission');
    tally.answered({ verb: 'RCPT', reply: smtpReplies.recipients, taken: false, client }, 'submission');
    expect(tally.take().relayDeferred).toBe(0);
  });
});
