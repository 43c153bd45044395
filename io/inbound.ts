/**
 * Mail that came in: its octets in the inbound bucket, and word of it on the inbound queue, in that order. Whoever took it may
 * say 250 when both are done. When the queue does not answer, the mail may be queued nevertheless; the sender tries again, and
 * what it is about (a bounce, a complaint) is recorded once all the same.
 */
import type { Readable } from 'node:stream';
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { type InboundMessage, inboundKey } from '../core/inbound/message.ts';
import { sendEntries } from './queue.ts';

/** The mail itself: in memory, or a stream whose length is known (S3 wants it in advance). */
export type InboundOctets = Buffer | { stream: Readable; bytes: number };

/** What its session said of a mail; `id` is random, at most 128 characters of base64url. */
export type Received = Omit<InboundMessage, 'v' | 'key'>;

export function inboundIn(
  { bucket, queueUrl }: { bucket: string; queueUrl: string },
  objects: S3Client,
  queues: SQSClient,
) {
  const putInbound = async (id: string, octets: InboundOctets): Promise<void> => {
    const [Body, ContentLength] = Buffer.isBuffer(octets) ? [octets, octets.length] : [octets.stream, octets.bytes];
    await objects.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: inboundKey(id),
        Body,
        ContentLength,
        ContentType: 'message/rfc822',
      }),
    );
  };
  /** @throws Error when the queue did not take it, or did not say */
  const announceInbound = async (received: Received): Promise<void> => {
    const message: InboundMessage = { v: 1, ...received, key: inboundKey(received.id) };
    const [sent] = await sendEntries(queues, queueUrl, [{ body: JSON.stringify(message), group: undefined }]);
    if (sent !== 'sent')
      throw new Error(`the inbound queue ${sent === 'refused' ? 'refused' : 'did not answer for'} ${received.id}`);
  };
  return {
    putInbound,
    announceInbound,
    /**
     * Stores a mail and queues it: after this, 250.
     * @throws Error when it is not known to be stored and queued: 451
     */
    storeInbound: async (received: Received, octets: InboundOctets): Promise<void> => {
      await putInbound(received.id, octets);
      await announceInbound(received);
    },
  };
}

/** Reads mails back, for the stages behind the queue. */
export function inboundMailsIn(bucket: string, objects: S3Client) {
  return {
    /**
     * @param most octets; undefined: the mail is longer
     * @throws the SDK's error when the object is not there
     */
    readInbound: async (key: string, most: number): Promise<Buffer | undefined> => {
      const { Body, ContentLength = 0 } = await objects.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (!Body) throw new Error(`mail ${key} is empty`);
      if (ContentLength > most) {
        (Body as Readable).destroy();
        return undefined;
      }
      return Buffer.from(await Body.transformToByteArray());
    },
  };
}
