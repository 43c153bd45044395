import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeWords, readFields } from '../../../local/inbox/fields.ts';

const of = (header: string) => readFields(Buffer.from(`${header}\r\n\r\nSubject: not this one\r\n`));

test.each([
  ['From: ann@x.test', 'ann@x.test'],
  ['from:Ann <ann@x.test>', 'ann@x.test'],
  ['From: "Ann <boss@y.test>" <ann@x.test>', 'ann@x.test'],
  ['From: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n <ann@x.test>', 'ann@x.test'],
  ['From: "a b"@x.test', '"a b"@x.test'],
  ['X-From: ann@x.test', ''],
])('from of %j', (header, from) => {
  expect(of(header).from).toBe(from);
});

test.each([
  ['From: ann@x.test', ''],
  ['From: <ann@x.test>', ''],
  ['From: Ann Miller <ann@x.test>', 'Ann Miller'],
  ['From: "Miller, \\"Ann\\"" <ann@x.test>', 'Miller, "Ann"'],
  ['From: "Ann <boss@y.test>" <ann@x.test>', 'Ann <boss@y.test>'],
  ['From: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n <ann@x.test>', 'Grüße'],
  ['Subject: none', ''],
])('the name of %j', (header, name) => {
  expect(of(header).fromName).toBe(name);
});

test.each([
  ['Subject: plain', 'plain'],
  ['Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_an_alle?=', 'Grüße an alle'],
  ['Subject: =?utf-8?B?R3LDvMOfZQ==?= and more', 'Grüße and more'],
  // A character cut between two words, and the white space between words that is not part of the text (RFC 2047 6.2).
  ['Subject: =?UTF-8?Q?Gr=C3?=\r\n =?UTF-8?Q?=BC=C3=9Fe?=', 'Grüße'],
  ['Subject: =?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?Q?_=E2=9C=93?=', 'Grüße ✓'],
  ['Subject: =?no-such-charset?Q?Gr=FC=DFe?=', 'Grüße'],
  ['Subject: long\r\n\tfolded', 'long\tfolded'],
  ['Subject: Grüße in UTF-8', 'Grüße in UTF-8'],
  ['X: y', ''],
])('subject of %j', (header, subject) => {
  expect(of(header).subject).toBe(subject);
});

test('Message-ID, and a message that is all header or empty', () => {
  expect(of('Message-ID:\r\n <1@x.test>').messageId).toBe('<1@x.test>');
  expect(readFields(Buffer.from('Subject: no body\r\n')).subject).toBe('no body');
  expect(readFields(Buffer.alloc(0))).toEqual({ from: '', fromName: '', subject: '', messageId: '' });
});

test('no bytes make it throw, and none make it slow', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ unit: fc.constantFrom('=?', '?', 'utf-8', 'q', 'b', '?=', ' ', '=ff') }),
      (bytes, words) => {
        readFields(Buffer.from(bytes));
        expect(typeof decodeWords(words)).toBe('string');
      },
    ),
  );
  const started = performance.now();
  for (const piece of ['<', '"', '=?utf-8?q?', '=?a?b?', '\r\n ', '\\"'])
    readFields(Buffer.from(`From: ${piece.repeat(30_000)}\r\nSubject: ${piece.repeat(30_000)}`));
  expect(performance.now() - started).toBeLessThan(20_000);
});
