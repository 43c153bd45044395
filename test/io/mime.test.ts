/** Messages on their way into a bucket of the emulator: part by part, whole or not at all. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mimeIn } from '../../io/mime.ts';
import { type Emulators, startEmulators } from '../../local/emulators.ts';

const MB = 1_048_576;
const folder = mkdtempSync(join(tmpdir(), 'pennypost-mime-'));
const Bucket = 'content';
let emulators: Emulators;
let client: S3Client;
beforeAll(async () => {
  emulators = await startEmulators(folder, () => {});
  client = new S3Client({
    endpoint: `http://127.0.0.1:${emulators.fauxqsPort}`,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  await client.send(new CreateBucketCommand({ Bucket }));
});
afterAll(async () => {
  client.destroy();
  await emulators.stop();
  rmSync(folder, { recursive: true, force: true });
});

const read = async (Key: string) => {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from(await Body!.transformToByteArray());
};
const keys = async () =>
  ((await client.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);

describe('a message into the bucket', () => {
  it('in parts: the object is their octets, in order', async () => {
    const { openMime } = mimeIn(Bucket, client);
    const upload = openMime('long.eml');
    const parts = [1, 2].map((fill) => Buffer.alloc(5 * MB, fill));
    for (const part of parts) await upload.part(part);
    expect(await keys()).not.toContain('long.eml');
    await upload.end(Buffer.from('the end'));
    expect((await read('long.eml')).equals(Buffer.concat([...parts, Buffer.from('the end')]))).toBe(true);
  });

  it('of just two parts, with nothing left over', async () => {
    const upload = mimeIn(Bucket, client).openMime('even.eml');
    await upload.part(Buffer.alloc(5 * MB, 3));
    await upload.part(Buffer.alloc(5 * MB, 4));
    await upload.end(Buffer.alloc(0));
    expect(await read('even.eml')).toHaveLength(10 * MB);
  });

  it('of less than a part: one put', async () => {
    await mimeIn(Bucket, client).openMime('short.eml').end(Buffer.from('short'));
    expect((await read('short.eml')).toString()).toBe('short');
  });

  it('given up: no object, no parts that are kept and paid for', async () => {
    const upload = mimeIn(Bucket, client).openMime('gone.eml');
    await upload.part(Buffer.alloc(5 * MB, 5));
    await upload.abort();
    expect(await keys()).not.toContain('gone.eml');
    await expect(upload.part(Buffer.alloc(5 * MB, 6))).rejects.toThrow(/upload/i);
  });

  it('given up before it began, or twice: nothing, and no error', async () => {
    const upload = mimeIn(Bucket, client).openMime('never.eml');
    await upload.abort();
    await upload.abort();
    expect(await keys()).not.toContain('never.eml');
  });

  it('a bucket that is not there: an error, never half an object', async () => {
    const upload = mimeIn('nowhere', client).openMime('lost.eml');
    await expect(upload.part(Buffer.alloc(5 * MB))).rejects.toThrow();
    await expect(mimeIn('nowhere', client).openMime('lost.eml').end(Buffer.from('x'))).rejects.toThrow();
    await upload.abort();
  });
});
