/**
 * Who an address of ours is for: a bounce, an unsubscription, feedback, or a customer's inbound parse. It answers for
 * addresses at host names of ours only, and for tokens that we made: everything else is undefined, and port 25 refuses it
 * (550 5.1.1), so that neither a relay nor a mailbox can be found here.
 */
import type { TokenSecret } from '../address-token.ts';
import { toAsciiDomain } from '../domain.ts';
import type { HostRecord } from '../records/domains.ts';
import { type ReturnPath, readReturnPath } from '../return-path.ts';
import { readUnsubscribeAddress, type Unsubscription } from '../unsubscribe-address.ts';

export type InboundRecipient =
  | ({ kind: 'bounce' } & ReturnPath)
  | ({ kind: 'unsubscribe' } & Unsubscription)
  /** Feedback loops, and people who look for someone to complain to (RFC 2142 2, 4). `account`: whose host name it is. */
  | { kind: 'feedback'; account: string }
  | { kind: 'parse'; account: string; hostname: string };

/** Local parts of feedback addresses at a return-path domain. */
const FEEDBACK = new Set(['fbl', 'feedback', 'abuse', 'postmaster']);

/**
 * @param ours whose a host name is (lower case, A-labels); undefined: nobody's here
 */
export function readInboundRecipient(
  address: string,
  secret: TokenSecret,
  ours: (domain: string) => Pick<HostRecord, 'account' | 'kind'> | undefined,
): InboundRecipient | undefined {
  const hostname = inboundHost(address);
  const host = hostname === undefined ? undefined : ours(hostname);
  // No mail comes in at a link host.
  if (!host || host.kind === 'link' || hostname === undefined) return undefined;
  const local = address.slice(0, address.lastIndexOf('@'));
  if (host.kind === 'parse') return { kind: 'parse', account: host.account, hostname };
  if (FEEDBACK.has(local.toLowerCase())) return { kind: 'feedback', account: host.account };
  const token = `${local}@${hostname}`;
  const bounced = readReturnPath(token, secret);
  if (bounced) return { kind: 'bounce', ...bounced };
  const left = readUnsubscribeAddress(token, secret);
  return left && { kind: 'unsubscribe', ...left };
}

/** The host name of an address, as host records have it; undefined where it has none. */
export function inboundHost(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  if (at < 1) return undefined;
  const domain = address.slice(at + 1);
  return toAsciiDomain(domain.endsWith('.') ? domain.slice(0, -1) : domain);
}
