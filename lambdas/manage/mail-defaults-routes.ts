/**
 * `/v3/mail_settings/…`: the footer and the template that an account has added to its mail, who has a copy of it, whether plain text gets
 * HTML, where bounces and complaints are sent on to, and the list of all settings. accept and inbound know a change within a minute.
 */
import { readMailbox } from '../../core/address.ts';
import { BODY_RULE, holdsBody } from '../../core/mail-send/defaults.ts';
import { type ForwardRecord, forwardKey } from '../../core/records/inbound.ts';
import type { MailDefault, MailDefaultsRecord } from '../../core/records/mail-defaults.ts';
import type { AddressWhitelistRecord, BouncePurgeRecord } from '../../core/records/settings.ts';
import type { Answer, Call } from './manage.ts';
import { refused } from './recipients.ts';
import type { Route } from './routes.ts';

type ForwardKind = 'forward_bounce' | 'forward_spam';

export type MailDefaultsRouteDeps = {
  readMailDefaults: (account: string) => Promise<MailDefaultsRecord | undefined>;
  writeMailDefault: <K extends MailDefault>(
    account: string,
    which: K,
    value: NonNullable<MailDefaultsRecord[K]>,
  ) => Promise<void>;
  readForwardNow: (account: string, which: ForwardKind) => Promise<ForwardRecord | undefined>;
  writeForward: (record: ForwardRecord) => Promise<void>;
  readAddressWhitelist: (account: string) => Promise<AddressWhitelistRecord | undefined>;
  readBouncePurge: (account: string) => Promise<BouncePurgeRecord | undefined>;
};

/** Characters of each: both stand in one item, which accept reads, and in every mail. */
const MOST = 50_000;

type Given = { ok: true; given: Record<string, unknown> } | { ok: false; answer: Answer };

function readBody(body: unknown): Given {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { ok: false, answer: refused(null, 'the body must be a JSON object') };
  const given = body as Record<string, unknown>;
  if (given.enabled !== undefined && typeof given.enabled !== 'boolean')
    return { ok: false, answer: refused('enabled', 'enabled must be true or false') };
  for (const field of ['html_content', 'plain_content'] as const)
    if (given[field] !== undefined && (typeof given[field] !== 'string' || given[field].length > MOST))
      return { ok: false, answer: refused(field, `${field} must be text of at most ${MOST} characters`) };
  return { ok: true, given };
}

type EmailSetting = { enabled: boolean; email: string };

/** What is not said stays as it was. @param what the address says, when there must be one */
function readEmailSetting(
  { enabled: wanted, email: given }: Record<string, unknown>,
  before: EmailSetting | undefined,
  what: string,
): { ok: true; setting: EmailSetting } | { ok: false; answer: Answer } {
  const enabled = (wanted ?? before?.enabled ?? false) as boolean;
  const email = given === undefined ? (before?.email ?? '') : (given ?? '');
  if (typeof email !== 'string' || (email !== '' && !readMailbox(email)))
    return { ok: false, answer: refused('email', 'email must be an email address') };
  if (enabled && email === '') return { ok: false, answer: refused('email', `email must say ${what}`) };
  return { ok: true, setting: { enabled, email } };
}

// footer --------------------------------------------------------------------------------------------------------------

const showFooter = (footer: MailDefaultsRecord['footer']) => ({
  enabled: footer?.enabled ?? false,
  html_content: footer?.html ?? '',
  plain_content: footer?.text ?? '',
});

async function getFooter({ account }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  return { status: 200, body: showFooter((await deps.readMailDefaults(account))?.footer) };
}

async function updateFooter({ account, body }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  const read = readBody(body);
  if (!read.ok) return read.answer;
  const before = showFooter((await deps.readMailDefaults(account))?.footer);
  const { enabled, html_content: html, plain_content: text } = { ...before, ...defined(read.given) } as typeof before;
  const footer = { enabled, html, text };
  await deps.writeMailDefault(account, 'footer', footer);
  return { status: 200, body: showFooter(footer) };
}

// template ------------------------------------------------------------------------------------------------------------

const showTemplate = (template: MailDefaultsRecord['template']) => ({
  enabled: template?.enabled ?? false,
  html_content: template?.html ?? '',
});

async function getTemplate({ account }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  return { status: 200, body: showTemplate((await deps.readMailDefaults(account))?.template) };
}

/** Without a place for it, every mail's own HTML would be lost. */
async function updateTemplate({ account, body }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  const read = readBody(body);
  if (!read.ok) return read.answer;
  const before = showTemplate((await deps.readMailDefaults(account))?.template);
  const { enabled, html_content: html } = { ...before, ...defined(read.given) } as typeof before;
  if (enabled && !holdsBody(html)) return refused('html_content', `html_content ${BODY_RULE}`);
  await deps.writeMailDefault(account, 'template', { enabled, html });
  return { status: 200, body: showTemplate({ enabled, html }) };
}

// bcc -----------------------------------------------------------------------------------------------------------------

const showBcc = (bcc: MailDefaultsRecord['bcc']) => ({ enabled: bcc?.enabled ?? false, email: bcc?.email ?? '' });

async function getBcc({ account }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  return { status: 200, body: showBcc((await deps.readMailDefaults(account))?.bcc) };
}

async function updateBcc({ account, body }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  const read = readBody(body);
  if (!read.ok) return read.answer;
  const before = showBcc((await deps.readMailDefaults(account))?.bcc);
  const asked = readEmailSetting(read.given, before, 'who has the copies');
  if (!asked.ok) return asked.answer;
  const bcc = asked.setting;
  await deps.writeMailDefault(account, 'bcc', bcc);
  return { status: 200, body: showBcc(bcc) };
}

// plain content -------------------------------------------------------------------------------------------------------

const showPlainContent = (setting: MailDefaultsRecord['plainContent']) => ({ enabled: setting?.enabled ?? true });

async function getPlainContent({ account }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  return { status: 200, body: showPlainContent((await deps.readMailDefaults(account))?.plainContent) };
}

async function updatePlainContent({ account, body }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  const read = readBody(body);
  if (!read.ok) return read.answer;
  const before = showPlainContent((await deps.readMailDefaults(account))?.plainContent);
  const { enabled = before.enabled } = read.given;
  const setting = { enabled: enabled as boolean };
  await deps.writeMailDefault(account, 'plainContent', setting);
  return { status: 200, body: showPlainContent(setting) };
}

const defined = (given: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

// forwarding ----------------------------------------------------------------------------------------------------------

/** SendGrid has null where no bounces go, and an empty text where no complaints do. */
const showForward = (which: ForwardKind, record: ForwardRecord | undefined) => ({
  enabled: record?.enabled ?? false,
  email: record?.email ? record.email : which === 'forward_bounce' ? null : '',
});

const getForward =
  (which: ForwardKind): Route['handle'] =>
  async ({ account }, deps) => ({
    status: 200,
    body: showForward(which, await deps.readForwardNow(account, which)),
  });

const updateForward =
  (which: ForwardKind): Route['handle'] =>
  async ({ account, body }, deps) => {
    const read = readBody(body);
    if (!read.ok) return read.answer;
    const before = await deps.readForwardNow(account, which);
    const asked = readEmailSetting(read.given, before, 'where to');
    if (!asked.ok) return asked.answer;
    const record: ForwardRecord = { ...forwardKey(account, which), ...asked.setting };
    await deps.writeForward(record);
    return { status: 200, body: showForward(which, record) };
  };

// the list ------------------------------------------------------------------------------------------------------------

async function list({ account, query }: Call, deps: MailDefaultsRouteDeps): Promise<Answer> {
  const [whitelist, purge, defaults, bounces, complaints] = await Promise.all([
    deps.readAddressWhitelist(account),
    deps.readBouncePurge(account),
    deps.readMailDefaults(account),
    deps.readForwardNow(account, 'forward_bounce'),
    deps.readForwardNow(account, 'forward_spam'),
  ]);
  const all = (
    [
      [
        'address_whitelist',
        'Address Whitelist',
        whitelist,
        'Addresses and domains whose mail is never dropped for a list.',
      ],
      ['bcc', 'BCC', defaults?.bcc, 'Who has a copy of every message.'],
      ['bounce_purge', 'Bounce Purge', purge, 'After how many days bounces and blocks leave their lists.'],
      ['footer', 'Footer', defaults?.footer, 'What stands under every mail.'],
      ['forward_bounce', 'Forward Bounce', bounces, 'Where mail that came back is sent on to.'],
      ['forward_spam', 'Forward Spam', complaints, 'Where complaints are sent on to.'],
      [
        'plain_content',
        'Plain Content',
        showPlainContent(defaults?.plainContent),
        'Plain text goes out as it is, and gets no HTML part.',
      ],
      ['template', 'Legacy Email Template', defaults?.template, 'HTML around the HTML of every mail.'],
    ] as const
  ).map(([name, title, setting, description]) => ({ name, title, enabled: setting?.enabled ?? false, description }));
  const whole = (text: string | undefined, absent: number) =>
    text === undefined || text === '' ? absent : /^\d{1,6}$/.test(text) ? Number(text) : undefined;
  const [limit, offset] = [whole(query.limit, all.length), whole(query.offset, 0)];
  if (limit === undefined) return refused('limit', 'limit must be a whole number');
  if (offset === undefined) return refused('offset', 'offset must be a whole number');
  return { status: 200, body: { result: all.slice(offset, offset + limit) } };
}

const PATH = '/v3/mail_settings';
const routesOf = (name: string, get: Route['handle'], update: Route['handle']): Route[] => {
  const shared = { path: `${PATH}/${name}`, nullFields: true as const };
  return [
    { method: 'GET', ...shared, scope: `mail_settings.${name}.read`, handle: get },
    { method: 'PATCH', ...shared, scope: `mail_settings.${name}.update`, handle: update },
  ];
};

export const MAIL_DEFAULTS_ROUTES: readonly Route[] = [
  { method: 'GET', path: PATH, nullFields: true, scope: 'mail_settings.read', handle: list },
  ...routesOf('footer', getFooter, updateFooter),
  ...routesOf('template', getTemplate, updateTemplate),
  ...routesOf('bcc', getBcc, updateBcc),
  ...routesOf('plain_content', getPlainContent, updatePlainContent),
  ...routesOf('forward_bounce', getForward('forward_bounce'), updateForward('forward_bounce')),
  ...routesOf('forward_spam', getForward('forward_spam'), updateForward('forward_spam')),
];
