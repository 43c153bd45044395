/**
 * Items of recipients' data erasure (docs/erasure.md): the job that an account asked for, and what is left of a copy whose reader's data were
 * erased. Keys are spelt here, once. Jobs are in the messages table, of which there are no backups: what they name goes with them.
 */
import { DAY_SECONDS } from '../limits.ts';
import { type Hold, holdKey } from './holds.ts';
import type { Outcome } from './messages.ts';

/** What is erased, as a job's report names it. */
export type ErasureKind =
  /** Copies of mail whose records are gone, those that waited included. */
  | 'messages'
  /** Copies that waited to be sent and will not be. */
  | 'waiting'
  /** Objects of stored requests, written anew without him. */
  | 'stored_requests'
  /** Events in the log, and those that webhooks were still to be told. */
  | 'events'
  | 'webhook_events'
  /** Files of messages that an account had asked for. */
  | 'downloads'
  /** Mails that came back about a copy. */
  | 'inbound_mail'
  /** Entries of lists: blocks, and what others said beside the address and the time. */
  | 'suppression_details';
export type ErasureCounts = Partial<Record<ErasureKind, number>>;

/** The steps of a pass, in this order. */
export const ERASURE_STEPS = ['holds', 'records', 'late', 'lists', 'outbox', 'pages', 'downloads'] as const;
export type ErasureStep = (typeof ERASURE_STEPS)[number];

/** A job: one item, from the 202 on until its report is forgotten. */
export type ErasureRecord = {
  pk: string;
  sk: string;
  /** A UUID. */
  id: string;
  /** Milliseconds since the epoch. What was accepted later is not the job's. */
  createdAt: number;
  /** Lower case; gone when the job is done. */
  addresses?: string[];
  /** How many there are. */
  count: number;
  /** The pass that is due, or under way: from 0. */
  pass: number;
  /** Milliseconds since the epoch: when it is due. */
  due: number;
  /** When each pass was begun. */
  begun: number[];
  /** Where the pass is, and from where on in that step. */
  step: ErasureStep;
  from?: string;
  /** Since the first pass. */
  erased: ErasureCounts;
  /** Places of this pass that could not be cleared yet, because others wait for what is there. */
  left: number;
  /** Of this pass: addresses that are still on a list, by list, so that they are not mailed again. */
  kept: Record<string, number>;
  /** Milliseconds since the epoch. */
  doneAt?: number;
  /** Who is at work, and until when at the latest (milliseconds since the epoch). */
  fence?: string;
  until?: number;
  expiresAt: number;
};

/** Says that a copy is final and as what, and names nobody. No `event`: to the stream it is no news. */
export type ErasedRecord = {
  pk: string;
  sk: string;
  /** The job. */
  erased: string;
  /** As what the copy is counted; what waited was `dropped`. */
  was: Outcome;
  /** The job's own place in the index: by it the job finds what was written of the copy since. */
  indexedRecipient: string;
  at: number;
  expiresAt: number;
};

/** A mail that came back about a copy, or that unsubscribes by it: where it lies. No `event`: to the stream it is no news. */
export type ReturnedMailRecord = {
  pk: string;
  sk: string;
  /** In the inbound bucket. */
  mailKey: string;
  /** Milliseconds since the epoch: when it came. */
  at: number;
  expiresAt: number;
};

/** What the erase queue carries: a pass of a job is due. One that was done already is not done again. */
export type EraseMessage = { v: 1; account: string; id: string; pass: number };

/** @throws Error naming what is wrong; such a message can never succeed */
export function parseEraseMessage(body: string): EraseMessage {
  const message = JSON.parse(body) as Partial<EraseMessage> | null;
  if (typeof message !== 'object' || message === null || message.v !== 1)
    throw new Error('not an erase message of version 1');
  for (const field of ['account', 'id'] as const)
    if (typeof message[field] !== 'string') throw new Error(`erase message without ${field}`);
  if (!Number.isInteger(message.pass)) throw new Error('erase message without a pass');
  return message as EraseMessage;
}

export const erasuresKey = (account: string) => `${account}#erasures`;
export const erasureKey = (account: string, id: string) => ({ pk: erasuresKey(account), sk: id });
/** In the index by recipient, where no address is without an at sign. */
export const erasedBy = (account: string, id: string) => `${account}#erased#${id}`;

export const isErased = (item: Readonly<Record<string, unknown>>): boolean => typeof item.erased === 'string';

/** What has a pass done; it holds no copies. @param due milliseconds since the epoch */
export function eraseHold(erase: EraseMessage, due: number): Hold {
  const { account, id, pass } = erase;
  return { ...holdKey(`erase-${id}-${pass}`, due), due, account, copies: 0, kind: 'erase', erase };
}

/** Hours after the 202 at which the passes are due. Whatever of such mail is still to be written is written by the last. */
const PASS_HOURS = [0, 1, 24, 96];
const HOUR = 3_600_000;
/** Days that a report is kept. */
const REPORT_DAYS = 400;
/** Days after which a job whose passes no longer come is forgotten: longer than a dead letter waits for people. */
const STALE_DAYS = 30;

/** Passes that every job has; more follow, a day apart, while something is left. */
export const PASSES = PASS_HOURS.length;

export function passDue({ createdAt }: Pick<ErasureRecord, 'createdAt'>, pass: number, now: number): number {
  const hours = PASS_HOURS[pass];
  return hours === undefined ? now + 24 * HOUR : createdAt + hours * HOUR;
}

/** When a job is done, if nothing is left then. */
export const certainAt = ({ createdAt, pass, due }: Pick<ErasureRecord, 'createdAt' | 'pass' | 'due'>): number =>
  pass < PASSES ? createdAt + PASS_HOURS.at(-1)! * HOUR : due;

export const staleAt = (now: number) => Math.floor(now / 1_000) + STALE_DAYS * DAY_SECONDS;
export const reportedUntil = (now: number) => Math.floor(now / 1_000) + REPORT_DAYS * DAY_SECONDS;

/** @param addresses lower case, each once; `now` milliseconds since the epoch */
export function newErasure(account: string, id: string, addresses: string[], now: number): ErasureRecord {
  return {
    ...erasureKey(account, id),
    id,
    createdAt: now,
    addresses,
    count: addresses.length,
    pass: 0,
    due: now,
    begun: [],
    step: ERASURE_STEPS[0],
    erased: {},
    left: 0,
    kept: {},
    expiresAt: staleAt(now),
  };
}
