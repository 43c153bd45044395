/** What the routes of senders ask of the outside, and what they have in common: finding a domain by its number, paging, users. */
import type { DkimAlgorithm } from '../../core/dkim.ts';
import type { ApiError } from '../../core/errors.ts';
import type { DomainKey, DomainRecord } from '../../core/records/domains.ts';
import type { Hold } from '../../core/records/holds.ts';
import type { BorrowedDomainRecord, WrittenRecord } from '../../core/records/senders.ts';
import { authenticationOf, type Sending } from '../../core/senders/kept.ts';
import { linkHeader } from '../../core/suppressions/query.ts';
import type { LookUp } from '../../io/look-up.ts';
import type { ZoneRecord } from '../../io/sender-zones.ts';
import type { Answer, Call } from './manage.ts';

export type SenderUser = { username: string; userId: number };

export type SenderDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  report: (problem: string) => void;
  sending: Sending;
  lookUp: LookUp;
  listOwnDomains: (account: string) => Promise<DomainRecord[]>;
  readOwnDomain: (account: string, domain: string) => Promise<DomainRecord | undefined>;
  /** False: there is one. */
  createDomain: (record: DomainRecord) => Promise<boolean>;
  /** False: it is not as it was read. */
  changeDomain: (before: DomainRecord, after: DomainRecord) => Promise<boolean>;
  /** The domain as it was in the end; undefined: there is none. */
  removeDomain: (record: DomainRecord) => Promise<DomainRecord | undefined>;
  /** @throws HostTakenError */
  claimReturnPath: (account: string, returnPath: string) => Promise<void>;
  readDefaultDomain: (account: string) => Promise<string | undefined>;
  writeDefaultDomain: (account: string, domain: string) => Promise<void>;
  removeDefaultDomain: (account: string) => Promise<void>;
  listBorrowedDomains: (account: string) => Promise<BorrowedDomainRecord[]>;
  lendDomain: (to: string, domain: Pick<DomainRecord, 'pk' | 'domain'>) => Promise<void>;
  takeBackDomain: (from: string, domain: string) => Promise<boolean>;
  makeDkimKey: (
    account: string,
    domain: string,
    algorithm: DkimAlgorithm,
  ) => Promise<Pick<DomainKey, 'publicKey' | 'privateKey'>>;
  /** Of zones in the settings: what stands there afterwards. */
  writeRecords: (records: readonly ZoneRecord[], how: { replace: boolean }) => Promise<WrittenRecord[]>;
  removeRecords: (records: readonly WrittenRecord[]) => Promise<void>;
  readUser: (account: string) => Promise<SenderUser>;
  /** A subuser of an account by its name; undefined: it has none of that name. */
  findSubuser: (parent: string, username: string) => Promise<(SenderUser & { account: string }) | undefined>;
  hold: (hold: Hold) => Promise<void>;
  randomBytes: (count: number) => Buffer;
  /** Counts a mail that we send for an account itself, by a key of core/records/senders.ts. False: there were `most` today. */
  countOwnMail: (key: { pk: string; sk: string }, day: string, most: number) => Promise<boolean>;
};

/** A whole number of a path; undefined: it is none, so nothing has it. */
export function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}

/** A domain of the call's own account: another's number finds nothing. */
export async function findDomain(
  { account }: Pick<Call, 'account'>,
  text: string | undefined,
  { listOwnDomains }: Pick<SenderDeps, 'listOwnDomains'>,
): Promise<DomainRecord | undefined> {
  const id = numberIn(text);
  if (id === undefined) return undefined;
  return (await listOwnDomains(account)).find((record) => authenticationOf(record).id === id);
}

export function refused(field: string | null, message: string, status = 400): Answer {
  const error: ApiError = { message, field, help: null };
  return { status, errors: [error] };
}

/** Entries of a page where the call does not say, and the most (SendGrid: 50 of links and domains, 500). */
const PAGE = 50;
const MOST = 500;

/** One page of a list by `limit` and `offset`, with the links to the others. */
export function page<T>(call: Call, all: readonly T[], show: (one: T) => unknown): Answer {
  const limit = wholeIn(call.query.limit, PAGE, 1, MOST);
  const offset = wholeIn(call.query.offset, 0, 0, 1_000_000);
  if (limit === undefined) return refused('limit', `limit must be a whole number, from 1 to ${MOST}`);
  if (offset === undefined) return refused('offset', 'offset must be a whole number, 0 or more');
  const some = all.slice(offset, offset + limit);
  const more = offset + some.length < all.length;
  const Link = linkHeader(call.url, call.query, { limit, offset, shown: some.length, more, total: all.length });
  return { status: 200, headers: { Link }, body: some.map(show) };
}

function wholeIn(text: string | undefined, absent: number, least: number, most: number): number | undefined {
  if (text === undefined || text === '') return absent;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}

/** Of `/v3/send_ips` (SendGrid: 10, 100). */
const KEYED_PAGE = 10;
const MOST_KEYED = 100;

/** A page by key: the place of the first entry. */
export function keyed<T>({ query }: Call, all: readonly T[], show: (one: T) => unknown): Answer {
  const whole = (text: string | undefined, absent: number) =>
    text === undefined || text === '' ? absent : /^\d{1,6}$/.test(text) ? Number(text) : undefined;
  const [limit, from] = [whole(query.limit, KEYED_PAGE), whole(query.after_key, 0)];
  if (!limit || limit > MOST_KEYED) return refused('limit', `limit must be a whole number, from 1 to ${MOST_KEYED}`);
  if (from === undefined) return refused('after_key', 'after_key must be one that an answer named');
  const more = from + limit < all.length;
  const next_params = more ? { after_key: String(from + limit), limit: String(limit) } : {};
  return { status: 200, body: { result: all.slice(from, from + limit).map(show), _metadata: { next_params } } };
}
