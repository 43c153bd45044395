/**
 * Where an engagement is written among a copy's: in one of so many places, and no other. So a copy has at most a hundred of a kind,
 * however often a stranger loads its pixel, and no item is ever read or rewritten to count them. The first of a kind has a place of
 * its own (what "unique" counts), machines have theirs apart: a scanner that follows every link leaves room for the reader.
 */
import { createHash } from 'node:crypto';
import type { EngagementRecord } from '../event/engagement.ts';

/** Places beside the first. */
const READERS = 64;
const MACHINES = 16;
/** Milliseconds within which the same load again is the same: a reload, a second connection. */
const SAME = 60_000;

/** The ids to try, in order; when all are taken, it is one too many. @param what tells one event from another */
export function slotsOf(what: string, machine: boolean): { id: string; first: boolean }[] {
  const digest = createHash('sha256').update(what).digest();
  const kind = machine ? 'm' : 'r';
  const places = machine ? MACHINES : READERS;
  const ids = [digest.readUInt32BE(0), digest.readUInt32BE(4)].map((number) => `${kind}${number % places}`);
  return [{ id: `${kind}first`, first: true }, ...[...new Set(ids)].map((id) => ({ id, first: false }))];
}

/** What is told of an engagement that stands in a place. */
export type KnownEngagement = {
  at: number;
  ip: string | undefined;
  userAgent: string | undefined;
  link: number | undefined;
};

/** Whether what stands in a place is the same event, told again. */
export function isSameEngagement(known: KnownEngagement, { at, ip, userAgent, urlOffset }: EngagementRecord): boolean {
  return (
    known.ip === ip &&
    known.userAgent === userAgent &&
    known.link === urlOffset?.index &&
    Math.abs(at - known.at) < SAME
  );
}
