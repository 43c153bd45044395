/**
 * The words of shaping: what a provider takes, what a reply means, and what it makes us do. Types only; the data is in
 * `providers.ts` and `rules/`, the machine that acts on it in `allowance.ts`.
 */
import type { Stage } from '../outcome.ts';

/** SendGrid's seven (`bounce_classification` of the event webhook). */
export const CLASSIFICATIONS = [
  'Content',
  'Frequency or Volume Too High',
  'Invalid Address',
  'Mailbox Unavailable',
  'Reputation',
  'Technical Failure',
  'Unclassified',
] as const;
export type Classification = (typeof CLASSIFICATIONS)[number];

/** What a rate limit is counted by (Gmail names it in 4.7.28). `ip` and `netblock` concern the whole lane there. */
export type Quota = 'ip' | 'netblock' | 'dkim' | 'spf' | 'url' | 'message-id';

/** What a reply makes us do at its site, beside what becomes of its copy. Every one of them ends by itself. */
export type Act =
  /** Half as many connections, and half the rate where there is one; once per epoch. */
  | { do: 'halve' }
  /** At most so much, for so long; from there on limits grow back. */
  | { do: 'limit'; connections?: number; perMinute?: number; minutes: number }
  /** Nothing at all for so long, then one connection, growing. `operator`: somebody must look at it. */
  | { do: 'pause'; minutes: number; operator?: true }
  /** Google's own procedure for one quota: 10 minutes nothing, then one connection, then one more at a time. */
  | { do: 'recover'; quotas: readonly Quota[] }
  /** This connection has had its share of messages: open another. */
  | { do: 'reconnect' };

/** What one source IP may do at most at a site, both environments together. */
export type SiteLimits = {
  /** Connections at once: where it begins, and where it grows back to. */
  connections: number;
  /** It is never cut below this; at least 1. */
  floor: number;
  messagesPerConnection: number;
  /** Messages a minute; absent: as fast as the connections go. */
  perMinute?: number;
  /** Connections opened in a minute; absent: no limit. */
  connectionsPerMinute?: number;
  /** `required`: never in clear (the certificate need not be valid); default: opportunistic. */
  tls?: 'required';
  /** `provider`: all sites of this provider share one limit; default: each site has its own. */
  sharedBy?: 'provider';
};

/** One reply that a provider gives, and what it means. */
export type Rule = {
  /** Stable and unique, e.g. `gmail-rate-ip`: records, alarms and docs show it. */
  name: string;
  /** On `Reply.text`: `code text`, one line, at most 2,000 characters. */
  match: RegExp;
  /** Only at these stages; absent: at any. */
  stages?: readonly Stage[];
  /** A reply that a real server gave, word for word: of its provider's rules this one is the first to match it. */
  sample: string;
  /** What becomes of the copy; absent: what its code says (4xx deferred, 5xx as `type`, default `blocked`). */
  event?: 'deferred' | 'bounced';
  /** Of a bounce: `bounce` is about the address, which is then suppressed. */
  type?: 'bounce' | 'blocked';
  classification: Classification;
  act?: Act;
};
