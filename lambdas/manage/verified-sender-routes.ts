/**
 * `/v3/verified_senders`, in the shapes of SendGrid's OpenAPI document. A sender counts once somebody who reads its mail has said so. His
 * link opens without a key, and shows a page with a button: programs that open every link in a mail press none.
 */
import type { VerifiedSenderRecord } from '../../core/records/senders.ts';
import { isProven } from '../../core/senders/kept.ts';
import { freeNumber } from '../../core/senders/names.ts';
import {
  DMARC_DOMAINS,
  linkCounts,
  linksBefore,
  linkText,
  makeLink,
  makeSender,
  readLink,
  readSender,
  SENDERS,
  type SenderError,
  showSender,
} from '../../core/senders/verified.ts';
import type { Answer, Call, HttpRequest, HttpResponse } from './manage.ts';
import { OWN_MAIL_WORDS, sendOwnMail } from './own-mail.ts';
import type { Route } from './routes.ts';
import { numberIn, type SenderDeps } from './sender-deps.ts';

export type VerifiedSenderDeps = SenderDeps & {
  listSenders: (account: string) => Promise<VerifiedSenderRecord[]>;
  createSender: (record: VerifiedSenderRecord) => Promise<boolean>;
  changeSender: (before: VerifiedSenderRecord, after: VerifiedSenderRecord) => Promise<boolean>;
  removeSender: (record: VerifiedSenderRecord) => Promise<boolean>;
};

const refused = (errors: SenderError[], status = 400): Answer => ({ status, body: { errors } });
const NOT_FOUND: Answer = refused([{ message: 'not found', error_id: 'not-found' }], 404);
const MEANWHILE: Answer = refused(
  [{ message: 'the sender was changed at the same time: send it again', error_id: 'conflict' }],
  409,
);
/** What SendGrid's document says where an address is taken. */
const TAKEN: SenderError = { field: 'from_email', message: 'already exists', error_id: 'already-exists' };

async function create(call: Call, deps: VerifiedSenderDeps): Promise<Answer> {
  const read = readSender(call.body);
  if (!read.ok) return refused(read.errors);
  const all = await deps.listSenders(call.account);
  if (all.length >= SENDERS)
    return refused([{ message: `an account has ${SENDERS} senders at most`, error_id: 'limit' }]);
  const taken = new Set(all.map(({ id }) => id));
  const id = freeNumber(taken, 'sender', call.account, read.sender.fromEmail.toLowerCase());
  const record = makeSender(call.account, id, read.sender, deps.now());
  if (all.some(({ sk }) => sk === record.sk)) return refused([TAKEN]);
  const mailed = await mailLink(record, call.url, deps);
  if ('errors' in mailed) return refused(mailed.errors);
  return (await deps.createSender(mailed)) ? { status: 201, body: showSender(mailed) } : refused([TAKEN]);
}

/** Sends the link; the record with what is kept of it. The mail leaves within a minute, when release looks at what is due next, so the record is there before it. */
async function mailLink(
  record: VerifiedSenderRecord,
  url: string,
  deps: VerifiedSenderDeps,
): Promise<VerifiedSenderRecord | { errors: SenderError[] }> {
  const { token, link } = makeLink(record, deps.randomBytes(24), deps.now());
  const mail = {
    to: record.fromEmail,
    subject: 'Confirm your address as a sender',
    text: linkText(record, `${new URL(url).origin}${VERIFY}/${token}`),
    category: 'verify-sender',
  };
  const from = await sendOwnMail(record.pk, mail, deps);
  if (typeof from === 'string')
    return { errors: [{ message: OWN_MAIL_WORDS[from], error_id: from === 'domain' ? from : 'limit' }] };
  const earlierLinks = linksBefore(record, deps.now());
  return { ...record, link, earlierLinks, signedBy: { account: from.pk, domain: from.domain } };
}

async function list({ account, query }: Call, deps: VerifiedSenderDeps): Promise<Answer> {
  const numbers: Record<string, number | undefined> = {};
  for (const name of ['limit', 'lastSeenID', 'id'] as const) {
    if (query[name] === undefined || query[name] === '') continue;
    numbers[name] = query[name] === '0' ? 0 : numberIn(query[name]);
    if (numbers[name] === undefined)
      return refused([{ field: name, message: `${name} must be a whole number`, error_id: 'invalid-value' }]);
  }
  const { limit = SENDERS, lastSeenID = 0, id } = numbers;
  const found = (await deps.listSenders(account)).filter((one) => one.id > lastSeenID && (!id || one.id === id));
  return { status: 200, body: { results: found.slice(0, limit || SENDERS).map(showSender) } };
}

async function find({ account, params }: Call, deps: VerifiedSenderDeps): Promise<VerifiedSenderRecord | undefined> {
  const id = numberIn(params.id);
  return id === undefined ? undefined : (await deps.listSenders(account)).find((one) => one.id === id);
}

/** Another address is another sender: it is to be verified anew, and the former one is none any more. */
async function update(call: Call, deps: VerifiedSenderDeps): Promise<Answer> {
  const before = await find(call, deps);
  if (!before) return NOT_FOUND;
  const read = readSender(call.body, before);
  if (!read.ok) return refused(read.errors);
  const after: VerifiedSenderRecord = { ...before, ...read.sender };
  if (after.fromEmail.toLowerCase() === before.fromEmail.toLowerCase())
    return (await deps.changeSender(before, after)) ? { status: 200, body: showSender(after) } : MEANWHILE;
  const other = makeSender(call.account, before.id, read.sender, before.createdAt);
  if ((await deps.listSenders(call.account)).some(({ sk }) => sk === other.sk)) return refused([TAKEN]);
  const mailed = await mailLink(other, call.url, deps);
  if ('errors' in mailed) return refused(mailed.errors);
  if (!(await deps.createSender(mailed))) return refused([TAKEN]);
  await deps.removeSender(before);
  return { status: 200, body: showSender(mailed) };
}

async function remove(call: Call, deps: VerifiedSenderDeps): Promise<Answer> {
  const record = await find(call, deps);
  return record && (await deps.removeSender(record)) ? { status: 204 } : NOT_FOUND;
}

async function resend(call: Call, deps: VerifiedSenderDeps): Promise<Answer> {
  const record = await find(call, deps);
  if (!record) return NOT_FOUND;
  if (record.verifiedAt !== undefined) return refused([{ message: 'already verified', error_id: 'already-verified' }]);
  const mailed = await mailLink(record, call.url, deps);
  if ('errors' in mailed) return refused(mailed.errors);
  return (await deps.changeSender(record, mailed)) ? { status: 204 } : MEANWHILE;
}

async function steps({ account }: Call, deps: VerifiedSenderDeps): Promise<Answer> {
  const [senders, domains] = await Promise.all([deps.listSenders(account), deps.listOwnDomains(account)]);
  const results = {
    sender_verified: senders.some(({ verifiedAt }) => verifiedAt !== undefined),
    domain_verified: domains.some(isProven),
  };
  return { status: 200, body: { results } };
}

const domains = async (): Promise<Answer> => ({ status: 200, body: { results: DMARC_DOMAINS } });

/** With a key: of its own account alone. */
async function verifyByKey({ account, params }: Call, deps: VerifiedSenderDeps): Promise<Answer> {
  const token = params.token!;
  return readLink(token)?.account === account && (await verify(token, deps)) ? { status: 204 } : NOT_FOUND;
}

// links ---------------------------------------------------------------------------------------------------------------

/** Verifies what a token is about. Undefined: the token is none, counts no more, or has been used. */
async function verify(token: string, deps: VerifiedSenderDeps): Promise<VerifiedSenderRecord | undefined> {
  const record = await ofToken(token, deps);
  if (!record) return undefined;
  const { link: _, earlierLinks: __, ...rest } = record;
  const after = { ...rest, verifiedAt: deps.now() };
  return (await deps.changeSender(record, after)) ? after : undefined;
}

async function ofToken(token: string, deps: VerifiedSenderDeps): Promise<VerifiedSenderRecord | undefined> {
  const read = readLink(token);
  if (!read) return undefined;
  const record = (await deps.listSenders(read.account)).find(({ id }) => id === read.id);
  return record && linkCounts(record, read.secret, deps.now()) ? record : undefined;
}

/** The link of a mail, opened by a person: no key. Undefined: it is another request, or has a key. */
export async function answerLink(http: HttpRequest, deps: VerifiedSenderDeps): Promise<HttpResponse | undefined> {
  const isOpened = http.path.startsWith(`${VERIFY}/`) && !http.headers.authorization;
  if (!isOpened || (http.method !== 'GET' && http.method !== 'POST')) return undefined;
  const token = http.path.slice(VERIFY.length + 1);
  const record = http.method === 'GET' ? await ofToken(token, deps) : await verify(token, deps);
  if (!record) return showPage(404, 'This link was used, or is older than two days. Have another one sent.');
  const email = escapeHtml(record.fromEmail);
  if (http.method === 'POST') return showPage(200, `Done: mail may be sent as ${email}. You can close this page.`);
  const button = '<form method="post"><button>Yes, it is me</button></form>';
  return showPage(200, `Somebody wants to send mail as ${email}. Are you the one?`, button);
}

function showPage(status: number, text: string, form = ''): HttpResponse {
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
      'Content-Security-Policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    },
    body: `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Confirm a sender</title><p>${text}</p>${form}</html>`,
  };
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string) => text.replaceAll(/[&<>"']/g, (one) => ENTITIES[one]!);

const SENDERS_PATH = '/v3/verified_senders';
const VERIFY = `${SENDERS_PATH}/verify`;
/** SendGrid's one scope of all of it. */
const SCOPE = 'sender_verification_eligible';

/** Literal segments stand before `{names}` of the same place. */
export const VERIFIED_SENDER_ROUTES: readonly Route[] = [
  { method: 'POST', path: SENDERS_PATH, scope: SCOPE, handle: create },
  { method: 'GET', path: SENDERS_PATH, scope: SCOPE, handle: list },
  { method: 'GET', path: `${SENDERS_PATH}/domains`, scope: SCOPE, handle: domains },
  { method: 'GET', path: `${SENDERS_PATH}/steps_completed`, scope: SCOPE, handle: steps },
  { method: 'POST', path: `${SENDERS_PATH}/resend/{id}`, scope: SCOPE, handle: resend },
  { method: 'GET', path: `${VERIFY}/{token}`, scope: SCOPE, handle: verifyByKey },
  { method: 'PATCH', path: `${SENDERS_PATH}/{id}`, scope: SCOPE, handle: update },
  { method: 'DELETE', path: `${SENDERS_PATH}/{id}`, scope: SCOPE, handle: remove },
];
