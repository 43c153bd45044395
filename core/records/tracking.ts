/** What an account asks of tracking, and the hosts that its links are at, in the accounts table. Keys are spelt here, once. */

import type { TrackingSettings } from '../tracking/settings.ts';
import type { LinkBranding } from './senders.ts';

/** What an account asks of tracking (SendGrid: `tracking_settings`). Absent: nothing. */
export type TrackingRecord = { pk: string; sk: 'settings#tracking'; settings: TrackingSettings };

/** The host that links of mail from a domain are at (SendGrid: link branding). The default one's domain is in `LinkDefaultRecord`. */
export type LinkRecord = {
  pk: string;
  sk: string;
  /** The domain of from addresses. */
  domain: string;
  /** A subdomain of it, lower case; on the local stack loopback with a port. */
  host: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Milliseconds since the epoch at which it was last seen to answer for us by HTTPS; absent: nothing is tracked at it. */
  validAt?: number;
  branding?: LinkBranding;
};

/** For mail from domains that have none. */
export type LinkDefaultRecord = { pk: string; sk: 'link-default'; domain: string };

export const trackingKey = (account: string) => ({ pk: account, sk: 'settings#tracking' as const });
export const linkKey = (account: string, domain: string) => ({ pk: account, sk: `link#${domain.toLowerCase()}` });
export const linkDefaultKey = (account: string) => ({ pk: account, sk: 'link-default' as const });
