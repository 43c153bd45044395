/** What is accepted as a header reaches the message; what the composer would leave out is refused by name. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { composeBody, composeHeader } from '../../../core/compose.ts';
import { noFaults } from '../../../core/mail-send/faults.ts';
import { readHeaders } from '../../../core/mail-send/headers.ts';
import { accepted, mail, personal, refused } from './bodies.ts';

const ID = Buffer.alloc(16, 3).toString('base64url');

/** The header block with one custom header, unfolded. */
function compose(name: string, value: string): string {
  const parts = [{ type: 'text/plain', value: 'x' }];
  const message = {
    requestId: ID,
    personalization: 0,
    account: 'a',
    pool: 'p',
    acceptedAt: Date.UTC(2026, 0, 15),
    from: { email: 'from@example.com' },
    to: [{ email: 'to@example.net' }],
    cc: [],
    replyTo: [],
    subject: 's',
    headers: { [name]: value },
    categories: [],
  };
  return composeHeader(message, composeBody(parts, [], ID))
    .toString()
    .replace(/\r\n(?=[ \t])/g, '');
}

function isAccepted(name: string, value: string): boolean {
  const faults = noFaults();
  readHeaders(faults, { [name]: value }, 'headers');
  return faults.errors.length === 0;
}

const OURS = [
  ...['Sender', 'Return-Path', 'Feedback-ID', 'MIME-Version', 'OTP-Token', 'Bcc', 'DKIM-Signature', 'Received'],
  ...['Content-Language', 'Content-ID', 'Content-', 'Resent-From', 'Resent-Message-ID', 'Resent-', 'n'.repeat(77)],
  // Attack: a mail by way of SES leaves its configuration set, or goes out by the authority of another's identity.
  ...['X-Ses-Configuration-Set', 'X-Ses-Message-Tags', 'X-Ses-Source-Arn', 'X-Ses-From-Arn', 'X-Ses-Return-Path-Arn'],
  ...['X-Ses-List-Management-Options', 'X-Ses-Anything', 'X-Ses-'],
];
const THEIRS = [
  ...['Date', 'Message-ID', 'In-Reply-To', 'References', 'List-Unsubscribe', 'List-Unsubscribe-Post', 'List-Id'],
  ...[
    'X-Priority',
    'Precedence',
    'Auto-Submitted',
    'Senders',
    'X-Sender',
    'Contents',
    'Errors-To',
    'X-SES',
    'X-Session-Id',
    'n'.repeat(76),
  ],
];
const VALUES: Record<string, string> = {
  Date: 'Thu, 15 Jan 2026 12:00:00 +0000',
  'Message-ID': '<zz9@example.com>',
  'In-Reply-To': '<zz9@example.com>',
  References: '<zz8@example.com> <zz9@example.com>',
};

describe('the names that are accepted are those that the composer writes', () => {
  it.each(OURS.flatMap((name) => [name, name.toLowerCase(), name.toUpperCase()]))('%s is refused', (name) => {
    // Assess
    expect(compose(name, 'zz9')).not.toContain('zz9');
    const [at] = refused(mail({ headers: { [name]: 'zz9' } }));
    expect(at).toMatchObject({ field: `headers.${name}`, help: expect.stringMatching(/message\.headers$/) });
    const [of] = refused(personal({ headers: { [name]: 'zz9' } }));
    expect(of!.field).toBe(`personalizations.0.headers.${name}`);
  });

  it.each(THEIRS)('%s is accepted', (name) => {
    // Prepare
    const value = VALUES[name] ?? 'zz9';

    // Assess
    expect(accepted(mail({ headers: { [name]: value } })).content.headers).toEqual({ [name]: value });
    expect(compose(name, value).toLowerCase()).toContain(`\r\n${name}: ${value}\r\n`.toLowerCase());
  });

  it('whatever the name is', () => {
    const word = fc.constantFrom(
      'content',
      'resent',
      'list',
      'x',
      'sg',
      'ses',
      'id',
      'eid',
      'to',
      'cc',
      'from',
      'sender',
      'otp',
    );
    const name = fc
      .tuple(fc.array(word, { minLength: 1, maxLength: 4 }), fc.constantFrom('-', '', '_'), fc.boolean())
      .map(([words, by, upper]) => (upper ? words.join(by).toUpperCase() : words.join(by)));
    const any = fc.oneof(name, fc.stringMatching(/^[!-9;-~]{1,80}$/), fc.string());
    fc.assert(
      fc.property(any, (name) => {
        expect(compose(name, 'zz9').includes('zz9')).toBe(isAccepted(name, 'zz9'));
      }),
      { numRuns: 500, examples: [['content-'], ['resent-'], ['x-ses-']] },
    );
  });
});

describe('a value that could only be left out or spoilt', () => {
  const long = (characters: number) => `<https://e.example/${'a'.repeat(characters - '<https://e.example/>'.length)}>`;

  it.each([
    ['Date', 'tomorrow', /must be a date and time.*"tomorrow"/],
    ['Message-ID', '<>', /must be one message id/],
    ['Message-ID', '<ä@example.com>', /must be one message id/],
    ['message-id', '<a@example.com> <b@example.com>', /must be one message id/],
    ['Message-ID', '<a b@example.com>', /must be one message id/],
    ['Message-ID', `<${'a'.repeat(901)}>`, /at most 900/],
    ['In-Reply-To', '<>', /1 to 100 message ids/],
    ['References', '<a@x.example>, <b@x.example>', /1 to 100 message ids/],
    ['References', '<a@x.example> '.repeat(101), /1 to 100 message ids/],
    ['List-Unsubscribe', long(901), /more than 900 characters without a space/],
    ['LIST-HELP', `<mailto:a@x.example>,${long(900)}`, /more than 900/],
    ['List-Unsubscribe', '<https://e.example/ä>', /percent-encode/],
  ])('%s is refused, case %#', (name, value, message) => {
    // Act
    const errors = refused(mail({ headers: { [name]: value } }));

    // Assess
    expect(errors).toMatchObject([{ field: `headers.${name}`, message: expect.stringMatching(message) }]);
    expect(errors[0]!.message.length).toBeLessThan(400);
  });

  it.each([
    ['Date', '2026-01-15T12:00:00Z', 'Thu, 15 Jan 2026 12:00:00 +0000'],
    ['Message-ID', 'zz9@example.com', '<zz9@example.com>'],
    ['Message-ID', ` <${'a'.repeat(900)}>\t`, `<${'a'.repeat(900)}>`],
    ['References', '<a@x.example><b@x.example>', '<a@x.example> <b@x.example>'],
    ['References', '<a@x.example> '.repeat(100), '<a@x.example> '.repeat(100).trim()],
    ['List-Unsubscribe', `${long(899)}, <mailto:u@example.com>`, `${long(899)}, <mailto:u@example.com>`],
    ['List-Unsubscribe-Post', 'List-Unsubscribe=One-Click', 'List-Unsubscribe=One-Click'],
  ])('%s is accepted and written, case %#', (name, value, written) => {
    // Assess
    expect(isAccepted(name, value)).toBe(true);
    expect(compose(name, value)).toContain(`\r\n${name}: ${written}\r\n`);
  });

  it.each(['Date', 'Message-ID', 'References', 'List-Id', 'X-A'])('nothing is no fault: %s', (name) => {
    // Assess
    expect(isAccepted(name, '')).toBe(true);
  });

  // The attack: a value made for the regular expressions to go over again and again.
  it.each([
    ['References', '<a'.repeat(1_000_000)],
    ['References', '<a>'.repeat(1_000_000)],
    ['List-Id', '<a '.repeat(1_000_000)],
    ['List-Id', `<${' '.repeat(3_000_000)}`],
    ['Message-ID', `a${' '.repeat(3_000_000)}b`],
    ['Date', '('.repeat(3_000_000)],
    ['Date', '1 '.repeat(1_500_000)],
  ])('%s of 3 MB is read in time, case %#', (name, value) => {
    // Prepare
    const begun = performance.now();

    // Act
    isAccepted(name, value);

    // Assess
    expect(performance.now() - begun).toBeLessThan(20_000);
  });
});
