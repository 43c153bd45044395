/** What an erasure does to objects of the buckets: each is read, and written anew under its own key, or removed. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { DOWNLOADS_PREFIX } from '../core/activity/download.ts';
import { PAGES_PREFIX } from '../core/event/page.ts';
import { contentKey } from '../core/job.ts';

export type Listed = { key: string; writtenAt: number };

export function erasedObjectsIn(
  { content, events, inbound }: { content: string; events: string; inbound: string | undefined },
  client: S3Client,
) {
  async function* list(Bucket: string, Prefix: string, after?: string): AsyncGenerator<Listed[]> {
    let token: string | undefined;
    do {
      const answer = await client.send(
        new ListObjectsV2Command({
          Bucket,
          Prefix,
          ...(token !== undefined ? { ContinuationToken: token } : after === undefined ? {} : { StartAfter: after }),
        }),
      );
      yield (answer.Contents ?? []).map(({ Key = '', LastModified }) => ({
        key: Key,
        writtenAt: Number(LastModified),
      }));
      token = answer.NextContinuationToken;
    } while (token !== undefined);
  }

  /** Undefined: there is no such object, or no longer. */
  const read = async (Bucket: string, Key: string): Promise<Buffer | undefined> => {
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return Body && Buffer.from(await Body.transformToByteArray());
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
  };

  return {
    /** Everything that the content bucket may hold of a request: it, its message, and what its held jobs need. */
    listStored: async (account: string, requestId: string): Promise<string[]> => {
      const keys: string[] = [];
      const prefix = contentKey(account, requestId).slice(0, -'.json'.length);
      for await (const page of list(content, prefix)) keys.push(...page.map(({ key }) => key));
      return keys;
    },
    readStored: (key: string) => read(content, key),
    writeStored: async (key: string, body: Buffer): Promise<void> => {
      const type = key.endsWith('.json') ? { ContentType: 'application/json' } : {};
      await client.send(
        new PutObjectCommand({ Bucket: content, Key: key, Body: body, ContentLength: body.length, ...type }),
      );
    },
    /** @param after the key that was the last before */
    listEventPages: (account: string, after: string | undefined) => list(events, `${PAGES_PREFIX}${account}/`, after),
    readEventPage: (key: string) => read(events, key),
    listDownloads: (account: string) => list(events, `${DOWNLOADS_PREFIX}${account}/`),
    readDownload: (key: string) => read(events, key),
    removeDownload: async (key: string): Promise<void> => {
      await client.send(new DeleteObjectCommand({ Bucket: events, Key: key }));
    },
    removeInbound: async (key: string): Promise<void> => {
      if (inbound !== undefined) await client.send(new DeleteObjectCommand({ Bucket: inbound, Key: key }));
    },
  };
}
