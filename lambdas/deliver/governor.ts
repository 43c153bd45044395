/**
 * Quotas that a provider counts by something of the mail itself: its DKIM domain, SPF domain, a URL, one Message-ID (Gmail,
 * 4.7.28). What exceeded such a quota is throttled by that key alone; everybody else's mail goes on.
 */
import { domainOf } from '../../core/domain.ts';
import type { Quota } from '../../core/shaping/rule.ts';
import { type Counted, scopesOfCopy, scopesOfQuotas } from '../../core/shaping/scope.ts';
import type { Run } from './deliver.ts';
import type { Item, Scope } from './sites.ts';

/** Hosts of one message that are governed, at most. */
const HOSTS = 10;
const URL_HOST = /\bhttps?:\/\/([a-z0-9.-]{1,253})/gi;

/** The scopes that a complaint about these quotas concerns. @param item the copy that got it; none: a whole session did */
export function governedBy(scope: Scope, item: Item | undefined, quotas: readonly Quota[]): string[] {
  return scopesOfQuotas(scope.name, quotas, item ? countedBy(item, quotas.includes('url')) : {});
}

/** The scope that throttles a copy at present beside its site's own, where a quota of its own is exceeded: one of them. */
export function governorOf(item: Item, scope: Scope, run: Run): string | undefined {
  const governed = run.deps.allowances.governed(scope.name);
  if (governed.length === 0) return undefined;
  const byUrl = governed.some((name) => name.startsWith(`${scope.name}#url#`));
  return scopesOfCopy(scope.name, countedBy(item, byUrl)).find((name) => governed.includes(name));
}

function countedBy({ task, copy }: Item, byUrl: boolean): Counted {
  const { content, personalizations, domains, job } = task;
  const dkim = domainOf((personalizations.get(copy.personalization)?.from ?? content.from).email);
  const hosts = new Set<string>();
  if (byUrl)
    for (const { value } of content.parts)
      for (const [, host] of value.matchAll(URL_HOST)) {
        hosts.add(host!.toLowerCase());
        if (hosts.size === HOSTS) break;
      }
  const spf = domains.get(dkim)?.returnPath ?? dkim;
  return { dkim, spf, urls: [...hosts], messageId: `${job.requestId}.${copy.personalization}` };
}
