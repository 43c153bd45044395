import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addFooter } from '../../../core/mail-send/footer.ts';
import { accepted, DYNAMIC, mail } from './bodies.ts';

const html = (value: string) => addFooter([{ type: 'text/html', value }], { html: '<hr>$& F' })[0]!.value;

describe('addFooter', () => {
  it.each([
    ['<html><body><p>Hi</p></body></html>', '<html><body><p>Hi</p><hr>$& F</body></html>'],
    ['<BODY>Hi</BODY\n></HTML>', '<BODY>Hi<hr>$& F</BODY\n></HTML>'],
    ['<!-- </body> --><body>Hi</Body>', '<!-- </body> --><body>Hi<hr>$& F</Body>'],
    ['İİİ<body>İ</body>', 'İİİ<body>İ<hr>$& F</body>'],
    ['<p>Hi</p>', '<p>Hi</p><hr>$& F'],
    ['Hi </body', 'Hi </body<hr>$& F'],
  ])('puts HTML at the end of the body: %j', (value, expected) => {
    // Assess
    expect(html(value)).toBe(expected);
  });

  it.each([
    ['Hi', 'Hi\nF'],
    ['Hi\n', 'Hi\nF'],
    ['Hi\r\n', 'Hi\r\nF'],
  ])('puts text on a line of its own: %j', (value, expected) => {
    // Assess
    expect(addFooter([{ type: 'Text/Plain', value }], { text: 'F' })).toEqual([
      { type: 'Text/Plain', value: expected },
    ]);
  });

  it('leaves other parts, and parts without a footer of their kind', () => {
    // Prepare
    const parts = ['text/plain', 'text/html', 'text/x-amp-html', 'text/calendar'].map((type) => ({ type, value: 'x' }));

    // Assess
    expect(addFooter(parts, { text: 'F' }).map(({ value }) => value)).toEqual(['x\nF', 'x', 'x', 'x']);
    expect(addFooter(parts, { html: 'F' }).map(({ value }) => value)).toEqual(['x', 'xF', 'x', 'x']);
    expect(addFooter(parts, { text: '', html: '' })).toEqual(parts);
    expect(addFooter(parts, undefined)).toEqual(parts);
  });

  it('loses nothing of any content', () => {
    const piece = fc.oneof(fc.constantFrom('</body>', '</BODY >', '<body>', '</body', '\n'), fc.string());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const value = pieces.join('');
        const made = html(value);
        const at = made.lastIndexOf('<hr>$& F');
        expect(made.slice(0, at) + made.slice(at + '<hr>$& F'.length)).toBe(value);
        expect(value.slice(at).match(/<\/body\s*>/gi)?.length ?? 0).toBe(/<\/body\s*>/i.test(value) ? 1 : 0);
      }),
    );
  });
});

describe('mail_settings.footer', () => {
  const content = [
    { type: 'text/plain', value: 'Hi' },
    { type: 'text/html', value: '<body>Hi</body>' },
  ];
  const settings = (enable?: boolean) => ({
    footer: { ...(enable === undefined ? {} : { enable }), text: 'F', html: 'G' },
  });

  it('is in the content of an accepted mail when it is enabled', () => {
    // Act
    const request = accepted(mail({ content, mail_settings: settings(true) }));

    // Assess
    expect(request.content.parts.map(({ value }) => value)).toEqual(['Hi\nF', '<body>HiG</body>']);
    expect(content[0]!.value).toBe('Hi');
  });

  it.each([[false], [undefined]])('is not when enable is %j', (enable) => {
    // Assess
    expect(accepted(mail({ content, mail_settings: settings(enable) })).content.parts).toEqual(content);
  });

  it('adds nothing to the empty content beside a template', () => {
    // Assess
    const body = mail({ content: undefined, template_id: DYNAMIC, mail_settings: settings(true) });
    expect(accepted(body).content.parts).toEqual([]);
  });
});
