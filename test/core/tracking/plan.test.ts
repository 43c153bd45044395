import { existsSync, globSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { makeParser, makeTemplate } from '../../../core/replace.ts';
import { scanHtml } from '../../../core/tracking/html.ts';
import { type PartWish, planPart, type Urls } from '../../../core/tracking/plan.ts';
import { belowOfGroup, DESIGN_TAGS, GROUP_TAGS } from '../../../core/tracking/unsubscribe-tags.ts';

const urls: Urls = {
  click: ({ url, index, part, universal }) => `[${universal ? 'uni ' : ''}${part}${index} ${url}]`,
  pixel: () => '[pixel]',
  unsubscribe: (action) => `[${action}]`,
};
const HTML: PartWish = {
  type: 'html',
  clicks: true,
  campaign: undefined,
  pixel: false,
  pixelTags: [],
  tags: [],
  below: undefined,
};
const TEXT: PartWish = { ...HTML, type: 'text' };

function track(text: string, wish: PartWish): string {
  const { template, values } = planPart(makeTemplate([text], []), wish)!.fill([], urls)!;
  return template.fill(values, 1e9)!;
}

describe('links', () => {
  it.each([
    ['<a href="https://a.example/?x=1&amp;y=2">x</a>', '<a href="[html0 https://a.example/?x=1&y=2]">x</a>'],
    ["<a href='http://a.example'>", "<a href='[html0 http://a.example]'>"],
    [
      '<a href="mailto:a@b.example"><a href="#x"><a href="/x"><a href="https://a.example">',
      '<a href="mailto:a@b.example"><a href="#x"><a href="/x"><a href="[html3 https://a.example]">',
    ],
    ['<a clicktracking=off href="https://a.example">', '<a clicktracking=off href="https://a.example">'],
    ['<a universal="true" href="https://a.example">', '<a universal="true" href="[uni html0 https://a.example]">'],
    ['<a href=" https://a.example/x y ">', '<a href="[html0 https://a.example/x%20y]">'],
    ['<a href="javascript:alert(1)">', '<a href="javascript:alert(1)">'],
    ['<a href="https://">', '<a href="https://">'],
    ['<a href="https://münchen.example/ü">', '<a href="[html0 https://xn--mnchen-3ya.example/%C3%BC]">'],
  ])('of %s', (html, tracked) => expect(track(html, HTML)).toBe(tracked));

  it('are tracked up to a thousand', () => {
    const html = '<a href="https://a.example">'.repeat(1_001);
    expect(track(html, HTML).match(/\[html/g)).toHaveLength(1_000);
  });

  it('of a plain text end where their sentence does', () => {
    expect(track('See https://a.example/x. (https://b.example/(y)) <https://c.example> xhttps://d.example', TEXT)).toBe(
      'See [text0 https://a.example/x]. ([text1 https://b.example/(y)]) <[text2 https://c.example]> xhttps://d.example',
    );
  });

  it('get a campaign, and keep what they say themselves', () => {
    const wish = { ...HTML, clicks: false, campaign: { utm_source: 'a b', utm_medium: 'mail' } };
    expect(track('<a href="https://a.example/?utm_medium=x&amp;z#f"><a href="https://a.example">', wish)).toBe(
      '<a href="https://a.example/?utm_medium=x&#38;z&#38;utm_source=a%20b#f"><a href="https://a.example?utm_source=a%20b&#38;utm_medium=mail">',
    );
    expect(track('<a href="https://a.example">', { ...wish, clicks: true })).toBe(
      '<a href="[html0 https://a.example?utm_source=a%20b&utm_medium=mail]">',
    );
  });
});

describe('the pixel', () => {
  const wish = { ...HTML, pixel: true };
  const PIXEL = /<img src="\[pixel\]"[^>]*>/;
  it('goes before the end of the body, else to the end', () => {
    expect(track('<body>x</body></html>', wish).replace(PIXEL, 'P')).toBe('<body>xP</body></html>');
    expect(track('<p>x', wish).replace(PIXEL, 'P')).toBe('<p>xP');
  });
  it('goes where the tag is', () => {
    expect(track('<body>a%open%b</body>', { ...wish, pixelTags: ['%open%'] }).replace(PIXEL, 'P')).toBe(
      '<body>aPb</body>',
    );
    expect(track('<body>a</body>', { ...wish, pixelTags: ['%open%'] }).replace(PIXEL, 'P')).toBe('<body>aP</body>');
  });
});

describe('unsubscribe tags', () => {
  const wish: PartWish = { ...HTML, tags: [...GROUP_TAGS, ...DESIGN_TAGS], below: belowOfGroup('html') };
  it('are links in text, URLs in attributes and in plain text, and never tracked besides', () => {
    expect(
      track(
        '<a href="<%asm_group_unsubscribe_url%>">x</a> <%asm_preferences_url%> <a href="{{{unsubscribe}}}">y</a>',
        wish,
      ),
    ).toBe('<a href="[list]">x</a> <a href="[preferences]">Manage Email Preferences</a> <a href="[list]">y</a>');
    expect(track('<%asm_global_unsubscribe_url%> <%asm_group_unsubscribe_raw_url%>', { ...wish, type: 'text' })).toBe(
      '[all] [list]',
    );
  });
  it('stand below a mail that has none', () => {
    expect(track('<body>x</body>', wish)).toBe(
      '<body>x<p style="font-size:12px;line-height:20px;text-align:center"><a href="[list]">Unsubscribe From This List</a> | <a href="[preferences]">Manage Email Preferences</a></p></body>',
    );
    expect(track('<b><%asm_group_unsubscribe_raw_url%></b>', wish)).toBe('<b>[list]</b>');
  });
});

describe('a plan of a template', () => {
  const wishes: PartWish[] = [
    HTML,
    { ...HTML, pixel: true, tags: [...GROUP_TAGS, ...DESIGN_TAGS], below: belowOfGroup('html') },
    { ...HTML, clicks: false, campaign: { utm_source: 'x' } },
    { ...HTML, pixel: true, pixelTags: ['[p]'], tags: [{ tag: '[unsubscribe]', action: 'list' }] },
    { ...HTML, type: 'text', clicks: false, tags: [{ tag: '[unsubscribe]', action: 'list' }] },
    TEXT,
  ];
  const literal = fc.constantFrom(
    ...[
      '<',
      '>',
      '"',
      "'",
      '<a href="',
      '">',
      'https://a.example/?',
      '<!--',
      '-->',
      '-',
      '<b>',
      '</body>',
      ' ',
      'x',
      '&',
      'amp;',
    ],
    ...[
      '<style>',
      '</style>',
      '[unsubscribe]',
      '[p]',
      '{{{unsubscribe}}}',
      '<%asm_preferences_url%>',
      '[',
      '{',
      '<%',
      '/',
      '!',
      '=',
    ],
  );
  const value = fc.oneof(literal, fc.constantFrom('', 'Ann', 'O"Neil', "O'Neil", 'a&b', '3 < 4', 'https://b.example/'));

  it('gives what the filled text gives, or refuses', () => {
    let planned = 0;
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof({ weight: 3, arbitrary: literal }, { weight: 1, arbitrary: fc.constantFrom('-k1-', '-k2-') }),
        ),
        value,
        value,
        fc.constantFrom(...wishes),
        (pieces, one, two, wish) => {
          const template = makeParser(['-k1-', '-k2-'])(pieces.join(''));
          const values = [one, two];
          const byPlan = planPart(template, wish)?.fill(values, urls);
          if (!byPlan) return;
          if (template.keys.length > 0) planned++;
          expect(byPlan.template.fill(byPlan.values, 1e9)).toBe(track(template.fill(values, 1e9)!, wish));
        },
      ),
      { numRuns: 20_000, seed: 7 },
    );
    expect(planned).toBeGreaterThan(1_000);
  }, 30_000);

  it('is had for what newsletters are made of', () => {
    const template = makeParser(['-name-', '-id-'])(
      '<p>Dear -name-,</p><!--[if mso]>-name-<![endif]--><a title="-name-" href="https://a.example/?id=-id-&amp;x">-id-</a>',
    );
    const filled = planPart(template, HTML)!.fill(['Ann', '7'], urls)!;
    expect(filled.template.fill(filled.values, 1e9)).toBe(
      '<p>Dear Ann,</p><!--[if mso]>Ann<![endif]--><a title="Ann" href="[html0 https://a.example/?id=7&x]">7</a>',
    );
  });
});

const CORPUS = '../shared/corpus';

describe.skipIf(!existsSync(CORPUS))('the HTML of all mails of the corpus', () => {
  it('is changed in its hrefs, and nowhere else', async () => {
    let mails = 0;
    let links = 0;
    for (const file of globSync(`${CORPUS}/**/*.{eml,txt,msg}`)) {
      const raw = readFileSync(file);
      if (!/content-type:\s*(text\/html|multipart)/i.test(raw.toString('latin1'))) continue;
      const parsed = await simpleParser(raw, {
        skipImageLinks: true,
        skipTextToHtml: true,
        skipHtmlToText: true,
      }).catch(() => undefined);
      const html = parsed?.html;
      if (!html) continue;
      mails++;
      const marked = { ...urls, click: ({ index }: { index: number }) => `\u0001${index}\u0002` };
      const { template, values } = planPart(makeTemplate([html], []), HTML)!.fill([], marked)!;
      const tracked = template.fill(values, 1e9)!;
      const { hrefs } = scanHtml(html);
      const restored = tracked.replace(/\u0001(\d+)\u0002/g, (_, index) => {
        links++;
        const { from, to } = hrefs[Number(index)]!;
        return html.slice(from, to);
      });
      expect(restored === html, file).toBe(true);
    }
    console.log(`${mails} mails, ${links} links`);
    expect(mails).toBeGreaterThan(80);
    expect(links).toBeGreaterThan(100);
  }, 120_000);
});
