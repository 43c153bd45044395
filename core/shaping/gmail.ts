/**
 * Which limit Gmail says is spent. Its 4.7.28 names one of six; where it names none, Google advises to take it for all
 * three of IP, DKIM domain and SPF domain (support.google.com/a/answer/81126).
 */
import type { Quota } from './rule.ts';

const NAMED: readonly [Quota, RegExp][] = [
  ['message-id', /same message-id/i],
  ['netblock', /your ip netblock/i],
  ['ip', /your ip address/i],
  ['dkim', /your dkim domain/i],
  ['spf', /your spf domain/i],
  ['url', /your url domains/i],
];

/** The quotas that a 4.7.28 of Gmail's speaks of. */
export function quotasNamed(text: string): Quota[] {
  const named = NAMED.filter(([, pattern]) => pattern.test(text)).map(([quota]) => quota);
  return named.length > 0 ? named : ['ip', 'dkim', 'spf'];
}
