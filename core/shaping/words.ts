/** Acts in words, for the command line and the documentation. */
import type { Act } from './rule.ts';

/** What an act does at the site, as a sentence without its subject. */
export function describeAct(act: Act | undefined): string {
  if (!act) return 'nothing changes';
  switch (act.do) {
    case 'halve':
      return 'half as many connections, and half the rate; then growing back';
    case 'limit':
      return `at most ${limitsOf(act)} for ${lasting(act.minutes)}; then growing back`;
    case 'pause':
      return `nothing for ${lasting(act.minutes)}, then one connection, growing${act.operator ? '; the operator is told' : ''}`;
    case 'recover':
      return `nothing for 10 minutes, then one connection, then one more at a time (${act.quotas.join(', ')})`;
    case 'reconnect':
      return 'this connection is closed, another opened';
  }
}

function limitsOf({ connections, perMinute }: Extract<Act, { do: 'limit' }>): string {
  const parts = [
    connections === undefined ? [] : [plural(connections, 'connection')],
    perMinute === undefined ? [] : [`${plural(perMinute, 'message')} a minute`],
  ];
  return parts.flat().join(' and ');
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
const lasting = (minutes: number) =>
  minutes % 60 === 0 && minutes > 60 ? plural(minutes / 60, 'hour') : plural(minutes, 'minute');
