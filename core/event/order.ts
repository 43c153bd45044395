/**
 * The order in which events are told: what servers said of a copy, then what its reader did. Scanners follow links before we have
 * written that their server took the mail, so the stream may have it the other way round.
 */
import type { OutcomeRecord } from '../records/messages.ts';
import { type Change, type News, readNews } from './item.ts';

/** `sequence`: padded, so that it sorts. `writtenAt`: milliseconds since the epoch, to the second. */
type Streamed = { sequence: string; writtenAt: number; change: Change; news: News };
export type CopyName = Pick<News, 'account' | 'requestId' | 'index'>;

/** Milliseconds from a reply to its record, as a rule. */
const RECORDING = 2_000;

export const copyOf = ({ account, requestId, index }: CopyName): string => `${account}#${requestId} ${index}`;

const isDelivery = ({ kind }: News): boolean => kind === 'outcome' || kind === 'attempt';

/** By `copyOf`: the place of the first that a batch has of a copy's delivery. */
function deliveriesIn(stream: readonly Streamed[]): Map<string, number> {
  const deliveries = new Map<string, number>();
  for (const [n, { news }] of stream.entries())
    if (isDelivery(news) && !deliveries.has(copyOf(news))) deliveries.set(copyOf(news), n);
  return deliveries;
}

/** What readers did goes behind the first that the batch has of their copy's delivery. For logs, where each is told once. */
export function inOrder<T extends Streamed>(stream: readonly T[]): T[] {
  const deliveries = deliveriesIn(stream);
  const early = new Map<number, T[]>();
  return stream.flatMap((one, n) => {
    const delivery = one.news.kind === 'engagement' ? (deliveries.get(copyOf(one.news)) ?? n) : n;
    if (delivery <= n) return [one, ...(early.get(n) ?? [])];
    early.set(delivery, [...(early.get(delivery) ?? []), one]);
    return [];
  });
}

/**
 * What a reader did before the stream has the outcome gets the outcome before it, under its own number. The outcome's own record tells the
 * same again, under the same ids: nothing depends on how the stream is cut the next time, and who has seen an id has seen the event.
 * Whether an outcome came before the batch or comes after it is not known where it is as young as the batch's last; then it is told.
 * @param outcomes of the copies that readers did something with, by `copyOf`
 * @param awaited those that were not there at once
 */
export function afterOutcomes<T extends Streamed>(
  stream: readonly T[],
  outcomes: ReadonlyMap<string, OutcomeRecord>,
  awaited: ReadonlySet<string>,
): (T | Streamed)[] {
  const deliveries = deliveriesIn(stream);
  const end = Math.max(...stream.map(({ writtenAt }) => writtenAt));
  const told = new Set<string>();
  return stream.flatMap((one, n): (T | Streamed)[] => {
    const copy = copyOf(one.news);
    const outcome = one.news.kind === 'engagement' && !told.has(copy) ? outcomes.get(copy) : undefined;
    if (!outcome) return [one];
    const delivery = deliveries.get(copy);
    const comesLater = delivery === undefined ? awaited.has(copy) || outcome.at > end - RECORDING : delivery > n;
    const news = comesLater ? readNews(outcome, 'INSERT') : undefined;
    if (!news) return [one];
    told.add(copy);
    return [{ sequence: one.sequence, writtenAt: one.writtenAt, change: 'INSERT', news }, one];
  });
}
