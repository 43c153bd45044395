/**
 * Mail by SMTP on the whole local stack: the relay's process with its task's environment under its task's role, the programs that
 * customers send with, TLS and AUTH. What arrives is signed, and its records are those that HTTP makes.
 */
import { request } from 'node:https';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAuthorization } from '../../core/api-key.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { messageName } from '../../core/records/message-key.ts';
import { messagesIn } from '../../io/messages.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { begin, type Client, logIn, plain } from '../relay/client.ts';
import { PROGRAMS } from '../relay/programs.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

let mail: Mail;
beforeAll(async () => {
  mail = await givenMail({ settings: { relay: { hostName: 'smtp.example.com' } } });
}, 120_000);
afterAll(() => mail.end());

type Found = { id: string; to: string; raw: string; dkim: { result: string } };

async function findIn(to: string): Promise<Found> {
  const { inboxUrl } = mail.local;
  const [summary] = await eventually(
    async () => (await (await fetch(`${inboxUrl}/messages?to=${encodeURIComponent(to)}`)).json()) as Found[],
    (list) => list.length > 0,
  );
  return (await (await fetch(`${inboxUrl}/messages/${summary!.id}`)).json()) as Found;
}
const mailToAll = (to: string[], from: string) => ({
  ...mailTo('', { personalizations: [{ to: to.map((email) => ({ email })) }] }),
  from: { email: from },
});
const message = (to: string) =>
  Buffer.from(
    [
      'From: The Shop <shop@example.com>',
      `To: ${to}`,
      'Subject: Your order',
      'Message-ID: <kept@example.com>',
      'Date: Mon, 23 Nov 2026 12:00:00 +0000',
      '',
      'It is on its way.',
      '',
    ].join('\r\n'),
  );

describe('programs', () => {
  for (const [n, { name, missing, send }] of PROGRAMS.entries()) {
    const why = missing();
    it.skipIf(why !== undefined)(
      `${name}: arrives, signed`,
      async () => {
        const { port, securePort: tlsPort, password } = mail.local.smtp!;
        const to = `reader${n}@example.net`;
        await send({ port, tlsPort: tlsPort!, password, from: 'shop@example.com', to: [to], message: message(to) });
        const found = await findIn(to);
        expect(found.dkim.result).toBe('pass');
        expect(found.raw).toContain('\r\nMessage-ID: <kept@example.com>\r\n');
        // swaks ends with an empty line of its own.
        expect(found.raw).toMatch(/\r\n\r\nIt is on its way\.(\r\n)+$/);
      },
      60_000,
    );
  }
});

it('the records of a message are the same by SMTP and by HTTP', async () => {
  const { port, password } = mail.local.smtp!;
  const transport = createTransport({
    ...{ host: '127.0.0.1', port, requireTLS: true, tls: { rejectUnauthorized: false } },
    auth: { user: 'apikey', pass: password },
  });
  // An address that bounced gets nothing more, so each message has its own.
  const [to, other] = ['bounce+smtp@example.net', 'bounce+http@example.net'];
  const { response } = await transport.sendMail({ envelope: { from: 'shop@example.com', to }, raw: message(to) });
  const bySmtp = /Ok: queued as (\S+)/.exec(response)![1]!;
  const { id: byHttp } = await mail.post(mailTo(other));
  await thenAllIsAccountedFor(mail);
  const client = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  const { readTrace } = messagesIn(mail.stack.outputs.MessagesTable!, DynamoDBDocumentClient.from(client));
  /** Without what is each message's own: times, ids, its recipient, how it came. */
  const OWN = new Set(['pk', 'at', 'acceptedAt', 'expiresAt', 'recipient', 'received']);
  const shape = async (id: string) =>
    (await readTrace(OPERATOR, id)).map((found) => {
      const { about, transcript, sk, ...item } = Object.fromEntries(
        Object.entries(found).filter(([name]) => !OWN.has(name)),
      );
      return {
        ...{ part: messageName({ ...found, sk })?.part, ...item },
        ...(about ? { about: { ...about, smtpId: '' } } : {}),
        ...(transcript ? { transcript: String(transcript).replaceAll(/<.*?>( SIZE=\d+)?/g, '<>') } : {}),
      };
    });
  const [smtp, http] = [await shape(bySmtp), await shape(byHttp)];
  expect(smtp).toEqual(http);
  expect(smtp.map(({ part }) => part)).toEqual(['0000', 'request']);
  client.destroy();
});

it('a reader whose local part is beyond ASCII gets his mail, by a host with SMTPUTF8', async () => {
  const { port, password } = mail.local.smtp!;
  const transport = createTransport({
    ...{ host: '127.0.0.1', port, requireTLS: true, tls: { rejectUnauthorized: false } },
    auth: { user: 'apikey', pass: password },
  });
  const to = 'читатель@example.net';
  const { response } = await transport.sendMail({
    envelope: { from: 'shop@example.com', to },
    raw: message(to),
  });
  const ledger = await thenAllIsAccountedFor(mail, [/queued as (\S+)/.exec(response)![1]!]);
  expect(ledger).toMatchObject({ accepted: 1, delivered: 1 });
  const found = await findIn(to);
  expect(found.dkim.result).toBe('pass');
  expect(found.raw).toContain(`To: ${to}`);
}, 60_000);

it('30 MB at the big door, of which the function’s 413 tells', async () => {
  const attachments = [{ content: Buffer.alloc(6_000_000, 7).toString('base64'), filename: 'film.bin' }];
  const body = mailTo('film@example.net', { attachments });
  const refused = await mail.post(body);
  expect([refused.status, refused.body]).toEqual([413, expect.any(String)]);
  const { bigDoorUrl, apiKey } = mail.local;
  const { status, id } = await postTo(bigDoorUrl!, apiKey, JSON.stringify(body));
  expect(status).toBe(202);
  await thenAllIsAccountedFor(mail, [id]);
  expect((await findIn('film@example.net')).dkim.result).toBe('pass');
}, 60_000);

it('a message of 12 MB goes to the bucket in parts, and arrives whole', async () => {
  const { port, password } = mail.local.smtp!;
  const line = `${'0123456789 '.repeat(6)}\r\n`;
  const text = line.repeat(Math.ceil(12_000_000 / line.length));
  const transport = createTransport({
    ...{ host: '127.0.0.1', port, requireTLS: true, tls: { rejectUnauthorized: false } },
    auth: { user: 'apikey', pass: password },
  });
  const raw = Buffer.concat([message('long@example.net'), Buffer.from(text)]);
  await transport.sendMail({ envelope: { from: 'shop@example.com', to: 'long@example.net' }, raw });
  const found = await findIn('long@example.net');
  expect(found.dkim.result).toBe('pass');
  expect(found.raw.endsWith(`It is on its way.\r\n${text}`)).toBe(true);
}, 60_000);

it('SIGTERM with 200 sessions open: what was answered with 250 is delivered, nobody is cut inside DATA, then another task', async () => {
  // Prepare
  const { securePort, password } = mail.local.smtp!;
  const sessions: Client[] = [];
  for (let n = 0; n < 200; n++) sessions.push(await logIn(securePort!, plain(password)));
  const sending = sessions.filter((_, n) => n % 2 === 0);
  const text = message('drain@example.net').toString();
  await Promise.all(
    sending.map(async (client) => {
      await begin(client, 'drain@example.net');
      await client.say('DATA');
      client.write(text.slice(0, 60));
    }),
  );
  const [task] = mail.stack.tasks.list();

  // Act
  process.kill(task!.pid!, 'SIGTERM');
  const parted = await Promise.all(sessions.filter((_, n) => n % 2 === 1).map((client) => client.reply()));
  const answers = await Promise.all(
    sending.map(async (client, n) => {
      await new Promise((done) => setTimeout(done, n * 5));
      client.write(`${text.slice(60)}.\r\n`);
      return [await client.reply(), await client.reply()] as const;
    }),
  );

  // Assess
  for (const said of parted) expect(said).toMatch(/^421 4\.3\.2/);
  for (const [taken, end] of answers) expect([taken.slice(0, 3), end.slice(0, 3)]).toEqual(['250', '421']);
  const ids = answers.map(([taken]) => /queued as (\S+)/.exec(taken)![1]!);
  const ledger = await thenAllIsAccountedFor(mail, ids);
  expect(ledger).toMatchObject({ accepted: 100, delivered: 100 });
  expect(mail.log.join('\n')).toMatch(/"event":"ended","cut":0/);
  await eventually(
    () => mail.stack.tasks.list()[0]!.starts,
    (starts) => starts > task!.starts,
  );
}, 120_000);

/** The door's certificate is its own. */
function postTo(url: string, apiKey: string, body: string): Promise<{ status: number; id: string }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    const asked = request(`${url}/v3/mail/send`, { method: 'POST', headers, rejectUnauthorized: false }, (response) => {
      response.resume();
      resolve({ status: response.statusCode!, id: String(response.headers['x-message-id']) });
    });
    asked.on('error', reject).end(body);
  });
}

/** Over the API, by the operator. */
async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const { apiUrl, apiKey } = mail.local;
  const answer = await fetch(`${apiUrl}/v3/${path}`, {
    ...{ method, body: body === undefined ? null : JSON.stringify(body) },
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
  });
  return { status: answer.status, json: (await answer.json().catch(() => undefined)) as Record<string, unknown> };
}

/** A subuser of the operator's with a domain of its own, its key, and how it sends by SMTP. */
async function makeSubuser(username: string, scopes = ['mail.send']) {
  const subuser = { username, email: `${username}@example.com`, password: 'p', ips: [] };
  expect((await call('POST', 'subusers', subuser)).status).toBe(200);
  const made = await call('POST', 'api_keys', { name: username, scopes }, { 'on-behalf-of': username });
  const key = String(made.json.api_key);
  await mail.operator.addDomain(readAuthorization(`Bearer ${key}`)!.account, `${username}.example.com`);
  const transport = createTransport({
    ...{ host: '127.0.0.1', port: mail.local.smtp!.port, requireTLS: true, tls: { rejectUnauthorized: false } },
    auth: { user: 'apikey', pass: key },
  });
  return { key, from: `${username}@${username}.example.com`, transport };
}

// Attack: a subuser sends more than his parent gives him, by the door that does not look.
it('the credits of a subuser are one count, by HTTP and by SMTP', async () => {
  const { key, from, transport } = await makeSubuser('till');
  await call('PUT', 'subusers/till/credits', { type: 'nonrecurring', total: 3 });

  const post = (to: string[]) => mail.post(mailToAll(to, from), { authorization: `Bearer ${key}` });
  const submit = (to: string) => transport.sendMail({ from, to, subject: 'Receipt', text: 'Thank you.' });
  expect((await post(['one@example.net'])).status).toBe(202);
  await submit('two@example.net');
  expect(await post(['three@example.net', 'four@example.net'])).toMatchObject({
    status: 401,
    body: expect.stringContaining('Maximum credits exceeded'),
  });
  await submit('three@example.net');
  await expect(submit('four@example.net')).rejects.toThrow(/451 4\.7\.1 .*Maximum credits exceeded/);
  expect((await call('GET', 'subusers/till/credits')).json).toMatchObject({ type: 'nonrecurring', remain: 0 });
  for (const to of ['one', 'two', 'three']) expect((await findIn(`${to}@example.net`)).raw).toContain(`From: ${from}`);
  transport.close();
}, 60_000);

// Attack: a stolen key is used from somewhere else, at each door in turn, with an address of the list in the headers.
it('an IP access list holds at every door, and what each refused is in its account’s activity', async () => {
  // Prepare: the parent makes the list of a subuser, on which this machine is not.
  const { apiUrl, apiKey, bigDoorUrl, smtp } = mail.local;
  const forged = { 'x-forwarded-for': '192.0.2.7', forwarded: 'for=192.0.2.7', 'x-real-ip': '192.0.2.7' };
  const call = (key: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(`${apiUrl}/v3/${path}`, {
      ...{ method, body: body === undefined ? null : JSON.stringify(body) },
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    });
  const asGate = { 'on-behalf-of': 'gate' };
  await call(apiKey, 'POST', 'subusers', { username: 'gate', email: 'gate@example.com', password: 'p', ips: [] });
  const list = 'access_settings/whitelist';
  expect((await call(apiKey, 'POST', list, { ips: [{ ip: '192.0.2.*' }] }, asGate)).status).toBe(201);
  const made = await call(apiKey, 'POST', 'api_keys', { name: 'gate', scopes: ['mail.send', 'stats.read'] }, asGate);
  const { api_key: key } = (await made.json()) as { api_key: string };

  // Act
  const accepted = await call(key, 'POST', 'mail/send', mailTo('thief@example.net'), forged);
  const managed = await call(key, 'GET', 'scopes', undefined, forged);
  const big = await postTo(bigDoorUrl!, key, JSON.stringify(mailTo('thief@example.net')));
  const login = logIn(smtp!.securePort!, plain(key));

  // Assess
  await expect(login).rejects.toThrow(/^535 5\.7\.8 .*127\.0\.0\.1 is not whitelisted/);
  expect([accepted.status, managed.status, big.status]).toEqual([403, 403, 403]);
  expect(await accepted.text()).toContain('This one came from 127.0.0.1.');
  const shown = await call(apiKey, 'GET', 'access_settings/activity', undefined, asGate);
  const { result } = (await shown.json()) as { result: Record<string, unknown>[] };
  const seen = { allowed: false, ip: '127.0.0.1', location: '' };
  expect(result).toHaveLength(2);
  expect(result).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ ...seen, auth_method: 'API' }),
      expect.objectContaining({ ...seen, auth_method: 'SMTP' }),
    ]),
  );
}, 60_000);

it('an archive has a copy of every message, a parent a sample, by HTTP and by SMTP: no reader sees them, the subuser not the parent', async () => {
  // Prepare: before its first mail, so that accept and the relay know it.
  const { key, from, transport } = await makeSubuser('desk', ['mail.send', 'email_activity.read']);
  const asDesk = { 'on-behalf-of': 'desk' };
  const archive = { enabled: true, email: 'archive@keep.example' };
  expect((await call('PATCH', 'mail_settings/bcc', archive, asDesk)).json).toEqual(archive);
  await call('PATCH', 'mail_settings/plain_content', { enabled: false }, asDesk);
  const monitor = { email: 'samples@parent.example', frequency: 1 };
  expect((await call('POST', 'subusers/desk/monitor', monitor)).json).toEqual(monitor);
  await call('PUT', 'subusers/desk/credits', { type: 'nonrecurring', total: 4 });

  // Act
  const authorization = `Bearer ${key}`;
  const { status, id } = await mail.post(mailToAll(['ann@example.net'], from), { authorization });
  expect(status).toBe(202);
  const { response } = await transport.sendMail({
    from,
    to: 'ben@example.net',
    subject: 'Receipt',
    text: 'Thank you.',
  });
  transport.close();

  // Assess
  const [ann, ben] = [await findIn('ann@example.net'), await findIn('ben@example.net')];
  for (const to of ['archive@keep.example', 'samples@parent.example']) {
    const copies = await eventually(
      async () => (await (await fetch(`${mail.local.inboxUrl}/messages?to=${to}`)).json()) as Found[],
      (list) => list.length === 2,
    );
    for (const { id: copy } of copies) {
      const { raw } = (await (await fetch(`${mail.local.inboxUrl}/messages/${copy}`)).json()) as Found;
      expect(raw).toMatch(/^To: (ann|ben)@example\.net\r$/m);
    }
  }
  for (const { raw } of [ann, ben]) expect(raw).not.toMatch(/keep\.example|parent\.example|^bcc:/im);
  expect(ann.raw).toContain('Content-Type: text/html');
  const ids = [id, response.split(' ').at(-1)!];
  expect(await thenAllIsAccountedFor(mail, ids)).toMatchObject({ accepted: 6, delivered: 6 });
  expect((await call('GET', 'subusers/desk/credits')).json).toMatchObject({ remain: 0 });
  const shown = await Promise.all(
    [0, 1, 2].map((n) => call('GET', `messages/${id}.recvd-x-1.${n}`, undefined, { authorization })),
  );
  expect(shown.map(({ status: one, json }) => [one, json.to_email])).toEqual([
    [200, 'ann@example.net'],
    [200, 'archive@keep.example'],
    [404, undefined],
  ]);
}, 60_000);
