/**
 * A reader asks to be forgotten: mail of every fate to her, erased over the API, and then every table, every object of every bucket and
 * every queue of the stack is searched for her. Others' mail in the same requests, and another account's mail to her, stay as they were.
 */
import { gunzipSync } from 'node:zlib';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { DeleteCommand, DynamoDBDocumentClient, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import nodemailer from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engagementKey } from '../../core/event/engagement.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { eraseHold } from '../../core/records/erasure.ts';
import type { Hold } from '../../core/records/holds.ts';
import { messagesIn } from '../../io/messages.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { tableNamed } from '../../local/stack.ts';
import { eventually, givenMail, type Mail, mailTo, whenDue, whenQueuesAreEmpty } from './given.ts';
import { ALL_ON, startReceiver } from './receiver.ts';

/** Nothing else on the stack is called so. */
const NAME = 'adalovelace';
const her = (fate: string, tag = NAME) => `${fate}+${tag}@erased.example`;
const HERS = ['good', 'bounce', 'spam', 'defer-9', 'bounce-later'].map((fate) => her(fate));
const NEIGHBOUR = 'good+charles@kept.example';
const PUT_OFF = 'defer-9+charles@kept.example';
const TENANT = 'neighbor';
const LONG = { content: [{ type: 'text/plain', value: 'It is on its way, as ordered. '.repeat(1_000) }] };

let mail: Mail;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let dynamodb: DynamoDBClient;
let tables: DynamoDBDocumentClient;
let objects: S3Client;
const ids: Record<string, string> = {};
let jobId = '';

const call = async (method: string, path: string, body?: unknown, key = mail.local.apiKey) => {
  const answer = await fetch(`${mail.local.apiUrl}/v3/${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? undefined : JSON.parse(text) };
};
const scan = async (TableName: string) => {
  const items: Record<string, unknown>[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await tables.send(new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey: from }));
    items.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from);
  return items;
};
const holds = async () => (await scan(mail.stack.outputs.HoldsTable!)) as Hold[];

beforeAll(async () => {
  receiver = await startReceiver();
  receiver.answer = (_, response) => void response.writeHead(503).end();
  mail = await givenMail({
    settings: {
      relay: { hostName: 'smtp.pennypost.example' },
      events: { announceSeconds: 1, tallySeconds: 1 },
      // Two sites get a thousand: they need not take turns.
      shaping: { providers: { other: { connections: 20 } } },
    },
  });
  const at = {
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  };
  dynamodb = new DynamoDBClient(at);
  tables = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  objects = new S3Client({ ...at, forcePathStyle: true });
  await sendEverything();
}, 240_000);
afterAll(async () => {
  dynamodb?.destroy();
  objects?.destroy();
  receiver?.stop();
  await mail?.end();
});

async function sendEverything(): Promise<void> {
  expect(
    (await call('POST', 'user/webhooks/event/settings', { enabled: true, url: receiver.url, ...ALL_ON })).status,
  ).toBe(201);
  const send = async (name: string, body: unknown) => {
    const { status, id } = await mail.post(body);
    expect([name, status]).toEqual([name, 202]);
    ids[name] = id;
  };
  const sendAt = Math.floor(Date.now() / 1_000) + 7_200;
  const two = [{ to: [{ email: her('good'), name: 'Ada Lovelace' }] }, { to: [{ email: NEIGHBOUR }] }];
  for (const address of HERS)
    await send(
      address,
      mailTo(address, { subject: `Dear ${NAME}`, custom_args: { who: NAME }, categories: ['orders'] }),
    );
  await send('as she writes it', mailTo(her('Good', 'AdaLovelace')));
  await send('long', mailTo(her('good'), LONG));
  await send('put off, long', mailTo(her('defer-9'), LONG));
  await send('scheduled', mailTo(her('good'), { send_at: sendAt }));
  await send('scheduled with another', mailTo('x', { personalizations: two, send_at: sendAt }));
  await send('with another', mailTo('x', { personalizations: two, ...LONG }));
  const together = [{ to: [{ email: her('good') }, { email: PUT_OFF }], cc: [{ email: her('good', `${NAME}2`) }] }];
  await send('together', mailTo('x', { personalizations: together }));
  await send('together, long', mailTo('x', { personalizations: together, ...LONG }));
  await send(
    'many',
    mailTo('x', { personalizations: Array.from({ length: 1_000 }, (_, n) => (n % 2 ? two[0] : two[1])) }),
  );

  const { host, port, user, password } = mail.local.smtp!;
  const transport = nodemailer.createTransport({
    host,
    port,
    auth: { user, pass: password },
    tls: { rejectUnauthorized: false },
  });
  const octets = { from: 'shop@example.com', subject: 'Your order', text: LONG.content[0]!.value };
  await transport.sendMail({ ...octets, to: her('good') });
  await transport.sendMail({ ...octets, to: [her('good'), NEIGHBOUR] });
  transport.close();

  await mail.operator.addDomain(TENANT, 'tenant.example');
  const { key } = await mail.operator.createKey(TENANT, 'tenant', [
    'mail.send',
    'recipients.create',
    'recipients.read',
  ]);
  ids.tenant = key;
  const theirs = mailTo(her('good'), { from: { email: 'news@tenant.example' }, ...LONG });
  expect((await call('POST', 'mail/send', theirs, key)).status).toBe(202);

  await whenQueuesAreEmpty(mail, 120);
  // On a slow machine deliver leaves some of the neighbour's mail for later: its time has come.
  await eventually(
    async () => {
      await whenDue(mail, NEIGHBOUR);
      const isHis = (hold: Hold) => hold.kind === 'job' && hold.job.copies.some(({ address }) => address === NEIGHBOUR);
      await whenQueuesAreEmpty(mail, 120);
      return (await holds()).filter(isHis).length;
    },
    (left) => left === 0,
    120,
  );
  for (const email of [her('good'), NEIGHBOUR]) {
    const path = 'asm/suppressions/global';
    expect((await call('POST', path, { recipient_emails: [email] })).status).toBe(201);
  }
  // The bounce that came later is on record, and the log has it all.
  await eventually(
    async () => (await search()).map(({ where }) => where),
    (found) =>
      ['messages', 'holds', 'outbox', 'suppressions', 'events/', 'inbound/', 'requests/'].every((place) =>
        found.some((where) => where.includes(place)),
      ),
    60,
  );
  const { json } = await call('POST', 'messages/download');
  expect(json.download_uuid).toBeDefined();
}

type Found = { where: string; what: string };
const PLAIN = [NAME, 'AdaLovelace', 'Ada Lovelace'];
/** The name as base64 has it, at each of the three places where it can begin. */
const ENCODED = PLAIN.flatMap((name) =>
  [0, 1, 2].map((shift) => {
    const text = Buffer.from(' '.repeat(shift) + name)
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, text.length - 1);
  }),
);
function names(octets: Buffer): boolean {
  const text = octets.toString('latin1');
  if (PLAIN.some((one) => text.toLowerCase().includes(one.toLowerCase())) || ENCODED.some((one) => text.includes(one)))
    return true;
  return octets[0] === 0x1f && octets[1] === 0x8b && names(gunzipSync(octets));
}
function isNamed(value: unknown): boolean {
  if (value instanceof Uint8Array) return names(Buffer.from(value));
  if (typeof value === 'string') return names(Buffer.from(value));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, one]) => isNamed(name) || isNamed(one));
}

/** Every bucket of the stack. */
const buckets = () =>
  Object.entries(mail.stack.outputs).flatMap(([name, value]) => (name.endsWith('Bucket') ? [value] : []));

/** Where she is named: items, objects, messages of queues. */
async function search(): Promise<Found[]> {
  const found: Found[] = [];
  for (const { logicalId, name } of mail.stack.tables())
    for (const item of await scan(name))
      if (isNamed(item))
        found.push({ where: `${logicalId.toLowerCase()} ${item.pk} ${item.sk}`, what: JSON.stringify(item) });
  for (const Bucket of buckets()) {
    const { Contents = [] } = await objects.send(new ListObjectsV2Command({ Bucket }));
    for (const { Key } of Contents) {
      const { Body } = await objects.send(new GetObjectCommand({ Bucket, Key }));
      const octets = Buffer.from(await Body!.transformToByteArray());
      if (names(octets)) found.push({ where: Key!, what: octets.subarray(0, 300).toString('latin1') });
    }
  }
  for (const { messages } of mail.stack.queues.inspect())
    for (const { body } of messages) if (isNamed(body)) found.push({ where: 'queue', what: body });
  return found;
}

/** Of what she asked for, and nothing of another account's. */
const ofOperator = ({ where }: Found) => !where.includes(TENANT);
const report = async () => (await call('GET', `recipients/erasejob/${jobId}`)).json;

/** As time does it: the next pass is due, and mail that came back an hour ago has been read. */
async function nextPass(): Promise<void> {
  const { passes } = await report();
  for (const item of await scan(mail.stack.outputs.MessagesTable!))
    if (item.mailKey !== undefined)
      await tables.send(new PutCommand({ TableName: mail.stack.outputs.MessagesTable!, Item: { ...item, at: 0 } }));
  for (const hold of await holds()) {
    if (hold.kind !== 'erase') continue;
    const TableName = mail.stack.outputs.HoldsTable!;
    await tables.send(new PutCommand({ TableName, Item: eraseHold(hold.erase, Date.now()) }));
    await tables.send(new DeleteCommand({ TableName, Key: { pk: hold.pk, sk: hold.sk } }));
  }
  await eventually(report, (job) => job.passes > passes && job.state !== 'running', 60);
}

describe('erasure', () => {
  it('is refused where an address is none, and takes what is one', async () => {
    const wrong = await call('POST', 'recipients/erasejob', { email_addresses: ['ada@example.com', 'nobody'] });
    expect(wrong).toMatchObject({
      status: 400,
      json: { errors: [{ message: 'Email_address nobody is not valid', field: 'email_addresses' }] },
    });
    const addresses = [...HERS, her('good', `${NAME}2`), 'nobody-knows@erased.example'];
    const made = await call('POST', 'recipients/erasejob', { email_addresses: [...addresses, HERS[0]] });
    expect(made).toMatchObject({ status: 202, json: { job_id: expect.any(String) } });
    jobId = made.json.job_id;
    expect(await report()).toMatchObject({ job_id: jobId, email_addresses: addresses.length });
  });

  it('the first pass takes all that can be taken at once; what others wait for goes on', async () => {
    const job = await eventually(report, ({ state, passes }) => passes === 1 && state === 'waiting', 90);
    expect(job).toMatchObject({ erased: { waiting: expect.any(Number), downloads: 1 } });
    expect(job.certain_at - job.created_at).toBe(96 * 3_600);
    expect(job.erased.events).toBeGreaterThan(HERS.length);
    const held = await holds();
    expect(held.filter(isNamed)).toEqual([]);
    // The neighbour's two that were put off, and his part of what is scheduled.
    expect(held.flatMap((hold) => (hold.kind === 'job' ? hold.job.copies : [])).map(({ address }) => address)).toEqual([
      PUT_OFF,
      PUT_OFF,
    ]);
    expect(held.filter(({ kind }) => kind === 'request').map(({ copies }) => copies)).toEqual([1]);
  }, 120_000);

  it('what is written later is taken by later passes: then she is nowhere, but on the lists of whom not to mail', async () => {
    // She opens a mail that she had long before.
    await messagesIn(mail.stack.outputs.MessagesTable!, tables).recordEngagement({
      ...engagementKey(OPERATOR, ids[HERS[0]!]!, 0, 'open', 'x'),
      event: 'open',
      address: HERS[0]!,
      at: Date.now(),
      expiresAt: Math.floor(Date.now() / 1_000) + 999,
    });
    for (let n = 0; n < 3; n++) await nextPass();
    const job = await report();
    expect(job).toMatchObject({ state: 'done', passes: 4, left: 0 });
    expect(job.kept).toEqual({ suppressions: { bounces: 2, unsubscribes: 1 } });

    for (const address of HERS) expect((await call('GET', `messages/${ids[address]}`)).status).toBe(404);
    const found = (await search()).filter(ofOperator);
    expect(found.filter(({ where }) => !where.startsWith('storagesuppressions'))).toEqual([]);
    // Two items of each that is kept: by address, and in its list.
    expect(found).toHaveLength(6);
    for (const { what } of found) expect(what).not.toMatch(/reason|status|copy|"ip"|AdaLovelace/);
  }, 240_000);

  it('neighbours have all of theirs: the mail of the same requests, and another account’s to her', async () => {
    const { json } = await call('GET', `messages?limit=1000&query=${encodeURIComponent(`to_email = "${NEIGHBOUR}"`)}`);
    expect(json.messages.length).toBeGreaterThan(500);
    for (const { status } of json.messages) expect(status).toBe('delivered');
    const theirs = (await search()).filter((one) => !ofOperator(one));
    expect(theirs.map(({ where }) => where.replace(/[ /].*/, ''))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^storagemessages/), 'events', 'requests']),
    );
  }, 60_000);

  it('nothing was lost, nothing failed, and she is still not mailed', async () => {
    const ledger = await mail.ledger();
    expect(ledger).toMatchObject({ lost: 0, dead: 0, held: 3 });
    const again = await mail.post(mailTo(her('good')));
    await whenQueuesAreEmpty(mail, 30);
    expect(await mail.ledger([again.id])).toMatchObject({ dropped: 1 });
    expect(mail.stack.denials).toEqual([]);
    expect(mail.log.filter((line) => /"level":"ERROR"|"stage":"erase"/.test(line))).toEqual([]);
  }, 60_000);

  // Attack: another account asks for the job, and asks to have the reader forgotten whose mail is not its own.
  it('a job is its account’s, and reaches nothing of another’s', async () => {
    expect((await call('GET', `recipients/erasejob/${jobId}`, undefined, ids.tenant)).status).toBe(404);
    const before = await scan(tableNamed(mail.stack, 'suppressions'));
    const made = await call('POST', 'recipients/erasejob', { email_addresses: [NEIGHBOUR, PUT_OFF] }, ids.tenant);
    expect(made.status).toBe(202);
    await eventually(
      async () => (await call('GET', `recipients/erasejob/${made.json.job_id}`, undefined, ids.tenant)).json,
      ({ passes, state }) => passes === 1 && state === 'waiting',
      60,
    );
    expect(await scan(tableNamed(mail.stack, 'suppressions'))).toEqual(before);
    expect((await mail.ledger()).held).toBe(3);
    const { json } = await call('GET', `messages?limit=1000&query=${encodeURIComponent(`to_email = "${NEIGHBOUR}"`)}`);
    expect(json.messages.length).toBeGreaterThan(500);
  }, 90_000);
});
