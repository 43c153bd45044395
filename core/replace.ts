/**
 * Replaces many keys in a text at once: from the left, at each place the longest key that begins there. Replacements are
 * not searched again. Time is linear in the text and the keys together, whatever they are (Aho-Corasick, run from the
 * right, knows the longest key at each place); the output is bounded, because a short key may stand for a long value.
 */

/** Most have one child, `child` by `unit`; a map for each would be most of what a job of one copy keeps beside its texts. */
type Node = { unit: number; child: number; others: Map<number, number> | undefined; fail: number; key: number };

export type Replacer = {
  /** The text with its keys replaced, or undefined when that is longer than `limit` characters. */
  replace: (text: string, limit: number) => string | undefined;
};

/** Makes a replacer of a table key → value. Empty keys are ignored. */
export function makeReplacer(table: Readonly<Record<string, string>>): Replacer {
  const keys = Object.keys(table);
  const parse = makeParser(keys);
  const values = keys.map((key) => table[key]!);
  return { replace: (text, limit) => parse(text).fill(values, limit) };
}

/** A text in which the places of keys are known: worth keeping where it is filled with other values again. */
export type Template = {
  /** The numbers of the keys in the order of their places. */
  keys: readonly number[];
  /** What stands before, between and behind them: one text more than there are places. */
  literals: readonly string[];
  /** The text with the n-th key as `values[n]`, or undefined when that is longer than `limit` characters. */
  fill: (values: readonly string[], limit: number) => string | undefined;
};

/** Kinds of last characters of keys that are told apart at one look: a table for all of them would be 64 KB for each content. */
const LASTS = 256;

/** Makes what finds keys in texts. Empty keys are ignored. */
export function makeParser(keys: readonly string[]): (text: string) => Template {
  if (keys.every((key) => key === '')) return (text) => cutTemplate(text, []);
  const nodes = buildTrie(keys);
  const lasts = new Uint8Array(LASTS);
  for (const key of keys) if (key !== '') lasts[key.charCodeAt(key.length - 1) % LASTS] = 1;
  return (text) => {
    const found = findLongest(text, nodes, lasts);
    const places: [at: number, end: number, key: number][] = [];
    let from = 0;
    for (let n = found.length - 2; n >= 0; n -= 2) {
      const [at, key] = [found[n]!, found[n + 1]!];
      if (at < from) continue;
      from = at + keys[key]!.length;
      places.push([at, from, key]);
    }
    return cutTemplate(text, places);
  };
}

function cutTemplate(text: string, places: readonly (readonly [at: number, end: number, key: number])[]): Template {
  const keys = places.map(([, , key]) => key);
  const literals = places.map(([at], n) => text.slice(places[n - 1]?.[1] ?? 0, at));
  literals.push(text.slice(places.at(-1)?.[1] ?? 0));
  return makeTemplate(literals, keys);
}

/** @param literals one more than there are keys */
export function makeTemplate(literals: readonly string[], keys: readonly number[]): Template {
  return {
    keys,
    literals,
    fill: (values, limit) => {
      let out = literals[0]!;
      for (let n = 0; n < keys.length; n++) {
        out += values[keys[n]!]!;
        if (out.length > limit) return undefined;
        out += literals[n + 1]!;
      }
      return out.length > limit ? undefined : out;
    },
  };
}

/** Pairs (place, key), from the right end to the left: the longest key that begins at each place where one does. */
function findLongest(text: string, nodes: Node[], lasts: Uint8Array): number[] {
  const found: number[] = [];
  let state = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    const unit = text.charCodeAt(at);
    if (state === 0 && lasts[unit % LASTS] === 0) continue;
    let next = childOf(nodes[state]!, unit);
    while (next === undefined && state !== 0) {
      state = nodes[state]!.fail;
      next = childOf(nodes[state]!, unit);
    }
    state = next ?? 0;
    const { key } = nodes[state]!;
    if (key >= 0) found.push(at, key);
  }
  return found;
}

const NONE = -1;
const makeNode = (): Node => ({ unit: NONE, child: NONE, others: undefined, fail: 0, key: -1 });

function childOf(node: Node, unit: number): number | undefined {
  return node.unit === unit ? node.child : node.others?.get(unit);
}

function addChild(node: Node, unit: number, child: number): void {
  if (node.unit === NONE) {
    node.unit = unit;
    node.child = child;
    return;
  }
  node.others ??= new Map();
  node.others.set(unit, child);
}

function childrenOf({ unit, child, others }: Node): [unit: number, child: number][] {
  return unit === NONE ? [] : [[unit, child], ...(others ?? [])];
}

/** The automaton of the reversed keys. A node without a key of its own has the longest key that it ends with. */
function buildTrie(keys: readonly string[]): Node[] {
  const nodes: Node[] = [makeNode()];
  keys.forEach((key, index) => {
    if (key === '') return;
    let state = 0;
    for (let at = key.length - 1; at >= 0; at--) {
      const unit = key.charCodeAt(at);
      let next = childOf(nodes[state]!, unit);
      if (next === undefined) {
        next = nodes.push(makeNode()) - 1;
        addChild(nodes[state]!, unit, next);
      }
      state = next;
    }
    nodes[state]!.key = index;
  });
  const queue = [0];
  for (let n = 0; n < queue.length; n++) {
    const state = queue[n]!;
    for (const [unit, child] of childrenOf(nodes[state]!)) {
      let fail = nodes[state]!.fail;
      while (fail !== 0 && childOf(nodes[fail]!, unit) === undefined) fail = nodes[fail]!.fail;
      const target = state === 0 ? 0 : (childOf(nodes[fail]!, unit) ?? 0);
      nodes[child]!.fail = target;
      if (nodes[child]!.key < 0) nodes[child]!.key = nodes[target]!.key;
      queue.push(child);
    }
  }
  return nodes;
}
