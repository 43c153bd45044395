/**
 * A file of addresses on the local stack: its place is asked for, the file is put by the link, judged in the background under validate's own
 * permissions, and what became of it fetched by another link. Hostile files end their job in words.
 */
import { gzipSync } from 'node:zlib';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OPERATOR } from '../../core/records/accounts.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { zipOf } from '../io/zip-archive.ts';
import { eventually, givenMail, type Mail } from './given.ts';

const JOBS = '/v3/validations/email/jobs';
type Job = {
  id: string;
  status: string;
  segments: number;
  segments_processed: number;
  is_download_available: boolean;
  finished_at: number;
  errors: { message: string }[];
};

let mail: Mail;
beforeAll(async () => {
  mail = await givenMail();
}, 120_000);
afterAll(() => mail?.end());

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${mail.local.apiUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  expect([path, answer.status]).toEqual([path, 200]);
  return (await answer.json()) as T;
}

type Asked = { job_id: string; upload_uri: string; upload_headers: { header: string; value: string }[] };

/** As SendGrid's documentation has it: ask for a place, put the file there with the headers that were named. */
async function put(file: Buffer | string, file_type = 'csv'): Promise<string> {
  const { job_id, upload_uri, upload_headers } = await call<Asked>('PUT', JOBS, { file_type });
  const headers = Object.fromEntries(upload_headers.map(({ header, value }) => [header, value]));
  const answer = await fetch(upload_uri, { method: 'PUT', headers, body: new Uint8Array(Buffer.from(file)) });
  expect(answer.status).toBe(200);
  return job_id;
}

/** Puts an address on the account's list of bounces. */
async function suppress(address: string): Promise<void> {
  const client = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  const tables = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const { suppress: put } = suppressionsIn(mail.stack.outputs.SuppressionsTable!, tables);
  await put({ account: OPERATOR, address, list: 'bounces', entry: { created: 1_700_000_000 } });
  client.destroy();
}

const jobOf = async (id: string) => (await call<{ result: Job }>('GET', `${JOBS}/${id}`)).result;
const ended = (id: string, seconds = 60) =>
  eventually(
    () => jobOf(id),
    ({ status }) => status === 'Done' || status === 'Error',
    seconds,
  );

it('is judged address by address, in the order of the file, and the result is a CSV file behind a link', async () => {
  // Prepare: one that has bounced, a domain that takes no mail, and more than one segment of others.
  mail.dns.setRecord('null-mx.example', 'MX', [{ preference: 0, exchange: '' }]);
  await suppress('gone@example.net');
  const special = [
    'ada@example.net',
    'gone@example.net',
    'no address',
    'info@example.net',
    'x@null-mx.example',
    '=1+1@example.net',
  ];
  const many = Array.from({ length: 3_000 }, (_, n) => `user${n}@site${n % 40}.example`);
  // Act
  const id = await put(gzipSync(`name,emails\n${[...special, ...many].map((one) => `x,"${one}"`).join('\n')}`));
  const job = await ended(id);
  // Assess
  expect(job).toMatchObject({
    status: 'Done',
    segments: 3,
    segments_processed: 3,
    is_download_available: true,
    errors: [],
  });
  expect(job.finished_at).toBeGreaterThan(1_700_000_000);
  expect((await call<{ result: Job[] }>('GET', JOBS)).result).toContainEqual(
    expect.objectContaining({ id, status: 'Done' }),
  );
  const { presigned_url: link } = await call<{ presigned_url: string }>('GET', `${JOBS}/${id}/download`);
  const file = await fetch(link);
  expect(link).toContain(`response-content-disposition=attachment%3B%20filename%3D%22validation-${id}.csv`);
  const rows = parse(await file.text(), { columns: true }) as Record<string, string>[];
  expect(rows).toHaveLength(3_006);
  expect(rows.slice(0, 6).map(({ email, verdict, has_known_bounces }) => [email, verdict, has_known_bounces])).toEqual([
    ['ada@example.net', 'Valid', 'false'],
    ['gone@example.net', 'Invalid', 'true'],
    ['no address', 'Invalid', 'false'],
    ['info@example.net', 'Risky', 'false'],
    ['x@null-mx.example', 'Invalid', 'false'],
    // No cell is a formula.
    ["'=1+1@example.net", 'Valid', 'false'],
  ]);
  expect(rows.slice(6).map(({ email }) => email)).toEqual(many);
  // The single validation says the same.
  const { result } = await call<{ result: { score: number } }>('POST', '/v3/validations/email', {
    email: 'info@example.net',
  });
  expect(Number(rows[3]!.score)).toBe(result.score);
}, 120_000);

it('may be a ZIP archive, put while nobody asks', async () => {
  const id = await put(zipOf([{ name: 'list.csv', octets: Buffer.from('emails\nada@example.net\n') }]), 'zip');
  expect(await ended(id)).toMatchObject({ status: 'Done', segments: 1, segments_processed: 1 });
}, 60_000);

// Attack: files that are none, or have no end.
it.each([
  ['a bomb', gzipSync(Buffer.alloc(150_000_000, '\n')), 'the file has more than 100000000 octets when unpacked'],
  ['a line without an end', gzipSync(Buffer.alloc(20_000_000, 'x')), 'a row is longer than 10000 characters'],
  ['a binary', Buffer.from('\x7fELF\0\0', 'latin1'), 'the file is binary'],
  ['nothing', Buffer.alloc(0), 'the file has no address'],
])(
  '%s ends its job in words',
  async (_, file, message) => {
    const job = await ended(await put(file));
    expect(job).toMatchObject({ status: 'Error', errors: [{ message }], is_download_available: false, segments: 0 });
    const missing = await fetch(`${mail.local.apiUrl}${JOBS}/${job.id}/download`, {
      headers: { authorization: `Bearer ${mail.local.apiKey}` },
    });
    expect(missing.status).toBe(404);
  },
  60_000,
);

it('was done under the permissions of the template', () => {
  expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
  expect(mail.log.filter((line) => /"level":"ERROR"/.test(line))).toEqual([]);
});
