/**
 * Renders a tree with a mail's data, as Handlebars would (test/core/template/same.test.ts compares them). Only what the data itself
 * has is ever read, never what objects inherit, and nothing of it is called. It ends: each tag, turn of a loop and name is a step,
 * steps and characters are counted, and whoever exceeds them gets the reason instead of a mail.
 */
import { formatDate } from './dates.ts';
import { DEPTH, FORMAT_CHARACTERS, GROWTH, STEPS, VARIABLES } from './limits.ts';
import type { Block, Call, Path, Tree, Value } from './parse.ts';

/** What is left for the texts of one mail. */
export type Budget = { steps: number; characters: number };
export type Rendering = { ok: true; text: string } | { ok: false; reason: string };
export type RenderOptions = {
  /** `{{x}}` is written for HTML; a subject and a plain text are none. */
  html: boolean;
  /** A name that is printed and not there is an error. */
  strict: boolean;
  /** Gets the names that are printed and not there. */
  missing?: Set<string>;
};

/** @param characters of the texts as they are stored */
export function openBudget(characters: number): Budget {
  return { steps: STEPS, characters: characters + GROWTH };
}

class Stop extends Error {}

/** What a tag sees: where it is in the data, and what the blocks around it gave names to. */
type Frame = {
  context: unknown;
  /** The context outside, for `../`. */
  outer: Frame | undefined;
  loop: Loop | undefined;
  names: Names | undefined;
};
type Loop = { index?: number; key: string | number; first: boolean; last: boolean; outer: Loop | undefined };
type Names = { names: ReadonlyMap<string, unknown>; outer: Names | undefined };
type Scope = RenderOptions & { budget: Budget; root: unknown; out: string };

/** Never throws on JSON. */
export function renderTree(tree: Tree, data: unknown, budget: Budget, options: RenderOptions): Rendering {
  const scope: Scope = { ...options, budget, root: data, out: '' };
  try {
    walk(tree, { context: data, outer: undefined, loop: undefined, names: undefined }, scope);
    return { ok: true, text: scope.out };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return { ok: false, reason: error.message };
  }
}

function walk(tree: Tree, frame: Frame, scope: Scope): void {
  for (const node of tree) {
    if (typeof node === 'string') {
      write(node, scope);
      continue;
    }
    spend(scope, 1);
    if (node.kind === 'block') {
      block(node, frame, scope);
      continue;
    }
    const value = evaluate(node.value, frame, scope);
    if ((value === undefined || value === null) && node.value.kind === 'path')
      miss(spell(node.value), node.line, scope);
    const text = textOf(value, scope);
    write(node.escaped && scope.html ? escapeHtml(text) : text, scope);
  }
}

function spend({ budget }: Scope, steps: number): void {
  budget.steps -= steps;
  if (budget.steps < 0) throw new Stop(`it takes more than ${STEPS} steps`);
}

function write(text: string, scope: Scope): void {
  scope.budget.characters -= text.length;
  if (scope.budget.characters < 0) throw new Stop(`it is longer than its template and ${GROWTH} characters`);
  scope.out += text;
}

/** A name that is printed, and not there. */
function miss(name: string, line: number, { strict, missing }: Scope): void {
  if (strict) throw new Stop(`line ${line}: the data has no ${name}`);
  if (missing && missing.size < VARIABLES) missing.add(name);
}

function spell({ data, depth, parts }: Path): string {
  return `${'../'.repeat(depth)}${data ? '@' : ''}${parts.join('.') || 'this'}`.slice(0, 100);
}

// values --------------------------------------------------------------------------------------------------------------

function evaluate(value: Value, frame: Frame, scope: Scope): unknown {
  if (value.kind === 'literal') return value.value;
  return value.kind === 'path' ? follow(value, frame, scope) : call(value, frame, scope);
}

function follow(path: Path, frame: Frame, scope: Scope): unknown {
  const { parts, data, depth } = path;
  spend(scope, parts.length);
  if (data) return followLoop(path, frame, scope);
  const [first = ''] = parts;
  if (depth === 0 && !path.scoped && parts.length > 0)
    for (let names = frame.names; names; names = names.outer)
      if (names.names.has(first)) return descend(names.names.get(first), parts, 1);
  let from: Frame | undefined = frame;
  for (let up = 0; up < depth && from; up++) from = from.outer;
  return descend(from?.context, parts, 0);
}

function followLoop({ parts, depth }: Path, frame: Frame, { root }: Scope): unknown {
  const [first = ''] = parts;
  if (first === 'root') return descend(root, parts, 1);
  let { loop } = frame;
  for (let up = 0; up < depth && loop; up++) loop = loop.outer;
  if (!loop || (first !== 'index' && first !== 'key' && first !== 'first' && first !== 'last')) return undefined;
  return descend(loop[first], parts, 1);
}

function descend(from: unknown, parts: readonly string[], at: number): unknown {
  let value = from;
  for (let n = at; n < parts.length; n++) value = ownOf(value, parts[n]!);
  return value;
}

/** What a value itself has under a name: lists and texts have their length, too. */
function ownOf(value: unknown, name: string): unknown {
  if (value === undefined || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

/** False, nothing, the empty text and the empty list, as Handlebars has it; zero counts as empty where a helper says so. */
function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === null || value === false || value === '' || Number.isNaN(value) || isNone(value)
  );
}
const isNone = (value: unknown) => Array.isArray(value) && value.length === 0;
const isFalse = (value: unknown) => value === 0 || isEmpty(value);

function textOf(value: unknown, scope: Scope, depth = 0): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  if (!Array.isArray(value)) return typeof value === 'object' ? '[object Object]' : String(value);
  if (depth > DEPTH) throw new Stop(`its data has lists ${DEPTH} deep`);
  spend(scope, value.length);
  let text = '';
  for (const [n, one] of value.entries()) {
    text += `${n === 0 ? '' : ','}${textOf(one, scope, depth + 1)}`;
    if (text.length > scope.budget.characters) write(text, scope);
  }
  return text;
}

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;',
  '`': '&#x60;',
  '=': '&#x3D;',
};

function escapeHtml(text: string): string {
  return /[&<>"'`=]/.test(text) ? text.replace(/[&<>"'`=]/g, (character) => ESCAPES[character]!) : text;
}

// helpers -------------------------------------------------------------------------------------------------------------

function call({ helper, params, hash }: Call, frame: Frame, scope: Scope): unknown {
  spend(scope, 1);
  const values = params.map((one) => evaluate(one, frame, scope));
  const [first, second, third] = values;
  switch (helper) {
    case 'length':
      return typeof first === 'string' || Array.isArray(first) ? first.length : 0;
    case 'insert': {
      if (!isFalse(first) || first === 0) return first;
      const given = hash.get('default');
      const text = given ? evaluate(given, frame, scope) : second;
      return typeof text === 'string' && text.startsWith('default=') ? text.slice('default='.length) : text;
    }
    case 'formatDate':
      return date(first, second, third, scope);
    case 'lookup':
      // As Handlebars: of what is nothing, itself.
      if (!first) return first;
      return typeof second === 'string' || typeof second === 'number' ? ownOf(first, String(second)) : undefined;
    default:
      return compare(helper, values, scope);
  }
}

function date(time: unknown, format: unknown, offset: unknown, { strict }: Scope): string | undefined {
  if (isFalse(time) && time !== 0) return undefined;
  const text = typeof format === 'string' ? format : 'YYYY-MM-DD';
  if (text.length > FORMAT_CHARACTERS)
    throw new Stop(`the format of a date is longer than ${FORMAT_CHARACTERS} characters`);
  const written = formatDate(time, text, offset);
  if (written === undefined && strict) throw new Stop('formatDate was given what is no time');
  return written ?? 'Invalid date';
}

function compare(helper: string, values: readonly unknown[], scope: Scope): boolean {
  const [left, right] = values;
  switch (helper) {
    case 'equals':
      return isSame(left, right, scope);
    case 'notEquals':
      return !isSame(left, right, scope);
    case 'and':
      return !values.some(isFalse);
    case 'or':
      return !values.every(isFalse);
    default: {
      if (!isScalar(left) || !isScalar(right)) return false;
      if (typeof left === 'string' && typeof right === 'string') {
        const [a, b] = [numberOf(left), numberOf(right)];
        if (a !== undefined && b !== undefined) return helper === 'greaterThan' ? a > b : a < b;
        spend(scope, Math.min(left.length, right.length) >> 6);
      }
      if (isLong(left) || isLong(right)) spend(scope, (String(left).length + String(right).length) >> 6);
      return helper === 'greaterThan' ? left > right : left < right;
    }
  }
}

/** Characters beyond which a text is no number: reading it as one would take time that no step counts. */
const NUMBER_CHARACTERS = 64;
const isLong = (value: unknown): boolean => typeof value === 'string' && value.length > NUMBER_CHARACTERS;

function numberOf(text: string): number | undefined {
  if (isLong(text) || text.trim() === '') return undefined;
  const number = Number(text);
  return Number.isNaN(number) ? undefined : number;
}

type Scalar = string | number | boolean;
const isScalar = (value: unknown): value is Scalar =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** 3 equals "3"; a missing name equals null; an object equals itself. */
function isSame(left: unknown, right: unknown, scope: Scope): boolean {
  if (!isScalar(left) || !isScalar(right))
    return left === right || ((left ?? null) === null && (right ?? null) === null);
  if (typeof left === 'string' && typeof right === 'string') {
    if (left.length !== right.length) return false;
    spend(scope, left.length >> 6);
    return left === right;
  }
  if (isLong(left) || isLong(right)) return false;
  // biome-ignore lint/suspicious/noDoubleEquals: two scalars, compared as SendGrid does
  return left == right;
}

function block(node: Block, frame: Frame, scope: Scope): void {
  const { of, body, otherwise } = node;
  if (of.kind === 'path') {
    section(node, follow(of, frame, scope), frame, scope);
    return;
  }
  const { helper, params, hash } = of;
  const [first = NOTHING] = params;
  if (helper === 'each') each(node, evaluate(first, frame, scope), frame, scope);
  else if (helper === 'with') {
    const value = evaluate(first, frame, scope);
    if (isEmpty(value)) walk(otherwise, frame, scope);
    else walk(body, enter(frame, value, node, [value]), scope);
  } else if (helper === 'if' || helper === 'unless') {
    const value = evaluate(first, frame, scope);
    const zero = hash.get('includeZero');
    const zeroCounts = zero !== undefined && !isFalse(evaluate(zero, frame, scope));
    const holds = zeroCounts ? !isEmpty(value) : !isFalse(value);
    walk(holds === (helper === 'if') ? body : otherwise, frame, scope);
  } else walk(call(of, frame, scope) ? body : otherwise, frame, scope);
}

const NOTHING: Value = { kind: 'literal', value: undefined };

/** `{{#name}}`: a list is a loop, `true` the block as it is, and anything else that is there the block's context. */
function section(node: Block, value: unknown, frame: Frame, scope: Scope): void {
  if (value === true) walk(node.body, frame, scope);
  else if (value === undefined || value === null || value === false) walk(node.otherwise, frame, scope);
  else if (Array.isArray(value)) each(node, value, frame, scope);
  else walk(node.body, enter(frame, value, node, [value]), scope);
}

function each(node: Block, value: unknown, frame: Frame, scope: Scope): void {
  const isList = Array.isArray(value);
  const keys = isList || typeof value !== 'object' || value === null ? undefined : Object.keys(value);
  const count = isList ? value.length : (keys?.length ?? 0);
  if (count === 0) walk(node.otherwise, frame, scope);
  if (keys) spend(scope, count);
  for (let n = 0; n < count; n++) {
    spend(scope, 1);
    const key = keys ? keys[n]! : n;
    const item = (value as Record<string | number, unknown>)[key];
    const loop = { index: n, key, first: n === 0, last: n === count - 1, outer: frame.loop };
    walk(node.body, { ...enter(frame, item, node, [item, key]), loop }, scope);
  }
}

/** A block with a context of its own; one that is the same is no step outwards for `../`. */
function enter(frame: Frame, context: unknown, { names }: Block, given: readonly unknown[]): Frame {
  const own = names.length === 0 ? undefined : new Map(names.map((name, n) => [name, given[n]]));
  return {
    context,
    outer: context === frame.context ? frame.outer : frame,
    loop: frame.loop,
    names: own ? { names: own, outer: frame.names } : frame.names,
  };
}
