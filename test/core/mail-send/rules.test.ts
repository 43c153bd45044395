/**
 * Every rule of the table of `POST /v3/mail/send`, row by row: what lies exactly at a limit is accepted and carried,
 * what is one beyond is refused with its field and its words.
 */
import { describe, expect, it } from 'vitest';
import { accepted, addresses, DYNAMIC, type Json, LEGACY, mail, NOW_SECONDS, personal, refused } from './bodies.ts';

const HELP = 'http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message.';

type Good = [rule: string, body: Json];
type Bad = [rule: string, body: Json, field: string, message: string | RegExp];

const bytesOfJson = (bytes: number) => ({ k: 'x'.repeat(bytes - '{"k":""}'.length) });
const many = <T>(count: number, make: (i: number) => T) => Array.from({ length: count }, (_, i) => make(i));
const to = (email: unknown, name?: unknown) => personal({ to: [name === undefined ? { email } : { email, name }] });
const attach = (properties: Json) => mail({ attachments: [{ content: 'aGk=', filename: 'a.txt', ...properties }] });
const part = (properties: Json) => mail({ content: [{ type: 'text/plain', value: 'x', ...properties }] });
const parts = (...types: string[]) => mail({ content: types.map((type) => ({ type, value: 'x' })) });
const address320 = `${'l'.repeat(64)}@${`${'d'.repeat(49)}.`.repeat(5)}${'d'.repeat(5)}`;
const SUBJECT =
  'The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined.';
const CONTENT =
  'Unless a valid template_id is provided, the content parameter is required. There must be at least one defined content block. We typically suggest both text/plain and text/html blocks are included, but only one block is required.';
const TO =
  'The to array is required for all personalization objects, and must have at least one email object with a valid email address.';
const PERSONALIZATIONS = 'The personalizations field is required and must have at least one personalization.';
const UNIQUE =
  'Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of ';
const INVALID = 'Does not contain a valid address.';
const FROM_INVALID = 'The from email does not contain a valid address.';
const type = (expected: string, given: string) => `Invalid type. Expected: ${expected}, given: ${given}.`;

const RESERVED =
  'x-sg-id x-sg-eid received dkim-signature Content-Type Content-Transfer-Encoding To From Subject Reply-To CC BCC X-SES-Configuration-Set'.split(
    ' ',
  );
const MAIL_SWITCHES =
  'bypass_list_management bypass_spam_management bypass_bounce_management bypass_unsubscribe_management footer sandbox_mode bcc spam_check'.split(
    ' ',
  );
const TRACKING_SWITCHES = 'click_tracking open_tracking subscription_tracking ganalytics'.split(' ');
const SETTING_STRINGS = [
  'mail_settings.footer.text',
  'mail_settings.footer.html',
  'mail_settings.bcc.email',
  'mail_settings.spam_check.post_to_url',
  'tracking_settings.open_tracking.substitution_tag',
  'tracking_settings.subscription_tracking.text',
  'tracking_settings.subscription_tracking.html',
  'tracking_settings.subscription_tracking.substitution_tag',
  ...['source', 'medium', 'term', 'content', 'campaign', 'name'].map(
    (one) => `tracking_settings.ganalytics.utm_${one}`,
  ),
];
const at = (path: string, value: unknown): Json => {
  const [group = '', name = '', property = ''] = path.split('.');
  return mail({ [group]: { [name]: { [property]: value } } });
};

const good: Good[] = [
  ['the smallest body', mail()],
  ['personalizations: 1000', mail({ personalizations: addresses(1000).map((one) => ({ to: [one] })) })],
  ['to: 1000', personal({ to: addresses(1000) })],
  ['cc: 999 and one to', personal({ cc: addresses(999) })],
  ['bcc: 999 and one to', personal({ bcc: addresses(999) })],
  [
    'to + cc + bcc: 1000 together',
    mail({
      personalizations: [
        { to: addresses(400, 'a'), cc: addresses(300, 'b') },
        { to: addresses(200, 'a'), bcc: addresses(100, 'b') },
      ],
    }),
  ],
  ['empty cc and bcc', personal({ cc: [], bcc: [] })],
  [
    'the same address in two personalizations',
    mail({ personalizations: [{ to: addresses(1) }, { to: addresses(1) }] }),
  ],
  ['address: 320 characters', to(address320)],
  ['recipient with an internationalized domain', to('jo@bücher.example')],
  ['name', to('to@example.net', 'Zoë "Z" <O\'Brien>')],
  ['empty name', to('to@example.net', '')],
  ['personalization from of the same domain', personal({ from: { email: 'other@EXAMPLE.com', name: 'O' } })],
  ['personalization subject: 1 character, none at the root', personal({ subject: 's' }, { subject: undefined })],
  ['substitutions: 10,000 bytes', personal({ substitutions: bytesOfJson(10_000) })],
  ['substitutions with a legacy template', personal({ substitutions: { '-a-': 'b' } }, { template_id: LEGACY })],
  [
    'dynamic_template_data with a dynamic template',
    personal({ dynamic_template_data: { a: [1, { b: null }] } }, { template_id: DYNAMIC }),
  ],
  ['custom_args: 10,000 bytes at the root', mail({ custom_args: bytesOfJson(10_000) })],
  [
    'custom_args: 10,000 bytes merged, keys of the root replaced',
    personal({ custom_args: bytesOfJson(10_000) }, { custom_args: { k: 'y'.repeat(5000) } }),
  ],
  ['send_at: 366 days ahead', mail({ send_at: NOW_SECONDS + 366 * 86_400 })],
  ['send_at: 366 days ahead in a personalization', personal({ send_at: NOW_SECONDS + 366 * 86_400 })],
  ['send_at: past', mail({ send_at: 1 })],
  ['from with a name', mail({ from: { email: 'from@example.com', name: 'Doe, Jane; Ltd' } })],
  ['reply_to', mail({ reply_to: { email: 'r@example.com', name: 'R' } })],
  ['reply_to_list: 1000', mail({ reply_to_list: addresses(1000) })],
  ['subject: 1 character', mail({ subject: 's' })],
  ['no subject, but a template', mail({ subject: undefined, template_id: DYNAMIC })],
  ['no content, but a template', mail({ content: undefined, template_id: LEGACY })],
  ['content order', parts('text/plain', 'text/html', 'text/x-amp-html', 'text/calendar')],
  ['content without text/plain', parts('text/html')],
  ['content value: 1 character', part({ value: 'x' })],
  [
    'attachment inline with content_id and type',
    attach({ disposition: 'inline', content_id: 'logo', type: 'image/png' }),
  ],
  ['attachment with a non-ASCII filename', attach({ filename: 'Rechnung für März.pdf' })],
  ['attachment content with line breaks', attach({ content: 'aGVs\r\nbG8=\r\n' })],
  ['sections', mail({ sections: { '-s-': 'text' } })],
  [
    'headers',
    mail({ headers: { 'X-A': 'ä', 'List-Unsubscribe': '<mailto:u@example.com>', 'Message-ID': '<1@example.com>' } }),
  ],
  ['categories: 10', mail({ categories: many(10, (i) => `c${i}`) })],
  ['category: 255 characters', mail({ categories: ['c'.repeat(255)] })],
  ['batch_id', mail({ batch_id: 'HkJ5yLYULb7Rj8GKSx7u025ouWVlMgAi' })],
  ['batch_id: 100 characters', mail({ batch_id: 'b'.repeat(100) })],
  ['asm with 25 groups_to_display', mail({ asm: { group_id: 1, groups_to_display: many(25, (i) => i + 1) } })],
  ['ip_pool_name: 2 characters', mail({ ip_pool_name: 'pp' })],
  ['ip_pool_name: 64 characters', mail({ ip_pool_name: 'p'.repeat(64) })],
  ...MAIL_SWITCHES.map((name): Good => [`mail_settings.${name} off`, at(`mail_settings.${name}.enable`, false)]),
  ...TRACKING_SWITCHES.filter((name) => name !== 'subscription_tracking').map(
    (name): Good => [`tracking_settings.${name} on`, at(`tracking_settings.${name}.enable`, true)],
  ),
  [
    'three bypasses together',
    mail({
      mail_settings: {
        bypass_spam_management: { enable: true },
        bypass_bounce_management: { enable: true },
        bypass_unsubscribe_management: { enable: true },
      },
    }),
  ],
  [
    'bypass_list_management with the others off',
    mail({ mail_settings: { bypass_list_management: { enable: true }, bypass_spam_management: { enable: false } } }),
  ],
  ['mail_settings.bcc', mail({ mail_settings: { bcc: { enable: true, email: 'b@example.net' } } })],
  ...[1, 10].map(
    (threshold): Good => [
      `spam_check.threshold ${threshold}`,
      mail({ mail_settings: { spam_check: { enable: false, threshold, post_to_url: 'https://example.com/spam' } } }),
    ],
  ),
  ['click_tracking.enable_text', at('tracking_settings.click_tracking.enable_text', true)],
];

const bad: Bad[] = [
  ['personalizations absent', mail({ personalizations: undefined }), 'personalizations', PERSONALIZATIONS],
  ['personalizations empty', mail({ personalizations: [] }), 'personalizations', PERSONALIZATIONS],
  [
    'personalizations: 1001',
    mail({ personalizations: addresses(1001).map((one) => ({ to: [one] })) }),
    'personalizations',
    /limited to 1000 per request, you provided 1001/,
  ],
  ['to absent', mail({ personalizations: [{ to: addresses(1) }, { cc: addresses(1) }] }), 'personalizations.1.to', TO],
  ['to empty', personal({ to: [] }), 'personalizations.0.to', TO],
  ['to: 1001', personal({ to: addresses(1001) }), 'personalizations', /limit of 1000 total recipients .*provided 1001/],
  ['cc: 1001', personal({ cc: addresses(1001, 'c') }), 'personalizations', /limit of 1000 total recipients/],
  ['bcc: 1001', personal({ bcc: addresses(1001, 'c') }), 'personalizations', /limit of 1000 total recipients/],
  [
    'to + cc + bcc: 1001 together',
    mail({
      personalizations: [
        { to: addresses(400, 'a'), cc: addresses(300, 'b') },
        { to: addresses(200, 'a'), bcc: addresses(101, 'b') },
      ],
    }),
    'personalizations',
    /provided 1001/,
  ],
  ['recipient without email', personal({ to: [{ name: 'N' }] }), 'personalizations.0.to.0.email', INVALID],
  ['recipient with an empty email', to(''), 'personalizations.0.to.0.email', INVALID],
  [
    'recipient that is no address',
    personal({ to: [{ email: 'ok@example.net' }, { email: 'nope' }] }),
    'personalizations.0.to.1.email',
    INVALID,
  ],
  ['cc that is no address', personal({ cc: [{ email: 'nope' }] }), 'personalizations.0.cc.0.email', INVALID],
  ['bcc that is no address', personal({ bcc: [{ email: 'nope' }] }), 'personalizations.0.bcc.0.email', INVALID],
  ['address: 321 characters', to(`l${address320}`), 'personalizations.0.to.0.email', INVALID],
  [
    'address twice in to',
    personal({ to: [...addresses(1), ...addresses(1)] }),
    'personalizations.0',
    `${UNIQUE}[a0@example.net] in the personalizations.0.to field.`,
  ],
  [
    'address in to and cc, case apart',
    personal({ cc: [{ email: 'TO@Example.NET' }] }),
    'personalizations.0',
    `${UNIQUE}[TO@Example.NET] in the personalizations.0.cc field.`,
  ],
  [
    'address in to and bcc',
    personal({ bcc: [{ email: 'to@example.net' }] }),
    'personalizations.0',
    `${UNIQUE}[to@example.net] in the personalizations.0.bcc field.`,
  ],
  [
    'address twice, one spelt in A-labels',
    personal({ to: [{ email: 'a@bücher.example' }, { email: 'a@xn--bcher-kva.example' }] }),
    'personalizations.0',
    /\[a@xn--bcher-kva.example\]/,
  ],
  ['recipient name with ;', to('to@example.net', 'a;b'), 'personalizations.0.to.0.name', /semicolon or a comma/],
  [
    'recipient name with ,',
    personal({ cc: [{ email: 'c@example.net', name: 'a,b' }] }),
    'personalizations.0.cc.0.name',
    /semicolon or a comma/,
  ],
  [
    'personalization from of another domain',
    personal({ from: { email: 'from@sub.example.com' } }),
    'personalizations.0.from.email',
    /domain of the from email must be the domain/,
  ],
  [
    'personalization from that is no address',
    personal({ from: { email: 'x' } }),
    'personalizations.0.from.email',
    FROM_INVALID,
  ],
  [
    'personalization subject empty',
    personal({ subject: '' }),
    'personalizations.0.subject',
    'The subject of your email must be a string at least one character in length.',
  ],
  [
    'personalization header reserved',
    personal({ headers: { Subject: 'x' } }),
    'personalizations.0.headers.Subject',
    /reserved/,
  ],
  [
    'substitutions: 10,001 bytes',
    personal({ substitutions: bytesOfJson(10_001) }),
    'personalizations.0.substitutions',
    /10000 bytes/,
  ],
  [
    'substitutions: 10,001 bytes of UTF-8',
    personal({ substitutions: { k: 'ä'.repeat(4997) } }),
    'personalizations.0.substitutions',
    /10000 bytes/,
  ],
  [
    'substitution that is no string',
    personal({ substitutions: { '-a-': 1 } }),
    'personalizations.0.substitutions.-a-',
    /values must be strings, you provided the integer of "-a-"/,
  ],
  [
    'substitution with an empty tag',
    personal({ substitutions: { '': 'x' } }),
    'personalizations.0.substitutions',
    /at least one character/,
  ],
  [
    'substitutions with a dynamic template',
    personal({ substitutions: { a: 'b' } }, { template_id: DYNAMIC }),
    'personalizations.0.substitutions',
    /dynamic_template_data instead/,
  ],
  [
    'dynamic_template_data without a template',
    personal({ dynamic_template_data: { a: 1 } }),
    'personalizations.0.dynamic_template_data',
    /only be used with a dynamic template/,
  ],
  [
    'dynamic_template_data with a legacy template',
    personal({ dynamic_template_data: { a: 1 } }, { template_id: LEGACY }),
    'personalizations.0.dynamic_template_data',
    /only be used with a dynamic template/,
  ],
  ['custom_args: 10,001 bytes at the root', mail({ custom_args: bytesOfJson(10_001) }), 'custom_args', /10000 bytes/],
  [
    'custom_args: 10,001 bytes merged',
    personal({ custom_args: { b: 'x' } }, { custom_args: bytesOfJson(10_001 - ',"b":"x"'.length) }),
    'personalizations.0.custom_args',
    /10000 bytes/,
  ],
  ['custom_args empty', mail({ custom_args: {} }), 'custom_args', /must not be empty/],
  [
    'custom_args that is no string',
    mail({ custom_args: { user: 1234 } }),
    'custom_args.user',
    /custom_args values must be strings, you provided the integer of "user"/,
  ],
  [
    'custom_args of a personalization that is no string',
    personal({ custom_args: { ok: 'x', on: true } }),
    'personalizations.0.custom_args.on',
    /must be strings, you provided the boolean/,
  ],
  [
    'send_at: 366 days and a second',
    mail({ send_at: NOW_SECONDS + 366 * 86_400 + 1 }),
    'send_at',
    'Scheduling more than 8784 hours in advance is forbidden.',
  ],
  [
    'send_at of a personalization: 366 days and a second',
    personal({ send_at: NOW_SECONDS + 366 * 86_400 + 1 }),
    'personalizations.0.send_at',
    /8784 hours/,
  ],
  ['send_at in milliseconds', mail({ send_at: (NOW_SECONDS + 60) * 1000 }), 'send_at', /8784 hours/],
  ['send_at with a fraction', mail({ send_at: 1.5 }), 'send_at', type('integer', 'number')],
  ['from absent', mail({ from: undefined }), 'from.email', /^The from object must be provided for every email send\./],
  ['from without email', mail({ from: { name: 'x' } }), 'from.email', FROM_INVALID],
  ['from that is no address', mail({ from: { email: 'x@' } }), 'from.email', FROM_INVALID],
  [
    'from with a non-ASCII domain',
    mail({ from: { email: 'x@bücher.example' } }),
    'from.email',
    /^The from email does not contain a valid address\..*ASCII/,
  ],
  [
    'reply_to that is no address',
    mail({ reply_to: { email: 'x' } }),
    'reply_to.email',
    'The reply_to email does not contain a valid address.',
  ],
  [
    'reply_to with reply_to_list',
    mail({ reply_to: { email: 'a@example.com' }, reply_to_list: addresses(1) }),
    'reply_to_list',
    /not be used together/,
  ],
  [
    'reply_to_list: 1001',
    mail({ reply_to_list: addresses(1001) }),
    'reply_to_list',
    /more than 1000 addresses, you provided 1001/,
  ],
  [
    'reply_to_list twice',
    mail({ reply_to_list: [{ email: 'r@example.com' }, { email: 'R@example.com' }] }),
    'reply_to_list.1',
    /unique/,
  ],
  [
    'reply_to_list that is no address',
    mail({ reply_to_list: [{ email: 'r' }] }),
    'reply_to_list.0.email',
    /valid address/,
  ],
  ['subject absent', mail({ subject: undefined }), 'subject', SUBJECT],
  ['subject empty', mail({ subject: '' }), 'subject', SUBJECT],
  [
    'subject absent in the root and one personalization',
    mail({ subject: undefined, personalizations: [{ to: addresses(1), subject: 's' }, { to: addresses(1) }] }),
    'subject',
    SUBJECT,
  ],
  ['content absent', mail({ content: undefined }), 'content', CONTENT],
  ['content empty', mail({ content: [] }), 'content', CONTENT],
  ['content after text/html', parts('text/html', 'text/plain'), 'content', /^If present, text\/plain must be first/],
  [
    'content: text/html after another',
    parts('text/plain', 'text/calendar', 'text/html'),
    'content',
    /^If present, text\/plain must be first/,
  ],
  ['content: text/plain twice', parts('text/plain', 'TEXT/plain'), 'content', /only once/],
  ['content type absent', mail({ content: [{ value: 'x' }] }), 'content.0.type', /required/],
  ['content type empty', part({ type: '' }), 'content.0.type', /at least one character/],
  ['content type with ;', part({ type: 'text/plain; charset=utf-8' }), 'content.0.type', /must not contain ';'/],
  ['content type with CRLF', part({ type: 'text/plain\r\nBcc: x@example.com' }), 'content.0.type', /CRLF/],
  [
    'content value absent',
    mail({ content: [{ type: 'text/plain' }] }),
    'content.0.value',
    'The content value must be a string at least one character in length.',
  ],
  [
    'content value empty',
    part({ value: '' }),
    'content.0.value',
    'The content value must be a string at least one character in length.',
  ],
  [
    'attachment content absent',
    mail({ attachments: [{ filename: 'a' }] }),
    'attachments.0.content',
    'The attachment content is required.',
  ],
  ['attachment content empty', attach({ content: '' }), 'attachments.0.content', 'The attachment content is required.'],
  ...['aGk', 'a===', 'aGk=aGk=', 'aG k=', 'aGk_', 'äGk=', '=', '====', '\r\n'].map(
    (content): Bad => [
      `attachment content ${JSON.stringify(content)}`,
      attach({ content }),
      'attachments.0.content',
      'The attachment content must be base64 encoded.',
    ],
  ),
  [
    'attachment content of the second',
    mail({
      attachments: [
        { content: 'aGk=', filename: 'a' },
        { content: '%', filename: 'b' },
      ],
    }),
    'attachments.1.content',
    'The attachment content must be base64 encoded.',
  ],
  ['attachment filename absent', mail({ attachments: [{ content: 'aGk=' }] }), 'attachments.0.filename', /required/],
  ['attachment filename empty', attach({ filename: '' }), 'attachments.0.filename', /required/],
  ['attachment filename with CRLF', attach({ filename: 'a\r\nb' }), 'attachments.0.filename', /CR, LF/],
  ['attachment content_id with LF', attach({ content_id: 'a\nb' }), 'attachments.0.content_id', /CR, LF/],
  ['attachment contentId with LF', attach({ contentId: 'a\nb' }), 'attachments.0.contentId', /CR, LF/],
  [
    'attachment contentId beside content_id',
    attach({ content_id: 'a', contentId: 'b' }),
    'attachments.0.contentId',
    /not be used together/,
  ],
  ['attachment type with CRLF', attach({ type: 'a/b\r\n' }), 'attachments.0.type', /CRLF/],
  ['attachment type with ;', attach({ type: 'a/b;c' }), 'attachments.0.type', /';'/],
  ['attachment type empty', attach({ type: '' }), 'attachments.0.type', /at least one/],
  [
    'attachment disposition',
    attach({ disposition: 'form-data' }),
    'attachments.0.disposition',
    /either "inline" or "attachment", you provided "form-data"/,
  ],
  [
    'template_id that is none',
    mail({ template_id: 'x' }),
    'template_id',
    /^The template_id must be a valid GUID, you provided 'x'\./,
  ],
  ['template_id with one digit too few', mail({ template_id: DYNAMIC.slice(0, -1) }), 'template_id', /valid GUID/],
  [
    'template_id of no template',
    mail({ template_id: `d-${'f'.repeat(32)}` }),
    'template_id',
    /no template with the id/,
  ],
  [
    'section that is no string',
    mail({ sections: { s: null } }),
    'sections.s',
    /values must be strings, you provided the null/,
  ],
  ...RESERVED.flatMap((name) => [name, name.toUpperCase(), name.toLowerCase()]).map(
    (name): Bad => [`header ${name}`, mail({ headers: { [name]: 'x' } }), `headers.${name}`, /is reserved/],
  ),
  ...['', 'a b', 'a:b', 'ä', 'a\r\nb', 'a\tb', 'a\x7f'].map(
    (name): Bad => [
      `header key ${JSON.stringify(name)}`,
      mail({ headers: { [name]: 'x' } }),
      `headers.${name || '""'}`,
      /printable ASCII/,
    ],
  ),
  ...['a\r\nBcc: x@example.com', 'a\nb', 'a\rb', 'a\0b'].map(
    (text): Bad => [
      `header value ${JSON.stringify(text)}`,
      mail({ headers: { 'X-A': text } }),
      'headers.X-A',
      /CR, LF or NUL/,
    ],
  ),
  ['headers twice, case apart', mail({ headers: { 'X-A': '1', 'x-a': '2' } }), 'headers.x-a', /duplicate/],
  ['header value that is no string', mail({ headers: { 'X-A': 1 } }), 'headers.X-A', /headers values must be strings/],
  [
    'categories: 11',
    mail({ categories: many(11, (i) => `c${i}`) }),
    'categories',
    /limited to 10 for each email, you provided 11/,
  ],
  ['categories twice', mail({ categories: ['a', 'b', 'a'] }), 'categories.2', /unique/],
  ['category: 256 characters', mail({ categories: ['c'.repeat(256)] }), 'categories.0', /longer than 255/],
  ['category beyond ASCII', mail({ categories: ['é'] }), 'categories.0', /non-ASCII/],
  ['category empty', mail({ categories: [''] }), 'categories.0', /at least one/],
  ['batch_id empty', mail({ batch_id: '' }), 'batch_id', /POST \/v3\/mail\/batch/],
  ['batch_id: 101 characters', mail({ batch_id: 'b'.repeat(101) }), 'batch_id', /100/],
  ['asm without group_id', mail({ asm: {} }), 'asm.group_id', /required/],
  ['asm.group_id of no group', mail({ asm: { group_id: 31 } }), 'asm.group_id', /none with the id 31/],
  [
    'asm.groups_to_display: 26',
    mail({ asm: { group_id: 1, groups_to_display: many(26, (i) => i + 1) } }),
    'asm.groups_to_display',
    /limited to 25 groups, you provided 26/,
  ],
  [
    'asm.groups_to_display of no group',
    mail({ asm: { group_id: 1, groups_to_display: [1, 99] } }),
    'asm.groups_to_display.1',
    /none with the id 99/,
  ],
  ['ip_pool_name: 1 character', mail({ ip_pool_name: 'p' }), 'ip_pool_name', /2 to 64/],
  ['ip_pool_name: 65 characters', mail({ ip_pool_name: 'p'.repeat(65) }), 'ip_pool_name', /2 to 64/],
  ['ip_pool_name of no pool', mail({ ip_pool_name: 'other' }), 'ip_pool_name', /you provided "other"/],
  ...MAIL_SWITCHES.map(
    (name): Bad => [
      `mail_settings.${name}.enable`,
      at(`mail_settings.${name}.enable`, 'true'),
      `mail_settings.${name}.enable`,
      type('boolean', 'string'),
    ],
  ),
  ...TRACKING_SWITCHES.map(
    (name): Bad => [
      `tracking_settings.${name}.enable`,
      at(`tracking_settings.${name}.enable`, 1),
      `tracking_settings.${name}.enable`,
      type('boolean', 'integer'),
    ],
  ),
  [
    'click_tracking.enable_text',
    at('tracking_settings.click_tracking.enable_text', ''),
    'tracking_settings.click_tracking.enable_text',
    type('boolean', 'string'),
  ],
  ...SETTING_STRINGS.map((path): Bad => [path, at(path, 5), path, type('string', 'integer')]),
  ...['bypass_spam_management', 'bypass_bounce_management', 'bypass_unsubscribe_management'].map(
    (name): Bad => [
      `bypass_list_management with ${name}`,
      mail({ mail_settings: { bypass_list_management: { enable: true }, [name]: { enable: true } } }),
      'mail_settings.bypass_list_management',
      new RegExp(`must not be combined with ${name}`),
    ],
  ),
  ['mail_settings.bcc without email', at('mail_settings.bcc.enable', true), 'mail_settings.bcc.email', /required/],
  [
    'mail_settings.bcc that is no address',
    mail({ mail_settings: { bcc: { enable: true, email: 'x' } } }),
    'mail_settings.bcc.email',
    /valid address/,
  ],
  ['spam_check', at('mail_settings.spam_check.enable', true), 'mail_settings.spam_check.enable', /not available/],
  ...[0, 11].map(
    (threshold): Bad => [
      `spam_check.threshold ${threshold}`,
      at('mail_settings.spam_check.threshold', threshold),
      'mail_settings.spam_check.threshold',
      /from 1 to 10/,
    ],
  ),
  [
    'spam_check.post_to_url',
    at('mail_settings.spam_check.post_to_url', 'ftp://x'),
    'mail_settings.spam_check.post_to_url',
    /http/,
  ],
  ['subject with CRLF', mail({ subject: 'a\r\nBcc: x@example.com' }), 'subject', /CR, LF or NUL/],
  ['from name with CRLF', mail({ from: { email: 'from@example.com', name: 'a\r\nb' } }), 'from.name', /CR, LF or NUL/],
  ['recipient name with LF', to('to@example.net', 'a\nb'), 'personalizations.0.to.0.name', /CR, LF or NUL/],
];

describe('is accepted', () => {
  it.each(good)('%s', (_, body) => {
    // Assess
    expect(accepted(body).copies.length).toBeGreaterThan(0);
  });
});

describe('is refused, and nothing else is found', () => {
  it.each(bad)('%s', (_, body, field, message) => {
    // Act
    const errors = refused(body);

    // Assess
    const named = errors.filter((error) => error.field !== null);
    expect(named.map((error) => error.field)).toEqual([field]);
    if (typeof message === 'string') expect(named[0]!.message).toBe(message);
    else expect(named[0]!.message).toMatch(message);
  });
});

describe('a wrong JSON type', () => {
  const root: [string, string, unknown[]][] = [
    ...['personalizations', 'reply_to_list', 'content', 'attachments', 'categories'].map(
      (name): [string, string, unknown[]] => [name, 'array', [null, {}, 'x', 1, true]],
    ),
    ...['from', 'reply_to', 'sections', 'headers', 'custom_args', 'asm', 'mail_settings', 'tracking_settings'].map(
      (name): [string, string, unknown[]] => [name, 'object', [null, [], 'x', 1, false]],
    ),
    ...['subject', 'template_id', 'batch_id', 'ip_pool_name'].map((name): [string, string, unknown[]] => [
      name,
      'string',
      [null, [], {}, 1, false],
    ]),
    ['send_at', 'integer', [null, [], {}, '1', true, 0.5]],
  ];
  const cases = root.flatMap(([name, expected, values]) => values.map((value) => [name, expected, value] as const));

  it.each(cases)('%s, which must be %s, given %j: Bad Request, then the field', (name, expected, value) => {
    // Act
    const errors = refused(mail({ [name]: value }));

    // Assess
    expect(errors[0]).toEqual({ message: 'Bad Request', field: null, help: null });
    expect(errors[1]).toMatchObject({ field: name, help: HELP + name });
    expect(errors[1]!.message).toMatch(new RegExp(`^Invalid type\\. Expected: ${expected}, given: `));
  });

  it.each([
    ['personalizations.0', mail({ personalizations: [null] }), type('object', 'null')],
    ['personalizations.0.to', personal({ to: {} }), type('array', 'object')],
    ['personalizations.0.to.0', personal({ to: ['a@example.com'] }), type('object', 'string')],
    ['personalizations.0.to.0.email', to(['a@example.com']), type('string', 'array')],
    ['personalizations.0.to.0.email', to(false), type('string', 'boolean')],
    ['personalizations.0.to.0.name', to('a@example.com', null), type('string', 'null')],
    ['personalizations.0.subject', personal({ subject: {} }), type('string', 'object')],
    ['personalizations.0.headers', personal({ headers: [] }), type('object', 'array')],
    ['personalizations.0.substitutions', personal({ substitutions: 'x' }), type('object', 'string')],
    ['personalizations.0.dynamic_template_data', personal({ dynamic_template_data: [] }), type('object', 'array')],
    ['personalizations.0.send_at', personal({ send_at: '1' }), type('integer', 'string')],
    ['content.0', mail({ content: ['x'] }), type('object', 'string')],
    ['content.0.type', part({ type: 1 }), type('string', 'integer')],
    ['content.0.value', part({ value: null }), type('string', 'null')],
    ['attachments.0.content', attach({ content: 1 }), type('string', 'integer')],
    ['attachments.0.filename', attach({ filename: null }), type('string', 'null')],
    ['attachments.0.disposition', attach({ disposition: 1 }), type('string', 'integer')],
    ['categories.0', mail({ categories: [1] }), type('string', 'integer')],
    ['asm.group_id', mail({ asm: { group_id: '1' } }), type('integer', 'string')],
    ['asm.groups_to_display.0', mail({ asm: { group_id: 1, groups_to_display: ['1'] } }), type('integer', 'string')],
  ])('%s', (field, body, message) => {
    // Act
    const errors = refused(body);

    // Assess
    expect(errors.map((error) => error.field)).toEqual([null, field]);
    expect(errors[1]!.message).toBe(message);
  });

  it.each([[null], ['x'], [1], [[]], [true]])('a body that is %j is a Bad Request', (body) => {
    // Assess
    expect(refused(body)).toEqual([{ message: 'Bad Request', field: null, help: null }]);
  });
});

describe('a property that no field takes', () => {
  it.each([
    ['dynamic_template_data', mail({ dynamic_template_data: {} })],
    ['__proto__', JSON.parse(`{"__proto__": {"from": {"email": "x@example.com"}}, ${JSON.stringify(mail()).slice(1)}`)],
    ['constructor', mail({ constructor: 1 })],
    ['personalizations.0.template_id', personal({ template_id: DYNAMIC })],
    ['personalizations.0.to.0.type', personal({ to: [{ email: 'to@example.net', type: 'x' }] })],
    ['content.0.charset', part({ charset: 'utf-8' })],
    ['attachments.0.names', attach({ names: 'x' })],
    ['asm.group', mail({ asm: { group_id: 1, group: 2 } })],
    ['mail_settings.sandbox', mail({ mail_settings: { sandbox: { enable: true } } })],
    ['tracking_settings.click_tracking.on', at('tracking_settings.click_tracking.on', true)],
  ])('%s is refused, not dropped', (field, body) => {
    // Assess
    const message = `Additional property ${field.split('.').at(-1)} is not allowed.`;
    expect(refused(body)).toEqual([{ message, field, help: null }]);
  });
});

describe('several faults', () => {
  it('are all named at once, with the help of each', () => {
    // Act
    const errors = refused(
      personal(
        { to: [{ email: 'x' }], headers: { To: 'y' } },
        { subject: undefined, from: { email: '' }, content: undefined },
      ),
    );

    // Assess
    expect(errors.map(({ field, help }) => [field, help])).toEqual([
      ['from.email', `${HELP}from`],
      ['subject', `${HELP}subject`],
      ['personalizations.0.to.0.email', `${HELP}personalizations.to`],
      ['personalizations.0.headers.To', `${HELP}personalizations.headers`],
      ['content', `${HELP}content`],
    ]);
  });

  it("are cut at 50, and the sender's text in them at 100 characters", () => {
    // Act
    const errors = refused(personal({ to: addresses(200).map(() => ({ email: 'x' })) }));
    const [long] = refused(mail({ ['y'.repeat(10_000)]: 1 }));

    // Assess
    expect(errors).toHaveLength(50);
    expect(JSON.stringify(long).length).toBeLessThan(400);
  });
});

describe('a context without groups and templates', () => {
  it('refuses every group and template', () => {
    // Act
    const errors = refused(mail({ asm: { group_id: 1 }, template_id: DYNAMIC }), {
      groups: new Set(),
      templates: new Map(),
    });

    // Assess
    expect(errors.map(({ field }) => field)).toEqual(['template_id', 'asm.group_id']);
  });
});
