/**
 * What stops an account whose mail is not wanted: when its books have bounces or complaints that they had not, their rates are looked at,
 * and too bad a one pauses its bulk, with an event and an alarm. A key that was stolen does not burn the addresses for longer than it takes
 * the books to be written.
 *
 * Quiet times cost nothing: only bad news is a reason to look. Where it cannot be read or written the batch fails, and is judged again.
 */
import { type BrakeEvent, type BrakesRecord, type Pause, pausedEvent } from '../../core/brakes/brakes.ts';
import {
  type HourOfMail,
  judge,
  type RateCause,
  sumHours,
  type Thresholds,
  windowOf,
} from '../../core/brakes/judge.ts';
import type { News } from '../../core/event/item.ts';
import type { Kind } from '../../core/stats/count.ts';
import type { StreamNews } from '../../io/stream.ts';

export type BrakeDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  thresholds: Thresholds;
  /** As they are now. */
  readBrakes: (account: string) => Promise<BrakesRecord | undefined>;
  /** What the books have of an account, from one hour to another. */
  readHours: (account: string, kind: Kind, from: string, to: string) => AsyncIterable<HourOfMail>;
  /** False: it is paused already, or was resumed meanwhile. */
  pauseBulk: (account: string, pause: Pause, resumedAt?: number) => Promise<boolean>;
  /** Tells the account's webhooks. */
  tellAccount: (account: string, event: BrakeEvent) => Promise<void>;
  /** Counts for the metrics. */
  publish: (counts: { bulkPaused: number }) => void;
  report: (problem: string) => void;
};

/** Looks at the accounts that bad news came of, when the books have it. */
export async function brake(stream: readonly StreamNews[], deps: BrakeDeps): Promise<void> {
  const looks = new Map<string, Set<RateCause>>();
  for (const { news } of stream) {
    const cause = badNews(news);
    if (cause) looks.set(news.account, (looks.get(news.account) ?? new Set()).add(cause));
  }
  await Promise.all([...looks].map(([account, causes]) => look(account, causes, deps)));
}

/** Which rate a piece of news makes worse. */
function badNews({ kind, item }: News): RateCause | undefined {
  if (kind === 'engagement') return item.event === 'spamreport' ? 'complaints' : undefined;
  if (kind === 'late' && item.event === 'complained') return item.optOut ? undefined : 'complaints';
  return kind !== 'attempt' && item.event === 'bounced' && item.type === 'bounce' ? 'bounces' : undefined;
}

async function look(account: string, causes: ReadonlySet<RateCause>, deps: BrakeDeps): Promise<void> {
  const { paused, resumed } = (await deps.readBrakes(account)) ?? {};
  if (paused) return;
  for (const cause of causes) {
    const at = deps.now();
    const { first, last } = windowOf(cause, at);
    const hours: HourOfMail[] = [];
    for await (const hour of deps.readHours(account, 'all', first, last)) hours.push(hour);
    const bad = judge(cause, sumHours(hours), resumed?.seen ?? {}, deps.thresholds);
    const pause = bad && { at, cause, why: bad.why };
    if (!pause || !(await deps.pauseBulk(account, pause, resumed?.at))) continue;
    await deps.tellAccount(account, pausedEvent(pause));
    deps.publish({ bulkPaused: 1 });
    deps.report(`bulk of the account ${account} is paused: ${pause.why}`);
    return;
  }
}
