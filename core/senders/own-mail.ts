/**
 * Mail that we send for an account itself: the link that verifies an address, the DNS records for a colleague. Plain text, from
 * a domain of the operator's; it goes the way of all mail, and is on record as all mail is.
 */
import { jobId, makeRequestId } from '../ids.ts';
import type { Job } from '../job.ts';
import { OPERATOR } from '../records/accounts.ts';
import type { DomainRecord } from '../records/domains.ts';
import { type Hold, holdKey } from '../records/holds.ts';
import { UNTRACKED } from '../tracking/settings.ts';
import { isProven } from './kept.ts';

/** Mails of a day, of one account, to one reader, of all accounts: whoever may have us write to strangers may not do it without end. */
export const OWN_MAILS = { account: 50, reader: 5, all: 1_000 };

export type OwnMail = {
  /** Whose domain it comes from, and so whose mail it is. */
  account: string;
  domain: string;
  to: string;
  subject: string;
  text: string;
  category: string;
};

export type DomainDeps = {
  readDefaultDomain: (account: string) => Promise<string | undefined>;
  listOwnDomains: (account: string) => Promise<DomainRecord[]>;
};

/** The domain that mail for an account itself comes from: one of the operator's, or where he has none one of the account's. */
export async function ownMailDomain(account: string, deps: DomainDeps): Promise<DomainRecord | undefined> {
  return (await provenDomain(OPERATOR, deps)) ?? provenDomain(account, deps);
}

/** The default, if mail may be sent from it; else the first that it may be. */
async function provenDomain(account: string, deps: DomainDeps): Promise<DomainRecord | undefined> {
  const [name, all] = await Promise.all([deps.readDefaultDomain(account), deps.listOwnDomains(account)]);
  const may = all.filter(isProven);
  return may.find(({ domain }) => domain === name) ?? may[0];
}

/** @param random 10 random bytes. @param now milliseconds since the epoch */
export function ownMailHold(mail: OwnMail, random: Uint8Array, now: number): Hold {
  const requestId = makeRequestId(now, random);
  const { account, to } = mail;
  const job: Job = {
    v: 1,
    id: jobId(requestId, 0, 0),
    hop: 0,
    attempt: 0,
    account,
    requestId,
    // No lane has no name: release gives it one.
    lane: '',
    acceptedAt: now,
    content: {
      from: { email: `no-reply@${mail.domain}`, name: mail.domain },
      replyTo: [],
      subject: mail.subject,
      parts: [{ type: 'text/plain', value: mail.text }],
      attachments: [],
      // Nothing that answers by itself shall answer it (RFC 3834 2).
      headers: { 'Auto-Submitted': 'auto-generated' },
      sections: {},
      categories: [mail.category],
      customArgs: {},
      trackingSettings: UNTRACKED,
    },
    personalizations: [{ index: 0, to: [{ email: to }], cc: [] }],
    copies: [{ personalization: 0, role: 'to', address: to, index: 0 }],
  };
  return { ...holdKey(job.id, now), due: now, account, copies: 1, kind: 'job', job };
}

/** Characters of an account's own words in a mail to somebody who has not asked for it. */
export const OWN_WORDS = 300;
/** What programs make a link of, and what a reader would type. */
const LEADS_AWAY = /:\/\/|\bwww\.|@/i;
const HOST = /[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}[\p{L}\p{N}-]+/gu;

/**
 * An account's own words for a stranger: one paragraph, in which nothing leads anywhere but to the domain that the mail is about.
 * @returns it, or why it is refused
 */
export function readOwnWords(text: string, domain: string): { words: string } | { problem: string } {
  const words = text
    .replaceAll(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .trim();
  if (words.length > OWN_WORDS) return { problem: `must have at most ${OWN_WORDS} characters` };
  // As it is seen, and as programs read it: one spelling of dots and letters, nothing that has no width.
  const seen = words
    .normalize('NFKC')
    .replaceAll(/[\p{Cf}\p{Mn}]/gu, '')
    .replaceAll('。', '.')
    .toLowerCase();
  const others = (seen.match(HOST) ?? []).filter((host) => host !== domain && !host.endsWith(`.${domain}`));
  if (LEADS_AWAY.test(seen) || others.length > 0)
    return { problem: `must have no links, addresses or names of hosts other than ${domain}` };
  return { words };
}
