/**
 * What an attempt means for its copy and for its site. 2xx delivered; 4xx and every broken connection deferred; 5xx bounced, of
 * type `bounce` when a rule says that it is about the address (which is then suppressed) and `blocked` otherwise: a reader
 * wrongly suppressed costs more than one more refusal. A 5xx about our own IP is deferred: the copy is not at fault. A link
 * lost behind the final dot is doubted: the message may have arrived. What replies mean is data: `shaping/rules/`.
 */
import { DOUBT_ATTEMPTS } from './limits.ts';
import type { Shaping } from './shaping/compile.ts';
import type { Act, Classification, Rule } from './shaping/rule.ts';
import { REPLY_RECORDED } from './smtp/limits.ts';
import type { Reply } from './smtp/reply.ts';
import type { TlsFailure } from './tls.ts';

/** How far an attempt came. `body`: the message was on its way; `dot`: its last octet had left. */
export const STAGES = ['dns', 'connect', 'banner', 'ehlo', 'starttls', 'mail', 'rcpt', 'data', 'body', 'dot'] as const;
export type Stage = (typeof STAGES)[number];

/** An attempt that was not accepted: a reply, or an error in words when there was none. */
export type Failure = {
  ok: false;
  stage: Stage;
  reply?: Reply;
  error?: string;
  /** The final dot had left and no reply came back. */
  afterDot: boolean;
  /** What went wrong with TLS on the way. */
  tlsFailures?: TlsFailure[];
  /** What was said with a host that could not be greeted; no recipient was named to it. */
  said?: string[];
};
export type Accepted = { ok: true; reply: Reply };
export type Attempt = Accepted | Failure;

/** What a failure is put down to: its class, the rule that knew it, and what that rule makes us do at the site. */
export type Cause = { classification: Classification; rule?: string; act?: Act };

export type Verdict =
  | { event: 'delivered'; reply: string; status: string }
  | ({ event: 'deferred'; reply: string; status?: string } & Cause)
  | ({ event: 'doubted'; reply: string } & Cause)
  | ({ event: 'bounced'; type: 'bounce' | 'blocked'; reply: string; status: string } & Cause);

/** The last word on a copy: what OutcomeRecord takes. */
export type Final = {
  event: 'delivered' | 'bounced' | 'dropped' | 'unknown';
  reply: string;
  status?: string;
  type?: 'bounce' | 'blocked';
  classification?: Classification;
  rule?: string;
};

/**
 * @param attempt one attempt for one copy, after every host that may be tried was tried
 * @param provider whose site it is, as `shaping.providerOf` names it
 */
export function judge(attempt: Attempt, shaping: Shaping, provider: string): Verdict {
  if (attempt.ok) {
    const { text, enhanced, code } = attempt.reply;
    return { event: 'delivered', reply: cut(text), status: enhanced ?? String(code) };
  }
  const { reply, error, stage } = attempt;
  if (!reply) {
    const text = cut(`${stage}: ${error ?? 'no reply'}`);
    return { event: attempt.afterDot ? 'doubted' : 'deferred', reply: text, classification: 'Technical Failure' };
  }
  const status = reply.enhanced ?? String(reply.code);
  const rule = shaping.find(provider, stage, reply.text);
  const told = { reply: cut(reply.text), status, ...causeOf(rule) };
  if (eventOf(stage, reply, rule) === 'deferred') return { event: 'deferred', ...told };
  // A refusal of MAIL is about the sender, whatever a rule says: no reader was named yet.
  return { event: 'bounced', type: stage === 'mail' ? 'blocked' : (rule?.type ?? 'blocked'), ...told };
}

/** Whether the next host of the site may be tried: only while no mail has been named to this one (DESIGN 4.7). */
export function mayTryNext({ stage }: Pick<Failure, 'stage'>): boolean {
  return stage === 'dns' || stage === 'connect' || stage === 'banner' || stage === 'ehlo' || stage === 'starttls';
}

/** What follows one more doubt about a copy: try again, or end as `unknown`. */
export function doubtAgain(doubts: number): { final: false; doubts: number } | { final: true } {
  return doubts < DOUBT_ATTEMPTS ? { final: false, doubts: doubts + 1 } : { final: true };
}

/** The end of a copy whose retry window is over. */
export function expire(reply: string, status?: string): Final {
  return { event: 'bounced', type: 'blocked', reply: cut(`expired: ${reply}`), status: status ?? '4.4.7' };
}

/** A refusal before anything is said to us is the host's state, not the mail's, whatever a rule says. */
function eventOf(stage: Stage, { code }: Reply, rule: Rule | undefined): 'deferred' | 'bounced' {
  if (mayTryNext({ stage })) return 'deferred';
  return rule?.event ?? (code < 500 ? 'deferred' : 'bounced');
}

function causeOf(rule: Rule | undefined): Cause {
  if (!rule) return { classification: 'Unclassified' };
  const { name, classification, act } = rule;
  return { classification, rule: name, ...(act === undefined ? {} : { act }) };
}

function cut(text: string): string {
  return text.slice(0, REPLY_RECORDED);
}
