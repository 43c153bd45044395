/** Whoever writes to a copy's unsubscribe address (RFC 2369 3.2) gets no more such mail, whatever he writes. */
import type { InboundMessage } from '../../core/inbound/message.ts';
import type { Unsubscription } from '../../core/unsubscribe-address.ts';
import { type CopyDeps, readKnown } from './returned.ts';

export type UnsubscribeDeps = CopyDeps;

/** @returns what is counted; undefined: it is no news. After the copy's records are gone nobody knows who it was. */
export async function unsubscribe(
  { receivedAt }: InboundMessage,
  { account, requestId, index, groupId }: Unsubscription,
  deps: UnsubscribeDeps,
): Promise<'unsubscribed' | 'unmatchedReports' | undefined> {
  const known = await readKnown({ account, requestId, index }, deps);
  if (!known) return 'unmatchedReports';
  const news = await deps.suppress({
    account,
    address: known.address,
    list: groupId === undefined ? 'unsubscribes' : `group#${groupId}`,
    entry: { created: Math.floor(receivedAt / 1_000) },
  });
  return news ? 'unsubscribed' : undefined;
}
