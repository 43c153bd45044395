/** What a search of Email Activity reads (core/activity/search.ts): a request's items, an address's messages, and which pages there are. */
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Pin } from '../core/activity/query/plan.ts';
import type { Items, Page, SearchDeps } from '../core/activity/search.ts';
import { PAGES_PREFIX, pagesOfHour } from '../core/event/page.ts';
import { bucketEnd, copyNamed, copyPart, recipientKey } from '../core/records/message-key.ts';
import type { Table } from './aws.ts';
import { type Condition, inBucketOf, indexedUnder, ofRequest } from './message-range.ts';
import { pagesIn } from './pages.ts';
import { queryPages } from './query-all.ts';

/** Hours that one listing can name: S3 names a thousand at most. */
const HOURS_AT_ONCE = 720;
const HOUR = 3_600_000;
/** Items of a reader's bucket, or places in the index, that are read at once. */
const FOUND_AT_ONCE = 100;

export function activityIn(
  { messages, events }: { messages: string; events: string },
  tables: Table,
  objects: S3Client,
): Omit<SearchDeps, 'now' | 'messagesDays'> {
  return {
    readItems: async (account, requestId, index, most) => {
      if (index === undefined) return query(ofRequest(account, requestId), most);
      const [request, own] = await Promise.all([
        query(ofRequest(account, requestId, 'request'), 1),
        query(ofRequest(account, requestId, copyPart(index)), most),
      ]);
      return { items: [...request.items, ...own.items], more: own.more };
    },

    findByRecipient: (account, address, to) => {
      const inBucket = { ...inBucketOf(account, address, bucketEnd(to)), ProjectionExpression: 'pk, sk' };
      const indexed = indexedUnder(recipientKey(account, address), to);
      return [pinsOf(inBucket), pinsOf(indexed)];
    },

    listHours: async function* (account, from, to) {
      const oldest = (await hoursFrom(account, Date.parse(`${from}:00:00Z`), 1))[0];
      if (oldest === undefined) return;
      const first = Date.parse(`${oldest}:00:00Z`);
      for (let end = Date.parse(`${to}:00:00Z`); end >= first; end -= HOURS_AT_ONCE * HOUR) {
        const start = Math.max(first, end - (HOURS_AT_ONCE - 1) * HOUR);
        const [begin, last] = [hourAt(start), hourAt(end)];
        const hours = await hoursFrom(account, start, HOURS_AT_ONCE);
        yield hours.filter((hour) => hour >= begin && hour <= last).reverse();
      }
    },

    listPagesOf: async function* (account, hour) {
      let from: string | undefined;
      do {
        const answer = await objects.send(
          new ListObjectsV2Command({
            Bucket: events,
            Prefix: pagesOfHour(account, hour),
            ...(from === undefined ? {} : { ContinuationToken: from }),
          }),
        );
        yield (answer.Contents ?? []).map(
          ({ Key = '', LastModified }): Page => ({ key: Key, writtenAt: Number(LastModified) }),
        );
        from = answer.NextContinuationToken;
      } while (from !== undefined);
    },

    readPage: pagesIn(events, objects).readPage,
  };

  /** The copies that the found items are of, from the last key back. */
  async function* pinsOf(condition: Condition): AsyncGenerator<Pin[]> {
    const newestFirst = { TableName: messages, ...condition, ScanIndexForward: false, Limit: FOUND_AT_ONCE };
    for await (const page of queryPages<Record<string, unknown>>(tables, newestFirst))
      yield page.flatMap((item) => copyNamed(item) ?? []);
  }

  /** The first hours with pages from a time on, in order. */
  async function hoursFrom(account: string, at: number, most: number): Promise<string[]> {
    const { CommonPrefixes = [] } = await objects.send(
      new ListObjectsV2Command({
        Bucket: events,
        Prefix: `${PAGES_PREFIX}${account}/`,
        Delimiter: '/',
        // Sorts before that hour, and behind what is before it.
        StartAfter: `${PAGES_PREFIX}${account}/${hourAt(at - HOUR)}/~`,
        MaxKeys: most,
      }),
    );
    return CommonPrefixes.map(({ Prefix = '' }) => Prefix.split('/')[2] ?? '');
  }

  async function query(condition: Condition, most: number): Promise<Items> {
    const items: Record<string, unknown>[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await tables.send(
        new QueryCommand({
          TableName: messages,
          ...condition,
          Limit: most - items.length,
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      );
      items.push(...(page.Items ?? []));
      from = page.LastEvaluatedKey;
    } while (from && items.length < most);
    return { items, more: from !== undefined };
  }
}

const hourAt = (at: number) => new Date(at).toISOString().slice(0, 13);
