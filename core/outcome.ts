/**
 * What an attempt means for its copy. 2xx delivered; 4xx and every broken connection deferred; 5xx bounced, of type
 * `bounce` when it is about the address (which is then suppressed) and `blocked` when it is about us, the content, or
 * nobody can tell: a reader wrongly suppressed costs more than one more refusal. A link lost behind the final dot is
 * doubted: the message may have arrived.
 */
import { DOUBT_ATTEMPTS } from './limits.ts';
import { REPLY_RECORDED } from './smtp/limits.ts';
import type { Reply } from './smtp/reply.ts';

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
};
export type Accepted = { ok: true; reply: Reply };
export type Attempt = Accepted | Failure;

export type Verdict =
  | { event: 'delivered'; reply: string; status: string }
  | { event: 'deferred'; reply: string; status?: string }
  | { event: 'doubted'; reply: string }
  | { event: 'bounced'; type: 'bounce' | 'blocked'; reply: string; status: string };

/** The last word on a copy: what OutcomeRecord takes. */
export type Final = {
  event: 'delivered' | 'bounced' | 'dropped' | 'unknown';
  reply: string;
  status?: string;
  type?: 'bounce' | 'blocked';
};

/** RFC 3463 codes that say the address is no good. 5.1.7 and 5.1.8 are about the sender's. */
const ABOUT_ADDRESS = /^5\.(1\.([0-6]|9|10)|2\.[01])$/;
/** Codes that say it is not: policy, size, quota, protocol, system. */
const ABOUT_US = /^5\.(7\.\d+|1\.[78]|2\.[234]|3\.\d+|6\.\d+)$/;
const NO_SUCH_USER =
  /\b(no such (user|mailbox|recipient|address|account|person)|unknown (user|recipient|mailbox|address|account)|(user|mailbox|recipient|address|account) (is )?(unknown|not found|unavailable|disabled|inactive|suspended|invalid|does not exist|doesn't exist)|(user|mailbox|recipient|address|account) [^.]{0,60}(does not exist|doesn't exist|not found|is disabled|is inactive)|invalid (recipient|mailbox|user)|not a valid (recipient|mailbox|user)|no mailbox here)/i;
const POLICY =
  /spam|junk|dmarc|\b(block(ed|list\w*)?|black ?list\w*|dns\w*|rbl|polic(y|ies)|reputation|spf|dkim|virus|malware|banned|denied|prohibited|relay\w*|authenticat\w+|unauthenticated|rate\w*|too many|(over)?quota|full|content|complaint\w*|sender\w*|sending|your (ip|domain|message)|listed|url|rcpthosts)\b/i;
/** Microsoft 365 says this of recipients that a tenant does not have. */
const EDGE_BLOCKED = /^5\.4\.1$/;

/** @param attempt one attempt for one copy, after every host that may be tried was tried */
export function judge(attempt: Attempt): Verdict {
  if (attempt.ok) {
    const { text, enhanced, code } = attempt.reply;
    return { event: 'delivered', reply: cut(text), status: enhanced ?? String(code) };
  }
  const { reply, error, stage } = attempt;
  if (!reply) {
    const text = `${stage}: ${error ?? 'no reply'}`;
    return attempt.afterDot ? { event: 'doubted', reply: cut(text) } : { event: 'deferred', reply: cut(text) };
  }
  const status = reply.enhanced ?? String(reply.code);
  if (reply.code < 500 || isTransient(stage, reply)) return { event: 'deferred', reply: cut(reply.text), status };
  return { event: 'bounced', type: bounceType(stage, reply), reply: cut(reply.text), status };
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

/** A refusal before anything is said to us is the host's state, not the mail's; 552 on RCPT means "too many" (RFC 5321 4.5.3.1.10). */
function isTransient(stage: Stage, { code, text }: Reply): boolean {
  if (mayTryNext({ stage })) return true;
  return stage === 'rcpt' && code === 552 && !NO_SUCH_USER.test(text);
}

function bounceType(stage: Stage, { enhanced, text, code }: Reply): 'bounce' | 'blocked' {
  const status = enhanced ?? '';
  if (ABOUT_ADDRESS.test(status)) return 'bounce';
  if (stage === 'mail') return 'blocked';
  if (EDGE_BLOCKED.test(status)) return stage === 'rcpt' ? 'bounce' : 'blocked';
  if (ABOUT_US.test(status)) return 'blocked';
  if (POLICY.test(text)) return 'blocked';
  if (NO_SUCH_USER.test(text)) return 'bounce';
  // RFC 5321 4.2.3 and RFC 7504: in answer to RCPT these are about the mailbox, or say that its domain takes no mail.
  return stage === 'rcpt' && status === '' && [550, 551, 553, 556].includes(code) ? 'bounce' : 'blocked';
}

function cut(text: string): string {
  return text.slice(0, REPLY_RECORDED);
}
