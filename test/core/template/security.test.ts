/**
 * Attacks: a customer's template reaches for what objects inherit, for functions, for code, or for so much work that nobody else's mail
 * is made. What he finds is nothing, and what he takes is bounded. The cases of Handlebars' own security tests are among them, as
 * far as data is JSON; a helper that is not SendGrid's does not exist.
 */
import { describe, expect, it } from 'vitest';
import { parseText } from '../../../core/template/parse.ts';
import { openBudget, renderTree } from '../../../core/template/render.ts';

function render(text: string, data: unknown = {}, html = true) {
  const parsed = parseText(text);
  if (!parsed.ok) return { refused: parsed.message };
  return renderTree(parsed.tree, data, openBudget(text.length), { html, strict: false });
}
const nothing = { ok: true, text: '' };

describe('what objects inherit is not there', () => {
  const NAMES = [
    'constructor',
    '__proto__',
    'prototype',
    '__defineGetter__',
    '__defineSetter__',
    '__lookupGetter__',
    '__lookupSetter__',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    'propertyIsEnumerable',
    'toLocaleString',
    'helperMissing',
    'blockHelperMissing',
    'apply',
    'bind',
    'call',
    'caller',
    'arguments',
  ];
  const WALKS = NAMES.flatMap((name) => [
    `{{${name}}}`,
    `{{{${name}.${name}}}}`,
    `{{user.${name}}}`,
    `{{user.name.${name}}}`,
    `{{list.${name}}}`,
    `{{@root.${name}}}`,
    `{{lookup this "${name}"}}`,
    `{{lookup (lookup this "${name}") "name"}}`,
    `{{#with ${name}}}found{{/with}}`,
    `{{#${name}}}found{{/${name}}}`,
    `{{#each ${name}}}found{{/each}}`,
    `{{#each user.${name}}}found{{/each}}`,
    `{{#with user}}{{this.${name}}}{{../user.${name}.name}}{{/with}}`,
    `{{#each list as |one|}}{{one.${name}}}{{/each}}`,
  ]);
  const data = { user: { name: 'Ann' }, list: [{ a: 1 }, 'text', 3] };

  it(`${WALKS.length} walks over ${NAMES.length} names are empty`, () => {
    expect(WALKS.length).toBeGreaterThanOrEqual(233);
    for (const walk of WALKS) expect([walk, render(walk, data)]).toEqual([walk, nothing]);
  });

  it('a name of the data’s own is data, whatever it is', () => {
    const own = JSON.parse('{"constructor": {"name": "mine"}, "__proto__": {"name": "too"}}') as unknown;
    expect(render('{{constructor.name}}{{lookup (lookup this "constructor") "name"}}{{__proto__.name}}', own)).toEqual({
      ok: true,
      text: 'minemine' + 'too',
    });
    expect(render('{{list.length}}', data)).toEqual({ ok: true, text: '3' });
  });

  it('a key made of a list or an object names nothing', () => {
    expect(render('{{lookup (lookup this list) "name"}}', { list: ['constructor'] })).toEqual(nothing);
    expect(render('{{lookup this key}}', { key: { toString: 'constructor' } })).toEqual(nothing);
  });

  // Attack: numbers of a megabyte each, compared in a loop: a minute in which nobody else's mail moves.
  it('a long text is no number, and comparing it counts', () => {
    const long = '1'.repeat(1_000_000);
    const list = Array.from({ length: 25_000 }, () => 1);
    const loop = (inner: string) => `{{#each list}}{{#if (${inner})}}{{/if}}{{/each}}`;
    for (const inner of ['greaterThan @root.a @root.b', 'lessThan @root.a 1', 'greaterThan 1 @root.a'])
      expect(render(loop(inner), { a: long, b: `${long}1`, list })).toMatchObject({ ok: false });
    expect(render(loop('equals @root.a 1'), { a: long, list })).toEqual(nothing);
    expect(render('{{#greaterThan a 9}}more{{/greaterThan}}', { a: '10' })).toEqual({ ok: true, text: 'more' });
  });

  it('an object that says how it is written or compared is not asked', () => {
    const odd = { toString: 1, valueOf: 'x' };
    expect(render('{{odd}}', { odd })).toEqual({ ok: true, text: '[object Object]' });
    expect(render('{{#equals odd "x"}}same{{/equals}}{{#greaterThan odd 1}}more{{/greaterThan}}', { odd })).toEqual(
      nothing,
    );
  });

  it.each([
    '{{blockHelperMissing "abc" .}}',
    '{{__defineGetter__ "undefined" valueOf }}',
    '{{#with __lookupGetter__ }}{{__defineGetter__ "propertyIsEnumerable" (this.bind (this.bind 1)) }}{{constructor.name}}{{/with}}',
    '{{log "x"}}',
    '{{> partial}}',
    '{{#> layout}}x{{/layout}}',
    '{{* decorator}}',
    '{{#*inline "a"}}x{{/inline}}',
    '{{{{raw}}}}{{a}}{{{{/raw}}}}',
    '{{constructor "return process" 1}}',
    '{{#constructor "x"}}{{/constructor}}',
  ])('%s is refused', (text) => {
    expect(render(text)).toMatchObject({ refused: expect.any(String) });
  });

  it('a template that is no string, and so perhaps a tree that somebody made, is not read', () => {
    for (const value of [{ type: 'Program', body: [] }, ['{{a}}'], 1, null, undefined, true])
      expect(parseText(value)).toEqual({ ok: false, line: 1, message: 'a template must be a string' });
  });

  it('values are escaped for HTML, but for three braces, and never read as a template', () => {
    const said = `<script>alert("x" & 'y' = \`z\`)</script>{{a}}`;
    expect(render('{{said}}', { said, a: 'leak' })).toEqual({
      ok: true,
      text: '&lt;script&gt;alert(&quot;x&quot; &amp; &#x27;y&#x27; &#x3D; &#x60;z&#x60;)&lt;/script&gt;{{a}}',
    });
    expect(render('{{{said}}}', { said })).toEqual({ ok: true, text: said });
    expect(render('{{said}}', { said }, false)).toEqual({ ok: true, text: said });
  });
});

describe('work is bounded', () => {
  const within = <T>(milliseconds: number, act: () => T): T => {
    const began = performance.now();
    const result = act();
    expect(performance.now() - began).toBeLessThan(milliseconds);
    return result;
  };

  it.each([
    ['closed', `${'{{#if a}}'.repeat(100_000)}${'{{/if}}'.repeat(100_000)}`],
    ['open', '{{#each a}}'.repeat(100_000)],
    ['inverse', '{{^a}}'.repeat(100_000)],
    ['chained', `{{#if a}}${'{{else if a}}'.repeat(100_000)}{{/if}}`],
    ['stripped', '{{~#if a~}}'.repeat(100_000)],
    ['spaced', '{{  #if a }}'.repeat(100_000)],
    ['behind a comment that is escaped', `\\{{!-- ${'{{#if a}}'.repeat(100_000)} --}}`],
    ['behind a double escape', `\\\\{{#if a}}${'{{#if a}}'.repeat(100_000)}`],
    ['brackets', `{{length ${'(length '.repeat(100_000)}a${')'.repeat(100_000)}}}`],
    ['few brackets', `{{length ${'(length '.repeat(400)}a${')'.repeat(400)}}}`],
    ['flat', '{{a}}'.repeat(100_000)],
    ['one long tag', `{{a ${'b '.repeat(500_000)}}}`],
  ])('10^5 nested blocks, %s: refused at once', (_, text) => {
    expect(within(1_000, () => parseText(text))).toMatchObject({ ok: false, line: 1 });
  });

  it('what is as deep and as long as may be is read', () => {
    const deep = `${'{{#if a}}'.repeat(100)}x${'{{/if}}'.repeat(100)}`;
    expect(render(deep, { a: 1 })).toEqual({ ok: true, text: 'x' });
    expect(parseText('{{a}} '.repeat(5_000))).toMatchObject({ ok: true });
    expect(render('{{!-- {{#if a}} --}}'.repeat(200))).toEqual(nothing);
  });

  it('a million items, and loops in loops, end with the reason', () => {
    const list = Array.from({ length: 1_000_000 }, () => 1);
    const few = list.slice(0, 1_000);
    const text = '{{#each few}}{{#each ../few}}{{#each ../../few}}{{this}}{{/each}}{{/each}}{{/each}}';
    for (const [template, data] of [
      ['{{#each list}}{{/each}}', { list }],
      ['{{list}}', { list }],
      ['{{#each list}}{{this}}{{/each}}', { list: Object.fromEntries(list.entries()) }],
      [text, { few }],
    ] as const)
      expect(within(2_000, () => render(template, data))).toEqual({
        ok: false,
        reason: 'it takes more than 200000 steps',
      });
  });

  it('a hundred megabytes of output, and comparisons of long texts, end too', () => {
    const long = 'x'.repeat(100_000);
    expect(
      within(1_000, () => render('{{#each list}}{{../long}}{{/each}}', { long, list: Array(1_000).fill(0) })),
    ).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^it is longer than its template/),
    });
    const [a, b] = [`${'y'.repeat(1_000_000)}a`, `${'y'.repeat(1_000_000)}b`];
    const compare = '{{#each list}}{{#equals ../a ../b}}{{/equals}}{{#lessThan ../a ../b}}{{/lessThan}}{{/each}}';
    expect(within(3_000, () => render(compare, { a, b, list: Array(100_000).fill(0) }))).toMatchObject({ ok: false });
  });

  it('data a hundred lists deep is written, deeper is not', () => {
    const nest = (depth: number) => JSON.parse(`${'['.repeat(depth)}1${']'.repeat(depth)}`) as unknown;
    expect(render('{{a}}', { a: nest(100) })).toEqual({ ok: true, text: '1' });
    expect(render('{{a}}', { a: nest(50_000) })).toMatchObject({ ok: false });
  });
});
