/** Plain text that gets an HTML part (`mail_settings/plain_content`): when, of what, and that nothing in it is markup. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Content, Part } from '../../../core/mail.ts';
import { withDefaults } from '../../../core/mail-send/defaults.ts';
import { htmlOf } from '../../../core/mail-send/plain-content.ts';
import type { MailDefaultsRecord } from '../../../core/records/mail-defaults.ts';
import { plainParts, renderPersonalization } from '../../../core/render.ts';
import { compileTemplate } from '../../../core/template/compile.ts';
import { applyLegacy, renderDynamic } from '../../../core/template/mail.ts';
import { scanHtml } from '../../../core/tracking/html.ts';
import { makeTrackingKey } from '../../../core/tracking/token.ts';
import { openTracker, trackingOf } from '../../../core/tracking/track.ts';

const text = (value: string): Part => ({ type: 'text/plain', value });
const html = (value: string): Part => ({ type: 'text/html', value });
const contentOf = (parts: Part[], more: Partial<Content> = {}): Content => ({
  ...{ from: { email: 'a@example.com' }, replyTo: [], subject: 'Hi', parts, attachments: [], headers: {} },
  ...{ sections: {}, categories: [], customArgs: {} },
  ...more,
});
const settings = (more: Partial<MailDefaultsRecord> = {}): MailDefaultsRecord => ({
  ...{ pk: 'operator', sk: 'settings#mail', plainContent: { enabled: false } },
  ...more,
});
const of = (content: Content, defaults: MailDefaultsRecord | undefined): Content =>
  withDefaults({ content, personalizations: [], copies: [], sendAt: {}, sandbox: false }, defaults).content;
const sent = (content: Content, substitutions: Record<string, string> = {}) =>
  renderPersonalization(content, { index: 0, to: [], cc: [], substitutions })!.parts.map(
    ({ type, value }) => `${type}: ${value}`,
  );
const page = (body: string) => `text/html: <!DOCTYPE html>\n<html><body>\n${body}\n</body></html>\n`;

describe('which mail', () => {
  it('of text alone, where the account says so; all other mail is as it was', () => {
    expect(sent(of(contentOf([text('Hi\nAnn')]), settings()))).toEqual(['text/plain: Hi\nAnn', page('Hi<br>\nAnn')]);
    const asItWas = [text('Hi'), html('<p>Hi</p>')];
    expect(of(contentOf(asItWas), settings())).toEqual(contentOf(asItWas));
    for (const none of [undefined, settings({ plainContent: { enabled: true } }), { pk: '', sk: '' }])
      expect(of(contentOf([text('Hi')]), none)).toEqual(contentOf([text('Hi')]));
    // Composed of its own octets: the parts are those that it came with.
    expect(of(contentOf([], { mime: { octets: '' } }), settings())).toEqual(contentOf([], { mime: { octets: '' } }));
  });

  it('stands behind the text and before what is neither', () => {
    const types = sent(of(contentOf([text('Hi'), { type: 'text/calendar', value: 'BEGIN' }]), settings()));
    expect(types.map((part) => part.slice(0, 10))).toEqual(['text/plain', 'text/html:', 'text/calen']);
  });

  it('has the account’s footer as text, and its template around it, the tags in both replaced', () => {
    const content = of(
      contentOf([text('Hi')]),
      settings({
        footer: { enabled: true, text: 'For -who-', html: '<i>never twice</i>' },
        template: { enabled: true, html: '<b>-who-</b><% body %>' },
      }),
    );
    expect(sent(content, { '-who-': 'Ann' })).toEqual([
      'text/plain: Hi\nFor Ann',
      'text/html: <b>Ann</b>Hi<br>\nFor Ann',
    ]);
  });

  it('is made once for all messages of which nothing is personal', () => {
    const content = of(contentOf([text('Hi')]), settings());
    const own = { index: 0, to: [], cc: [] };
    expect(renderPersonalization(content, own)!.parts).toBe(plainParts(content));
    expect(renderPersonalization(content, { ...own, substitutions: { '-x-': 'y' } })!.parts).toBe(plainParts(content));
  });

  it('also where a template leaves the mail without HTML', () => {
    const content = of(contentOf([text('own')], { templateId: 'd-1' }), settings());
    const compiled = compileTemplate({ subject: 'S', html: '', plain: 'Dear {{{name}}}' });
    const data = { index: 0, to: [], cc: [], dynamicTemplateData: { name: '<b>' } };
    const made = compiled.ok && renderDynamic(compiled.template, content, data);
    expect(made && (made.ok ? made.made.parts : made.reason)).toEqual([
      text('Dear <b>'),
      html(page('Dear &#60;b&#62;').slice('text/html: '.length)),
    ]);
    const legacy = applyLegacy({ ...content, templateId: 'legacy' }, { subject: '', html: '', plain: '<%body%>!' });
    expect(sent(legacy)).toEqual(['text/plain: own!', page('own!')]);
  });
});

/**
 * Attack: somebody fills in a form of a shop that mails plain text: his name is a script, his homepage a javascript: link or ends the
 * attribute that it stands in. As text it was harmless; as HTML made of it, it must be as harmless.
 */
describe('what is no markup', () => {
  test.each([
    ['<script>alert(1)</script>', '&#60;script&#62;alert(1)&#60;/script&#62;'],
    ['javascript:alert(1)', 'javascript:alert(1)'],
    ['data:text/html,<b>', 'data:text/html,&#60;b&#62;'],
    [
      'https://x.example/"onmouseover="alert(1)',
      '<a href="https://x.example/">https://x.example/</a>&#34;onmouseover=&#34;alert(1)',
    ],
    ["https://x.example/'onclick='x", '<a href="https://x.example/">https://x.example/</a>&#39;onclick=&#39;x'],
    [
      'https://x.example/?a=1&quot;b',
      '<a href="https://x.example/?a=1&#38;quot;b">https://x.example/?a=1&#38;quot;b</a>',
    ],
    ['&lt;b&gt;', '&#38;lt;b&#38;gt;'],
    [
      '<a href="https://x.example">y</a>',
      '&#60;a href=&#34;<a href="https://x.example">https://x.example</a>&#34;&#62;y&#60;/a&#62;',
    ],
  ])('%s', (value, made) => {
    expect(htmlOf(value)).toBe(made);
    // And so where it is put in for a reader.
    const content = of(contentOf([text('-name-')]), settings());
    expect(sent(content, { '-name-': value })[1]).toBe(page(made));
  });

  it('whatever stands in a text: no link but to http and https, no tag but links and line ends', () => {
    const pieces = fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '&',
      ' ',
      '\n',
      'https://',
      'javascript:',
      '<!--',
      '<%',
      '%>',
      'a',
      '/',
      '{{{unsubscribe}}}',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (all) => {
        const made = htmlOf(all.join(''));
        for (const { from, to } of scanHtml(made).hrefs)
          expect(made.slice(from, to)).toMatch(/^(https:\/\/[^"<>]*|\{\{\{unsubscribe\}\}\})$/);
        const bare = made.replaceAll(/<a href="[^"<>]*">|<\/a>|<br>/g, '').replaceAll(/<%asm_\w+%>/g, '');
        expect(bare).not.toMatch(/[<>"']/);
      }),
    );
  });

  // Attack: a name that holds the tag of the account's template, or a text that grows without end.
  it('does not grow by hundreds of bodies', () => {
    const content = of(
      contentOf([text('x'.repeat(1_000))]),
      settings({ template: { enabled: true, html: '-n-<% body %>' } }),
    );
    const [, made] = sent(content, { '-n-': '<% body %>'.repeat(500) });
    expect(made!.split('x'.repeat(1_000))).toHaveLength(4);
    const long = of(contentOf([text(' '.repeat(1_000_001))]), settings());
    expect(sent(long)).toHaveLength(1);
  });
});

it('keeps lines and spaces, and leaves the tags of unsubscribe links to be replaced', () => {
  expect(htmlOf('  a  b\r\n c\n\nd')).toBe('&#160; a&#160; b<br>\n&#160;c<br>\n<br>\nd');
  expect(htmlOf('Leave: <%asm_group_unsubscribe_url%>')).toBe('Leave: <%asm_group_unsubscribe_url%>');
  expect(htmlOf('<%asm_preferences_raw_url%>.')).toBe(
    '<a href="<%asm_preferences_raw_url%>"><%asm_preferences_raw_url%></a>.',
  );
  expect(htmlOf('See https://x.example/a.')).toBe('See <a href="https://x.example/a">https://x.example/a</a>.');
});

/** The HTML is what readers see: a link to unsubscribe that is in the text alone is none. */
describe('the sender’s own tags', () => {
  const copy = { account: 'operator', requestId: 'AaIUgwYKdweHBwcHBwcHBw', index: 0, address: 'b@example.net' };
  const links = { host: 'l.example.com', key: makeTrackingKey(Buffer.alloc(32, 1)) };
  const tracked = (
    text_: string,
    trackingSettings: Record<string, unknown>,
    more: Partial<MailDefaultsRecord> = {},
  ) => {
    const content = of(contentOf([text(text_)], { trackingSettings }), settings(more));
    const tracker = openTracker([], trackingOf(content)!, { links }, copy);
    if ('dropped' in tracker) throw new Error(tracker.dropped);
    const { parts } = renderPersonalization(content, { index: 0, to: [], cc: [] })!;
    return parts.map((part) => tracker.part(part).value.replaceAll(/\/([uo])\/[\w-]{60,}/g, '/$1/T'));
  };
  const URL_ = 'https://l.example.com/u/T';

  test.each(['<%unsub%>', '[unsubscribe]', '"leave" & go', "<a href='#'>"])('%s becomes a link', (tag) => {
    const [plain, made] = tracked(`Leave: ${tag}`, {
      subscription_tracking: { enable: true, substitution_tag: tag },
    });
    expect(plain).toBe(`Leave: ${URL_}`);
    expect(`text/html: ${made}`).toBe(page(`Leave: <a href="${URL_}">Unsubscribe</a>`));
  });

  it('is the URL where the account’s template has it as one', () => {
    const template = { enabled: true, html: '<% body %><a href="<%unsub%>">Leave</a>' };
    const wanted = { subscription_tracking: { enable: true, substitution_tag: '<%unsub%>' } };
    expect(tracked('Hi', wanted, { template })[1]).toBe(`Hi<a href="${URL_}">Leave</a>`);
  });

  it('the pixel is in the place of its tag', () => {
    const wanted = { open_tracking: { enable: true, substitution_tag: '<%open&%>' } };
    const [, made] = tracked('a<%open&%>b', wanted);
    expect(made).toMatch(/<body>\na<img src="https:\/\/l\.example\.com\/o\/T"[^>]*>b\n<\/body>/);
  });
});
