/** Rendering as one would write it: SendGrid's helpers, what is missing, errors by line, and the plain text of HTML. */
import { describe, expect, it } from 'vitest';
import { compileTemplate, variablesIn } from '../../../core/template/compile.ts';
import { formatDate } from '../../../core/template/dates.ts';
import { applyLegacy, renderTexts } from '../../../core/template/mail.ts';
import { parseText } from '../../../core/template/parse.ts';
import { plainOf } from '../../../core/template/plain.ts';
import { openBudget, renderTree } from '../../../core/template/render.ts';

function render(text: string, data: unknown = {}, strict = false): string {
  const parsed = parseText(text);
  if (!parsed.ok) return `refused: line ${parsed.line}: ${parsed.message}`;
  const rendered = renderTree(parsed.tree, data, openBudget(text.length), { html: true, strict });
  return rendered.ok ? rendered.text : `stopped: ${rendered.reason}`;
}

describe('SendGrid’s helpers', () => {
  it.each([
    ['{{#if user.vip}}vip{{else if user.known}}known{{else}}new{{/if}}', { user: { known: true } }, 'known'],
    ['{{#unless paid}}open{{/unless}}', { paid: 0 }, 'open'],
    [
      '{{#each items}}{{@index}}{{name}}{{#unless @last}}, {{/unless}}{{else}}none{{/each}}',
      { items: [{ name: 'a' }, { name: 'b' }] },
      '0a, 1b',
    ],
    ['{{#each items}}x{{else}}none{{/each}}', { items: [] }, 'none'],
    ['{{#with user}}{{name}} of {{@root.shop}}{{/with}}', { user: { name: 'Ann' }, shop: 'Us' }, 'Ann of Us'],
    ['{{#equals n "3"}}same{{else}}other{{/equals}}', { n: 3 }, 'same'],
    ['{{#notEquals n "3"}}other{{else}}same{{/notEquals}}', { n: 3 }, 'same'],
    ['{{#and a b}}both{{else}}not both{{/and}}', { a: 1, b: '' }, 'not both'],
    ['{{#or a b}}one{{else}}none{{/or}}', { a: 0, b: 'x' }, 'one'],
    ['{{#greaterThan score 50}}high{{else}}low{{/greaterThan}}', { score: '100' }, 'high'],
    ['{{#greaterThan a b}}high{{else}}low{{/greaterThan}}', { a: '10', b: '9' }, 'high'],
    ['{{#lessThan score 50}}low{{/lessThan}}', { score: 7 }, 'low'],
    ['{{length items}} {{length name}} {{length none}}', { items: [1, 2], name: 'Anna' }, '2 4 0'],
    ['{{#greaterThan (length items) 1}}many{{/greaterThan}}', { items: [1, 2] }, 'many'],
    ['Dear {{insert name "default=Customer"}}', {}, 'Dear Customer'],
    ['Dear {{insert name "default=Customer"}}', { name: 'Ann' }, 'Dear Ann'],
    ['{{insert name "you"}}', {}, 'you'],
    ['{{formatDate at "MMMM DD, YYYY h:mm:ss A"}}', { at: '2020-01-01T23:00:00.000Z' }, 'January 01, 2020 11:00:00 PM'],
    ['{{formatDate at "dddd, D. MMM YY HH:mm ZZ" "-0800"}}', { at: 1_577_836_800 }, 'Tuesday, 31. Dec 19 16:00 -0800'],
    ['{{formatDate at "YYYY"}}', { at: 'soon' }, 'Invalid date'],
    ['[{{missing}}][{{user.missing.deeper}}][{{formatDate missing "YYYY"}}]', { user: {} }, '[][][]'],
  ])('%s', (text, data, wanted) => expect(render(text, data)).toBe(wanted));

  it('dates: every token, both kinds of time', () => {
    const format = 'YYYY YY MMMM MMM MM M DD D dddd ddd hh h HH H mm m ss s A ZZ Z [at YYYY]';
    const wanted = '2026 26 March Mar 03 3 09 9 Monday Mon 04 4 16 16 05 5 06 6 PM +0530 +05:30 at YYYY';
    const at = Date.UTC(2026, 2, 9, 10, 35, 6);
    for (const time of [at, at / 1_000, String(at), '2026-03-09T10:35:06Z', '2026-03-09T10:35:06'])
      expect(formatDate(time, format, '+05:30')).toBe(wanted);
    for (const time of ['', 'x', 8.7e15, {}, [], null]) expect(formatDate(time, 'YYYY', undefined)).toBeUndefined();
  });
});

describe('errors', () => {
  it.each([
    ['a\nb\n{{#if x}}\nc', /^refused: line 4: the text ends within a block/],
    ['a\n{{#if x}}{{/each}}', /^refused: line 2: if doesn't match each/],
    ['{{#if}}x{{/if}}', /^refused: line 1: if takes 1 argument, it has 0/],
    ['\n\n{{upper name}}', /^refused: line 3: there is no helper upper; there are if, unless/],
    ['{{#length a}}{{/length}}', /^refused: line 1: length is no block/],
    ['{{equals a b}}', /^refused: line 1: equals is a block/],
    ['a\n{{ a b', /^refused: line 2: /],
    ['{{/if}}', /^refused: line 1: a \{\{\/…\}\} closes what was not opened/],
    ['{{a..b}}', /^refused: line 1: /],
  ])('%j', (text, wanted) => expect(render(text)).toMatch(wanted));

  it('strict: what is printed must be there, what is asked for need not', () => {
    expect(render('{{#if a}}{{a}}{{/if}}{{insert b "c"}}', {}, true)).toBe('c');
    expect(render('x\n{{user.name}}', { user: {} }, true)).toBe('stopped: line 2: the data has no user.name');
    expect(render('{{#each list}}{{name}}{{/each}}', { list: [{}] }, true)).toBe(
      'stopped: line 1: the data has no name',
    );
    expect(render('{{a}}{{b}}', { a: '', b: 0 }, true)).toBe('0');
  });

  it('all texts of a version are read, and their names known', () => {
    const text = { subject: '{{a.b}}', html: '{{c}}{{#if d}}{{e}}{{/if}}', plain: '{{@root.f}}{{this.g}}' };
    const compiled = compileTemplate(text);
    expect(compiled.ok && variablesIn(compiled.template)).toEqual(['a.b', 'c', 'g']);
    const broken = compileTemplate({ subject: '{{', html: 'a\n{{#b}}', plain: 'fine' });
    expect(broken.ok ? [] : broken.errors.map(({ field }) => field)).toEqual(['subject', 'html_content']);
  });

  it('the three texts of a mail share one budget', () => {
    const loop = '{{#each list}}{{this}}{{/each}}';
    const compiled = compileTemplate({ subject: 's', html: loop, plain: loop });
    const list = Array.from({ length: 60_000 }, () => 1);
    const rendered = compiled.ok && renderTexts(compiled.template, { list }, { strict: false });
    expect(rendered).toEqual({ ok: false, field: 'plain_content', reason: 'it takes more than 200000 steps' });
  });
});

describe('the plain text of HTML', () => {
  it.each([
    ['<p>Dear {{name}},</p><p>your   order\nis <b>here</b>.</p>', 'Dear {{name}},\n\nyour order is here.'],
    ['<a href="https://shop.example/{{id}}?a=1&amp;b=2">Look</a>!', 'Look ( https://shop.example/{{id}}?a=1&b=2 )!'],
    ['<a href="https://x.example">https://x.example</a>', 'https://x.example'],
    [
      '<head><title>T</title></head><style>p > a {}</style><script>if (a<b) {}</script><!-- <p>x --><p>only</p>',
      'only',
    ],
    ['<ul><li>one</li><li>two</li></ul>', '* one\n\n* two'],
    ['a &lt; b &amp; &#228; &euro; &unknown; 1 < 2', 'a < b & ä € &unknown; 1 < 2'],
    ['<table><tr><td>a</td><td>b</td></tr></table><br>c', 'a b\n\nc'],
    ['{{#if a}}<p title="{{b}} > c">x</p>{{/if}} <%body%>', '{{#if a}}\n\nx\n\n{{/if}} <%body%>'],
  ])('%s', (html, wanted) => expect(plainOf(html)).toBe(wanted));

  it('takes time linear in the text', () => {
    for (const piece of ['<', '<a href="', '<p ', '{{', '&amp', '<!--', '<script>', '<a href=x>', '{{{a}} ', '<% ']) {
      const began = performance.now();
      plainOf(piece.repeat(Math.floor(1_000_000 / piece.length)));
      expect([piece, performance.now() - began < 3_000]).toEqual([piece, true]);
    }
  });
});

describe('legacy', () => {
  const content = {
    from: { email: 'a@b.example' },
    replyTo: [],
    attachments: [],
    headers: {},
    sections: {},
    categories: [],
    customArgs: {},
    mailSettings: { footer: { enable: true, text: 'Us', html: '<i>Us</i>' } },
  };
  it('the mail’s own texts stand where the template has them, the footer under both', () => {
    const parts = [{ type: 'text/plain', value: 'Hi $& <you>' }];
    const text = { subject: 'On: <%subject%>', html: '<body><% body %></body>', plain: '-- <%BODY%>' };
    expect(applyLegacy({ ...content, parts }, text)).toMatchObject({
      subjectTemplate: 'On: <%subject%>',
      parts: [
        { type: 'text/plain', value: '-- Hi $& <you>\nUs' },
        { type: 'text/html', value: '<body>Hi $&amp; &lt;you&gt;<i>Us</i></body>' },
      ],
    });
  });
  it('parts that the template has not stay', () => {
    const parts = [
      { type: 'text/html', value: '<p>Hi</p>' },
      { type: 'text/calendar', value: 'BEGIN:VCALENDAR' },
    ];
    expect(
      applyLegacy({ ...content, mailSettings: {}, parts }, { subject: '', html: '', plain: '<%body%>!' }).parts,
    ).toEqual([{ type: 'text/plain', value: 'Hi!' }, ...parts]);
  });
});
