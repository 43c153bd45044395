/** Items of the sites table: what a lane knows of the hosts that it sends to, and of its own warm-up. Keys are spelt here, once. */

import { createHash } from 'node:crypto';
import type { Allowance } from '../shaping/allowance.ts';

/** What a lane may do at a scope (core/shaping/scope.ts); only while it differs from the provider's limits. */
export type AllowanceRecord = Allowance & {
  /** The lane. */
  pk: string;
  /** The scope, or a hash of it. */
  sk: string;
  /** Where `sk` is a hash. */
  scope?: string;
  /** Random, another at each write: a write names the one it read. */
  version: string;
  expiresAt: number;
};

/** The lease of a limit of one: one environment of the lane at a time. */
export type LeaseRecord = {
  pk: string;
  sk: string;
  /** Milliseconds since the epoch, by the clock of whoever has it. */
  until: number;
  /** Names him. */
  fence: string;
  expiresAt: number;
};

/** One UTC hour of a lane that is warming up: what was claimed of its budget, and how its mail was answered. */
export type WarmUpRecord = {
  pk: string;
  /** `YYYY-MM-DDTHH`. */
  sk: string;
  claimed?: number;
  good?: number;
  bad?: number;
  expiresAt: number;
};

/** How often a lane's warm-up was set back by a day. */
export type WarmUpStateRecord = {
  pk: string;
  sk: string;
  heldDays: number;
  /** Milliseconds since the epoch of the last time. */
  heldAt: number;
};

/** Bytes of a sort key that are taken as they are; DynamoDB's limit is 1,024. */
const SCOPE_BYTES = 1_000;

/** A lane's allowances are one partition, so that one query reads them, and nothing else. */
export const allowancesKey = (lane: string) => lane;
export const allowanceKey = (lane: string, scope: string) => ({ pk: allowancesKey(lane), sk: scopeKey(scope) });
export const leaseKey = (lane: string, scope: string) => ({ pk: `${lane}#lease`, sk: scopeKey(scope) });
export const warmUpKey = (lane: string, hour: string) => ({ pk: `${lane}#warm-up`, sk: hour });
/** @param startedAt milliseconds since the epoch: another warm-up of the lane is counted by itself */
export const warmUpStateKey = (lane: string, startedAt: number) => ({
  pk: `${lane}#warm-up`,
  sk: `state#${startedAt}`,
});

/** A site's name tells all its hosts, so it can be longer than a key may be. */
function scopeKey(scope: string): string {
  if (Buffer.byteLength(scope) <= SCOPE_BYTES) return scope;
  return `sha256#${createHash('sha256').update(scope).digest('hex')}`;
}
