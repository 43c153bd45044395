import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextsAt, decodeValue, scanHtml } from '../../../core/tracking/html.ts';

const hrefsOf = (html: string) => scanHtml(html).hrefs.map(({ from, to }) => html.slice(from, to));

describe('scanHtml', () => {
  it.each([
    ['<a href="https://a.example/">x</a>', ['https://a.example/']],
    ["<A HREF = 'https://a.example/' >", ['https://a.example/']],
    ['<a href=https://a.example/x/>', ['https://a.example/x/']],
    ['<a\nclass=b\thref="u"><area href=v>', ['u', 'v']],
    ['<a title="a>b" href="u">', ['u']],
    ['<a href="u" href="v">', ['u']],
    ['<a data-href="u">', []],
    ['<link href="u"><base href="u"><abbr href="u">', []],
    ['<!-- <a href="u"> --><a href="v">', ['v']],
    ['<!--[if mso]><a href="u"><![endif]--><a href="v">', ['v']],
    ['<!--[if !mso]><!--><a href="u"><!--<![endif]-->', ['u']],
    ['<!--><a href="u">', ['u']],
    ['<!---><a href="u">', ['u']],
    ['<!-- --!><a href="u">', ['u']],
    ['<script>"<a href=u>"</script><a href="v">', ['v']],
    ['<style><a href=u></styles></style ><a href="v">', ['v']],
    ['<title><a href="u"></TITLE/><a href="v">', ['v']],
    ['<plaintext><a href="u">', []],
    ['1 < 2 <a href="u">', ['u']],
    ['<<a href="u">', ['u']],
    ['</ <a href="u">x><a href="v">', ['v']],
    ['</><a href="u">', ['u']],
    ['<a href="u', []],
    ['<a href="u"', []],
    ['<?php <a href="u"> ?>', []],
    ['<![CDATA[<a href="u">]]>', []],
    ['</a href="u">', []],
    ['<a =href="u" href="v">', ['v']],
    ['<a href="u"x="y"title=z>', ['u']],
    ['<a href>', []],
    ['<a/href="u">', ['u']],
  ])('finds the links of %s', (html, hrefs) => {
    expect(hrefsOf(html)).toEqual(hrefs);
  });

  it('knows which links ask to be left alone, and which open an app', () => {
    const { hrefs } = scanHtml(
      '<a clicktracking=off href="u"><a href="u" clicktracking="off"><a universal="true" href="u"><a clicktracking="on" href="u">',
    );
    expect(hrefs.map(({ off, universal }) => [off, universal])).toEqual([
      [true, false],
      [true, false],
      [false, true],
      [false, false],
    ]);
  });

  it('finds the end of the body', () => {
    expect(scanHtml('<body>x</body></html>').bodyEnd).toBe(7);
    expect(scanHtml('<body><!-- </body> --></BODY >').bodyEnd).toBe(22);
    expect(scanHtml('<p>x</p></html>').bodyEnd).toBe(8);
    expect(scanHtml('<p>x').bodyEnd).toBeUndefined();
  });

  it('takes any text, in time that grows with it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<', '>', '"', "'", 'a', ' ', '=', '/', '!', '-', 'href', 'script', '?')),
        (pieces) => {
          const html = pieces.join('');
          const { hrefs, stretches } = scanHtml(html);
          for (const { from, to } of hrefs) expect(from <= to && to <= html.length).toBe(true);
          for (const { from, to } of stretches) expect(from <= to && to <= html.length).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
    for (const unit of ['<a href="', '<', '<!--', '<a ', "<a href='x' ", '</', '<script>', '<a ='])
      expect(scanHtml(unit.repeat(100_000)).hrefs.length).toBeLessThanOrEqual(100_000);
  }, 20_000);
});

describe('contextsAt', () => {
  it('says in what a place lies', () => {
    const html = '<p class="x">hello<!-- c --><style>s</style>';
    const at = (text: string) => html.indexOf(text);
    const places = [at('p '), at('x'), at('x') + 1, at('hello'), at(' c '), at('s<')];
    expect(contextsAt(places, scanHtml(html))).toEqual(['tag', 'double', 'double', 'text', 'comment', 'raw']);
  });
});

describe('decodeValue', () => {
  it.each([
    ['https://a.example/?a=1&amp;b=2&#38;c&#x26;d', 'https://a.example/?a=1&b=2&c&d'],
    ['?a=1&copy=2&lang=x', '?a=1&copy=2&lang=x'],
    ['?a&amp', '?a&'],
    ['&lt;&quot;&gt;', '<">'],
    ['?a&reg', undefined],
    ['?a&Tab;b', undefined],
    ['&#0;', undefined],
    ['&#xD800;', undefined],
    ['&#9999999;', undefined],
  ])('%s', (value, decoded) => expect(decodeValue(value)).toBe(decoded));
});
