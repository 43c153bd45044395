/** Event pages in their bucket (core/event/page.ts). */
import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SendGridEvent } from '../core/event/event.ts';
import { PAGES_PREFIX, pagesOfHour } from '../core/event/page.ts';

export function pagesIn(bucket: string, objects: S3Client) {
  return {
    putPage: async (key: string, body: Buffer): Promise<void> => {
      const type = { ContentType: 'application/x-ndjson', ContentEncoding: 'gzip' };
      await objects.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...type }));
    },

    /**
     * Keys of an account's pages, in the order of hours and, within one, of shards.
     * @param from the first hour, `YYYY-MM-DDTHH`; @param after the key that was the last before
     */
    listPages: async (account: string, from: string, after?: string): Promise<{ keys: string[]; more: boolean }> => {
      const answer = await objects.send(
        new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: `${PAGES_PREFIX}${account}/`,
          StartAfter: after ?? pagesOfHour(account, from),
        }),
      );
      const keys = (answer.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
      return { keys, more: answer.IsTruncated === true };
    },

    readPage: async (key: string): Promise<SendGridEvent[]> => {
      const { Body } = await objects.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (!Body) throw new Error(`page ${key} is empty`);
      const text = gunzipSync(Buffer.from(await Body.transformToByteArray())).toString();
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as SendGridEvent);
    },
  };
}
