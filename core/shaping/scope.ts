/**
 * Scopes: what limits are kept for (the sort keys of the sites table). A site, a provider whose sites share their limits, or
 * one key of a quota that the provider counts by: `google#dkim#example.com`, `google#url#host`, `google#message-id#<id>`.
 * A site cannot pass for a provider or a key: whoever names his own MX hosts has no say about others'.
 */
import type { Quota } from './rule.ts';

/** What a copy is counted by, beside its source IP. */
export type Counted = {
  /** The domain of its DKIM signature. */
  dkim?: string;
  /** The domain of its return path. */
  spf?: string;
  /** The hosts its body links to. */
  urls?: readonly string[];
  /** With its angle brackets, or without. */
  messageId?: string;
};

/** The scope of a site: its own, or its provider's where that shares limits. */
export function scopeOf(site: { name: string; provider: string }, sharedBy?: 'provider'): string {
  if (sharedBy === 'provider' && site.provider !== 'other') return site.provider;
  return site.name.includes('.') && !site.name.includes('#') ? site.name : `site#${site.name.replaceAll('#', '%23')}`;
}

/**
 * The scopes that a complaint about these quotas throttles, of the copy that got it. `ip` and `netblock` concern the whole
 * lane at this scope; so does a quota whose key the copy does not have.
 */
export function scopesOfQuotas(scope: string, quotas: readonly Quota[], counted: Counted): string[] {
  return [...new Set(quotas.flatMap((quota) => keysOf(scope, quota, counted)))];
}

/** All the scopes that have a say about a copy: the site's first. */
export function scopesOfCopy(scope: string, counted: Counted): string[] {
  const keyed = (['dkim', 'spf', 'url', 'message-id'] as const).flatMap((quota) => keysOf(scope, quota, counted));
  return [...new Set([scope, ...keyed])];
}

function keysOf(scope: string, quota: Quota, { dkim, spf, urls, messageId }: Counted): string[] {
  const known = { ip: [], netblock: [], dkim: [dkim], spf: [spf], url: urls ?? [], 'message-id': [messageId] }[quota];
  const keys = known
    .filter((key) => key !== undefined && key !== '')
    .map((key) => `${scope}#${quota}#${fold(quota, key!)}`);
  return keys.length > 0 ? keys : [scope];
}

/** Host names have no case; a Message-ID does. */
function fold(quota: Quota, key: string): string {
  return quota === 'message-id' ? key.replace(/^<|>$/g, '') : key.toLowerCase().replace(/\.$/, '');
}
