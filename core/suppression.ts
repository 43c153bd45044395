/**
 * Who must not be mailed: what puts an address on a list, and what being on it means when mail is about to be sent. Only what
 * says that the address is bad (`bounce`) is a bounce here; everything else that came back is a block, which is listed and
 * suppresses nobody: a full mailbox, or a domain that DNS did not know once, must not silence a reader for ever.
 */
import {
  type ListEntry,
  type ListedRecord,
  type ListName,
  listedKey,
  type SuppressionList,
  type SuppressionRecord,
  suppressionKey,
} from './records/suppressions.ts';

/** An address for a list. */
export type Suppressing = { account: string; address: string; list: ListName; entry: ListEntry };

/** What a change writes: the address's item, its place in the list, and the place that it no longer has. */
export type SuppressionChange = {
  record: SuppressionRecord;
  listed?: ListedRecord;
  unlisted?: Pick<ListedRecord, 'pk' | 'sk'>;
};

/** Characters of a reason that are kept. */
const REASON = 500;
/** Seconds after which a bounce takes the place of an earlier one: of many mails that bounce at once, one is written. */
const RENEWED = 86_400;

/**
 * Puts an address on a list. The first entry stands, so that the same event again changes nothing. A later block takes the
 * place of an earlier one, and is counted; so does a bounce that is a day younger, so that lists age by the last one.
 * @returns undefined when nothing changes
 */
export function addToList(
  before: SuppressionRecord | undefined,
  { account, address, list, entry }: Suppressing,
): SuppressionChange | undefined {
  const old = entryOf(before, list);
  if (old && !takesPlace(list, entry, old)) return undefined;
  const { reason, ...rest } = entry;
  const next: ListEntry = {
    ...rest,
    ...(reason === undefined ? {} : { reason: reason.slice(0, REASON) }),
    ...(list === 'blocks' ? { times: (old?.times ?? 0) + 1 } : {}),
  };
  const email = before?.email ?? address;
  const record = withEntry(before ?? { ...suppressionKey(account, address), email, version: 0 }, list, next);
  return {
    record,
    listed: { ...listedKey(account, list, next.created, address), email, ...next },
    ...(old && old.created !== next.created ? { unlisted: listedKey(account, list, old.created, address) } : {}),
  };
}

function takesPlace(list: ListName, entry: ListEntry, old: ListEntry): boolean {
  if (list === 'blocks') return entry.created > old.created;
  return list === 'bounces' && entry.created >= old.created + RENEWED;
}

/** Mailbox full (RFC 3463 3.3, X.2.2). Whoever says so for good may still be back tomorrow: it is never a bounce here. */
const FULL = /^[45]\.2\.2$/;

/** The list of a bounce that a server told, by its type and its status. */
export function listOfBounce(type: 'bounce' | 'blocked' | undefined, status: string | undefined): 'bounces' | 'blocks' {
  return type === 'bounce' && !FULL.test(status ?? '') ? 'bounces' : 'blocks';
}

/** What a bounce is about: the address alone, its domain, which DNS does not know, or neither (us, the content, a full mailbox). */
export type Bounce = Omit<Suppressing, 'list'> & { about: 'address' | 'domain' | 'other' };

/** Seconds for which a domain must have been unknown, send after send, before its addresses are called invalid. */
const UNKNOWN = 2 * 86_400;
/** Seconds after which one more such send begins a new count: nobody knows how the domain did meanwhile. */
const FORGOTTEN = 7 * 86_400;

/**
 * Puts what bounced on its list. DNS is wrong at times, and domains lapse and come back: an address is invalid only when its
 * domain was unknown at sends over two days with no other bounce between them; until then it is a block.
 */
export function addBounce(
  before: SuppressionRecord | undefined,
  { about, ...one }: Bounce,
): SuppressionChange | undefined {
  if (about !== 'domain') return addToList(before, { ...one, list: about === 'address' ? 'bounces' : 'blocks' });
  const { created } = one.entry;
  const last = before?.blocks;
  const goesOn = last?.unknownSince !== undefined && created <= last.created + FORGOTTEN;
  const unknownSince = (goesOn ? last?.unknownSince : undefined) ?? created;
  if (created >= unknownSince + UNKNOWN) return addToList(before, { ...one, list: 'invalid_emails' });
  return addToList(before, { ...one, list: 'blocks', entry: { ...one.entry, unknownSince } });
}

/** Takes an address off a list. @returns undefined when it is not on it */
export function removeFromList(
  before: SuppressionRecord | undefined,
  { account, address, list }: Omit<Suppressing, 'entry'>,
): SuppressionChange | undefined {
  const old = entryOf(before, list);
  if (!before || !old) return undefined;
  return { record: withEntry(before, list, undefined), unlisted: listedKey(account, list, old.created, address) };
}

/** Whether an item says nothing any more. */
export function isEmpty(record: SuppressionRecord): boolean {
  const { pk: _, sk: __, email: ___, version: ____, groups = {}, ...lists } = record;
  return Object.keys(lists).length === 0 && Object.keys(groups).length === 0;
}

export function entryOf(record: SuppressionRecord | undefined, list: ListName): ListEntry | undefined {
  const group = groupOf(list);
  return group === undefined ? record?.[list as SuppressionList] : record?.groups?.[group];
}

/** The item with another entry of a list, or without one. */
export function withEntry(before: SuppressionRecord, list: ListName, entry: ListEntry | undefined): SuppressionRecord {
  const record = { ...before, version: before.version + 1 };
  const group = groupOf(list);
  if (group === undefined) {
    if (entry) record[list as SuppressionList] = entry;
    else delete record[list as SuppressionList];
    return record;
  }
  const { [group]: _, ...others } = record.groups ?? {};
  return { ...record, groups: entry ? { ...others, [group]: entry } : others };
}

function groupOf(list: ListName): string | undefined {
  return list.startsWith('group#') ? list.slice('group#'.length) : undefined;
}

/** SendGrid's words for why a copy was dropped (`reason` of the event). */
export type DropReason = 'Bounced Address' | 'Spam Reporting Address' | 'Invalid' | 'Unsubscribed Address';

/** `mail_settings` that let mail through to who is listed. */
export type Bypass = Partial<
  Record<
    'bypass_list_management' | 'bypass_bounce_management' | 'bypass_spam_management' | 'bypass_unsubscribe_management',
    unknown
  >
>;

/**
 * Why an address gets no mail; undefined: it does.
 * @param groupId the mail's unsubscribe group. `bypass_unsubscribe_management` ignores the global list only, not the group's.
 */
export function whySuppressed(
  record: SuppressionRecord | undefined,
  { groupId, bypass = {} }: { groupId?: number | undefined; bypass?: Bypass | undefined } = {},
): DropReason | undefined {
  if (!record || isOn(bypass.bypass_list_management)) return undefined;
  if (record.bounces && !isOn(bypass.bypass_bounce_management)) return 'Bounced Address';
  if (record.spam_reports && !isOn(bypass.bypass_spam_management)) return 'Spam Reporting Address';
  if (record.invalid_emails) return 'Invalid';
  if (record.unsubscribes && !isOn(bypass.bypass_unsubscribe_management)) return 'Unsubscribed Address';
  return groupId !== undefined && record.groups?.[groupId] ? 'Unsubscribed Address' : undefined;
}

/**
 * The entry that a copy's own bounce made, of a copy that has no outcome: whoever listed its address died before the record was
 * written. It has bounced, and is neither dropped nor tried again.
 */
export function bouncedItself(record: SuppressionRecord | undefined, copy: string): ListEntry | undefined {
  return [record?.bounces, record?.invalid_emails].find((entry) => entry?.copy === copy);
}

/** Names a copy in the entry that its bounce makes. */
export const bouncedCopy = (requestId: string, index: number) => `${requestId}#${index}`;

function isOn(setting: unknown): boolean {
  return (setting as { enable?: unknown } | undefined)?.enable === true;
}
