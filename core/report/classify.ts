/**
 * What the failure of one recipient is put down to. A reply that is quoted is read by the rules of delivery, as if it had been
 * said to us; words are read by the rules of `rules/`; a status alone counts last. Suppression needs words, or a code that can
 * mean nothing else, about the address itself, and a permanent failure: a full mailbox, a domain without DNS, a server that was
 * out of reach are `blocked`.
 */
import type { Stage } from '../outcome.ts';
import { readable, type Shaping } from '../shaping/compile.ts';
import type { Classification, Rule } from '../shaping/rule.ts';
import { GENERIC } from '../shaping/rules/generic.ts';
import { RULES } from '../shaping/rules/index.ts';
import { REPLY_RECORDED } from '../smtp/limits.ts';
import type { Reply } from '../smtp/reply.ts';
import { findReply, hostIn, stageIn, statusIn } from './reply.ts';
import {
  applies,
  CERTAIN,
  CODES,
  type CodeRule,
  legible,
  REPLY_CODES,
  type ReportRule,
  TRANSLATED,
  WORDS,
} from './rules/index.ts';

export type Told = {
  /** The report's word on this recipient: a reply, or words. */
  diagnostic: string;
  /** Everything else that it says to a person of this recipient, then of all. */
  around: readonly string[];
  /** RFC 3463; empty where there is none. */
  status: string;
  /** The host that refused; empty where none is named. */
  mta: string;
  /** The recipient's. */
  domain: string;
};

export type Judged = {
  classification: Classification;
  type: 'bounce' | 'blocked';
  status: string;
  diagnostic: string;
  rule?: string;
};

const OURS = new Set(Object.values(RULES).flat());
/** Rules of delivery that know a reply by its code alone, or by words that anything may hold: words of reports come first. */
const LAST = new Set(GENERIC.map(({ name }) => name));
/** Of those, what still counts for more than a status. */
const WITH_WORDS = new Set(['loop', 'disk', 'server-trouble', 'access-denied', 'domain-takes-no-mail', 'try-later']);

const OWN_WORDS: readonly ReportRule[] = [...TRANSLATED, ...WORDS];

type Known = { name: string; classification: Classification; type?: 'bounce' | 'blocked' | undefined; status?: string };

export function classify(told: Told, shaping: Shaping): Judged {
  const texts = [told.diagnostic, ...told.around].filter((text) => text.trim() !== '');
  const reply = texts.map(findReply).find((one) => one !== undefined);
  const said = reply?.text ?? readable(paragraphOf(texts[0] ?? ''));
  const stage = texts.map(stageIn).find((one) => one !== undefined);
  const host = told.mta || texts.map(hostIn).find((name) => name !== '') || `mx.${told.domain}`;
  const provider = shaping.providerOf([host]);
  const found = shaping.find(provider, stage ?? 'dot', said);
  const isOfSender = stage === 'mail' || stage === 'connect';
  const known =
    (found && !OURS.has(found) ? causeOf(found) : undefined) ??
    first(isOfSender ? CERTAIN.filter(({ ofRecipient }) => !ofRecipient) : CERTAIN, said) ??
    overruling(texts, reply === undefined && !isOfSender) ??
    (found && !LAST.has(found.name) ? causeOf(found) : undefined) ??
    first(OWN_WORDS, said) ??
    (found && WITH_WORDS.has(found.name) ? causeOf(found) : undefined) ??
    (isTelling(reply) || byCode(told.status) ? undefined : elsewhere(texts, said, shaping, provider)) ??
    (found?.name === 'mailbox-refused' && /recipient|address|mailbox|user|account/i.test(said)
      ? { ...causeOf(found), type: 'blocked' }
      : undefined);
  const status = chooseStatus(told.status, reply?.enhanced ?? statusIn(said), known?.status, reply?.code);
  return judged(afterData(known, stage, reply?.enhanced), status, said, stage, reply?.code);
}

/**
 * A server that took the recipient and knows him no more when it has the message has filtered it (carriers in Japan say so
 * of readers who refuse the sender's domain), unless its code says what its words say.
 */
function afterData(
  known: Known | undefined,
  stage: Stage | undefined,
  enhanced: string | undefined,
): Known | undefined {
  if (
    known?.type !== 'bounce' ||
    known.classification !== 'Invalid Address' ||
    stage !== 'dot' ||
    enhanced?.startsWith('5.1.') ||
    enhanced?.startsWith('5.2.')
  )
    return known;
  return { name: 'report-refused-after-data', classification: 'Reputation', type: 'blocked' };
}

function judged(
  known: Known | undefined,
  status: string,
  said: string,
  stage: Stage | undefined,
  code: number | undefined,
): Judged {
  const diagnostic = said.slice(0, REPLY_RECORDED);
  const isPermanent = (code === undefined || code >= 500) && !status.startsWith('4');
  if (known) {
    const suppresses = known.type === 'bounce' && isPermanent && stage !== 'mail' && stage !== 'connect';
    const type = suppresses ? 'bounce' : 'blocked';
    return { classification: known.classification, type, status, diagnostic, rule: known.name };
  }
  // A refusal before any recipient was named, without a reason, is of who sends.
  if ((stage === 'mail' || stage === 'connect') && code !== undefined && code >= 500)
    return { classification: 'Reputation', type: 'blocked', status, diagnostic };
  const coded = byCode(status) ?? (code === undefined ? undefined : byReplyCode(code));
  return {
    classification: coded?.classification ?? 'Unclassified',
    type: coded?.type === 'bounce' && isPermanent && stage !== 'mail' ? 'bounce' : 'blocked',
    status,
    diagnostic,
  };
}

/** The first one with words in it: what follows may be help, or small print. */
function paragraphOf(text: string): string {
  return text.split(/\n\s*\n/, 20).find((part) => /[\p{L}]{3}/u.test(part)) ?? text;
}

/** A reply with words of its own: then what else a notice says is not about it. */
function isTelling(reply: Reply | undefined): boolean {
  return reply !== undefined && /[a-z]{4}/i.test(reply.text);
}

/** What the rest of the notice says, when the reply or the first words say nothing. */
function elsewhere(texts: readonly string[], said: string, shaping: Shaping, provider: string): Known | undefined {
  for (const text of texts) {
    const read = readable(text);
    if (read === said) continue;
    const rule = shaping.find(provider, 'dot', read);
    const known =
      first(CERTAIN, read) ?? (rule && !LAST.has(rule.name) ? causeOf(rule) : undefined) ?? first(OWN_WORDS, read);
    if (known) return known;
  }
  return undefined;
}

/** Words that count for more than the reply beside them; where there is none, certain ones for more than headlines. */
function overruling(texts: readonly string[], all: boolean): Known | undefined {
  const rules = all ? CERTAIN : CERTAIN.filter(({ overrules }) => overrules);
  return texts.map((text) => first(rules, text)).find((one) => one !== undefined);
}

/** RFC 5321 4.2.2, RFC 4954, RFC 7504: what a reply code says alone. 550, 553 and 554 say nothing alone. */
function byReplyCode(code: number): CodeRule | undefined {
  return REPLY_CODES.find(({ match }) => match.test(String(code)));
}

function byCode(status: string): CodeRule | undefined {
  return CODES.find(({ match }) => match.test(status));
}

function first(rules: readonly ReportRule[], text: string): Known | undefined {
  const seen = legible(text);
  return rules.find((rule) => applies(rule, seen));
}

function causeOf({ name, classification, type }: Rule): Known {
  return { name, classification, type };
}

/** The one that says most: reported, quoted, meant. */
function chooseStatus(
  reported: string,
  quoted: string | undefined,
  meant: string | undefined,
  code: number | undefined,
) {
  const says = (status: string | undefined) => status !== undefined && /^[245]\.(?!0\.0$)/.test(status);
  if (says(reported) && !/^[45]\.[05]\.0$/.test(reported)) return reported;
  if (says(quoted)) return quoted!;
  if (says(reported)) return reported;
  if (reported !== '' && meant !== undefined) return `${reported.charAt(0)}${meant.slice(1)}`;
  if (code !== undefined && meant !== undefined) return `${Math.floor(code / 100)}${meant.slice(1)}`;
  return reported || meant || `${code === undefined ? 5 : Math.floor(code / 100)}.0.0`;
}
