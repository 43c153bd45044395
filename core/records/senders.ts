/**
 * Items of the accounts table about who mail may come from: what the API keeps of a sending domain beside its keys, domains that
 * an account lends to its subusers, addresses that are verified one by one, names of addresses. Keys are spelt here, once.
 */
import { createHash } from 'node:crypto';
import { OPERATOR } from './accounts.ts';

/** A record that we wrote into a hosted zone, exactly as it stands there: Route 53 takes away only what is named to the letter. */
export type WrittenRecord = { hostedZone: string; name: string; type: 'CNAME' | 'MX' | 'TXT'; value: string };

/** An account with a parent, as its parent's domain names it. */
export type Borrower = { account: string; username: string; userId: number };

/** Of a domain that was authenticated over the API. One that the operator added by the command line has none. */
export type Authentication = {
  /** SendGrid's name of it. */
  id: number;
  /** What stands before the domain in its return path. */
  subdomain: string;
  /** The operator's own word that it is his: DNS need not say so. */
  trusted?: true;
  /** Customers publish CNAMEs to records of ours, so keys change without them. */
  automatic: boolean;
  /** The domain's own SPF record counts too. */
  customSpf: boolean;
  /** Source addresses that its SPF record names; empty: all of the stack. */
  ips: string[];
  /** Of automatic security: the two that take turns, and the name under which our records are. */
  selectors?: readonly [string, string];
  target?: string;
  /** SendGrid's names of the records that the last validation found. */
  found: string[];
  /** Milliseconds since the epoch of the last validation. */
  triedAt?: number;
  subusers: Borrower[];
  /** What we wrote into Route 53. */
  written: WrittenRecord[];
  /** Grows by one with each change: of two at once, one fails. */
  revision: number;
};

/** A domain that an account may send by and its parent has: the keys and the return path are the parent's. */
export type BorrowedDomainRecord = { pk: string; sk: string; domain: string; owner: string };

/** The domain by which mail is signed whose own domain is not authenticated, and SendGrid's `default`. */
export type DefaultDomainRecord = { pk: string; sk: 'settings#default_domain'; domain: string };

export const borrowedDomainKey = (account: string, domain: string) => ({
  pk: account,
  sk: `borrowed-domain#${domain.toLowerCase()}`,
});
export const defaultDomainKey = (account: string) => ({ pk: account, sk: 'settings#default_domain' as const });

/** An address that mail may come from although its domain is not authenticated (SendGrid: a single sender). */
export type VerifiedSenderRecord = {
  pk: string;
  sk: string;
  id: number;
  nickname: string;
  /** As it was given; the key has it in lower case. */
  fromEmail: string;
  fromName: string;
  replyTo: string;
  replyToName: string;
  address: string;
  address2: string;
  state: string;
  city: string;
  zip: string;
  country: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Since when it is verified; absent: it is not. */
  verifiedAt?: number;
  /** The domain that signs its mail where neither the account nor the operator has a default. */
  signedBy?: { account: string; domain: string };
  /** Of the link that was mailed last: the SHA-256 of its secret (hex), and until when it counts, milliseconds since the epoch. */
  link?: { secretHash: string; until: number };
  /** The links before it: mail comes late and out of order, so each counts for its own time until one of them is used. */
  earlierLinks?: { secretHash: string; until: number }[];
};

export const verifiedSenderKey = (account: string, email: string) => ({
  pk: account,
  sk: `sender#${email.toLowerCase()}`,
});

/** How much mail we sent for accounts themselves on the last UTC day on which there was some: for one, for all, to one reader. */
export const ownMailKey = (account: string) => ({ pk: account, sk: 'own-mail' });
const ALL_OWN_MAIL = `${OPERATOR}#own-mail`;
export const allOwnMailKey = { pk: ALL_OWN_MAIL, sk: 'all' };
/** A reader has one mailbox behind all his tags; who he is nobody reads here. */
export const ownMailToKey = (address: string) => {
  const mailbox = address.toLowerCase().replace(/\+.*(?=@)/, '');
  return { pk: ALL_OWN_MAIL, sk: `to#${createHash('sha256').update(mailbox).digest('hex')}` };
};

/** Of a link host that was named over the API; one that the command line named has none, and was the operator's word. */
export type LinkBranding = {
  id: number;
  subdomain: string;
  /** Whether the record that names the account was found, and the host itself. */
  ownerFound: boolean;
  hostFound: boolean;
  subusers: Borrower[];
};

/** The link host of a subuser that is its parent's. */
export type BorrowedLinkRecord = { pk: string; sk: 'borrowed-link'; owner: string; domain: string };
export const borrowedLinkKey = (account: string) => ({ pk: account, sk: 'borrowed-link' as const });

/** A source address whose name an account looks after (SendGrid: reverse DNS). */
export type ReverseDnsRecord = {
  pk: string;
  sk: string;
  id: number;
  ip: string;
  subdomain: string;
  domain: string;
  /** What the address is called, and calls itself. */
  rdns: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  triedAt?: number;
  validAt?: number;
};

export const reverseDnsKey = (account: string, ip: string) => ({ pk: account, sk: `reverse-dns#${ip}` });
