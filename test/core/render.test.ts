import { describe, expect, it } from 'vitest';
import type { Content, Personalization } from '../../core/mail.ts';
import { RENDERED_GROWTH, renderPersonalization } from '../../core/render.ts';

const CONTENT: Content = {
  from: { email: 'a@sender.example' },
  replyTo: [{ email: '-reply-@sender.example', name: 'Re -name-' }],
  subject: 'Hello -name-',
  parts: [{ type: 'text/plain', value: 'Dear -name-, -offer-' }],
  attachments: [],
  headers: {},
  sections: {},
  categories: [],
  customArgs: { who: '-name-' },
};
const personalization = (changes: Partial<Personalization> = {}): Personalization => ({
  index: 0,
  to: [{ email: 'b@x.example' }],
  cc: [],
  ...changes,
});

describe('render', () => {
  it('substitutes in subject, content and reply-to, never in custom_args', () => {
    const rendered = renderPersonalization(
      CONTENT,
      personalization({ substitutions: { '-name-': 'Ann', '-reply-': 'r' } }),
    );
    expect(rendered).toMatchObject({
      from: { email: 'a@sender.example' },
      replyTo: [{ email: 'r@sender.example', name: 'Re Ann' }],
      subject: 'Hello Ann',
      parts: [{ type: 'text/plain', value: 'Dear Ann, -offer-' }],
    });
    expect(CONTENT.customArgs).toEqual({ who: '-name-' });
  });

  it('puts sections into substitution values, with substitutions inside them once', () => {
    const content = { ...CONTENT, sections: { '-big-': 'a big -thing- for -name-', '-thing-': 'never' } };
    const substitutions = { '-name-': 'Ann', '-offer-': 'we have -big-', '-thing-': 'cake' };
    const rendered = renderPersonalization(content, personalization({ substitutions }));
    expect(rendered?.parts[0]?.value).toBe('Dear Ann, we have a big cake for Ann');
  });

  it('takes the subject and from of the personalization, and shares parts that nothing changes', () => {
    const from = { email: 'c@sender.example' };
    const rendered = renderPersonalization(CONTENT, personalization({ subject: 'Own', from }));
    expect(rendered).toMatchObject({ subject: 'Own', from });
    expect(rendered?.parts).toBe(CONTENT.parts);
    const unused = renderPersonalization(CONTENT, personalization({ substitutions: { '-other-': 'x' } }));
    expect(unused?.parts).toBe(CONTENT.parts);
  });

  // Attack: values that name each other without end, or that grow without end.
  it('neither recurses nor grows without bound', () => {
    const loop = renderPersonalization(
      CONTENT,
      personalization({ substitutions: { '-name-': '-offer-', '-offer-': '-name-' } }),
    );
    expect(loop?.subject).toBe('Hello -offer-');
    const big = { ...CONTENT, parts: [{ type: 'text/plain', value: 'x'.repeat(4_000) }] };
    expect(renderPersonalization(big, personalization({ substitutions: { x: 'y'.repeat(5_000) } }))).toBeUndefined();
    const sections = { s: 'z'.repeat(1_000_000) };
    const many = personalization({ substitutions: { '-a-': 's'.repeat(9_000) } });
    expect(renderPersonalization({ ...CONTENT, sections }, many)).toBeUndefined();
    const long = { ...CONTENT, parts: [{ type: 'text/plain', value: `${'y'.repeat(3_000_000)}-name-` }] };
    const grown = (by: number) =>
      renderPersonalization(long, personalization({ substitutions: { '-name-': 'n'.repeat(by) } }));
    expect(grown(1_000)).toBeDefined();
    expect(grown(RENDERED_GROWTH + 7)).toBeUndefined();
  });
});
