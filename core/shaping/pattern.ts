/**
 * What a regular expression may cost at worst, from its source alone: the ways in which a backtracking engine can try it. A
 * reply is at most REPLY_KEPT characters, so `+` counts as that many. It knows the syntax that rules use; what it does not
 * know, it takes for a literal.
 */
import { REPLY_KEPT } from '../smtp/limits.ts';

export type Cost = {
  /** Steps for one whole reply. */
  steps: number;
  /** Quantifiers without an upper bound. */
  unbounded: number;
  /** A repeated group that repeats something without bound inside. */
  nested: boolean;
};

/** `ways`: how often what follows may be tried again. `branches`: the same when all alternatives may match at once. */
type Part = { ways: number; branches: number; unbounded: number; nested: boolean };

/** @param source that of a valid RegExp */
export function costOf(source: string): Cost {
  let at = 0;
  const whole = readAlternatives();
  // Anchored everywhere: one start; otherwise every character may be one.
  const starts = source.startsWith('^') && !hasTopAlternative(source) ? 1 : REPLY_KEPT;
  return { steps: whole.branches * starts, unbounded: whole.unbounded, nested: whole.nested };

  function readAlternatives(): Part {
    const sum: Part = { ways: 1, branches: 0, unbounded: 0, nested: false };
    for (;;) {
      const one = readSequence();
      // At one place mostly one alternative matches; of a repeated group, an attacker finds two that do.
      sum.ways = Math.max(sum.ways, one.ways);
      sum.branches += one.branches;
      sum.unbounded += one.unbounded;
      sum.nested ||= one.nested;
      if (source[at] !== '|') return sum;
      at++;
    }
  }

  function readSequence(): Part {
    const product: Part = { ways: 1, branches: 1, unbounded: 0, nested: false };
    while (at < source.length && source[at] !== '|' && source[at] !== ')') {
      const atom = readAtom();
      const { least, most } = readQuantifier();
      const repeated = most > 1;
      const lengths = most === Number.POSITIVE_INFINITY ? REPLY_KEPT : most - least + 1;
      const inside = repeated ? atom.branches ** Math.min(most, 20) : atom.ways;
      const ways = Math.max(1, lengths * inside);
      product.ways *= ways;
      product.branches *= ways;
      product.unbounded += atom.unbounded + (most === Number.POSITIVE_INFINITY ? 1 : 0);
      product.nested ||= atom.nested || (repeated && atom.unbounded > 0);
    }
    return product;
  }

  function readAtom(): Part {
    const literal: Part = { ways: 1, branches: 1, unbounded: 0, nested: false };
    const first = source[at++];
    if (first === '\\') at++;
    else if (first === '[') skipClass();
    else if (first === '(') {
      const kind = /^\?(?:[:=!]|<[=!]|<\w{1,40}>)/.exec(source.slice(at, at + 50));
      at += kind?.[0].length ?? 0;
      const group = readAlternatives();
      at++;
      return group;
    }
    return literal;
  }

  function skipClass(): void {
    while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1;
    at++;
  }

  function readQuantifier(): { least: number; most: number } {
    const [text, low, comma, high] = /^\{(\d+)(,?)(\d*)\}/.exec(source.slice(at, at + 20)) ?? [];
    let range = { least: 1, most: 1 };
    if (text) {
      at += text.length;
      const least = Number(low);
      range = { least, most: high ? Number(high) : comma ? Number.POSITIVE_INFINITY : least };
    } else if (source[at] === '?') range = { least: 0, most: 1 };
    else if (source[at] === '*') range = { least: 0, most: Number.POSITIVE_INFINITY };
    else if (source[at] === '+') range = { least: 1, most: Number.POSITIVE_INFINITY };
    else return range;
    if (!text) at++;
    if (source[at] === '?') at++;
    return range;
  }
}

function hasTopAlternative(source: string): boolean {
  let depth = 0;
  for (let at = 0; at < source.length; at++) {
    const character = source[at];
    if (character === '\\') at++;
    else if (character === '[') while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1;
    else if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === '|' && depth === 0) return true;
  }
  return false;
}
