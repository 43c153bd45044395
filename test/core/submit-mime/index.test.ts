import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIELDS, FIELDS_BYTES, HEADER_BYTES, HOPS } from '../../../core/submit-mime/limits.ts';
import { HEAD, submit, submitWith, taken } from './submission.ts';

const replyTo = (fields: readonly string[], changes: Parameters<typeof submit>[1] = {}) => {
  const read = submit(fields, changes);
  return read.ok === false ? `${read.reply.code} ${read.reply.enhanced} ${read.reply.text}` : read.ok;
};

describe('a submitted message', () => {
  it('is a request: from and subject as its header says, a copy for each RCPT, in the role that the header shows', () => {
    const fields = [
      'From: =?utf-8?Q?J=C3=BCrgen?= <News@sender.example>',
      'To: Bob <BOB@x.example>, Team: t@x.example;',
      'Cc: c@x.example',
      'Bcc: hidden@x.example',
      'Subject: =?utf-8?Q?Gr=C3=BC?=\r\n =?utf-8?Q?=C3=9Fe?=',
    ];
    const rcptTo = [
      'bob@x.example',
      'c@x.example',
      'hidden@x.example',
      'Bob@X.example',
      't@x.example',
      'e@bücher.example',
    ];
    const { content, personalizations, copies, sendAt, sandbox } = taken(submit(fields, { rcptTo }));
    expect(content.from).toEqual({ email: 'News@sender.example', name: 'Jürgen' });
    expect(content.subject).toBe('Grüße');
    expect(personalizations).toEqual([{ index: 0, to: [], cc: [] }]);
    expect(copies.map(({ role, address, index }) => `${index} ${role} ${address}`)).toEqual([
      '0 to bob@x.example',
      '1 cc c@x.example',
      '2 bcc hidden@x.example',
      '3 to t@x.example',
      '4 bcc e@xn--bcher-kva.example',
    ]);
    expect([sendAt, sandbox, content.parts, content.headers]).toEqual([{}, false, [], {}]);
  });

  it('travels without what was said to us alone, or lies where it lay', () => {
    const own = [
      'Bcc: hidden@x.example,\r\n other@x.example',
      'X-SMTPAPI: {}',
      'Idempotency-Key: k',
      'Return-Path: <a@b>',
    ];
    const { content } = taken(submit([own[0]!, ...HEAD, ...own.slice(1)]));
    expect(content.mime).toEqual({ octets: `${HEAD.join('\r\n')}\r\n\r\nHello\r\n` });
    const mime = { key: 'requests/operator/id.eml', bytes: 30_000_000 };
    expect(taken(submit(HEAD, { mime })).content.mime).toEqual(mime);
  });

  it('may have an Idempotency-Key', () => {
    expect(submit([...HEAD, 'idempotency-key:  order-1 ', 'Idempotency-Key: order-2'])).toMatchObject({
      ok: true,
      idempotencyKey: 'order-1',
    });
    expect(submit(HEAD)).not.toHaveProperty('idempotencyKey');
  });

  it.each<[string, string[], string | true]>([
    ['no From', ['To: bob@x.example'], '550 5.6.0 The message has no From header'],
    ['a From without an address', ['From: News'], '550 5.1.7 The From header has no valid address'],
    ['an empty From', ['From:'], '550 5.1.7 The From header has no valid address'],
    ['a From of an address literal', ['From: a@[127.0.0.1]'], '550 5.1.7 The From header has no valid address'],
    ['a From beyond ASCII', ['From: ä@sender.example'], '550 5.1.7 The From header has no valid address'],
    [
      'two addresses in From',
      ['From: a@sender.example, b@x.example'],
      '550 5.1.7 The From header has more than one address',
    ],
    [
      'two From',
      ['From: a@sender.example', 'from : b@x.example'],
      '550 5.6.0 The message has more than one From header',
    ],
    ['two To', [...HEAD, 'To: b@x.example'], '550 5.6.0 The message has more than one To header'],
    ['two Cc', [...HEAD, 'Cc: b@x.example', 'Cc: c@x.example'], true],
    ['a line that is no field', [...HEAD, 'no field'], '550 5.6.0 The header has a line that is no field: "no field?"'],
    ['a folded first line', [' folded', ...HEAD], '550 5.6.0 The header has a line that is no field: " folded?"'],
    ['an mbox line', ['From news@sender.example Mon Nov 23 12:00:00 2026', ...HEAD], true],
    ['an mbox line further down', [...HEAD, 'From me'], '550 5.6.0 The header has a line that is no field: "From me?"'],
    ['white space before a colon', ['From : a@sender.example'], true],
    ['a blank continuation', ['From: a@sender.example', 'Subject: a\r\n \r\n b'], true],
    ['no To at all', ['From: a@sender.example'], true],
    [
      'a loop',
      [...HEAD, ...Array(HOPS).fill('Received: from a')],
      `554 5.4.6 The message has passed ${HOPS} servers: it is in a loop`,
    ],
    ['almost a loop', [...HEAD, ...Array(HOPS - 1).fill('Received: from a')], true],
    [
      'too many fields',
      [...HEAD, ...Array(FIELDS).fill('X: y')],
      `552 5.3.4 The header has more than ${FIELDS} fields`,
    ],
    [
      'too long a header',
      [...HEAD, `X: ${'y'.repeat(FIELDS_BYTES)}`],
      `552 5.3.4 The header is longer than ${FIELDS_BYTES} octets, X-SMTPAPI not counted`,
    ],
    [
      'a header beyond all bounds',
      [...HEAD, `X-SMTPAPI: ${'y'.repeat(HEADER_BYTES)}`],
      `552 5.3.4 The header is longer than ${HEADER_BYTES} octets`,
    ],
  ])('with %s', (_, fields, reply) => expect(replyTo(fields)).toBe(reply));

  it('needs recipients, each an address', () => {
    expect(replyTo(HEAD, { rcptTo: [] })).toBe('554 5.5.1 No valid recipients');
    expect(replyTo(HEAD, { rcptTo: ['bob@x.example', 'bob@[127.0.0.1]'] })).toBe(
      '550 5.1.3 "bob@[127.0.0.1]" is not a valid address',
    );
  });

  it('is read without a throw, whatever it is, and a reply is one line', () => {
    const piece = fc.constantFrom(
      'From: a@sender.example',
      'From:',
      'To: ',
      'X-SMTPAPI: {',
      '"',
      ':',
      '\r\n',
      ' ',
      '\0',
      'ä',
      '<',
      '>',
      '{"to":["a@x.example"]}',
      ',',
      '=?utf-8?Q?',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const header = Buffer.from(pieces.join(''));
        const read = submit([], { header, mime: { octets: header.toString('latin1') } });
        if (read.ok === false) expect(read.reply.text).toMatch(/^[ -~]+$/);
      }),
      { numRuns: 3_000 },
    );
  });

  // Attack: a header that is read in quadratic time.
  it('is read in time', () => {
    const began = performance.now();
    for (const unit of ['(', '<', '"', ',', 'a@b.example,', '=?utf-8?Q?a?= '])
      submit([`From: ${unit.repeat(200_000 / unit.length)}`, `Subject: ${unit.repeat(30_000 / unit.length)}`]);
    const to = Array.from({ length: 10_000 }, (_, n) => `recipient-${n}@x.example`);
    const sub = { '-name-': to.map((_, n) => `Name ${n}`), '-code-': to.map((_, n) => `:s ${n}`) };
    const api = { to, sub, section: { ':s': 'section -name-' }, unique_args: { code: '-code-' } };
    expect(taken(submitWith(api)).copies).toHaveLength(10_000);
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
