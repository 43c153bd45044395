/**
 * hear: SES's word on what became of a copy that went through it. A final word takes the place of `relayed`, whichever of
 * the two is written first; it never takes the place of another final outcome. What comes after that (a complaint, a bounce
 * of mail that was delivered) is an item of its own. Only what could not be written is handed back. What was news is counted,
 * once: an event that comes again is none, but for a complaint or a delay, of which that is not known.
 */
import { DAY_SECONDS } from '../../core/limits.ts';
import { ownerOf } from '../../core/records/message-key.ts';
import {
  type AttemptRecord,
  attemptKey,
  copyKey,
  type LateRecord,
  lateKey,
  type OutcomeRecord,
} from '../../core/records/messages.ts';
import type { SuppressionList } from '../../core/records/suppressions.ts';
import { type Heard, readSesEvent } from '../../core/ses-event.ts';
import type { Shaping } from '../../core/shaping/compile.ts';
import { listOfBounce, type Suppressing } from '../../core/suppression.ts';
import type { KnownCopy } from '../../io/messages.ts';
import type { Tally } from '../../io/metrics.ts';

/** An event as the queue gives it. */
export type HeardMessage = { messageId: string; body: string };

export type HearDeps = {
  shaping: Shaping;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Days that records are kept. */
  messagesDays: number;
  /** Writes a final outcome, or tells the event of the one that stands. */
  recordHeard: (record: OutcomeRecord) => Promise<OutcomeRecord['event'] | undefined>;
  recordAttempt: (record: AttemptRecord) => Promise<void>;
  recordLate: (record: LateRecord) => Promise<boolean>;
  /** What deliver wrote of the copy when SES took it. */
  readCopy: (account: string, requestId: string, index: number) => Promise<KnownCopy | 'erased' | undefined>;
  /** Puts an address on a list; the same again changes nothing. */
  suppress: (one: Suppressing) => Promise<boolean>;
  /** What the run heard of a lane's mail, by provider. */
  publish: (lane: string, tallies: ReadonlyMap<string, Tally>) => void;
  /** What is nothing of ours, and what could not be written. */
  report: (problem: string) => void;
};

/** The site of records of mail that SES delivers, and the provider of its metrics. */
const SITE = 'ses';

type Counted = 'delivered' | 'bounced' | 'deferred' | 'complained';

/** Takes events. Returns the ids of those to hand back. */
export async function hear(messages: readonly HeardMessage[], deps: HearDeps): Promise<string[]> {
  const tallies = new Map<string, Tally>();
  const handedBack = await Promise.all(
    messages.map(async ({ messageId, body }) => {
      const heard = readSesEvent(body, deps.shaping);
      if (typeof heard === 'string') {
        deps.report(`event ${messageId} is let go: ${heard}`);
        return [];
      }
      try {
        const news = await record(heard, deps);
        if (news) count(tallies, heard.about.lane, news);
        return [];
      } catch (error) {
        deps.report(`event ${messageId}: ${(error as Error).message}`);
        return [messageId];
      }
    }),
  );
  for (const [lane, tally] of tallies) deps.publish(lane, new Map([[SITE, tally]]));
  return handedBack.flat();
}

function count(tallies: Map<string, Tally>, lane: string, news: Counted): void {
  const none = { accepted: 0, delivered: 0, deferred: 0, bounced: 0, dropped: 0, unknown: 0, latencies: [] };
  const tally: Tally = tallies.get(lane) ?? none;
  tally[news] = (tally[news] ?? 0) + 1;
  tallies.set(lane, tally);
}

/** @returns what is counted: undefined when it was no news, or of a copy that has its outcome, or whose reader was erased */
async function record(heard: Heard, deps: HearDeps): Promise<Counted | undefined> {
  const { about, address, event, due, mx, type, status, classification, rule, relayId } = heard;
  const { account, requestId, index, attempt, lane } = about;
  const known = await deps.readCopy(account, requestId, index);
  if (known === 'erased') return undefined;
  const shared = {
    ...(known?.about === undefined ? {} : { about: known.about }),
    at: heard.at || deps.now(),
    reply: heard.reply,
    ...(status === undefined ? {} : { status }),
    site: SITE,
    ...(mx === undefined ? {} : { mx }),
    lane,
    relayId,
    expiresAt: Math.floor(deps.now() / 1_000) + deps.messagesDays * DAY_SECONDS,
  };
  if (event === 'deferred') {
    const key = attemptKey(account, requestId, index, event, attempt);
    await deps.recordAttempt({ ...key, event, address, attempt, due: due || shared.at, ...shared });
    return 'deferred';
  }
  const cause = {
    ...(type === undefined ? {} : { type }),
    ...(classification === undefined ? {} : { classification }),
    ...(rule === undefined ? {} : { rule }),
  };
  // First: whoever finds the word written finds the list written too.
  const list = listOf(heard);
  if (list) {
    const told = { reason: heard.reply, ...(status === undefined ? {} : { status }) };
    const entry = {
      created: Math.floor(shared.at / 1_000),
      ...(event === 'bounced' ? { ...told, ...classOf(heard) } : {}),
    };
    await deps.suppress({ account, address, list, entry });
  }
  if (event !== 'complained') {
    const stands = await deps.recordHeard({
      ...copyKey(account, requestId, index),
      event,
      ...ownerOf(account, requestId, address),
      ...(known?.email === undefined ? {} : { email: known.email }),
      attempt,
      ...shared,
      ...cause,
      ...(about.possibleDuplicate ? { possibleDuplicate: true as const } : {}),
    });
    if (stands === undefined) return event;
    // The same event again changes nothing, and a delivery that comes second is no news.
    if (stands === event || event === 'delivered') return undefined;
  }
  await deps.recordLate({ ...lateKey(account, requestId, index, event), event, address, ...shared, ...cause });
  return event === 'complained' ? event : undefined;
}

/** Which list a word puts its address on. */
function listOf({ event, type, status }: Heard): SuppressionList | undefined {
  if (event === 'complained') return 'spam_reports';
  return event === 'bounced' ? listOfBounce(type, status) : undefined;
}

function classOf({ classification }: Heard): Pick<Heard, 'classification'> {
  return classification === undefined ? {} : { classification };
}
