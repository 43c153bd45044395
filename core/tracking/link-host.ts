/**
 * The host that an account's tracked links, pixels and unsubscribe links are at: a name of its own, so that its links share nobody's
 * reputation. Nothing is tracked without one that was seen to answer for us over HTTPS. On the local stack it is loopback, in clear.
 */
import type { LinkRecord } from '../records/tracking.ts';

const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/;
/** A name as DNS and certificates have it: no port, since mail's links are at 443. */
const NAME = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

export const isLoopback = (host: string) => LOOPBACK.test(host);

/** Whether a name can be a link host. Lower case, A-labels. */
export const isLinkHost = (host: string) => NAME.test(host) || isLoopback(host);

/** Whether a host is a subdomain of a sending domain. */
export const linkHostWithin = (host: string, domain: string) => host.endsWith(`.${domain.toLowerCase()}`);

/** `https://links.example.com` */
export const originOf = (host: string) => `${isLoopback(host) ? 'http' : 'https'}://${host}`;

/** Where a link host says that it is ours, and what it says: asked when it is validated. */
export const PROBE_PATH = '/up';
export const PROBE_ANSWER = 'pennypost-track';

/** The host for a mail's links; undefined: there is none yet. @param links of the domain of its from address, and the account's default */
export function linkHostOf(...links: readonly (LinkRecord | undefined)[]): string | undefined {
  return links.find((link) => link?.validAt !== undefined)?.host;
}

/** The field in which CloudFront tells the host that a reader asked (lib/track.ts). */
export const VIEWER_HOST = 'x-pennypost-host';
