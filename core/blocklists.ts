/**
 * DNS blocklists (RFC 5782): which names to ask, and what an answer means. An answer counts only when the list answers
 * for its test entries as it must; a resolver that a list refuses, or one that answers everything, would else read as a
 * clean or a ruined reputation. What could not be asked is unknown, never clean.
 */
import type { Answer, Finding } from './doctor.ts';

export type Blocklist = {
  name: string;
  zone: string;
  lists: 'address' | 'domain';
  /** Where to look a listing up, and to ask for its end. */
  page: string;
  /** The entry that every list of its kind has (RFC 5782 5), and one that none has. */
  listed: string;
  unlisted: string;
};

const ofAddresses = { lists: 'address', listed: '2.0.0.127', unlisted: '1.0.0.127' } as const;

export const BLOCKLISTS: readonly Blocklist[] = [
  { name: 'Spamhaus ZEN', zone: 'zen.spamhaus.org', page: 'https://check.spamhaus.org/', ...ofAddresses },
  {
    name: 'Barracuda',
    zone: 'b.barracudacentral.org',
    page: 'https://www.barracudacentral.org/rbl/removal-request',
    ...ofAddresses,
  },
  { name: 'SpamCop', zone: 'bl.spamcop.net', page: 'https://www.spamcop.net/bl.shtml', ...ofAddresses },
  {
    name: 'UCEPROTECT-1',
    zone: 'dnsbl-1.uceprotect.net',
    page: 'https://www.uceprotect.net/en/rblcheck.php',
    ...ofAddresses,
  },
  {
    name: 'Spamhaus DBL',
    zone: 'dbl.spamhaus.org',
    page: 'https://check.spamhaus.org/',
    lists: 'domain',
    listed: 'dbltest.com',
    unlisted: 'invalid',
  },
];

/** Spamhaus lists these as a network's policy, not for what was sent (its return codes 127.0.0.10 and .11). */
const POLICY = /^127\.0\.0\.1[01]$/;
/** Refusals in the form of answers: 127.255.255.0/24, and the DBL's "no IP queries". */
const REFUSED: readonly [RegExp, string][] = [
  [/^127\.255\.255\.252$/, 'the list says that the zone is misspelt'],
  [/^127\.255\.255\.254$/, 'the list refuses public resolvers'],
  [/^127\.255\.255\.255$/, 'the list says that this resolver asks too often'],
  [/^127\.255\.255\./, 'the list refuses this resolver'],
  [/^127\.0\.1\.255$/, 'the list takes names only'],
];

/** The octets of an IPv4 address the other way round, as PTR records and blocklists are named. */
export const reversed = (ip: string): string => ip.split('.').reverse().join('.');

/** The name to ask a list for. */
export function nameAt({ zone, lists }: Blocklist, about: string): string {
  return `${lists === 'address' ? reversed(about) : about}.${zone}`;
}

/**
 * @param about the address or the domain
 * @param answers A records of it, of the entry that must be listed, and of the one that must not
 */
export function judgeListing(
  list: Blocklist,
  about: string,
  answers: { it: Answer; listed: Answer; unlisted: Answer },
): Finding {
  const finding = (state: Finding['state'], found: string, todo: string[] = []): Finding => ({
    check: 'blocklist',
    about: `${about} at ${list.name}`,
    state,
    found,
    todo,
  });
  const own = ['Ask again with a resolver of your own, not a public one: pennypost doctor --dns IP'];
  const refused = [answers.it, answers.listed].map(refusalOf).find((why) => why !== undefined);
  if (refused !== undefined) return finding('unknown', `could not ask: ${refused}`, own);
  if ('error' in answers.it) return finding('unknown', `could not ask: ${answers.it.error}`, own);
  if (!codesOf(answers.listed).length)
    return finding('unknown', 'could not ask: its test entry is not there, so this resolver does not reach it', own);
  if (codesOf(answers.unlisted).length)
    return finding('unknown', 'could not ask: this resolver answers for every name', own);
  const codes = codesOf(answers.it);
  if (codes.length === 0) return finding('ok', 'not listed');
  const told = `listed (${codes.join(', ')})`;
  if (codes.every((code) => POLICY.test(code)))
    return finding('wrong', `${told}: as an address that should not send mail by itself`, [
      `Once its PTR record is set, take it out of the policy list: ${list.page}`,
    ]);
  return finding('wrong', told, [
    `Find out what was sent: pennypost trace, and the bounces of that day.`,
    `When it has stopped, ask for removal: ${list.page}`,
  ]);
}

function codesOf(answer: Answer): string[] {
  return 'error' in answer ? [] : answer.values.filter((value) => value.startsWith('127.'));
}

function refusalOf(answer: Answer): string | undefined {
  if ('error' in answer) return undefined;
  for (const value of answer.values) for (const [code, why] of REFUSED) if (code.test(value)) return why;
  return answer.values.some((value) => !value.startsWith('127.'))
    ? 'the answer is no code of a blocklist: something on the way makes answers up'
    : undefined;
}
