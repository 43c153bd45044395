/**
 * A job that can never succeed reaches the dead-letter queue and delays nobody; it is counted as dead, not as lost; and once
 * its cause is mended, a redrive sends it exactly once.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DeleteCommand, DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentKey, type Job } from '../../core/job.ts';
import { DAY_SECONDS, JOB_HOPS } from '../../core/limits.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import type { DomainRecord } from '../../core/records/domains.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

/** Seconds between two receptions, and receptions: 60 and 8 would be the shortest otherwise. */
const VISIBILITY = 5;
const RECEPTIONS = 2;

/** The lane as it is, but for its times. */
function hurry(directory: string): void {
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.template.json'))) {
    const path = join(directory, file);
    const template = JSON.parse(readFileSync(path, 'utf8'));
    for (const { Type, Properties } of Object.values<{ Type: string; Properties: Record<string, unknown> }>(
      template.Resources,
    )) {
      const variables = (Properties?.Environment as { Variables?: Record<string, unknown> } | undefined)?.Variables;
      if (Type === 'AWS::Lambda::Function' && variables?.LANE !== undefined) Properties.Timeout = VISIBILITY;
      if (Type === 'AWS::SQS::Queue' && Properties.RedrivePolicy && /Lane/i.test(JSON.stringify(Properties) + file)) {
        Properties.VisibilityTimeout = VISIBILITY;
        (Properties.RedrivePolicy as { maxReceiveCount: number }).maxReceiveCount = RECEPTIONS;
      }
    }
    writeFileSync(path, JSON.stringify(template));
  }
}

type Lane = { url: string; deadUrl: string };
let mail: Mail;
let lane: Lane;
let queues: SQSClient;
let tables: DynamoDBDocumentClient;
let objects: S3Client;

beforeAll(async () => {
  mail = await givenMail({ paused: true, settings: { delivery: { timeoutSeconds: 10 } }, edit: hurry });
  const { awsUrl: endpoint, region, outputs } = mail.stack;
  const at = { endpoint, region, credentials: { accessKeyId: 'operator', secretAccessKey: 'local' } };
  queues = new SQSClient(at);
  tables = DynamoDBDocumentClient.from(new DynamoDBClient(at));
  objects = new S3Client({ ...at, forcePathStyle: true });
  lane = (JSON.parse(outputs.Lanes!) as Lane[])[0]!;
});
afterAll(() => mail.end());

async function send(body: object): Promise<string> {
  const { status, id } = await mail.post(body);
  expect(status).toBe(202);
  return id;
}

/** Takes everything that is in a queue. */
async function takeAll(url: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await queues.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }));
    if (Messages.length === 0) return bodies;
    for (const { Body, ReceiptHandle } of Messages) {
      bodies.push(Body!);
      await queues.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
    }
  }
}
async function put(url: string, bodies: string[]): Promise<void> {
  for (const MessageBody of bodies)
    await queues.send(new SendMessageCommand({ QueueUrl: url, MessageBody, MessageGroupId: 'operator.single' }));
}

const bucket = () => mail.stack.assembly.ofType('AWS::S3::Bucket')[0]!.name;
const dead = () => mail.stack.queues.inspect().find(({ name }) => lane.deadUrl.endsWith(`/${name}`))!;
const arrivedTo = (to: string) => mail.sink.dots.filter(({ recipient }) => recipient === to).length;

describe('poison on a lane', () => {
  it('dies alone: dead letters are counted, good mail is not held up, and a redrive after a fix sends once', async () => {
    // Prepare: four jobs that accept made, and what will be wrong with them; one that nobody made.
    const ids = {
      version: await send(mailTo('version@example.net')),
      hops: await send(mailTo('hops@example.net')),
      content: await send(
        mailTo('content@example.net', { content: [{ type: 'text/plain', value: 'x'.repeat(60_000) }] }),
      ),
    };
    const domain = await mail.operator.addDomain(OPERATOR, 'broken.example');
    const gone = await mail.operator.addDomain(OPERATOR, 'gone.example');
    const key = await send({ ...mailTo('key@example.net'), from: { email: 'shop@broken.example' } });
    const left = await send({ ...mailTo('left@example.net'), from: { email: 'shop@gone.example' } });

    const wrong: Record<string, (job: Job) => object> = {
      [ids.version]: (job) => ({ ...job, v: 2 }),
      [ids.hops]: (job) => ({ ...job, hop: JOB_HOPS, acceptedAt: job.acceptedAt - 5 * DAY_SECONDS * 1_000 }),
    };
    const jobs = (await takeAll(lane.url)).map((body) => JSON.parse(body) as Job);
    expect(jobs).toHaveLength(5);
    await put(lane.url, [
      'this is {not JSON',
      ...jobs.map((job) => JSON.stringify(wrong[job.requestId]?.(job) ?? job)),
    ]);
    const where = { Bucket: bucket(), Key: contentKey(OPERATOR, ids.content) };
    const content = await (await objects.send(new GetObjectCommand(where))).Body!.transformToByteArray();
    await objects.send(new PutObjectCommand({ ...where, Body: 'cut off in the mi' }));
    const TableName = mail.stack.outputs.AccountsTable!;
    const rewrite = (record: DomainRecord) => tables.send(new PutCommand({ TableName, Item: record }));
    await rewrite({ ...domain, privateKey: Buffer.from('no ciphertext of this key').toString('base64') });
    await tables.send(new DeleteCommand({ TableName, Key: { pk: gone.pk, sk: gone.sk } }));
    const good = await Promise.all(Array.from({ length: 100 }, (_, i) => send(mailTo(`good-${i}@example.net`))));

    // Act
    mail.stack.resume();
    const begun = Date.now();

    // Assess: the good are delivered before the first of the poison has died, and what can't be sent at all is final, or goes round.
    await eventually(
      () => mail.ledger([...good, left, ids.hops]),
      ({ delivered, dropped, bounced }) => delivered === 100 && dropped === 1 && bounced === 1,
      VISIBILITY * RECEPTIONS,
    );
    expect(Date.now() - begun).toBeLessThan(VISIBILITY * RECEPTIONS * 1_000);
    expect(dead().messages).toEqual([]);

    await eventually(dead, ({ ready }) => ready === 4, 30);
    const poison = [ids.version, ids.content, key];
    expect(await thenAllIsAccountedFor(mail, poison)).toMatchObject({ accepted: 3, dead: 3, lost: 0 });
    expect(await thenAllIsAccountedFor(mail)).toMatchObject({
      accepted: 105,
      delivered: 100,
      dropped: 1,
      bounced: 1,
      dead: 3,
    });
    expect(dead().messages.map(({ body }) => body)).toContain('this is {not JSON');
    for (const to of ['version', 'hops', 'content', 'key', 'left']) expect(arrivedTo(`${to}@example.net`)).toBe(0);

    // Act: what was wrong is mended, and all goes back to the lane as it is.
    await objects.send(new PutObjectCommand({ ...where, Body: content }));
    await rewrite(domain);
    await put(lane.url, await takeAll(lane.deadUrl));

    // Assess: what was mended arrives once, and the rest dies again.
    await eventually(
      () => mail.ledger([ids.content, key]),
      ({ delivered }) => delivered === 2,
      30,
    );
    await eventually(dead, ({ ready }) => ready === 2, 30);
    for (const to of ['content', 'key']) expect(arrivedTo(`${to}@example.net`)).toBe(1);
    expect(await thenAllIsAccountedFor(mail)).toMatchObject({
      accepted: 105,
      delivered: 102,
      dropped: 1,
      bounced: 1,
      dead: 1,
    });
  }, 90_000);
});
