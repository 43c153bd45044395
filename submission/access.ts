/**
 * Whether a key may be used from where it is shown, and the note that it was. Every door asks here, behind the secret and before anything
 * else: who guesses at keys leaves no note, and who has stolen one uses up nothing of the account's.
 * A note is of an address, a method and an end, and its time is written anew once an hour of a process; an account has so many of them in a
 * day, refused and allowed each by itself: whoever comes from addresses without end is refused without end, and written down within bounds.
 * Of one address there is one, in however many processes it comes: it takes the room of no other.
 */
import { readAddress, writeAddress } from '../core/access/range.ts';
import type { AccessMethod, Attempt } from '../core/records/access.ts';
import type { UsableKey } from '../core/records/subusers.ts';

export type AccessDeps = { noteAttempt: (account: string, attempt: Attempt) => Promise<void> };

/** @param ip as the connection has it, never as the client says it; undefined: nobody knows, and a list lets nobody unknown in */
export async function mayComeFrom(
  { allows }: Pick<UsableKey, 'allows'>,
  account: string,
  ip: string | undefined,
  method: AccessMethod,
  { noteAttempt }: AccessDeps,
): Promise<boolean> {
  if (!allows) return true;
  const allowed = allows(ip);
  const address = ip === undefined ? undefined : readAddress(ip);
  if (address) await noteAttempt(account, { ip: writeAddress(address), method, allowed });
  return allowed;
}

/** Notes of an account in a UTC day, of refused attempts, and of allowed ones. */
export const NOTES_A_DAY = 1_000;
/** How many of them a process claims at once, at most. It begins with one: what it has claimed and not written is lost when it ends. */
export const CLAIM = 20;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** When a note is tried again that could not be written. */
const AGAIN = 60_000;
/** Notes, and accounts, that are remembered. */
const REMEMBERED = 5_000;

export type NoteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  claimNotes: (
    account: string,
    allowed: boolean,
    at: number,
    claim: { count: number; most: number },
  ) => Promise<boolean>;
  /** Another note of that day. */
  writeAttempt: (account: string, attempt: Attempt, at: number) => Promise<void>;
  /** That it was so now, too. False: it is none of that day's notes. */
  renewAttempt: (account: string, attempt: Attempt, at: number) => Promise<boolean>;
  report: (problem: string, error: unknown) => void;
};

/** What an account may still write on a day; `next` is what is claimed next. */
type Allotment = { day: number; left: number; next: number; spent: boolean; claim?: Promise<void> | undefined };

/** One for the life of a process. A note that fails is told, and fails nothing else. */
export function createNotes(deps: NoteDeps): AccessDeps['noteAttempt'] {
  const due = new Map<string, number>();
  const allotments = new Map<string, Allotment>();

  const allotmentOf = (account: string, allowed: boolean): Allotment => {
    const name = `${account} ${allowed}`;
    const day = Math.floor(deps.now() / DAY);
    const known = allotments.get(name);
    const own = known?.day === day ? known : { day, left: 0, next: 1, spent: false };
    remember(allotments, name, own);
    return own;
  };
  const claim = async (allotment: Allotment, account: string, allowed: boolean): Promise<void> => {
    const count = allotment.next;
    if (await deps.claimNotes(account, allowed, deps.now(), { count, most: NOTES_A_DAY })) {
      allotment.left += count;
      allotment.next = Math.min(2 * count, CLAIM);
    } else if (count === 1) allotment.spent = true;
    // Less may be left.
    else allotment.next = Math.floor(count / 2);
  };
  const take = async (allotment: Allotment, account: string, allowed: boolean): Promise<boolean> => {
    while (allotment.left === 0 && !allotment.spent) {
      // Many at once claim once.
      allotment.claim ??= claim(allotment, account, allowed).finally(() => {
        allotment.claim = undefined;
      });
      await allotment.claim;
    }
    if (allotment.left === 0) return false;
    allotment.left--;
    return true;
  };

  return async (account, attempt) => {
    const allotment = allotmentOf(account, attempt.allowed);
    const name = `${account} ${attempt.allowed} ${attempt.method} ${attempt.ip}`;
    const now = deps.now();
    const next = due.get(name);
    if (next === undefined ? allotment.spent && allotment.left === 0 : next > now) return;
    remember(due, name, now + HOUR);
    try {
      if (await deps.renewAttempt(account, attempt, now)) return;
      if (await take(allotment, account, attempt.allowed)) await deps.writeAttempt(account, attempt, now);
      else due.delete(name);
    } catch (error) {
      remember(due, name, now + AGAIN);
      deps.report('an attempt could not be noted', error);
    }
  };
}

/** The oldest give way. */
function remember<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name);
  map.set(name, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value!);
}
