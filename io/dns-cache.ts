/**
 * Answers of DNS, kept for their TTL by one environment. Where nobody knows any more, what was known within the last hour
 * stands a while longer (RFC 8767): a name server that is down should not stop mail to hosts that are up.
 * Questions asked at once are asked once. It keeps a bounded number of answers; the oldest give way.
 */
import type { Dns, DnsAnswer } from './dns.ts';

/** Milliseconds. A TTL of 0 is kept as long as one batch needs it; a week's is not believed for more than a day. */
const SHORTEST = 5_000;
const LONGEST = 86_400_000;
/** Milliseconds that a failure is kept, and "there is none" where the zone names no time for it. */
const FAILURE = 30_000;
/** Milliseconds after its end that an answer still stands when DNS fails. */
const STALE = 3_600_000;
/** Answers of each type. Hostile ones are up to 12 KB long. */
const KEPT = 5_000;

/** @param now milliseconds since the epoch */
export function cacheDns(dns: Dns, now: () => number): Dns {
  return { mx: keep(dns.mx, now), a: keep(dns.a, now), aaaa: keep(dns.aaaa, now), txt: keep(dns.txt, now) };
}

type Look<T> = (name: string) => Promise<DnsAnswer<T>>;
type Entry<T> = {
  answer: Promise<DnsAnswer<T>>;
  until: number;
  /** The last records that were found, and when their time was over. */
  good?: { answer: DnsAnswer<T>; until: number };
};

function keep<T>(look: Look<T>, now: () => number): Look<T> {
  const kept = new Map<string, Entry<T>>();
  return (asked) => {
    const name = asked.toLowerCase().replace(/\.$/, '');
    const known = kept.get(name);
    if (known && known.until > now()) return known.answer;
    kept.delete(name);
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value!);
    const entry: Entry<T> = {
      until: Number.POSITIVE_INFINITY,
      answer: look(name).then((answer) => {
        const until = now() + lifeOf(answer);
        if (isKnown(answer)) entry.good = { answer, until };
        // That there is none is an answer too: nothing older stands against it.
        else if (isFinal(answer)) delete entry.good;
        entry.until = until;
        return isFinal(answer) || !entry.good || entry.good.until + STALE < now() ? answer : entry.good.answer;
      }),
    };
    if (known?.good) entry.good = known.good;
    kept.set(name, entry);
    entry.answer.catch(() => kept.delete(name));
    return entry.answer;
  };
}

function isKnown<T>(answer: DnsAnswer<T>): boolean {
  return 'answers' in answer;
}

/** Whether DNS has answered, be it that there is nothing. */
function isFinal<T>(answer: DnsAnswer<T>): boolean {
  return isKnown(answer) || ('failure' in answer && ['NXDOMAIN', 'NODATA', 'BADNAME'].includes(answer.failure));
}

function lifeOf<T>(answer: DnsAnswer<T>): number {
  if (answer.ttl === undefined) return FAILURE;
  return Math.min(LONGEST, Math.max(SHORTEST, answer.ttl * 1_000));
}
