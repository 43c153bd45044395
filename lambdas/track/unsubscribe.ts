/**
 * Unsubscribing: a link asks first (programs follow links too), a button does it, and a mail program's own button does it with one
 * POST (RFC 8058). What a page says is done is written: the next send reads it.
 */
import { type Engagement, engagementKey } from '../../core/event/engagement.ts';
import type { ListName, SuppressionRecord } from '../../core/records/suppressions.ts';
import { entryOf, type Suppressing } from '../../core/suppression.ts';
import {
  askPage,
  backPage,
  donePage,
  failedPage,
  preferencesPage,
  type ShownGroup,
  unknownPage,
} from '../../core/tracking/page.ts';
import { slotsOf } from '../../core/tracking/slots.ts';
import { readUnsubscribeToken, type UnsubscribeLink } from '../../core/tracking/token.ts';
import { type EngageDeps, visitOf, write } from './engage.ts';
import { read, type TrackDeps, type TrackRequest } from './track.ts';

export type UnsubscribeDeps = {
  /** Puts an address on a list; false: it was there. */
  suppress: (one: Suppressing) => Promise<boolean>;
  /** Takes it off; false: it was not there. */
  unsuppress: (one: Omit<Suppressing, 'entry'>) => Promise<boolean>;
  readSuppression: (account: string, address: string) => Promise<SuppressionRecord | undefined>;
  /** Groups as a reader sees them: those that are named, else the mail's own and the account's default ones. */
  readShownGroups: (account: string, shown: readonly number[], own?: number) => Promise<ShownGroup[]>;
};

type Page = { status: number; body: string };
type Doing = { link: UnsubscribeLink; http: TrackRequest; deps: EngageDeps & UnsubscribeDeps };

/** Bytes of a form: 25 groups are some hundred. */
const FORM = 10_000;
const MINUTE = 60_000;

export async function unsubscribe(token: string, http: TrackRequest, deps: TrackDeps): Promise<Page> {
  const link = await read(deps, (keys) => readUnsubscribeToken(token, http.host, keys));
  if (!link) return { status: 404, body: unknownPage() };
  const doing = { link, http, deps };
  try {
    const form = http.method === 'POST' ? readForm(http) : undefined;
    return { status: 200, body: await (link.action === 'preferences' ? prefer(doing, form) : leave(doing, form)) };
  } catch (error) {
    // A mail program tries again, and a reader is not told what is not so.
    deps.report(`unsubscribe of ${link.requestId}: ${(error as Error).message}`);
    return { status: 503, body: failedPage() };
  }
}

/** One group, or all mail of the account. Whatever is not one of our forms asks. */
async function leave(doing: Doing, form: URLSearchParams | undefined): Promise<string> {
  const { link, deps } = doing;
  const groupId = link.action === 'list' ? link.groupId : undefined;
  const group = groupId === undefined ? undefined : await groupOf(link, groupId, deps);
  const isOneClick = form?.get('List-Unsubscribe')?.toLowerCase() === 'one-click';
  if (isOneClick || form?.get('do') === 'unsubscribe') {
    await change(doing, groupId, true);
    return donePage(link.address, group);
  }
  if (form?.get('do') === 'resubscribe') {
    await change(doing, groupId, false);
    return backPage(link.address, group);
  }
  return askPage(link.address, group);
}

/** A group that is gone, or cannot be read, has no name: its reader can leave it all the same. */
async function groupOf({ account }: UnsubscribeLink, id: number, deps: UnsubscribeDeps): Promise<ShownGroup> {
  const nameless = { id, name: 'this list', description: '' };
  return (await deps.readShownGroups(account, [id]).catch(() => []))[0] ?? nameless;
}

async function prefer(doing: Doing, form: URLSearchParams | undefined): Promise<string> {
  const { account, address, shown, groupId } = doing.link;
  const groups = await doing.deps.readShownGroups(account, shown, groupId);
  const act = form?.get('do') ?? '';
  if (act === 'unsubscribe-all' || act === 'resubscribe-all') await change(doing, undefined, act === 'unsubscribe-all');
  if (act === 'save') {
    const wanted = new Set(form!.getAll('group'));
    for (const { id } of groups) await change(doing, id, !wanted.has(String(id)));
  }
  const record = await doing.deps.readSuppression(account, address);
  const off = new Set(groups.filter(({ id }) => entryOf(record, `group#${id}`)).map(({ id }) => id));
  return preferencesPage(address, groups, { off, all: record?.unsubscribes !== undefined, saved: form !== undefined });
}

/** Puts the reader on a list, or takes him off; what changes nothing is no event. */
async function change({ link, http, deps }: Doing, groupId: number | undefined, off: boolean): Promise<void> {
  const { account, address } = link;
  const list: ListName = groupId === undefined ? 'unsubscribes' : `group#${groupId}`;
  const created = Math.floor(deps.now() / 1_000);
  const changed = off
    ? await deps.suppress({ account, address, list, entry: { created, ip: http.ip } })
    : await deps.unsuppress({ account, address, list });
  // SendGrid has no event for who comes back to all mail.
  if (changed && off) deps.count('unsubscribed');
  if (!changed || (groupId === undefined && !off)) return;
  const event: Engagement = groupId === undefined ? 'unsubscribe' : off ? 'group_unsubscribe' : 'group_resubscribe';
  await tell({ link, http, deps }, event, groupId);
}

/** The change stands, whether or not it is told. */
async function tell({ link, http, deps }: Doing, event: Engagement, groupId: number | undefined): Promise<void> {
  const { account, requestId, index, address } = link;
  const visit = visitOf(http, deps);
  const slots = slotsOf(`${groupId} ${Math.floor(visit.at / MINUTE)}`, false);
  const recordFor = (id: string) => ({
    ...engagementKey(account, requestId, index, event, id),
    ...visit,
    event,
    address: address.toLowerCase(),
    ...(groupId === undefined ? {} : { asmGroupId: groupId }),
  });
  await write(slots, recordFor, deps).catch((error: Error) => {
    deps.count('notRecorded');
    deps.report(`${event} of ${requestId} not recorded: ${error.message}`);
  });
}

/** A form as browsers and mail programs post it (RFC 8058 3.1: urlencoded, or multipart/form-data). */
function readForm({ headers, body }: TrackRequest): URLSearchParams {
  const text = body.subarray(0, FORM).toString('utf8');
  if (!/^multipart\/form-data/i.test(headers['content-type'] ?? '')) return new URLSearchParams(text);
  const form = new URLSearchParams();
  for (const [, name = '', value = ''] of text.matchAll(/\bname="([^"\r\n]{1,100})"\r?\n\r?\n([^\r\n]{0,100})\r?\n--/g))
    form.append(name, value);
  return form;
}
