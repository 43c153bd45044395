/**
 * A look at an alert at its time (core/alerts): whether there is something to tell, and then its mail. The alert, its mail and its next look
 * are one write, so that a mail goes out once, however often the message comes. What cannot be told (no domain to send it from, nobody to send it to) is reported,
 * and the alert goes on to its next time.
 */
import {
  type AlertRecord,
  isReached,
  lookHold,
  mailableAddress,
  nextLook,
  periodBefore,
  type Usage,
} from '../../core/alerts/alert.ts';
import { statsWords, usageWords } from '../../core/alerts/mail.ts';
import { type BrakesRecord, type CreditsRecord, capOf } from '../../core/brakes/brakes.ts';
import { dayOf } from '../../core/brakes/credits.ts';
import type { Hold } from '../../core/records/holds.ts';
import type { AccountRecord } from '../../core/records/subusers.ts';
import { type DomainDeps, ownMailDomain, ownMailHold } from '../../core/senders/own-mail.ts';
import type { Kind } from '../../core/stats/count.ts';
import { GLOBAL_METRICS } from '../../core/stats/count.ts';
import { type Hour, showSums } from '../../core/stats/show.ts';
import { counterOf } from '../../core/subusers/credits.ts';

export type AlertDeps = DomainDeps & {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomBytes: (count: number) => Uint8Array;
  /** The settings' daily cap; undefined: none. */
  defaultCap?: number | undefined;
  readAlert: (account: string, id: number) => Promise<AlertRecord | undefined>;
  /** False: somebody else has moved it. */
  moveAlert: (before: AlertRecord, after: AlertRecord, out: readonly Hold[]) => Promise<boolean>;
  /** Of an account with a parent. */
  readAccount: (account: string) => Promise<AccountRecord | undefined>;
  /** Its own address; undefined: it has not said. */
  readContact: (account: string) => Promise<string | undefined>;
  readHours: (account: string, kind: Kind, from: string, to: string) => AsyncIterable<Hour>;
  readBrakes: (account: string) => Promise<BrakesRecord | undefined>;
  readCredits: (account: string, counter: string) => Promise<CreditsRecord | undefined>;
  report: (problem: string) => void;
};

type Told = { subject: string; text: string; told?: string };

/** @param due the time that the message is for */
export async function lookAtAlert(account: string, id: number, due: number, deps: AlertDeps): Promise<void> {
  const alert = await deps.readAlert(account, id);
  // Removed, changed, or looked at already.
  if (!alert || alert.nextAt !== due) return;
  const parented = await deps.readAccount(account);
  // A subuser that is gone is told nothing any more.
  if (parented?.deleted) return;
  const words =
    alert.type === 'usage_limit'
      ? await tellUsage(account, alert, parented, deps)
      : await tellStats(account, alert, deps);
  const now = deps.now();
  const from = words && (await ownMailDomain(account, deps));
  const to = words && (await addresseeOf(alert, account, deps));
  if (words && !from) deps.report(`alert ${id} of ${account}: there is no authenticated domain to send it from`);
  if (words && !to) deps.report(`alert ${id} of ${account}: the account has no address of its own to send it to`);
  const nextAt = nextLook(alert, Math.max(now, due));
  const after: AlertRecord =
    alert.type === 'usage_limit' && from && to && words?.told !== undefined
      ? { ...alert, nextAt, told: words.told }
      : { ...alert, nextAt };
  const mail =
    words && from && to
      ? [
          ownMailHold(
            {
              account: from.pk,
              domain: from.domain,
              to,
              subject: words.subject,
              text: words.text,
              category: 'alert',
            },
            deps.randomBytes(10),
            now,
          ),
        ]
      : [];
  await deps.moveAlert(alert, after, [...mail, lookHold(account, id, nextAt)]);
}

async function addresseeOf({ emailTo }: AlertRecord, account: string, deps: AlertDeps): Promise<string | undefined> {
  return emailTo === '' ? mailableAddress((await deps.readContact(account)) ?? '') : emailTo;
}

async function tellStats(
  account: string,
  alert: AlertRecord & { type: 'stats_notification' },
  deps: AlertDeps,
): Promise<Told> {
  const period = periodBefore(alert.frequency, alert.nextAt);
  const hours: Hour[] = [];
  for await (const hour of deps.readHours(account, 'all', `${period.from}T00`, `${period.to}T23`)) hours.push(hour);
  const query = { ...period, limit: 1, offset: 0 };
  const order = { metric: 'requests', descending: true };
  const { stats } = showSums(hours, query, { metrics: GLOBAL_METRICS }, 'UTC', order);
  return statsWords(alert.frequency, period, stats[0]?.metrics ?? {});
}

async function tellUsage(
  account: string,
  alert: AlertRecord & { type: 'usage_limit' },
  parented: AccountRecord | undefined,
  deps: AlertDeps,
): Promise<Told | undefined> {
  const all = await Promise.all([creditsUsed(account, parented, deps), capUsed(account, deps)]);
  const reached = all.filter((usage) => usage !== undefined).find((usage) => isReached(usage, alert.percentage));
  if (!reached || alert.told === toldOf(reached)) return undefined;
  return { ...usageWords(alert.percentage, reached), told: toldOf(reached) };
}

const toldOf = ({ what, period }: Usage) => `${what} ${period}`;

/** Of the credits that its parent gives it. */
async function creditsUsed(
  account: string,
  parented: AccountRecord | undefined,
  deps: AlertDeps,
): Promise<Usage | undefined> {
  const counter = parented && counterOf(parented.credits, deps.now());
  if (!counter) return undefined;
  const { name, since, limit } = counter;
  const used = (await deps.readCredits(account, name))?.claimed ?? 0;
  return { used, limit, period: `since ${hourOf(since)}:00`, what: 'credits' };
}

/** Of what it may send today. */
async function capUsed(account: string, deps: AlertDeps): Promise<Usage | undefined> {
  const cap = capOf(await deps.readBrakes(account), deps.defaultCap);
  if (cap === undefined) return undefined;
  const day = dayOf(deps.now());
  return { used: (await deps.readCredits(account, day))?.claimed ?? 0, limit: cap, period: day, what: 'daily cap' };
}

const hourOf = (at: number) => new Date(at).toISOString().slice(0, 13);
