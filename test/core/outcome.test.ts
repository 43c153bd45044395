import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DOUBT_ATTEMPTS } from '../../core/limits.ts';
import {
  type Attempt,
  doubtAgain,
  expire,
  judge as judgeBy,
  mayTryNext,
  STAGES,
  type Stage,
} from '../../core/outcome.ts';
import { compileShaping } from '../../core/shaping/compile.ts';
import { createReplyReader, type Reply } from '../../core/smtp/reply.ts';

const SHAPING = compileShaping();
const judge = (attempt: Attempt, provider = 'other') => judgeBy(attempt, SHAPING, provider);

function replied(stage: Stage, line: string): Attempt {
  const [reply] = createReplyReader().read(Buffer.from(`${line}\r\n`)) as Reply[];
  return { ok: false, stage, reply: reply!, afterDot: false };
}
const lost = (stage: Stage, afterDot = false): Attempt => ({ ok: false, stage, error: 'ECONNRESET', afterDot });

describe('outcome', () => {
  it.each<[Stage, string, string]>([
    // The address.
    ['rcpt', '550-5.1.1 The email account that you tried to reach does not exist. Please try', 'bounce'],
    ['rcpt', '550 5.1.1 <x@y.example>: Recipient address rejected: User unknown in virtual mailbox table', 'bounce'],
    ['rcpt', '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)', 'bounce'],
    [
      'rcpt',
      '550 5.4.1 Recipient address rejected: Access denied. [AM0EUR05FT003.eop-eur05.prod.protection.outlook.com]',
      'bounce',
    ],
    ['rcpt', '550 5.2.1 The email account that you tried to reach is inactive.', 'bounce'],
    ['rcpt', '553 5.1.3 The recipient address <x@@y> is not a valid RFC-5321 address', 'bounce'],
    ['rcpt', '556 5.1.10 recipient domain has a null MX', 'bounce'],
    ['rcpt', '550 Requested action not taken: mailbox unavailable', 'bounce'],
    ['rcpt', '550 No such user here', 'bounce'],
    ['rcpt', '550 Unknown recipient', 'bounce'],
    ['rcpt', '551 not local', 'bounce'],
    [
      'dot',
      "554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) - mailbox not found",
      'bounce',
    ],
    ['dot', '550 5.1.1 user unknown', 'bounce'],
    // Us, the content, or nobody knows.
    ['rcpt', '554 5.7.1 <x@y.example>: Relay access denied', 'blocked'],
    ['rcpt', '550 Unrouteable address', 'blocked'],
    ['rcpt', '550 5.1.4 Recipient address rejected: Access denied. AS(201806281)', 'blocked'],
    [
      'rcpt',
      '550 5.1.1 RCP-P2 http://postmaster.facebook.com/response_codes Refused due to recipient preferences',
      'blocked',
    ],
    ['mail', '550 5.1.1 no such user', 'blocked'],
    ['rcpt', '550 5.2.2 mailbox full', 'blocked'],
    ['rcpt', '550 Mailbox quota exceeded', 'blocked'],
    ['rcpt', '554 Transaction failed', 'blocked'],
    ['rcpt', '503 5.5.1 bad sequence', 'blocked'],
    ['mail', '550 5.1.8 Sender address rejected: Domain not found', 'blocked'],
    ['mail', '550 no such user', 'blocked'],
    ['mail', '552 5.3.4 message size exceeds fixed limit', 'blocked'],
    ['data', '554 5.5.1 Error: no valid recipients', 'blocked'],
    ['dot', '550 5.7.26 This mail has been blocked because the sender is unauthenticated.', 'blocked'],
    ['dot', '552-5.7.0 This message was blocked because its content presents a potential security issue.', 'blocked'],
    ['dot', '554 5.7.9 Message not accepted for policy reasons.', 'blocked'],
    ['dot', '550 rejected', 'blocked'],
  ])('%s: %s → bounced, %s', (stage, line, type) => {
    const verdict = judge(replied(stage, line.replace(/^(\d{3})-/, '$1 ')));
    expect(verdict).toMatchObject({ event: 'bounced', type });
  });

  // Not the copy's fault, and not the reader's: the copy waits, the IP is paused at that site, somebody is told.
  it.each<[string, Stage, string]>([
    ['other', 'rcpt', '550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus.'],
    ['other', 'rcpt', '554 Blocked - see https://support.proofpoint.com/dnsbl-lookup.cgi?ip=192.0.2.225'],
    ['other', 'mail', '550 Your IP address is listed in our RBL'],
    ['other', 'rcpt', "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your ISP"],
    [
      'other',
      'rcpt',
      "550 SC-001 (COL004-MC1F21) Unfortunately, messages from 192.0.2.1 weren't sent. part of their network is on our block list",
    ],
    ['microsoft', 'mail', '550 5.7.1 part of their network is on our block list (S3140)'],
    ['microsoft365', 'rcpt', '550 5.7.649 Access denied, banned sending IP [192.0.2.1]'],
    ['yahoo', 'mail', '553 5.7.1 [TSS07] All messages from 192.0.2.1 refused'],
    ['cox', 'mail', '554 cox.net 192.0.2.1 blocked AUP#CXBL'],
    ['orange', 'rcpt', '550 Client host blocked for spamming issues. OFR006_102'],
  ])('%s, %s: %s → deferred, paused, told', (provider, stage, line) => {
    expect(judge(replied(stage, line), provider)).toMatchObject({
      event: 'deferred',
      classification: 'Reputation',
      act: { do: 'pause', operator: true },
    });
  });

  it.each<[Stage, string]>([
    ['rcpt', '450 4.2.0 <x@y.example>: Recipient address rejected: Greylisted'],
    ['rcpt', '451 4.7.1 Try again later'],
    ['mail', '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints'],
    ['dot', '421 4.7.28 Our system has detected an unusual rate of unsolicited mail'],
    ['dot', '452 4.3.1 Out of memory'],
    ['rcpt', '552 too many recipients'],
    ['banner', '554 5.7.1 no SMTP service here'],
    ['ehlo', '550 5.7.1 access denied'],
    ['starttls', '454 4.7.0 TLS not available'],
  ])('%s: %s → deferred', (stage, line) => expect(judge(replied(stage, line)).event).toBe('deferred'));

  it('delivers on 2xx', () => {
    const [reply] = createReplyReader().read(Buffer.from('250 2.0.0 OK 1234\r\n')) as Reply[];
    expect(judge({ ok: true, reply: reply! })).toEqual({
      event: 'delivered',
      reply: '250 2.0.0 OK 1234',
      status: '2.0.0',
    });
  });

  it('tells its cause: class, rule and act', () => {
    const verdict = judge(
      replied(
        'dot',
        '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address',
      ),
      'google',
    );
    expect(verdict).toMatchObject({
      event: 'deferred',
      classification: 'Frequency or Volume Too High',
      rule: 'gmail-rate-ip',
      act: { do: 'recover', quotas: ['ip'] },
    });
    expect(judge(replied('rcpt', '554 Xyzzy'))).toEqual({
      event: 'bounced',
      type: 'blocked',
      reply: '554 Xyzzy',
      status: '554',
      classification: 'Unclassified',
    });
  });

  it('suppresses nobody at MAIL, and bounces nothing before it, whatever a rule says', () => {
    const eager = compileShaping({
      rules: [{ name: 'eager', match: '^5', sample: '550 no', event: 'bounced', type: 'bounce' }],
    });
    const at = (stage: Stage) => judgeBy(replied(stage, '550 no'), eager, 'other');
    expect(at('rcpt')).toMatchObject({ event: 'bounced', type: 'bounce', rule: 'eager' });
    expect(at('mail')).toMatchObject({ event: 'bounced', type: 'blocked' });
    for (const stage of ['banner', 'ehlo', 'starttls'] as const) expect(at(stage).event).toBe('deferred');
  });

  it('doubts only what was lost behind the final dot', () => {
    for (const stage of STAGES) expect(judge(lost(stage)).event).toBe('deferred');
    expect(judge(lost('dot', true))).toEqual({
      event: 'doubted',
      reply: 'dot: ECONNRESET',
      classification: 'Technical Failure',
    });
    let doubts = 0;
    let attempts = 1;
    for (let next = doubtAgain(doubts); !next.final; next = doubtAgain(doubts), attempts++) doubts = next.doubts;
    expect(attempts).toBe(1 + DOUBT_ATTEMPTS);
  });

  it('tries the next host only before a mail was named', () => {
    const may = STAGES.filter((stage) => mayTryNext({ stage }));
    expect(may).toEqual(['dns', 'connect', 'banner', 'ehlo', 'starttls']);
  });

  it('ends an expired copy as blocked, with the last reply', () => {
    expect(expire('450 4.2.0 greylisted', '4.2.0')).toEqual({
      event: 'bounced',
      type: 'blocked',
      reply: 'expired: 450 4.2.0 greylisted',
      status: '4.2.0',
    });
  });

  it('records no reply longer than 500 characters', () => {
    expect(judge(replied('rcpt', `550 5.1.1 ${'x'.repeat(3_000)}`)).reply).toHaveLength(500);
  });

  // Attack: a reply made to make a pattern backtrack.
  it('judges hostile replies in linear time', () => {
    for (const unit of ['user ', 'mailbox not ', 'recipient address ', 'a', 'no such ', 'account is '])
      expect(judge(replied('rcpt', `550 ${unit.repeat(4_000 / unit.length)}`)).event).toBe('bounced');
  });

  const SAMPLES = '../shared/corpus/kumomta/assets/community/bounces.toml';
  // Rules of others, their patterns read as the replies that they were written for: plain ones only.
  it.skipIf(!existsSync(SAMPLES))('suppresses nobody for what others call spam, policy, routing or quota', () => {
    const byClass = new Map<string, string[]>();
    let name = '';
    for (const line of readFileSync(SAMPLES, 'utf8').split('\n')) {
      name = /^(\w+) = \[/.exec(line)?.[1] ?? name;
      const [, code, pattern = ''] = /^\s*"\^(5\d\d)((?:[^"\\]|\\.)*)"/.exec(line) ?? [];
      const text = pattern
        .replaceAll('\\\\.', '.')
        .replace(/\.[+*]/g, ' ')
        .replace(/\$/, '')
        .trim();
      if (!code || /[\\()|[\]{}?]/.test(text)) continue;
      const { event, type } = judge(replied('rcpt', `${code} ${text}`)) as { event: string; type?: string };
      byClass.set(name, [...(byClass.get(name) ?? []), type ?? event]);
    }
    const bounces = (names: string[]) => {
      const all = names.flatMap((one) => byClass.get(one) ?? []);
      expect(all.length).toBeGreaterThan(5);
      return all.filter((type) => type === 'bounce').length / all.length;
    };
    expect(bounces(['SpamBlock', 'SpamContent', 'AuthenticationFailed', 'QuotaIssues'])).toBe(0);
    expect(bounces(['InvalidRecipient', 'InactiveMailbox'])).toBeGreaterThan(0.75);
  });
});
