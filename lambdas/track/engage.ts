/**
 * Writing an open or a click. It never stands in the reader's way: what is not written in time, or cannot be, is counted and left
 * out. A copy has only so many places for each kind (core/tracking/slots.ts).
 */
import { type Engagement, type EngagementRecord, engagementKey } from '../../core/event/engagement.ts';
import { DAY_SECONDS } from '../../core/limits.ts';
import { AGENT_CHARACTERS, machineOf, readerOf } from '../../core/tracking/agent.ts';
import { isSameEngagement, type KnownEngagement, slotsOf } from '../../core/tracking/slots.ts';
import type { Click, Opened } from '../../core/tracking/token.ts';
import type { TrackRequest } from './track.ts';

export type EngageDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Days that records are kept. */
  messagesDays: number;
  wait: (milliseconds: number) => Promise<unknown>;
  /** Undefined: it is written; else what stands in its place. */
  putEngagement: (record: EngagementRecord) => Promise<KnownEngagement | undefined>;
  /** One more of something, for the metrics. */
  count: (what: 'opened' | 'clicked' | 'machines' | 'unsubscribed' | 'notRecorded') => void;
  report: (problem: string) => void;
};

/** Milliseconds that a reader waits for the table. */
const PATIENCE = 500;
const MINUTE = 60_000;

export async function engage(
  event: 'open' | 'click',
  what: Opened | Click,
  http: TrackRequest,
  deps: EngageDeps,
): Promise<void> {
  const machine = machineOf(http, event);
  const record = recordOf(event, what, http, machine !== undefined, deps);
  const told = `${record.ip} ${record.userAgent} ${record.urlOffset?.index} ${Math.floor(record.at / MINUTE)}`;
  const place = (eventId: string) => engagementKey(what.account, what.requestId, what.index, event, eventId);
  const slots = slotsOf(told, machine !== undefined);
  const writing = write(slots, (id) => ({ ...record, ...place(id) }), deps);
  const written = await Promise.race([writing, deps.wait(PATIENCE).then(() => 'late' as const)]).catch(
    (error: Error) => error,
  );
  if (written === 'late' || written instanceof Error) {
    deps.count('notRecorded');
    deps.report(
      `${event} of ${what.requestId} not recorded: ${written === 'late' ? 'the table is slow' : written.message}`,
    );
    writing.catch(() => {});
    return;
  }
  if (written !== 'new') return;
  deps.count(event === 'open' ? 'opened' : 'clicked');
  if (machine !== undefined) deps.count('machines');
}

/** Puts an engagement into the first place that is free. */
export async function write(
  slots: readonly { id: string; first: boolean }[],
  recordFor: (id: string) => EngagementRecord,
  { putEngagement }: Pick<EngageDeps, 'putEngagement'>,
): Promise<'new' | 'known'> {
  for (const { id, first } of slots) {
    const record = recordFor(id);
    const known = await putEngagement(first ? { ...record, first: true } : record);
    if (!known) return 'new';
    if (isSameEngagement(known, record)) return 'known';
  }
  return 'known';
}

function recordOf(
  event: Engagement,
  what: Opened | Click,
  http: TrackRequest,
  machine: boolean,
  deps: EngageDeps,
): EngagementRecord {
  const agent = (http.headers['user-agent'] ?? '').slice(0, AGENT_CHARACTERS);
  const link = 'link' in what ? what.link : undefined;
  return {
    ...visitOf(http, deps),
    pk: '',
    sk: '',
    event,
    address: what.address.toLowerCase(),
    ...(machine ? { machine: true as const } : readerOf(agent)),
    ...(link ? { url: link.url, urlOffset: { index: link.index, type: link.part } } : { contentType: 'html' as const }),
  };
}

/** What every engagement tells of who caused it. */
export function visitOf(
  { ip, headers, country, province }: TrackRequest,
  { now, messagesDays }: Pick<EngageDeps, 'now' | 'messagesDays'>,
): Pick<EngagementRecord, 'at' | 'ip' | 'userAgent' | 'country' | 'province' | 'expiresAt'> {
  const agent = (headers['user-agent'] ?? '').slice(0, AGENT_CHARACTERS);
  const at = now();
  return {
    at,
    ip,
    ...(agent === '' ? {} : { userAgent: agent }),
    ...(country === undefined ? {} : { country }),
    ...(province === undefined ? {} : { province }),
    expiresAt: Math.floor(at / 1_000) + messagesDays * DAY_SECONDS,
  };
}
