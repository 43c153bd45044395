/**
 * Searching what became of an account's mail, the newest first, in bounded work: so many pages, so many messages and so many seconds,
 * whatever the query says. What a query names (messages, recipients) is looked up; otherwise the event pages are read back in
 * time, what they tell is held against the query, and only what may match is read from its records. Every hit was
 * held against the whole query. Where the work ends before the time does, the result says how far it came.
 */
import { toldCopies } from '../copies.ts';
import type { SendGridEvent } from '../event/event.ts';
import { hourOf } from '../event/page.ts';
import { requestIdTime } from '../ids.ts';
import { DAY_SECONDS } from '../limits.ts';
import { copyIndexOf, isRequestRecord } from '../records/message-key.ts';
import type { RequestRecord } from '../records/messages.ts';
import { type Found, lastEventTime, type Told, tell, toldValues } from './message.ts';
import type { Values } from './query/fields.ts';
import { matches } from './query/match.ts';
import type { Query } from './query/parse.ts';
import { type Pin, type Plan, planOf } from './query/plan.ts';
import { historyOf } from './show.ts';

export type Page = { key: string /** Milliseconds since the epoch. */; writtenAt: number };
/** Items of a request; `more`: there are others. */
export type Items = { items: Record<string, unknown>[]; more: boolean };

export type SearchDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Days that records are kept: what is older is in the archive alone. */
  messagesDays: number;
  /** A request's record and what became of its copies, of all or of one; at most so many items. */
  readItems: (account: string, requestId: string, index: number | undefined, most: number) => Promise<Items>;
  /**
   * Copies that an address had: those to him alone, and those with others, each the newest first.
   * @param to milliseconds since the epoch: later than any that matters
   */
  findByRecipient: (account: string, address: string, to: number) => AsyncIterable<Pin[]>[];
  /** The hours from one to another, both included, that have pages, the newest first, some at a time. */
  listHours: (account: string, from: string, to: string) => AsyncIterable<string[]>;
  listPagesOf: (account: string, hour: string) => AsyncIterable<Page[]>;
  readPage: (key: string) => Promise<SendGridEvent[]>;
};

/** What a search may cost. */
export type Budget = { pages: number; messages: number; milliseconds: number };
/** Of one call of the API: half a cent's thousandth, and a third of what the gateway waits. */
export const SEARCH_BUDGET: Budget = { pages: 600, messages: 6_000, milliseconds: 10_000 };

export type Search = {
  account: string;
  /** Undefined: everything. */
  query: Query | undefined;
  limit: number;
  valuesOf: (found: Found) => Values;
  /** What is sure of a message by its events; default: what both lists show alike. */
  toldOf?: (told: Told, complete: boolean) => Values;
};
/** `searchedUntil`: milliseconds since the epoch; what was heard last before that was not looked at. */
export type SearchResult = { found: Found[]; searchedUntil?: number };

/** Items of one request: its copies by the thousand, each with what its reader did. */
const MOST_ITEMS = 20_000;
/** Items of one copy. */
const MOST_ITEMS_OF_COPY = 1_000;
/** Messages read at once. */
const AT_ONCE = 16;
/** Pages read at once. */
const PAGES_AT_ONCE = 4;
const HOUR = 3_600_000;
/** The last word on a message comes within so many hours of its acceptance: `send_at`, then the retries. */
const LIFE_HOURS = 24 * 7;

type Work = { left: Budget; until: number; search: Search; deps: SearchDeps; found: Found[]; seen: Set<string> };

export async function search(search: Search, budget: Budget, deps: SearchDeps): Promise<SearchResult> {
  const plan = search.query ? planOf(search.query) : {};
  const work: Work = {
    left: { ...budget },
    until: deps.now() + budget.milliseconds,
    search,
    deps,
    found: [],
    seen: new Set(),
  };
  const isWhole = plan.messages
    ? await byMessages(plan.messages, work)
    : plan.recipients
      ? await byRecipients(plan.recipients, plan, work)
      : undefined;
  const until = isWhole === undefined ? await byTime(plan, work) : isWhole ? undefined : lastOf(work);
  const found = work.found.sort((a, b) => lastEventTime(b) - lastEventTime(a)).slice(0, search.limit);
  // Events tell whole seconds: what is left is before the next one.
  const second = until === undefined ? undefined : Math.ceil(Math.min(until, deps.now()) / 1_000) * 1_000;
  return { found, ...(second === undefined ? {} : { searchedUntil: second }) };
}

const lastOf = ({ found, deps }: Work) => Math.min(deps.now(), ...found.map(lastEventTime));
const isSpent = ({ left, until, deps }: Work) => left.messages <= 0 || left.pages <= 0 || deps.now() >= until;
const isFull = ({ found, search: { limit } }: Work) => found.length >= limit;

/** True: all of them were read. */
async function byMessages(pins: readonly Pin[], work: Work): Promise<boolean> {
  let isWhole = true;
  for (const { requestId, index } of pins) {
    if (isSpent(work)) return false;
    const { items, more } = await work.deps.readItems(work.search.account, requestId, index, MOST_ITEMS);
    if (more) isWhole = false;
    for (const [copy, own] of byCopy(items))
      if (index === undefined || copy === index) take({ requestId, index: copy }, own, work);
  }
  return isWhole;
}

/** The items of each copy, the request's with each; also of copies that wait, and have none of their own yet. */
function byCopy(items: readonly Record<string, unknown>[]): Map<number, Record<string, unknown>[]> {
  const request = items.filter(isRequestRecord);
  const [record] = request as unknown as RequestRecord[];
  const copies = new Map<number, Record<string, unknown>[]>();
  for (let n = 0; n < Math.min(MOST_ITEMS, record ? toldCopies(record) : 0); n++) copies.set(n, [...request]);
  for (const item of items) {
    const index = copyIndexOf(item);
    if (index === undefined) continue;
    const own = copies.get(index) ?? [...request];
    copies.set(index, own);
    own.push(item);
  }
  return copies;
}

/** True: all that these had was read. */
async function byRecipients(addresses: readonly string[], { to }: Plan, work: Work): Promise<boolean> {
  const until = to ?? work.deps.now() + HOUR;
  for (const found of addresses.flatMap((address) => work.deps.findByRecipient(work.search.account, address, until)))
    for await (const pins of found) {
      // Of each as many as are wanted: any of them may be the newest.
      const before = work.found.length;
      for (let at = 0; at < pins.length; at += AT_ONCE) {
        if (isSpent(work)) return false;
        await readAll(pins.slice(at, at + AT_ONCE), work);
        if (work.found.length - before >= work.search.limit) break;
      }
      if (work.found.length - before >= work.search.limit) break;
    }
  return true;
}

/** Reads messages and keeps those that match. */
async function readAll(pins: readonly Pin[], work: Work): Promise<void> {
  await Promise.all(
    pins.map(async ({ requestId, index = 0 }) => {
      const id = `${requestId}.${index}`;
      if (work.seen.has(id)) return;
      work.seen.add(id);
      work.left.messages--;
      const { items } = await work.deps.readItems(work.search.account, requestId, index, MOST_ITEMS_OF_COPY);
      take({ requestId, index }, items, work);
    }),
  );
}

function take({ requestId, index }: Required<Pin>, items: readonly Record<string, unknown>[], work: Work): void {
  const { query, valuesOf } = work.search;
  const history = historyOf(items, index);
  if (!history) return;
  const found = { requestId, index, history };
  if (!query || matches(query, valuesOf(found)) === true) work.found.push(found);
}

// by time -------------------------------------------------------------------------------------------------------------

/** @returns undefined: down to the end; else how far it came, in milliseconds since the epoch */
async function byTime(plan: Plan, work: Work): Promise<number | undefined> {
  const now = work.deps.now();
  const oldest = now - work.deps.messagesDays * DAY_SECONDS * 1_000;
  const from = Math.max(oldest, plan.from ?? 0, plan.createdFrom ?? 0);
  const to = Math.min(now, plan.to ?? now) + HOUR;
  if (plan.createdTo === undefined || plan.createdTo + HOUR >= to) return readBack(from, to, plan, work);
  // What was accepted until then is mostly told by then; what waited or was tried again is told later.
  const soon = plan.createdTo + HOUR;
  const until = await readBack(from, soon, plan, work);
  if (until !== undefined || isFull(work)) return until;
  return readBack(soon, Math.min(to, soon + LIFE_HOURS * HOUR), plan, work);
}

/** Hour by hour, and in each page by page, from the last that was written. */
async function readBack(from: number, to: number, plan: Plan, work: Work): Promise<number | undefined> {
  const { account } = work.search;
  const told = new Map<string, Told>();
  const isComplete = plan.to === undefined && plan.createdTo === undefined;
  let floor = to;
  for await (const hours of work.deps.listHours(account, hourOf(from), hourOf(to)))
    for (const hour of hours) {
      if (isSpent(work)) return floor;
      const begin = Date.parse(`${hour}:00:00Z`);
      const pages: Page[] = [];
      for await (const some of work.deps.listPagesOf(account, hour)) {
        pages.push(...some);
        if (isSpent(work)) return floor;
      }
      pages.sort((a, b) => b.writtenAt - a.writtenAt);
      for (let at = 0; at < pages.length; at += PAGES_AT_ONCE) {
        if (isSpent(work)) return floor;
        const some = pages.slice(at, at + PAGES_AT_ONCE);
        work.left.pages -= some.length;
        for (const events of await Promise.all(some.map(({ key }) => work.deps.readPage(key))))
          note(events, told, work);
        // Nothing that is not read yet was told later than this: an event precedes the writing of its page.
        const next = pages[at + PAGES_AT_ONCE];
        floor = next ? Math.min(next.writtenAt, begin + HOUR) : begin;
        const unread = await settle(told, floor, plan, isComplete, work);
        if (unread !== undefined) return unread;
        if (isFull(work) || floor < from) return undefined;
      }
    }
  return settle(told, Number.NEGATIVE_INFINITY, plan, isComplete, work);
}

function note(events: readonly SendGridEvent[], told: Map<string, Told>, { seen }: Work): void {
  for (const event of events) {
    const [requestId = ''] = event.sg_message_id.split('.');
    const id = `${requestId}.${event.sg_message_id.split('.').at(-1)}`;
    if (seen.has(id)) continue;
    const known = tell(told.get(id), event);
    if (known) told.set(id, known);
  }
}

/**
 * Reads what was last told at or after `floor`, the newest first.
 * @returns undefined: all of it, or as much as is wanted; else the time before which nothing was read, since the work is spent
 */
async function settle(
  told: Map<string, Told>,
  floor: number,
  plan: Plan,
  isComplete: boolean,
  work: Work,
): Promise<number | undefined> {
  const ready = [...told].filter(([, { newest }]) => newest >= floor).sort(([, a], [, b]) => b.newest - a.newest);
  const wanted: Told[] = [];
  for (const [id, one] of ready) {
    told.delete(id);
    if (mayMatch(one, plan, isComplete, work)) wanted.push(one);
    else work.seen.add(id);
  }
  for (let at = 0; at < wanted.length && !isFull(work); at += AT_ONCE) {
    if (isSpent(work)) return wanted[at]!.newest + 1_000;
    await readAll(wanted.slice(at, at + AT_ONCE), work);
  }
  return undefined;
}

function mayMatch(
  told: Told,
  { to, createdTo }: Plan,
  isComplete: boolean,
  { search: { query, toldOf = toldValues } }: Work,
) {
  // Its newest event is behind the stretch already. Events tell whole seconds.
  if (to !== undefined && told.newest > to) return false;
  if (createdTo !== undefined && requestIdTime(told.requestId) > createdTo) return false;
  return !query || matches(query, toldOf(told, isComplete)) !== false;
}
