/** erase on real tables and buckets (the emulators'), with accounts that have something of everything, and calls that can fail. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { DynamoDBDocumentClient, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { downloadKey } from '../../../core/activity/download.ts';
import { engagementKey } from '../../../core/event/engagement.ts';
import { pageKey, writePage } from '../../../core/event/page.ts';
import { makeRequestId, sgMessageId } from '../../../core/ids.ts';
import { inboundKey } from '../../../core/inbound/message.ts';
import { contentKey, type Job, mimeKey } from '../../../core/job.ts';
import { holdKey, scheduledHold } from '../../../core/records/holds.ts';
import { ownerOf, recipientKey } from '../../../core/records/message-key.ts';
import { attemptKey, copyKey, lateKey, requestKey, returnedMailKey } from '../../../core/records/messages.ts';
import { cutPages } from '../../../core/webhook/outbox.ts';
import { erasedItemsIn } from '../../../io/erased-items.ts';
import { erasedObjectsIn } from '../../../io/erased-objects.ts';
import { erasedRecordsIn } from '../../../io/erased-records.ts';
import { erasuresIn } from '../../../io/erasures.ts';
import { holdsIn } from '../../../io/holds.ts';
import { pagesIn } from '../../../io/pages.ts';
import { suppressionsIn } from '../../../io/suppressions.ts';
import type { EraseDeps } from '../../../lambdas/erase/erase.ts';
import { startEmulators } from '../../../local/emulators.ts';
import { content, makeRequest } from '../../core/stored-request.ts';
import { createTables } from '../../io/dynamodb.ts';

export const NOW = Date.UTC(2026, 10, 25, 12);
const HOUR = 3_600_000;
const TABLES = ['Messages', 'Holds', 'Outbox', 'Suppressions'];
const BUCKETS = { content: 'content', events: 'events', inbound: 'inbound' };
export const ADA = 'ada@example.net';
export const BOB = 'bob@example.net';

export async function startWorld() {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-erase-'));
  const emulators = await startEmulators(folder, (message) => {
    throw new Error(message);
  });
  const at = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
  const dynamodb = new DynamoDBClient({ ...at, endpoint: `http://127.0.0.1:${emulators.dynamodbPort}` });
  const tables = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  const objects = new S3Client({
    ...at,
    endpoint: `http://127.0.0.1:${emulators.fauxqsPort}`,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  await createTables(dynamodb, TABLES);
  for (const Bucket of Object.values(BUCKETS)) await objects.send(new CreateBucketCommand({ Bucket }));

  const clock = { now: NOW, remaining: 180_000 };
  const erasures = erasuresIn({ messages: 'Messages', holds: 'Holds' }, tables);
  const suppressions = suppressionsIn('Suppressions', tables);
  const deps: EraseDeps = {
    ...erasures,
    ...erasedRecordsIn('Messages', tables, 30),
    ...erasedItemsIn({ holds: 'Holds', outbox: 'Outbox' }, tables),
    ...erasedObjectsIn(BUCKETS, objects),
    ...suppressions,
    hold: holdsIn('Holds', tables).hold,
    putPage: pagesIn('events', objects).putPage,
    contentDays: 21,
    makeFence: randomUUID,
    now: () => clock.now,
    remainingMs: () => clock.remaining,
  };
  const put = (TableName: string, Item: Record<string, unknown>) => tables.send(new PutCommand({ TableName, Item }));
  const putObject = (Bucket: string, Key: string, Body: string | Buffer) =>
    objects.send(new PutObjectCommand({ Bucket, Key, Body }));

  /** An account with mail to Ada and Bob, of every fate. The same again for another account, but for its name. */
  async function fill(account: string) {
    let made = 0;
    const newId = (age = HOUR) => makeRequestId(NOW - age, Buffer.alloc(10, ++made));
    const request = (id: string, copies: number, more = {}) =>
      put('Messages', {
        ...requestKey(account, id),
        acceptedAt: NOW,
        copies,
        keyId: 'k',
        from: 'shop@example.com',
        subject: `Dear ${ADA}`,
        received: { protocol: 'HTTP', bytes: 1 },
        expiresAt: 9,
        ...more,
      });
    const outcome = (id: string, index: number, address: string, more = {}) =>
      put('Messages', {
        ...copyKey(account, id, index),
        event: 'delivered',
        ...ownerOf(account, id, address),
        at: NOW,
        attempt: 0,
        reply: `250 ${address}`,
        site: 'x',
        lane: 'l',
        expiresAt: 9,
        ...more,
      });
    const attempt = (id: string, index: number, address: string, n: number) =>
      put('Messages', {
        ...attemptKey(account, id, index, 'deferred', n),
        event: 'deferred',
        address,
        ...(n === 0 ? ownerOf(account, id, address) : {}),
        at: NOW,
        attempt: n,
        reply: `450 ${address}`,
        expiresAt: 9,
      });
    const { personalizations, copies } = makeRequest([{ to: [ADA, BOB] }, { to: [ADA] }]);
    const two = { personalizations, copies };

    const alone = newId();
    // To her alone; Bob has a copy of all that the account sends.
    await request(alone, 2, { recipient: recipientKey(account, ADA) });
    await outcome(alone, 0, ADA);
    await outcome(alone, 1, BOB);
    await attempt(alone, 0, ADA, 0);
    await attempt(alone, 0, ADA, 1);
    const engaged = { event: 'open', address: ADA, at: NOW, ip: '192.0.2.1', expiresAt: 9 };
    await put('Messages', { ...engagementKey(account, alone, 0, 'open', 'x'), ...engaged });
    await put('Messages', { ...lateKey(account, alone, 0, 'bounced'), event: 'bounced', address: ADA, at: NOW });
    const mail = { mailKey: inboundKey(`${account}-m`), at: NOW - 2 * HOUR, expiresAt: 9 };
    await put('Messages', { ...returnedMailKey(account, alone, 0, 'm'), ...mail });
    await putObject('inbound', mail.mailKey, `To: ${ADA}`);
    await putObject('content', mimeKey(account, alone), `To: ${ADA}\r\n`);

    const shared = newId();
    await request(shared, 3, { contentKey: contentKey(account, shared) });
    for (const { index, address } of two.copies) await outcome(shared, index, address);
    await putObject('content', contentKey(account, shared), JSON.stringify({ content, ...two, sendAt: {} }));

    const waiting = newId();
    await request(waiting, 3);
    for (const { index, address } of two.copies) await attempt(waiting, index, address, 0);
    const job = {
      v: 1,
      id: `${waiting}.0.0`,
      hop: 1,
      attempt: 1,
      account,
      requestId: waiting,
      lane: 'l',
      acceptedAt: 1,
    };
    const key = holdKey(job.id, NOW + HOUR);
    await put('Holds', {
      ...key,
      due: NOW + HOUR,
      account,
      copies: 3,
      kind: 'job',
      job: { ...job, content, ...two } as Job,
    });

    const scheduled = newId();
    await request(scheduled, 3);
    const expansion = {
      v: 1 as const,
      account,
      requestId: scheduled,
      acceptedAt: 1,
      contentKey: contentKey(account, scheduled),
    };
    await put('Holds', scheduledHold(expansion, NOW + 9 * HOUR, { copies: 3 }));
    await putObject('content', expansion.contentKey, JSON.stringify({ content, ...two, sendAt: { 0: 9, 1: 9 } }));

    // Accepted after the job: none of its business.
    const younger = newId(-HOUR);
    await request(younger, 1);
    await outcome(younger, 0, ADA);

    const events = [ADA, BOB].flatMap((email) =>
      [alone, younger].map((id) => ({
        email,
        event: 'delivered' as const,
        timestamp: 1,
        sg_event_id: 'e',
        sg_message_id: sgMessageId(id, 0),
      })),
    );
    for (const [n, event] of events.entries()) {
      const sequence = String(n).padStart(40, '0');
      await putObject(
        'events',
        pageKey(account, '2026-11-25T11', 's', sequence, sequence),
        writePage([event, events[2]!]),
      );
      const line = { sequence, type: event.event, json: JSON.stringify(event) };
      await put('Outbox', cutPages(account, `s${n % 2}`, [line], NOW)[0]!);
    }
    await putObject('events', downloadKey(account, 'a'), `from,to\nx,${ADA}\n`);
    await putObject('events', downloadKey(account, 'b'), `from,to\nx,${BOB}\n`);
    for (const address of ['Ada@Example.net', BOB])
      for (const list of ['bounces', 'blocks', 'group#7'] as const)
        await suppressions.suppress({ account, address, list, entry: { created: 1_000, reason: 'no such user' } });
    return { alone, shared, waiting, scheduled, younger };
  }

  /** All that there is of an account, as text by place; the account's name, its jobs' and the time left out. */
  async function dump(account: string, jobId: string): Promise<Record<string, string>> {
    const all: Record<string, string> = {};
    const clean = (value: string) => value.replaceAll(account, 'ACCOUNT').replaceAll(jobId, 'JOB');
    const show = (place: string, value: string) => {
      if (value.includes(account) || place.includes(account)) all[clean(place)] = clean(value);
    };
    for (const TableName of TABLES)
      for (const item of (await tables.send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? []) {
        const { pk, sk, lines, ...rest } = item;
        const isOwn = String(sk).includes(jobId) || String(sk).startsWith('claim');
        const what = lines ? { ...rest, lines: gunzipSync(lines).toString() } : rest;
        if (!isOwn)
          show(
            `${TableName} ${pk} ${sk}`,
            inspect(withoutTimes(what), {
              sorted: true,
              depth: 9,
              compact: true,
              breakLength: Number.POSITIVE_INFINITY,
            }),
          );
      }
    for (const Bucket of Object.values(BUCKETS)) {
      const { Contents = [] } = await objects.send(new ListObjectsV2Command({ Bucket }));
      for (const { Key = '' } of Contents) {
        if (!Key.includes(account)) continue;
        const { Body } = await objects.send(new GetObjectCommand({ Bucket, Key }));
        const octets = Buffer.from(await Body!.transformToByteArray());
        show(`${Bucket} ${Key}`, (Key.endsWith('.gz') ? gunzipSync(octets) : octets).toString());
      }
    }
    return all;
  }

  return {
    clock,
    deps,
    erasures,
    suppressions,
    tables,
    fill,
    dump,
    stop: async () => {
      dynamodb.destroy();
      objects.destroy();
      await emulators.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** When something was erased, and until when that is known, is another time each time. */
function withoutTimes({ at: _, expiresAt: __, ...item }: Record<string, unknown>): Record<string, unknown> {
  return item;
}
