import { generateKeyPairSync } from 'node:crypto';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { type DkimKey, hashBody, signDkim } from '../../../core/dkim.ts';
import { readRaw } from '../../../core/raw/compose.ts';
import { assertWire, CONTEXT, compose, composed, fieldNames, ID, lines } from './raw-mail.ts';

const WHOLE = lines(
  'Received: from a (a [192.0.2.1]) by b; Mon, 23 Nov 2026 11:00:00 +0000',
  'From:  News   <news@sender.example>',
  'To: Bob <bob@x.example>,',
  '\tundisclosed:;',
  'Subject: =?utf-8?B?R3LDvMOfZQ==?= and  more',
  'Date: Mon, 23 Nov 2026 11:00:00 +0100',
  'Message-Id: <own@sender.example>',
  'X-Own:kept as it came ',
  'Mime-Version: 1.0 (own)',
  'Content-Type: text/plain;',
  ' charset=us-ascii',
  '',
  'Hello',
  '.',
  'From me',
  '',
);
const HEAD = ['From: news@sender.example', 'To: bob@x.example', 'Subject: hello'];

describe('a message that came as MIME', () => {
  it('is kept octet for octet where nothing forces a change', () => {
    const made = composed(WHOLE);
    expect(made.message.toString('latin1')).toBe(
      `Feedback-ID: mail:default:operator:pennypost\r\n${WHOLE.toString('latin1')}`,
    );
    assertWire(made);
  });

  it('loses what was said to us alone, and what only the one who sends can say', () => {
    const own = ['Bcc', 'Resent-Bcc', 'Return-Path', 'X-SMTPAPI', 'Idempotency-Key', 'Feedback-ID', 'X-SES-TAGS'];
    own.push('X-Pennypost-Copy', 'X-SG-EID', 'bcc ');
    const made = composed(lines(...own.map((name) => `${name}: evil@x.example,\r\n folded`), ...HEAD, '', 'Hello'));
    expect(fieldNames(made.header)).toEqual([
      'feedback-id',
      'from',
      'to',
      'subject',
      'date',
      'message-id',
      'mime-version',
    ]);
    expect(made.message.toString()).not.toContain('evil@');
  });

  it('gets a Date, a Message-ID and a MIME-Version where it has none, the same at every attempt', () => {
    const message = lines(...HEAD, 'Message-ID: ', 'date:', '', 'Hello');
    const { header } = composed(message);
    expect(header).toContain('Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n');
    expect(header).toContain(`Message-ID: <${ID}.0@sender.example>\r\n`);
    expect(header).toContain('MIME-Version: 1.0\r\n');
    expect(composed(Buffer.from(message)).header).toBe(header);
  });

  it('has To of its recipient, where X-SMTPAPI says so; Cc stays', async () => {
    const message = lines('From: news@sender.example', 'To: all@x.example', 'Cc: c@x.example', '', 'Hello');
    const to = [{ email: 'bob@x.example', name: 'Bøb, Jr.' }];
    const mail = await simpleParser(composed(message, { to }).message);
    expect(mail.to).toMatchObject({ value: [{ address: 'bob@x.example', name: 'Bøb, Jr.' }] });
    expect(mail.cc).toMatchObject({ value: [{ address: 'c@x.example' }] });
    expect(composed(lines('From: news@sender.example', '', 'Hello'), { to }).header).toContain('<bob@x.example>');
  });

  it('has the tags of its subject replaced, in encoded words too', async () => {
    const fill = (text: string) => text.replaceAll('-name-', 'Jürgen');
    const subjects = ['Hello -name-', '=?iso-8859-1?Q?Gr=FC=DFe_-name-?=', '=?utf-8?B?aGkgLW5h?= =?utf-8?B?bWUt?='];
    const read = subjects.map(async (subject) => {
      const message = lines('From: news@sender.example', `Subject: ${subject}`, '', 'Hello');
      return (await simpleParser(composed(message, { fill }).message)).subject;
    });
    expect(await Promise.all(read)).toEqual(['Hello Jürgen', 'Grüße Jürgen', 'hi Jürgen']);
    expect(compose(WHOLE, { fill: () => undefined })).toEqual({ dropped: 'too long' });
  });

  // Attack: a From that we read as the sender's own address, and its reader as another's.
  it.each([
    ['From: "bank@victim.example" <news@sender.example>', 'kept'],
    ['From: news@sender.example (News)', 'kept'],
    ['From: bank@victim.example <news@sender.example>', 'written anew'],
    ['From: <news@sender.example> <bank@victim.example>', 'written anew'],
    ['From: bank@victim.example, <news@sender.example>', 'written anew'],
    ['From: "a" bank@victim.example <news@sender.example', 'written anew'],
    ['From: <@victim.example:bank@victim.example>', 'written anew'],
    ['From: news@sender.example\r\nFrom: bank@victim.example', 'kept'],
    ['From : bank@victim.example', 'written anew'],
  ])('has the From that was verified: %s is %s', (from, kept) => {
    const { header } = composed(lines(from, '', 'Hello'));
    const found = header.split(/\r\n(?![ \t])/).filter((field) => /^from[ \t]*:/i.test(field));
    expect(found).toEqual([kept === 'kept' ? from.split('\r\n')[0] : 'From: news@sender.example']);
  });

  it('has each field once that is to be there once: of several the first', () => {
    const twice = [
      'Subject: a',
      'Subject: b',
      'Date: x',
      'Date: y',
      'Content-Type: text/plain',
      'Content-Type: text/html',
    ];
    const { header } = composed(lines('From: news@sender.example', ...twice, '', 'Hello'));
    expect(header).toContain('Subject: a\r\nDate: x\r\nContent-Type: text/plain\r\n');
    expect(header).not.toMatch(/Subject: b|Date: y|html/);
  });

  it('is mail without a body, or all header, too', () => {
    for (const message of [lines(...HEAD), lines(...HEAD, ''), Buffer.from(HEAD.join('\r\n'))])
      expect(composed(message).body).toHaveLength(0);
    expect(readRaw(lines(...HEAD)).header.fields).toHaveLength(3);
  });

  it("keeps the sender's own signature, and ours is added above it", async () => {
    // Prepare
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key: DkimKey = { domain: 'sender.example', selector: 's1', algorithm: 'rsa', key: pair.privateKey };
    const customers: DkimKey = { ...key, domain: 'customer.example' };
    const record = `v=DKIM1; k=rsa; p=${pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`;
    const { header, octets } = readRaw(WHOLE);
    const [head, body] = [octets.subarray(0, header.end), octets.subarray(header.body)];
    const signed = Buffer.concat([Buffer.from(signDkim(head, hashBody(body), [customers]).join('')), octets]);
    // Act
    const made = composed(signed);
    const ours = signDkim(Buffer.from(made.header, 'latin1'), hashBody(made.body), [key]);
    const message = Buffer.concat([Buffer.from(ours.join('')), made.message]);
    // Assess
    const resolver = async () => [[record]];
    const { results } = (await dkimVerify(message, { resolver } as never)) as unknown as {
      results: { signingDomain: string; status: { result: string } }[];
    };
    expect(results.map(({ signingDomain, status }) => [signingDomain, status.result])).toEqual([
      ['sender.example', 'pass'],
      ['customer.example', 'pass'],
    ]);
  });

  it('refuses no octets at all: any make a message', () => {
    for (const text of ['', '\r\n', 'x', ':\r\n', '\0', '\r\n\r\n\r\n', 'From me\r\n', '\xff\xfe'])
      assertWire(composed(Buffer.from(text, 'latin1'), CONTEXT));
  });
});
