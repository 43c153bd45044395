/**
 * parse: a mail for a customer's host name is posted to his URL as a form (SendGrid: Inbound Parse), signed and with a token where the
 * setting is under a security policy; never without, when it is. 2xx is yes. A server that
 * is out of order or too busy (5xx, 408, 425, 429, no answer) is tried again for three days; any other answer is a no for good,
 * and the mail is let go, with its id in the log: its octets lie in the inbound bucket for some days more.
 *
 * One URL keeps no other waiting: a post has a bounded time, mails of one account are one group of the queue, and a URL that gave
 * no answer three times is left alone for a minute, in which its mails are held at once: untried, so that it is no attempt of theirs.
 */
import type { InboundMessage } from '../../core/inbound/message.ts';
import { parseForm } from '../../core/parse/form.ts';
import { parseMail } from '../../core/parse/mail.ts';
import { nextLook, nextParse, PARSE_HOURS, type ParseMessage, parseParseMessage } from '../../core/parse/message.ts';
import { type Hold, holdKey } from '../../core/records/holds.ts';
import type { ParseSettingRecord } from '../../core/records/inbound.ts';
import { proverOf, type SecurityPolicyRecord } from '../../core/webhook/policy.ts';
import { forgetToken, type ProofDeps, prove } from '../../core/webhook/proof.ts';
import type { MailVerdicts } from '../../io/mail-auth.ts';
import type { Post, Posted } from '../../io/webhook-post.ts';

export type ParseDeps = ProofDeps & {
  /** From 0 to 1. */
  random: () => number;
  randomHex: () => string;
  /** Kept for a minute. */
  readParseSetting: (account: string, hostname: string) => Promise<ParseSettingRecord | undefined>;
  /** The mail; undefined: it is longer than `most` octets. */
  readInbound: (key: string, most: number) => Promise<Buffer | undefined>;
  authenticate: (raw: Buffer, session: InboundMessage) => Promise<MailVerdicts>;
  /** Kept for a minute. */
  readPolicy: (account: string, id: string) => Promise<SecurityPolicyRecord | undefined>;
  post: (url: string, form: Post) => Promise<Posted>;
  hold: (hold: Hold) => Promise<void>;
  /** URLs that are left alone, for the life of the environment. */
  silent: Map<string, { times: number; until: number }>;
  publish: (counts: { parsePosted?: number; parseDropped?: number }) => void;
  report: (problem: string) => void;
};

/** Octets of a mail (SendGrid: 30 MB). */
const MOST = 31_457_280;
/** Times release may bring a mail before it is called a loop: once a minute for three days. It needs 25 for its retries, 100 for its waits. */
const HOPS = PARSE_HOURS * 60;
/** Answers that never came, before a URL is left alone, and for how long. */
const SILENCES = 3;
const SILENT_MS = 60_000;
const REMEMBERED = 1_000;
/** Answers that say: not now. */
const LATER = new Set([408, 425, 429]);

type Outcome = 'posted' | 'held' | 'dropped';

/** Takes mails, one after the other. Returns the ids of those to hand back. */
export async function parse(
  messages: readonly { messageId: string; body: string }[],
  deps: ParseDeps,
): Promise<string[]> {
  const handedBack: string[] = [];
  const counts = { posted: 0, held: 0, dropped: 0 };
  for (const { messageId, body } of messages) {
    try {
      counts[await takeMail(parseParseMessage(body), deps)]++;
    } catch (error) {
      deps.report(`mail ${messageId}: ${(error as Error).message}`);
      handedBack.push(messageId);
    }
  }
  deps.publish({
    ...(counts.posted > 0 && { parsePosted: counts.posted }),
    ...(counts.dropped > 0 && { parseDropped: counts.dropped }),
  });
  return handedBack;
}

async function takeMail(message: ParseMessage, deps: ParseDeps): Promise<Outcome> {
  const { account, hostname, mail } = message;
  const setting = await deps.readParseSetting(account, hostname);
  if (!setting) return drop(message, 'its parse setting was removed', deps);
  const now = deps.now();
  const silentUntil = deps.silent.get(setting.url)?.until ?? 0;
  if (silentUntil > now) {
    const look = nextLook(message, silentUntil, now);
    return look === undefined ? drop(message, 'its three days are over: no answer', deps) : hold(message, look, deps);
  }
  const raw = await deps.readInbound(mail.key, MOST);
  if (!raw) return drop(message, `it is longer than ${MOST} octets`, deps);

  const verdicts = await deps.authenticate(raw, mail);
  const form = parseForm({ mail, parsed: parseMail(raw), raw, setting, verdicts }, deps.randomHex());
  const { posted, mayTryAgain } = await post(setting, form, deps);
  listen(setting.url, posted, deps);

  if ('status' in posted && posted.status >= 200 && posted.status < 300) return 'posted';
  const why = 'error' in posted ? posted.error : `HTTP ${posted.status}`;
  if ('status' in posted && posted.status < 500 && !LATER.has(posted.status) && !mayTryAgain)
    return drop(message, why, deps);
  const due = nextParse(message, deps.now(), deps.random());
  if (due === undefined) return drop(message, `its three days are over: ${why}`, deps);
  return hold({ ...message, attempt: message.attempt + 1 }, due, deps);
}

/** With the proof that its policy asks for. `mayTryAgain`: with another token the answer may be another. */
async function post(
  { pk: account, url, securityPolicy: id }: ParseSettingRecord,
  form: Post,
  deps: ParseDeps,
): Promise<{ posted: Posted; mayTryAgain?: boolean }> {
  if (id === undefined) return { posted: await deps.post(url, form) };
  const policy = await deps.readPolicy(account, id);
  // A setting that was kept for a minute may name one that is gone by now.
  if (!policy) return { posted: { error: `its security policy ${id} is gone` } };
  const prover = proverOf(policy);
  const proven = await prove(prover, form.pieces, deps.now(), deps);
  if ('error' in proven) return { posted: proven };
  const posted = await deps.post(url, { ...form, headers: proven.headers });
  const mayTryAgain = policy.oauth !== undefined && 'status' in posted && posted.status === 401;
  if (mayTryAgain) forgetToken(prover, deps);
  return { posted, mayTryAgain };
}

/** Counts answers that never came; one that comes ends it. */
function listen(url: string, posted: Posted, { silent, now }: ParseDeps): void {
  if ('status' in posted) {
    silent.delete(url);
    return;
  }
  const times = (silent.get(url)?.times ?? 0) + 1;
  silent.delete(url);
  silent.set(url, { times, until: times >= SILENCES ? now() + SILENT_MS : 0 });
  if (silent.size > REMEMBERED) silent.delete(silent.keys().next().value!);
}

async function hold(message: ParseMessage, due: number, deps: ParseDeps): Promise<Outcome> {
  const { account, hostname, mail, hop } = message;
  if (hop >= HOPS) return drop(message, `it was brought back ${hop} times: a loop`, deps);
  const key = holdKey(`parse.${mail.id}.${hostname}`, due);
  await deps.hold({ ...key, due, account, copies: 0, kind: 'parse', parse: message });
  return 'held';
}

function drop({ account, hostname, mail }: ParseMessage, why: string, deps: ParseDeps): Outcome {
  deps.report(`mail ${mail.id} for ${hostname} of ${account} is let go: ${why}`);
  return 'dropped';
}
