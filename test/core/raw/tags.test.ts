import { describe, expect, it } from 'vitest';
import { makeFill } from '../../../core/raw/tags.ts';

describe('tags of X-SMTPAPI', () => {
  const fill = (text: string, sub: Record<string, string>, sections: Record<string, string> = {}) =>
    makeFill(sub, sections)?.(text);

  it('stand for their values, the longest tag first; nothing else changes', () => {
    expect(fill('-a- -ab- x', { '-a-': '1', '-ab-': '2' })).toBe('1 2 x');
    expect(fill('%name% $& -a-', { '%name%': '$1' })).toBe('$1 $& -a-');
    expect(fill('-a-', {})).toBe('-a-');
  });

  it('stand for sections, which hold tags', () => {
    const sections = { ':mr': 'Mr -name-', ':nest': ':mr' };
    expect(fill('Dear -who- :mr', { '-who-': ':mr', '-name-': 'Bob' }, sections)).toBe('Dear Mr Bob :mr');
    expect(fill('-who-', { '-who-': ':nest' }, sections)).toBe(':mr');
  });

  it('stand within tags, to four levels', () => {
    const sub = { '-1-': '(-2-)', '-2-': '[-3-]', '-3-': '{-4-}', '-4-': '-5-', '-5-': 'deep' };
    expect(fill('-4-', sub)).toBe('deep');
    expect(fill('-2-', sub)).toBe('[{deep}]');
    expect(fill('-1-', sub)).toBe('([{-5-}])');
  });

  // Attack: tags that stand for themselves, many times over, so that replacing them never ends or fills the memory.
  it('end, and are refused where they grow without bound', () => {
    expect(fill('-a-', { '-a-': '-a-!' })).toBe('-a-!!!!');
    const bomb = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`-${n}-`, '-0--1--2--3-'.repeat(50)]));
    expect(makeFill(bomb, {})).toBeUndefined();
    const twice = makeFill({ '-a-': 'x'.repeat(9_000) }, {});
    expect(twice?.('-a-'.repeat(1_000))).toBeUndefined();
  });
});
