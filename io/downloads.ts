/** Files that an account asked for, in the bucket of events under `downloads/`: kept for three days, and fetched by signed links. */
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { DOWNLOAD_DAYS, downloadKey } from '../core/activity/download.ts';
import { DAY_SECONDS } from '../core/limits.ts';

/** Seconds that a link works: whoever has it needs no key. */
const LINK_SECONDS = 900;

export function downloadsIn(bucket: string, objects: S3Client, now: () => number) {
  return {
    putDownload: async (account: string, id: string, csv: string): Promise<void> => {
      const at = { Bucket: bucket, Key: downloadKey(account, id) };
      await objects.send(new PutObjectCommand({ ...at, Body: csv, ContentType: 'text/csv; charset=utf-8' }));
    },

    linkDownload: async (account: string, id: string): Promise<string | undefined> => {
      const at = { Bucket: bucket, Key: downloadKey(account, id) };
      const found = await objects.send(new HeadObjectCommand(at)).catch((error: Error) => {
        if (error.name === 'NotFound' || error.name === 'NoSuchKey') return undefined;
        throw error;
      });
      // The bucket's own cleaning is late by up to a day.
      const age = now() - Number(found?.LastModified ?? 0);
      if (!found || age > DOWNLOAD_DAYS * DAY_SECONDS * 1_000) return undefined;
      const ResponseContentDisposition = `attachment; filename="messages-${id}.csv"`;
      return getSignedUrl(objects, new GetObjectCommand({ ...at, ResponseContentDisposition }), {
        expiresIn: LINK_SECONDS,
      });
    },
  };
}
