/**
 * Whether a key may be used from where it is shown, and the note that it was. Every door asks here, behind the secret and before anything
 * else: who guesses at keys leaves no note, and who has stolen one uses up nothing of the account's.
 * A note is of an address, a method and an end, once an hour of a process; and of an account so many in a day, refused and allowed each by
 * itself: whoever comes from addresses without end is refused without end, and written down within bounds.
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
/** How many of them a process claims at once. */
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
  writeAttempt: (account: string, attempt: Attempt, at: number) => Promise<void>;
  report: (problem: string, error: unknown) => void;
};

/** What an account may still write on a day. */
type Allotment = { day: number; left: number; spent: boolean; claim?: Promise<void> | undefined };

/** One for the life of a process. A note that fails is told, and fails nothing else. */
export function createNotes(deps: NoteDeps): AccessDeps['noteAttempt'] {
  const due = new Map<string, number>();
  const allotments = new Map<string, Allotment>();

  const allotmentOf = (account: string, allowed: boolean): Allotment => {
    const name = `${account} ${allowed}`;
    const day = Math.floor(deps.now() / DAY);
    const known = allotments.get(name);
    const own = known?.day === day ? known : { day, left: 0, spent: false };
    remember(allotments, name, own);
    return own;
  };
  const claim = async (allotment: Allotment, account: string, allowed: boolean): Promise<void> => {
    const claimed = await deps.claimNotes(account, allowed, deps.now(), { count: CLAIM, most: NOTES_A_DAY });
    if (claimed) allotment.left += CLAIM;
    else allotment.spent = true;
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
    if (allotment.spent && allotment.left === 0) return;
    const name = `${account} ${attempt.allowed} ${attempt.method} ${attempt.ip}`;
    const now = deps.now();
    if ((due.get(name) ?? 0) > now) return;
    remember(due, name, now + HOUR);
    try {
      if (await take(allotment, account, attempt.allowed)) await deps.writeAttempt(account, attempt, now);
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
