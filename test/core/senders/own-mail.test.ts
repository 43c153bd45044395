// The attack: a tenant has us write to a stranger, in the operator's name, and what he may say himself is a link, or reads like one.
import { describe, expect, it } from 'vitest';
import { OWN_WORDS, readOwnWords } from '../../../core/senders/own-mail.ts';

const DOMAIN = 'shop.example';

describe('an account’s own words for a stranger', () => {
  it.each([
    ['Please set these records.', 'Please set these records.'],
    ['For shop.example and em1.shop.example. Thanks! 1.5 h, e.g. today...', undefined],
    ['  a\r\nBcc: x\n\n\tb\u2028c  ', 'a Bcc: x b c'],
    ['Bitte bis Freitag, größer als é', undefined],
    ['कृपया इन्हें प्रकाशित करें', undefined],
    ['x\u202egnp.exe', 'xgnp.exe'],
    ['', ''],
  ])('%j may be said', (text, words = text) => {
    const read = readOwnWords(text, DOMAIN);
    if (text.includes('\u202e')) expect(read).toHaveProperty('problem');
    else expect(read).toEqual({ words });
  });

  it.each([
    'https://casino.example/',
    'HTTP://x',
    'see www.casino',
    'see casino.example',
    'see CASINO.EXAMPLE.',
    'casino.example/shop.example',
    'evilshop.example',
    'shop.example.casino.example',
    'write to me@shop.example',
    'casino．example',
    'casino。example',
    'casino｡example',
    'cas\u200bino\u200b.\u200bexample',
    'casino\u00ad.example',
    'ｗｗｗ．ｘ',
    'käse.example',
    'a.b.c.d.casino.example',
    'x://y',
  ])('%j may not', (text) => {
    expect(readOwnWords(text, DOMAIN)).toHaveProperty('problem');
  });

  it('is short, and read in no time', () => {
    expect(readOwnWords('x'.repeat(OWN_WORDS), DOMAIN)).toHaveProperty('words');
    expect(readOwnWords('x'.repeat(OWN_WORDS + 1), DOMAIN)).toHaveProperty('problem');
    const begun = performance.now();
    for (const text of ['a.'.repeat(500_000), 'ﷺ.'.repeat(150), `${'a-'.repeat(149)}.`]) readOwnWords(text, DOMAIN);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});
