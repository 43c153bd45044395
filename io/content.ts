/** Stored requests in the content bucket: content too long for a job, and requests that wait or are expanded. */
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { StoredRequest } from '../core/job.ts';

export function contentIn(bucket: string, client: S3Client) {
  return {
    /** Puts a stored request; the same key always gets the same bytes, so a second put changes nothing. */
    storeContent: async (key: string, request: StoredRequest): Promise<void> => {
      const { content, personalizations, copies, sendAt } = request;
      const Body = Buffer.from(JSON.stringify({ content, personalizations, copies, sendAt }));
      await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body,
          ContentLength: Body.length,
          ContentType: 'application/json',
        }),
      );
    },
    /** A message that came as MIME, whole. @throws the SDK's error when the object is not there */
    readMime: async (key: string): Promise<Buffer> => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (!Body) throw new Error(`message ${key} is empty`);
      const octets = await Body.transformToByteArray();
      return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    },
    /** @throws the SDK's error when the object is not there: a job without its content is poison */
    readContent: async (key: string): Promise<StoredRequest> => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (!Body) throw new Error(`content ${key} is empty`);
      return JSON.parse(await Body.transformToString('utf8')) as StoredRequest;
    },
  };
}
