/**
 * A Handlebars text as a tree of ours. Handlebars' own parser reads it, so the language is Handlebars' to the letter; its compiler is
 * not used: no code is made of what customers write, in a process that holds every customer's signing keys. render.ts walks the tree.
 *
 * It refuses, with the line: what is no Handlebars, helpers that SendGrid has not, partials, decorators and raw blocks; and, before
 * the parser sees it, what would take the parser long (its time grows with the square of the depth).
 */
import { type Expression, type Program, parse, type Statement } from 'handlebars/dist/cjs/handlebars/compiler/base.js';
import { DEPTH, TAG_CHARACTERS, TAGS, VARIABLES } from './limits.ts';

export type Path = {
  kind: 'path';
  /** `@index`, `@root`: not of the context, but of the loop or the whole. */
  data: boolean;
  /** How many `../` stand before it. */
  depth: number;
  parts: readonly string[];
  /** It says `this.` or `./`, so it is no name of a block's own. */
  scoped: boolean;
};
export type Call = { kind: 'call'; helper: string; params: readonly Value[]; hash: ReadonlyMap<string, Value> };
export type Value = Path | Call | { kind: 'literal'; value: string | number | boolean | null | undefined };
export type Block = {
  kind: 'block';
  /** A helper's call, or a path: then it is a section, as in Mustache. */
  of: Call | Path;
  body: Tree;
  otherwise: Tree;
  /** Names that the block gives: `as |item index|`. */
  names: readonly string[];
};
export type Node = string | Block | { kind: 'print'; value: Value; escaped: boolean; line: number };
export type Tree = readonly Node[];

export type Parsed = { ok: true; tree: Tree } | { ok: false; line: number; message: string };

/** How many arguments each takes. */
type Arity = { least: number; most: number };
const COMPARISONS: Record<string, Arity> = {
  equals: { least: 2, most: 2 },
  notEquals: { least: 2, most: 2 },
  greaterThan: { least: 2, most: 2 },
  lessThan: { least: 2, most: 2 },
  and: { least: 2, most: 10 },
  or: { least: 2, most: 10 },
};
const BLOCKS: Record<string, Arity> = {
  if: { least: 1, most: 1 },
  unless: { least: 1, most: 1 },
  each: { least: 1, most: 1 },
  with: { least: 1, most: 1 },
  ...COMPARISONS,
};
const INLINE: Record<string, Arity> = {
  length: { least: 1, most: 1 },
  insert: { least: 1, most: 2 },
  formatDate: { least: 2, most: 3 },
  lookup: { least: 2, most: 2 },
};
const ALL: Record<string, Arity> = { ...BLOCKS, ...INLINE };

class Refusal extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Never throws. @param text whatever it is: only a string is read */
export function parseText(text: unknown): Parsed {
  if (typeof text !== 'string') return { ok: false, line: 1, message: 'a template must be a string' };
  try {
    measure(text);
    return { ok: true, tree: treeOf(parse(text)) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, line: error.line, message: error.message };
    return { ok: false, ...explain(error as Error) };
  }
}

/** Names that a text prints wherever it is rendered: those outside its blocks. */
export function variablesOf(tree: Tree): string[] {
  const names = new Set<string>();
  for (const node of tree) {
    if (typeof node === 'string' || node.kind !== 'print' || node.value.kind !== 'path') continue;
    const { data, depth, parts } = node.value;
    if (!data && depth === 0 && parts.length > 0 && names.size < VARIABLES) names.add(parts.join('.'));
  }
  return [...names];
}

/** Handlebars says `Parse error on line 3:`, the place drawn with dashes, and what it expected; or `x doesn't match y - 3:5`. */
function explain({ message = '' }: Error): { line: number; message: string } {
  const [first = '', ...rest] = message.split('\n');
  const line = Number(/\bline (\d+)/.exec(first)?.[1] ?? / - (\d+):\d+$/.exec(first)?.[1] ?? 1);
  const what = rest.at(-1) ?? first.replace(/ - \d+:\d+$/, '');
  const got = /got '(\w+)'/.exec(what)?.[1];
  const words: Record<string, string> = {
    EOF: 'the text ends within a block or a tag: one of its {{#…}} is not closed',
    OPEN_ENDBLOCK: 'a {{/…}} closes what was not opened',
    INVALID: 'a {{…}} has a character that it cannot have',
  };
  const near = (rest.length > 1 ? (rest[0] ?? '') : '').slice(0, 80);
  const said = (got && words[got]) ?? (got ? `a {{…}} cannot be read` : what.slice(0, 200));
  return { line, message: near === '' ? said : `${said}, near "${near}"` };
}

/** One pass before the parser. What it cannot know exactly it counts too high, never too low. */
function measure(text: string): void {
  let tags = 0;
  let depth = 0;
  let line = 1;
  let counted = 0;
  /** By open block: itself and its `{{else if}}`s. */
  const open: number[] = [];
  const lineAt = (at: number) => {
    for (let from = text.indexOf('\n', counted); from >= 0 && from < at; from = text.indexOf('\n', from + 1)) line++;
    counted = at;
    return line;
  };
  for (let at = text.indexOf('{{'); at >= 0; at = text.indexOf('{{', at)) {
    if (text[at - 1] === '\\' && text[at - 2] !== '\\') {
      at += 2;
      continue;
    }
    if (text.startsWith('{{{{', at))
      throw new Refusal(lineAt(at), 'four braces begin a raw block, which is not available');
    const [, inner = ''] = /^\{\{\{?~?\s*(#[*>]?|\^|\/|!--|!|else\b)?/.exec(text.slice(at, at + 40)) ?? [];
    if (++tags > TAGS) throw new Refusal(lineAt(at), `a text may have ${TAGS} {{…}}`);
    if (inner === '!--' || inner === '!') {
      const end = text.indexOf(inner === '!' ? '}}' : '--', at + 4);
      at = end < 0 ? text.length : end + 2;
      continue;
    }
    const end = text.indexOf('}}', at);
    const content = text.slice(at, end < 0 ? text.length : end);
    if (content.length > TAG_CHARACTERS)
      throw new Refusal(lineAt(at), `a {{…}} may have ${TAG_CHARACTERS} characters, or one is not closed`);
    const isChained = inner === 'else' && /else\s+[^\s~}]/.test(content);
    if (inner.startsWith('#') || (inner === '^' && !/\^\s*~?$/.test(content))) {
      open.push(1);
      depth++;
    } else if (isChained && open.length > 0) {
      open[open.length - 1]!++;
      depth++;
    } else if (inner === '/') depth -= open.pop() ?? 0;
    const brackets = content.split('(').length - 1;
    if (depth > DEPTH || brackets > DEPTH)
      throw new Refusal(lineAt(at), `blocks may lie ${DEPTH} deep, each {{else if}} counted`);
    at += 2;
  }
}

function treeOf(program: Program | undefined): Node[] {
  const nodes: Node[] = [];
  for (const statement of program?.body ?? []) {
    const node = nodeOf(statement);
    if (node !== undefined && node !== '') nodes.push(node);
  }
  return nodes;
}

function nodeOf(statement: Statement): Node | undefined {
  const { line } = statement.loc.start;
  switch (statement.type) {
    case 'ContentStatement':
      return statement.value;
    case 'CommentStatement':
      return undefined;
    case 'MustacheStatement': {
      const { params, hash, path, escaped } = statement;
      const isCall = params.length > 0 || hash !== undefined;
      const value = isCall ? callOf(statement, INLINE, line) : expressionOf(path, line);
      return { kind: 'print', value, escaped, line };
    }
    case 'BlockStatement': {
      const { params, hash, path, program, inverse } = statement;
      const name = nameOf(path);
      const isCall = params.length > 0 || hash !== undefined || (name !== undefined && Object.hasOwn(BLOCKS, name));
      const of = isCall ? callOf(statement, BLOCKS, line) : expressionOf(path, line);
      if (of.kind === 'literal') throw new Refusal(line, 'a block must be a helper or a name');
      const names = program?.blockParams ?? [];
      return { kind: 'block', of, body: treeOf(program), otherwise: treeOf(inverse), names };
    }
    default:
      throw new Refusal(line, 'partials and decorators are not available');
  }
}

type Called = Extract<Expression, { type: 'SubExpression' }>;

function callOf({ path, params, hash }: Omit<Called, 'type'>, known: Record<string, Arity>, line: number): Call {
  const helper = nameOf(path);
  const arity = helper !== undefined && Object.hasOwn(known, helper) ? known[helper] : undefined;
  if (helper === undefined || !arity) throw new Refusal(line, whyUnknown(helper, known));
  if (params.length < arity.least || params.length > arity.most) {
    const count = arity.least === arity.most ? String(arity.least) : `${arity.least} to ${arity.most}`;
    throw new Refusal(line, `${helper} takes ${count} argument${count === '1' ? '' : 's'}, it has ${params.length}`);
  }
  const pairs = hash?.pairs ?? [];
  return {
    kind: 'call',
    helper,
    params: params.map((one) => expressionOf(one, line)),
    hash: new Map(pairs.map(({ key, value }) => [key, expressionOf(value, line)])),
  };
}

function whyUnknown(helper: string | undefined, known: Record<string, Arity>): string {
  const name = helper?.slice(0, 60) ?? 'this';
  if (helper !== undefined && Object.hasOwn(ALL, helper))
    return known === BLOCKS ? `${name} is no block: write {{${name} …}}` : `${name} is a block: write {{#${name} …}}`;
  return `there is no helper ${name}; there are ${Object.keys(ALL).join(', ')}`;
}

/** Of what can be a helper: one name, which says neither `this.` nor `../`. */
function nameOf(path: Expression): string | undefined {
  if (path.type !== 'PathExpression') return undefined;
  return path.parts.length === 1 && path.depth === 0 && !path.data && !isScoped(path.original)
    ? path.parts[0]
    : undefined;
}

const isScoped = (original: string) => /^\.|^this\b/.test(original);

function expressionOf(expression: Expression, line: number): Value {
  switch (expression.type) {
    case 'PathExpression': {
      const { data, depth, parts, original } = expression;
      return { kind: 'path', data, depth, parts: parts.map(String), scoped: isScoped(original) };
    }
    case 'SubExpression':
      return callOf(expression, { ...COMPARISONS, ...INLINE }, line);
    case 'NullLiteral':
      return { kind: 'literal', value: null };
    case 'UndefinedLiteral':
      return { kind: 'literal', value: undefined };
    default:
      return { kind: 'literal', value: expression.value };
  }
}
