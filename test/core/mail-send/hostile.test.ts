/**
 * Bodies at the size limit made to be slow. The limit of time is wide: what it must tell apart is linear from quadratic,
 * which at this size are milliseconds and minutes.
 */
import { describe, expect, it } from 'vitest';
import { REQUEST_BYTES } from '../../../core/limits.ts';
import { parseJsonBody, validateMailSend } from '../../../core/mail-send/index.ts';
import { context, mail, personal } from './bodies.ts';

/** Tells linear from quadratic, which would take minutes; it is no measure of speed, so that a busy machine passes. */
const MILLISECONDS = 20_000;
const fill = (text: string) => text.repeat(Math.floor(4_400_000 / text.length));
const list = (entry: unknown) => `[${fill(`${JSON.stringify(entry)},`)}${JSON.stringify(entry)}]`;
const put = (body: object) => JSON.stringify(body);
/** A body with `"@"` replaced by raw JSON text. */
const around = (body: object, json: string) => put(body).replace('"@"', () => json);
const keys = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":"v"`).join(',')}}`;

const bodies: [string, string, boolean][] = [
  ['one long subject', put(mail({ subject: fill('s') })), true],
  ['one long email', put(mail({ from: { email: fill('a.') } })), false],
  ['one long quoted email', put(personal({ to: [{ email: `"${'\\"'.repeat(1_000_000)}` }] })), false],
  ['one long attachment', put(mail({ attachments: [{ content: fill('AAAA'), filename: 'a' }] })), true],
  [
    'an attachment of line breaks and a wrong end',
    put(mail({ attachments: [{ content: `AAAA${'\n'.repeat(2_000_000)}!`, filename: 'a' }] })),
    false,
  ],
  ['an attachment of padding', put(mail({ attachments: [{ content: fill('='), filename: 'a' }] })), false],
  ['100,000 recipients', around(personal({ to: '@' }), list({ email: 'a@example.net' })), false],
  [
    '100,000 personalizations',
    around(mail({ personalizations: '@' }), list({ to: [{ email: 'a@example.net' }] })),
    false,
  ],
  ['100,000 categories', around(mail({ categories: '@' }), list('c')), false],
  ['100,000 reply_to addresses', around(mail({ reply_to_list: '@' }), list({ email: 'a@example.net' })), false],
  ['100,000 content blocks', around(mail({ content: '@' }), list({ type: 'text/x', value: 'v' })), true],
  ['100,000 attachments', around(mail({ attachments: '@' }), list({ content: 'AAAA', filename: 'f' })), true],
  ['1,000,000 groups', around(mail({ asm: { group_id: 1, groups_to_display: '@' } }), list(1)), false],
  ['250,000 custom_args', around(mail({ custom_args: '@' }), keys(250_000)), false],
  ['250,000 headers', around(mail({ headers: '@' }), keys(250_000)), true],
  ['250,000 sections', around(mail({ sections: '@' }), keys(250_000)), true],
  ['250,000 unknown properties', keys(250_000), false],
  [
    'HTML of ends of a body, with a footer',
    put(
      mail({
        content: [{ type: 'text/html', value: fill('</body ') }],
        mail_settings: { footer: { enable: true, html: 'f' } },
      }),
    ),
    true,
  ],
  ['one long header key', put(mail({ headers: { [fill('a')]: 'x' } })), false],
  ['one long unknown property', put(mail({ [fill('a')]: 'x' })), false],
  ['the same name 500,000 times', `{${fill('"a":1,')}"a":1}`, false],
  ['backslashes', `{"a":"${fill('\\\\')}"}`, false],
  ['escaped quotes', `{"a":"${fill('\\"')}"}`, false],
  ['brackets', fill('['), false],
  ['quotes that do not end', fill('"\\'), false],
  [
    '1,000 personalizations with a header each and 150,000 at the root',
    around(
      mail({
        personalizations: Array.from({ length: 1000 }, (_, i) => ({
          to: [{ email: `a${i}@example.net` }],
          headers: { K1: 'x' },
        })),
        headers: '@',
      }),
      keys(150_000),
    ),
    true,
  ],
  [
    '1,000 personalizations with 10,000 bytes of merged custom_args',
    put(
      mail({
        personalizations: Array.from({ length: 1000 }, (_, i) => ({
          to: [{ email: `a${i}@example.net` }],
          custom_args: { b: 'x' },
        })),
        custom_args: { a: 'y'.repeat(9_900) },
      }),
    ),
    true,
  ],
];

describe('a hostile body is answered in time', () => {
  it.each(bodies)('%s', (_, text, valid) => {
    // Prepare
    const bytes = Buffer.from(text);
    expect(bytes.length).toBeLessThanOrEqual(REQUEST_BYTES);
    const begun = performance.now();

    // Act
    const parsed = parseJsonBody(bytes, 'application/json');
    const result = parsed.ok ? validateMailSend(parsed.value, context) : parsed;
    const took = performance.now() - begun;

    // Assess
    expect(result.ok).toBe(valid);
    expect(took).toBeLessThan(MILLISECONDS);
    if (!result.ok) expect(JSON.stringify(result.errors).length).toBeLessThan(50 * 1000);
  });
});
