/** What a search of Email Activity reads (core/activity/search.ts): a request's items, an address's messages, and which pages there are. */
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Pin } from '../core/activity/query/plan.ts';
import type { Items, Page, SearchDeps } from '../core/activity/search.ts';
import { PAGES_PREFIX, pagesOfHour } from '../core/event/page.ts';
import { copyKey, MESSAGES_INDEX, recipientKey, requestKey } from '../core/records.ts';
import type { Table } from './aws.ts';
import { pagesIn } from './pages.ts';

/** Hours that one listing can name: S3 names a thousand at most. */
const HOURS_AT_ONCE = 720;
const HOUR = 3_600_000;
/** Places in the index that are read at once. */
const INDEXED_AT_ONCE = 100;

export function activityIn(
  { messages, events }: { messages: string; events: string },
  tables: Table,
  objects: S3Client,
): Omit<SearchDeps, 'now' | 'messagesDays'> {
  return {
    readItems: async (account, requestId, index, most) => {
      const { pk } = requestKey(account, requestId);
      if (index === undefined) return query('pk = :pk', { ':pk': pk }, most);
      const { sk } = copyKey(account, requestId, index);
      const [request, own] = await Promise.all([
        query('pk = :pk AND sk = :sk', { ':pk': pk, ':sk': 'request' }, 1),
        query('pk = :pk AND begins_with(sk, :sk)', { ':pk': pk, ':sk': sk }, most),
      ]);
      return { items: [...request.items, ...own.items], more: own.more };
    },

    findByRecipient: async function* (account, address, to) {
      let from: Record<string, unknown> | undefined;
      do {
        const page = await tables.send(
          new QueryCommand({
            TableName: messages,
            IndexName: MESSAGES_INDEX,
            KeyConditionExpression: 'recipient = :recipient AND #at <= :to',
            ExpressionAttributeNames: { '#at': 'at' },
            ExpressionAttributeValues: { ':recipient': recipientKey(account, address), ':to': to },
            ScanIndexForward: false,
            Limit: INDEXED_AT_ONCE,
            ...(from ? { ExclusiveStartKey: from } : {}),
          }),
        );
        yield (page.Items ?? []).map(
          ({ pk, sk }): Pin => ({
            requestId: String(pk).split('#')[1] ?? '',
            index: Number.parseInt(String(sk), 10),
          }),
        );
        from = page.LastEvaluatedKey;
      } while (from);
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

  async function query(condition: string, values: Record<string, string>, most: number): Promise<Items> {
    const items: Record<string, unknown>[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await tables.send(
        new QueryCommand({
          TableName: messages,
          KeyConditionExpression: condition,
          ExpressionAttributeValues: values,
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
