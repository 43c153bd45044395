import { describe, expect, it } from 'vitest';
import { textField } from '../../../core/compose.ts';
import { decodeCharset, decodeWords } from '../../../core/raw/words.ts';

describe('encoded words', () => {
  it.each([
    ['plain =text= =?', 'plain =text= =?'],
    ['=?utf-8?Q?Gr=C3=BC=C3=9Fe_you?=', 'Grüße you'],
    ['=?UTF-8?b?R3LDvMOfZQ==?=', 'Grüße'],
    ['a =?utf-8?q?b?= c', 'a b c'],
    ['=?utf-8?q?a?= \r\n =?iso-8859-1?q?=FC?=', 'aü'],
    ['=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=', 'ü'],
    ['=?utf-8*en?Q?a?=', 'a'],
    ['=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=', '日本'],
    ['=?x-none?Q?a?=', '=?x-none?Q?a?='],
    ['=?utf-8?X?a?=', '=?utf-8?X?a?='],
    ['=?utf-8?Q?a', '=?utf-8?Q?a'],
  ])('%j reads %j', (text, read) => expect(decodeWords(text)).toBe(read));

  it('are what our own fields hold', () => {
    for (const text of ['Grüße 😀 '.repeat(20).trim(), 'plain', `${'x'.repeat(1_200)} y`])
      expect(decodeWords(textField('Subject', text).replace(/^Subject: |\r\n/g, ''))).toBe(text);
  });

  // Attack: a header that is read in quadratic time.
  it('are read in linear time', () => {
    const began = performance.now();
    for (const unit of ['=?', '=?utf-8?', '=?utf-8?Q?', '=?utf-8?Q?a?=', '=?utf-8?B?a', '?='])
      decodeWords(unit.repeat(300_000 / unit.length));
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('of charsets that nobody knows are not decoded', () =>
    expect(decodeCharset(Buffer.from('a'), 'x-none')).toBeUndefined());
});
