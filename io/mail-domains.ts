/**
 * What DNS says of many domains, at a bounded rate of questions: the resolver is others' too. What was found is kept for a while, so that the
 * domains that most addresses are at cost one question. A domain whose servers do not answer keeps nobody waiting beyond the time that
 * is given: it is unknown then.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type Domain, lookAtDomain } from '../core/validation/validate.ts';
import type { LookUp } from './look-up.ts';

export type DomainSettings = {
  lookUp: LookUp;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Questions a second. */
  rate: number;
  /** Milliseconds for which an answer is kept; one that could not be had, a tenth of that. */
  life: number;
  /** Domains that are kept. */
  size: number;
};

export function openMailDomains({ lookUp, now, rate, life, size }: DomainSettings) {
  const known = new Map<string, { domain: Domain; until: number }>();
  const interval = 1_000 / rate;
  /** When the next question may be asked. */
  let next = 0;
  const ask: LookUp = (name, type) => {
    next = Math.max(next, now()) + interval;
    return lookUp(name, type);
  };
  const keep = (name: string, domain: Domain) => {
    known.delete(name);
    known.set(name, { domain, until: now() + ('unknown' in domain ? life / 10 : life) });
    if (known.size > size) known.delete(known.keys().next().value!);
  };

  /** @param until milliseconds since the epoch: what is not known by then is `unknown` */
  return async (names: Iterable<string>, until: number): Promise<Map<string, Domain>> => {
    const found = new Map<string, Domain>();
    const asking: Promise<void>[] = [];
    const unasked = [...new Set(names)].filter((name) => {
      const kept = known.get(name);
      if (!kept || kept.until <= now()) return true;
      found.set(name, kept.domain);
      return false;
    });
    for (const name of unasked) {
      while (next > now() && now() < until) await wait(Math.ceil(next - now()));
      if (now() >= until) break;
      asking.push(
        lookAtDomain(name, ask).then((domain) => {
          keep(name, domain);
          found.set(name, domain);
        }),
      );
    }
    const given = new AbortController();
    const late = wait(Math.max(0, until - now()), undefined, { signal: given.signal }).catch(() => undefined);
    await Promise.race([Promise.all(asking), late]);
    given.abort();
    for (const name of unasked) if (!found.has(name)) found.set(name, { unknown: 'no answer in time' });
    return found;
  };
}
