/**
 * Messages on their way into a bucket, as they come: part by part, so that a message of 30 MB costs the memory of one part.
 * An object is there whole or not at all; what was begun and not ended is aborted. (Should even that fail, the bucket's
 * lifecycle rule for incomplete uploads removes it.)
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

export type Upload = {
  /** Stores a part: of at least 5 MiB, and of one size but for the last (S3 quotas). @throws the SDK's error */
  part: (octets: Buffer) => Promise<void>;
  /** Stores what is left and ends the object. @throws the SDK's error; then there is no object */
  end: (octets: Buffer) => Promise<void>;
  /** Gives it up. Never throws: nobody could do anything about it. */
  abort: () => Promise<void>;
};

/** @param ContentType of what is not mail */
export function mimeIn(bucket: string, client: S3Client, ContentType = 'message/rfc822') {
  const object = (Key: string) => ({ Bucket: bucket, Key });
  /** Puts a message that is here whole. The same key always gets the same octets. */
  const putMime = async (key: string, octets: Buffer): Promise<void> => {
    await client.send(
      new PutObjectCommand({ ...object(key), Body: octets, ContentLength: octets.length, ContentType }),
    );
  };
  /** Begins a message that comes in parts; nothing is asked of S3 before the first. */
  const openMime = (key: string): Upload => {
    let uploadId: string | undefined;
    const parts: { ETag?: string | undefined; PartNumber: number }[] = [];
    const part = async (octets: Buffer): Promise<void> => {
      uploadId ??= (await client.send(new CreateMultipartUploadCommand({ ...object(key), ContentType }))).UploadId;
      const PartNumber = parts.length + 1;
      const { ETag } = await client.send(
        new UploadPartCommand({
          ...object(key),
          UploadId: uploadId,
          PartNumber,
          Body: octets,
          ContentLength: octets.length,
        }),
      );
      parts.push({ ETag, PartNumber });
    };
    return {
      part,
      end: async (octets) => {
        if (uploadId === undefined) return putMime(key, octets);
        if (octets.length > 0) await part(octets);
        await client.send(
          new CompleteMultipartUploadCommand({
            ...object(key),
            UploadId: uploadId,
            MultipartUpload: { Parts: parts },
          }),
        );
      },
      abort: async () => {
        if (uploadId === undefined) return;
        await client
          .send(new AbortMultipartUploadCommand({ ...object(key), UploadId: uploadId }))
          .catch(() => undefined);
      },
    };
  };
  return { putMime, openMime };
}
