/** What lies in the content bucket, through the SDK and back, by a server that keeps what it is given. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { contentIn } from '../../io/content.ts';

const objects = new Map<string, Buffer>();
let server: Server;
let content: ReturnType<typeof contentIn>;

beforeEach(async () => {
  objects.clear();
  server = createServer((request, response) => {
    const key = new URL(request.url!, 'http://s3').pathname;
    const found = objects.get(key);
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (request.method === 'PUT') objects.set(key, Buffer.concat(pieces));
      response.writeHead(request.method === 'PUT' || found ? 200 : 404, { 'content-type': 'application/octet-stream' });
      response.end(request.method === 'GET' ? found : undefined);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-central-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  content = contentIn('bucket', client);
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

it('gives back a stored request as it was', async () => {
  const request = {
    content: { mime: { octets: 'h\xe4llo\r\n' } },
    personalizations: [],
    copies: [],
    sendAt: {},
  } as never;
  await content.storeContent('requests/operator/a.json', request);
  expect(await content.readContent('requests/operator/a.json')).toEqual(request);
});

it('gives a message octet for octet', async () => {
  const octets = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 256));
  objects.set('/bucket/requests/operator/a.eml', octets);
  const read = await content.readMime('requests/operator/a.eml');
  expect(Buffer.isBuffer(read) && read.equals(octets)).toBe(true);
});

it('fails where there is none', async () => {
  await expect(content.readMime('requests/operator/none.eml')).rejects.toThrow();
});
