/**
 * Files of validation jobs, in the bucket of events under `validations/`: what a customer has put, by a signed link, the parts of the result, and
 * the result (core/validation/job.ts says where each lies). They go by themselves after some days.
 */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import {
  type FileType,
  partKey,
  resultKey,
  UPLOAD_MS,
  uploadKey,
  type ValidationJobRecord,
} from '../core/validation/job.ts';
import { mimeIn } from './mime.ts';

/** Seconds that a link to a result works: whoever has it needs no key. */
const LINK_SECONDS = 900;
/** Octets of a part of an upload, but for the last (S3: 5 MiB at least). */
const UPLOAD_PART = 8_388_608;
/** Parts of a result that are read at a time. */
const AHEAD = 8;
const CSV = 'text/csv; charset=utf-8';
/** What a file must be put as. */
export const CONTENT_TYPE: Readonly<Record<FileType, string>> = { csv: 'text/csv', zip: 'application/zip' };

type Job = Pick<ValidationJobRecord, 'account' | 'id'>;

/** For who gives links out. */
export function validationLinksIn(bucket: string, objects: S3Client) {
  return {
    /** Where its file is to be put, with this content type and no other. */
    linkUpload: (job: Job, fileType: FileType): Promise<string> =>
      getSignedUrl(
        objects,
        new PutObjectCommand({ Bucket: bucket, Key: uploadKey(job), ContentType: CONTENT_TYPE[fileType] }),
        { expiresIn: UPLOAD_MS / 1_000, signableHeaders: new Set(['content-type']) },
      ),

    linkResult: (job: Job): Promise<string> =>
      getSignedUrl(
        objects,
        new GetObjectCommand({
          Bucket: bucket,
          Key: resultKey(job),
          ResponseContentDisposition: `attachment; filename="validation-${job.id}.csv"`,
        }),
        { expiresIn: LINK_SECONDS },
      ),
  };
}

/** For who works through them. */
export function validationFilesIn(bucket: string, objects: S3Client) {
  const openResult = mimeIn(bucket, objects, CSV).openMime;
  const readPart = async (job: Job, segment: number): Promise<Buffer> => {
    const { Body } = await objects.send(new GetObjectCommand({ Bucket: bucket, Key: partKey(job, segment) }));
    if (!Body) throw new Error(`${partKey(job, segment)} is empty`);
    return Buffer.from(await Body.transformToByteArray());
  };
  return {
    /** Undefined: nothing was put yet. By a list, since who may not list a bucket is told that he may not see what is not there. */
    findUpload: async (job: Job): Promise<{ octets: number; etag: string } | undefined> => {
      const { Contents = [] } = await objects.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: uploadKey(job), MaxKeys: 1 }),
      );
      const [found] = Contents;
      return found && { octets: found.Size ?? 0, etag: found.ETag ?? '' };
    },

    /** Undefined: it is not the one that was found, or is gone. */
    readUpload: async (job: Job, etag: string): Promise<Buffer | undefined> => {
      try {
        const { Body } = await objects.send(
          new GetObjectCommand({ Bucket: bucket, Key: uploadKey(job), IfMatch: etag }),
        );
        return Body && Buffer.from(await Body.transformToByteArray());
      } catch (error) {
        const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
        if (name === 'NoSuchKey' || $metadata?.httpStatusCode === 412) return undefined;
        throw error;
      }
    },

    /** The lines of a segment; the same segment again replaces them. */
    putPart: async (job: Job, segment: number, csv: string): Promise<void> => {
      const Body = Buffer.from(csv);
      const at = { Bucket: bucket, Key: partKey(job, segment) };
      await objects.send(new PutObjectCommand({ ...at, Body, ContentLength: Body.length, ContentType: CSV }));
    },

    /**
     * Puts the result together: its first line, and the parts in their order. In memory is one part of the upload, and some of these. What is
     * begun and does not end is nothing: the next run begins anew, and the bucket's rule takes it away.
     */
    joinParts: async (job: Job, header: string, segments: number): Promise<void> => {
      const upload = openResult(resultKey(job));
      let waiting: Buffer[] = [Buffer.from(header)];
      let octets = waiting[0]!.length;
      for (let from = 0; from < segments; from += AHEAD) {
        const some = Array.from({ length: Math.min(AHEAD, segments - from) }, (_, n) => readPart(job, from + n));
        for (const part of await Promise.all(some)) {
          waiting.push(part);
          octets += part.length;
        }
        if (octets < UPLOAD_PART) continue;
        const whole = Buffer.concat(waiting);
        let at = 0;
        for (; whole.length - at >= UPLOAD_PART; at += UPLOAD_PART)
          await upload.part(whole.subarray(at, at + UPLOAD_PART));
        waiting = [whole.subarray(at)];
        octets = whole.length - at;
      }
      await upload.end(Buffer.concat(waiting));
    },
  };
}
