/** Whoever writes to a copy's unsubscribe address (RFC 2369 3.2) gets no more such mail, whatever he writes. */
import { type EngagementRecord, engagementKey } from '../../core/event/engagement.ts';
import type { InboundMessage } from '../../core/inbound/message.ts';
import { DAY_SECONDS } from '../../core/limits.ts';
import type { Unsubscription } from '../../core/unsubscribe-address.ts';
import { type CopyDeps, readKnown } from './returned.ts';

export type UnsubscribeDeps = CopyDeps & {
  /** Writes what a reader did; false: it stood there. */
  recordEngagement: (record: EngagementRecord) => Promise<boolean>;
};

/** @returns what is counted; undefined: it is no news. After the copy's records are gone nobody knows who it was. */
export async function unsubscribe(
  mail: InboundMessage,
  { account, requestId, index, groupId }: Unsubscription,
  deps: UnsubscribeDeps,
): Promise<'unsubscribed' | 'unmatchedReports' | undefined> {
  const { receivedAt } = mail;
  const known = await readKnown({ account, requestId, index }, mail, deps);
  if (!known) return 'unmatchedReports';
  const news = await deps.suppress({
    account,
    address: known.address,
    list: groupId === undefined ? 'unsubscribes' : `group#${groupId}`,
    entry: { created: Math.floor(receivedAt / 1_000) },
  });
  const event = groupId === undefined ? 'unsubscribe' : 'group_unsubscribe';
  await deps.recordEngagement({
    ...engagementKey(account, requestId, index, event, groupId === undefined ? 'mail' : `mail-${groupId}`),
    event,
    address: known.address,
    at: receivedAt,
    first: true,
    ...(groupId === undefined ? {} : { asmGroupId: groupId }),
    expiresAt: Math.floor(deps.now() / 1_000) + deps.messagesDays * DAY_SECONDS,
  });
  return news ? 'unsubscribed' : undefined;
}
