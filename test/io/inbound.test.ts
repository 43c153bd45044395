import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseInboundMessage } from '../../core/inbound/message.ts';
import { inboundIn, inboundMailsIn } from '../../io/inbound.ts';
import { startEmulators } from '../../local/emulators.ts';

const MAIL = Buffer.from('Subject: x\r\n\r\n\xff\r\n', 'latin1');
const received = { receivedAt: 1_790_000_000_000, mailFrom: '', rcptTo: ['postmaster@em.shop.example'] };
const folder = mkdtempSync(join(tmpdir(), 'pennypost-inbound-'));
let emulators: Awaited<ReturnType<typeof startEmulators>>;
let objects: S3Client;
let queues: SQSClient;
let queueUrl: string;

beforeAll(async () => {
  emulators = await startEmulators(folder, (message) => {
    throw new Error(message);
  });
  const at = {
    endpoint: `http://127.0.0.1:${emulators.fauxqsPort}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  objects = new S3Client({ ...at, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
  queues = new SQSClient({ ...at, maxAttempts: 1 });
  await objects.send(new CreateBucketCommand({ Bucket: 'inbound' }));
  queueUrl = (await queues.send(new CreateQueueCommand({ QueueName: 'inbound' }))).QueueUrl!;
});
afterAll(async () => {
  await emulators.stop();
  rmSync(folder, { recursive: true, force: true });
});

const receive = async () => {
  const { Messages = [] } = await queues.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
  );
  return Messages.map(({ Body }) => parseInboundMessage(Body!));
};

describe('inbound mail', () => {
  it('is stored octet by octet, then queued', async () => {
    const { storeInbound } = inboundIn({ bucket: 'inbound', queueUrl }, objects, queues);
    await storeInbound({ id: 'whole', ...received }, MAIL);
    await storeInbound({ id: 'stream', ...received }, { stream: Readable.from([MAIL]), bytes: MAIL.length });

    const { readInbound } = inboundMailsIn('inbound', objects);
    const messages = await receive();
    expect(messages.map(({ id }) => id).sort()).toEqual(['stream', 'whole']);
    for (const { key } of messages) expect(await readInbound(key, 1_000)).toEqual(MAIL);
    expect(await readInbound('inbound/whole.eml', 3)).toBeUndefined();
  });

  it('is not taken when it is not stored or not queued', async () => {
    const noBucket = inboundIn({ bucket: 'nowhere', queueUrl }, objects, queues);
    await expect(noBucket.storeInbound({ id: 'lost', ...received }, MAIL)).rejects.toThrow();
    expect((await receive()).map(({ id }) => id)).not.toContain('lost');
    const noQueue = inboundIn({ bucket: 'inbound', queueUrl: `${queueUrl}-gone` }, objects, queues);
    await expect(noQueue.storeInbound({ id: 'unheard', ...received }, MAIL)).rejects.toThrow('inbound queue');
  });
});
