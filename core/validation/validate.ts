/**
 * Whether mail to an address has a chance (SendGrid: `/v3/validations/email`): its syntax, what DNS says of its domain, what is known of its words
 * (lists.ts), and how the account's own mail to it has fared. No server is asked whether the mailbox is there: most would lie, and
 * some would list us for asking. So no score is 1, and a good one is no promise.
 */
import { type Mailbox, readMailbox } from '../address.ts';
import type { Answer } from '../doctor.ts';
import type { ApiError } from '../errors.ts';
import { fieldsOf } from '../fields.ts';
import type { SuppressionRecord } from '../records/suppressions.ts';
import { COMMON, DISPOSABLE, REAL, ROLES } from './lists.ts';

export type Verdict = 'Valid' | 'Risky' | 'Invalid';
export type ReadValidation = { ok: true; email: string; source?: string } | { ok: false; errors: ApiError[] };

/** What DNS says. `unknown`: it could not be asked, and why. */
export type Domain = { takesMail: boolean } | { unknown: string };
type LookUp = (name: string, type: 'MX' | 'A' | 'AAAA') => Promise<Answer>;

/** Characters of an address that is judged; longer ones are none, and are not shown in full. */
export const LONGEST = 1_000;
/** The best: nobody has asked the mailbox. */
const BEST = 0.97;
/** Below it an address is risky. */
const VALID = 0.7;
/** What is certain to fail. */
const LEAST = 0.02;
/** What each doubt leaves of the score. */
const DOUBTS = {
  unknownDomain: 0.5,
  disposable: 0.3,
  role: 0.65,
  suspectedBounces: 0.5,
  slip: 0.4,
  international: 0.65,
};

export function readValidation(body: unknown): ReadValidation {
  const fields = fieldsOf(body);
  const email = fields.text('email', { most: LONGEST });
  const source = fields.has('source') ? fields.text('source', { most: 100 }) : undefined;
  if (fields.errors.length > 0) return { ok: false, errors: fields.errors };
  return { ok: true, email, ...(source === undefined ? {} : { source }) };
}

/** Whether a domain takes mail: an MX that is not the null MX (RFC 7505), or without any MX an address (RFC 5321 5.1). */
export async function lookAtDomain(domain: string, lookUp: LookUp): Promise<Domain> {
  const mx = await lookUp(domain, 'MX');
  if ('error' in mx) return { unknown: mx.error };
  if (mx.values.length > 0) return { takesMail: mx.values.some((value) => !/^\d+ \.?$/.test(value)) };
  const addresses = await Promise.all([lookUp(domain, 'A'), lookUp(domain, 'AAAA')]);
  if (addresses.some((answer) => 'values' in answer && answer.values.length > 0)) return { takesMail: true };
  const failed = addresses.find((answer) => 'error' in answer);
  return failed ? { unknown: failed.error } : { takesMail: false };
}

/** An address as it is judged: also a local part beyond ASCII is one (RFC 6531). */
export const readJudged = (email: string): Mailbox | undefined => readMailbox(email, true);

/**
 * @param mailbox of the address; undefined: it is none
 * @param domain what DNS says; undefined: it was not asked
 * @param record of the account's lists
 */
export function judge(
  email: string,
  mailbox: Mailbox | undefined,
  domain: Domain | undefined,
  record: SuppressionRecord | undefined,
  disposable: readonly string[] = [],
) {
  const at = email.lastIndexOf('@');
  const [local, host] = at < 0 ? [email, ''] : [email.slice(0, at), email.slice(at + 1)];
  const isRole = ROLES.has(local.toLowerCase().split('+')[0]!);
  const isDisposable = mailbox !== undefined && isListed(mailbox.asciiDomain, disposable);
  const hasBounced = record?.bounces !== undefined || record?.invalid_emails !== undefined;
  const mayBounce = hasBounced || record?.blocks !== undefined;
  const suggestion = mailbox && slipOf(mailbox.asciiDomain);
  const unknown = domain && 'unknown' in domain ? domain.unknown : undefined;
  const takesMail = domain !== undefined && 'takesMail' in domain && domain.takesMail;
  const fails = !mailbox || hasBounced || (!takesMail && unknown === undefined);
  const doubts = [
    ...(unknown === undefined ? [] : [DOUBTS.unknownDomain]),
    ...(isDisposable ? [DOUBTS.disposable] : []),
    ...(isRole ? [DOUBTS.role] : []),
    ...(mayBounce ? [DOUBTS.suspectedBounces] : []),
    ...(suggestion === undefined ? [] : [DOUBTS.slip]),
    ...(mailbox && /[^\x20-\x7e]/.test(mailbox.local) ? [DOUBTS.international] : []),
  ];
  const score = !mailbox ? 0 : fails ? LEAST : doubts.reduce((left, doubt) => left * doubt, BEST);
  const verdict: Verdict = fails ? 'Invalid' : score < VALID ? 'Risky' : 'Valid';
  return {
    email,
    verdict,
    score: Math.round(score * 100_000) / 100_000,
    local,
    host,
    ...(suggestion === undefined ? {} : { suggestion }),
    checks: {
      domain: {
        has_valid_address_syntax: mailbox !== undefined,
        has_mx_or_a_record: takesMail,
        is_suspected_disposable_address: isDisposable,
        // Ours, beyond SendGrid's: why DNS could not say.
        ...(unknown === undefined ? {} : { dns_error: unknown }),
      },
      local_part: { is_suspected_role_address: isRole },
      additional: { has_known_bounces: hasBounced, has_suspected_bounces: mayBounce },
    },
  };
}

function isListed(domain: string, more: readonly string[]): boolean {
  const labels = domain.split('.');
  return labels.some((_, n) => {
    const name = labels.slice(n).join('.');
    return DISPOSABLE.has(name) || more.includes(name);
  });
}

/** The domain that one was meant to be, by a slip of one letter: left out, too many, another, or two in the wrong order. */
function slipOf(domain: string): string | undefined {
  return REAL.has(domain) ? undefined : COMMON.find((meant) => isOneSlip(domain, meant));
}

function isOneSlip(typed: string, meant: string): boolean {
  let n = 0;
  while (n < typed.length && typed[n] === meant[n]) n++;
  const [a, b] = [typed.slice(n), meant.slice(n)];
  return (
    (a !== b && a.slice(1) === b.slice(1) && a.length === b.length) ||
    a.slice(1) === b ||
    a === b.slice(1) ||
    (a.length > 1 && a[0] === b[1] && a[1] === b[0] && a.slice(2) === b.slice(2))
  );
}
