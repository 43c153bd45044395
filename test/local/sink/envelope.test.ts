import { describe, expect, test } from 'vitest';
import { parseMailFrom, parseRcptTo } from '../../../local/sink/envelope.ts';

describe('MAIL FROM', () => {
  test.each([
    ['FROM:<>', '', false],
    ['FROM:<a@b.test>', 'a@b.test', false],
    ['from:<a@b.test>', 'a@b.test', false],
    ['FROM:<a@b.test> SIZE=100 BODY=8BITMIME', 'a@b.test', false],
    ['FROM:<ä@b.test> SMTPUTF8', 'ä@b.test', true],
    ['FROM:<"a > b"@b.test>', '"a > b"@b.test', false],
    ['FROM:<a@[127.0.0.1]>', 'a@[127.0.0.1]', false],
    [`FROM:<${'a'.repeat(64)}@b.test>`, `${'a'.repeat(64)}@b.test`, false],
  ])('%s', (argument, address, utf8) => {
    expect(parseMailFrom(argument)).toEqual({ address, utf8 });
  });

  test.each([
    ['TO:<a@b.test>', '501'],
    ['FROM:a@b.test', '501'],
    ['FROM:<a@b.test', '501'],
    ['FROM:<a@b.test>>', '501'],
    ['FROM:<a b@b.test>', '501'],
    ['FROM:<a>', '501'],
    ['FROM:<a..b@b.test>', '501'],
    ['FROM:<a@b@c.test>', '501'],
    [`FROM:<${'a'.repeat(65)}@b.test>`, '501'],
    [`FROM:<a@${'b'.repeat(256)}>`, '501'],
    ['FROM:<a@b.test> SIZE=99999999999', '552'],
    ['FROM:<a@b.test> XFOO', '555'],
    ['FROM:<a@b.test> SIZE=1x', '555'],
    ['FROM:<ä@b.test>', '553'],
  ])('%s is refused with %s', (argument, code) => {
    expect(parseMailFrom(argument)).toEqual({ refusal: expect.stringMatching(`^${code} `) });
  });
});

describe('RCPT TO', () => {
  test.each([
    ['TO:<a@b.test>', false, { address: 'a@b.test', utf8: false }],
    ['TO:<Postmaster>', false, { address: 'Postmaster', utf8: false }],
    ['TO:<ä@b.test>', true, { address: 'ä@b.test', utf8: true }],
    ['TO:<ä@b.test>', false, { refusal: expect.stringMatching(/^553 /) }],
    ['TO:<>', false, { refusal: expect.stringMatching(/^501 /) }],
    ['TO:<a@b.test> NOTIFY=NEVER', false, { refusal: expect.stringMatching(/^555 /) }],
  ])('%s (SMTPUTF8: %s)', (argument, utf8, expected) => {
    expect(parseRcptTo(argument, utf8)).toEqual(expected);
  });
});
