/**
 * Least privilege, held on every call: no function calls outside its synthesized policy, and no statement is there that the
 * stack does not use. The proxy in front of the emulators evaluates the policies of the template itself.
 */

import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { alertKey, lookHold } from '../../core/alerts/alert.ts';
import { engagementKey } from '../../core/event/engagement.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import {
  eventually,
  givenMail,
  type Mail,
  mailTo,
  thenAllIsAccountedFor,
  whenQueuesAreEmpty,
  whenRetriesAreDue,
} from './given.ts';

/** Goes every way that mail can go, so that every permission is needed once. */
async function goEveryWay(mail: Mail): Promise<void> {
  for (const domain of ['solo.example', 'blocking.example'])
    mail.dns.setRecord(domain, 'MX', [{ preference: 10, exchange: `mx.${domain}` }]);
  const manyPersonalizations = Array.from({ length: 200 }, (_, i) => ({
    to: [{ email: `many-${i}@example.net` }],
    custom_args: { pad: 'x'.repeat(3_000) },
  }));
  const soon = Math.floor(Date.now() / 1_000) + 3;
  const requests: [object, Record<string, string>?][] = [
    [mailTo('plain@example.net')],
    [mailTo('once@example.net'), { 'Idempotency-Key': 'k' }],
    [mailTo('long@example.net', { content: [{ type: 'text/plain', value: 'x'.repeat(60_000) }] })],
    [mailTo('greylist@example.net', { content: [{ type: 'text/plain', value: 'x'.repeat(5_000) }] })],
    [{ ...mailTo('x'), personalizations: manyPersonalizations }],
    // A site that one environment at a time may speak to, and one that will have none of our address.
    [mailTo('alone@solo.example')],
    [mailTo('block@blocking.example')],
    // Two that bounce, one of them again: a block moves to its new time.
    [mailTo('bounce@example.net')],
    [mailTo('full@example.net')],
    [mailTo('later@example.net', { send_at: soon })],
    [
      {
        ...mailTo('x'),
        personalizations: [
          { to: [{ email: 'now@example.net' }] },
          { to: [{ email: 'then@example.net' }], send_at: soon + 3_600 },
        ],
      },
    ],
  ];
  for (const [body, headers] of requests) expect(await mail.post(body, headers)).toMatchObject({ status: 202 });
  await sleep(1_100);
  expect(await mail.post(mailTo('full@example.net'))).toMatchObject({ status: 202 });
  await manageSettings(mail);
  // A queue that does not answer: the request is held, and later expanded and sent with its records read first.
  const outage = mail.stack.faults.add({ function: 'accept', service: 'sqs', kind: 'throttle', times: 100 });
  expect(await mail.post(mailTo('held@example.net'))).toMatchObject({ status: 202 });
  outage.remove();
  // Two at once with one key: the second waits for the first, reading its record.
  await Promise.all([1, 2, 3, 4].map(() => mail.post(mailTo('twice@example.net'), { 'Idempotency-Key': 'k2' })));
  await eventually(
    () => mail.ledger(),
    ({ queued, held, delivered }) => queued === 0 && held === 3 && delivered === 208,
    60,
  );
  await whenRetriesAreDue(mail);
  await eventually(
    () => mail.ledger(),
    ({ delivered }) => delivered === 209,
    60,
  );
}

/** Goes the ways of lists: on them, within them, off them, and a group made, left and removed. */
async function goThroughLists(mail: Mail): Promise<void> {
  const scopes = [
    ...['bounces', 'blocks'].flatMap((list) => [`suppression.${list}.read`, `suppression.${list}.delete`]),
    ...['create', 'read', 'update', 'delete'].map((what) => `asm.groups.${what}`),
    ...['create', 'read'].map((what) => `asm.groups.suppressions.${what}`),
  ];
  const { key } = await mail.operator.createKey('operator', 'lists', scopes);
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const { status } = await fetch(`${mail.local.apiUrl}/v3/${path}`, { method, headers, ...sent });
    expect([path, status]).toEqual([path, expect.toSatisfy((one: number) => one < 300)]);
  };
  await call('POST', 'asm/groups', { name: 'News', description: 'News' });
  await call('POST', 'asm/groups/1/suppressions', { recipient_emails: ['reader@example.net'] });
  await call('POST', 'asm/groups/1/suppressions/search', { recipient_emails: ['reader@example.net'] });
  for (const email of ['bounce@example.net', 'spam@example.net', 'spam@example.net']) {
    expect(await mail.post(mailTo(email, { asm: { group_id: 1 } }))).toMatchObject({ status: 202 });
    await eventually(
      () => mail.ledger(),
      ({ queued }) => queued === 0,
    );
    // A block takes the place of one of another second.
    await sleep(1_000);
  }
  await call('GET', 'suppression/bounces');
  await call('GET', 'suppression/bounces/bounce@example.net');
  await call('DELETE', 'suppression/bounces/bounce@example.net');
  await call('DELETE', 'asm/groups/1');
}

/** Goes the ways of readers: opened, followed, left, came back, chose among groups. */
async function goThroughLinks(mail: Mail): Promise<void> {
  const scopes = ['asm.groups.create'];
  const { key } = await mail.operator.createKey('operator', 'links', scopes);
  const made = await fetch(`${mail.local.apiUrl}/v3/asm/groups`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Offers', description: 'Offers' }),
  });
  const { id } = (await made.json()) as { id: number };
  const html = '<a href="https://shop.example/">x</a> <%asm_group_unsubscribe_raw_url%> <%asm_preferences_raw_url%>';
  const settings = { click_tracking: { enable: true }, open_tracking: { enable: true } };
  const to = 'links@reader.example';
  await mail.post(
    mailTo(to, {
      asm: { group_id: id, groups_to_display: [id] },
      tracking_settings: settings,
      content: [{ type: 'text/html', value: html }],
    }),
  );
  const [arrival] = await eventually(
    () => mail.arrivals.list({ to }),
    ({ length }) => length > 0,
  );
  const text = mail.arrivals.find(arrival!.id)!.raw.toString('latin1').replace(/=\r\n/g, '').replaceAll('=3D', '=');
  const body = text.slice(text.indexOf('\r\n\r\n'));
  const urls = (path: string) => body.match(new RegExp(`http://127\\.0\\.0\\.1:\\d+/${path}/[\\w-]+`, 'g'))!;
  const ask = async (url: string, form?: string[][]) => {
    const post = form && { method: 'POST', body: new URLSearchParams(form as [string, string][]) };
    expect((await fetch(url, { redirect: 'manual', ...post })).status).toBeLessThan(400);
  };
  await ask(urls('o')[0]!);
  await ask(urls('c')[0]!);
  const [leave, preferences] = urls('u');
  await ask(leave!, [['List-Unsubscribe', 'One-Click']]);
  await ask(leave!, [['do', 'resubscribe']]);
  await ask(preferences!, [['do', 'save']]);
  await ask(preferences!, [
    ['do', 'save'],
    ['group', String(id)],
  ]);
}

/** Makes a setting, reads it, and removes it: all that manage does with what accounts have. */
async function manageSettings({ local, operator }: Mail): Promise<void> {
  const scopes = ['create', 'read', 'delete'].map((one) => `user.webhooks.parse.settings.${one}`);
  const { key } = await operator.createKey(OPERATOR, 'settings', scopes);
  const settings = `${local.apiUrl}/v3/user/webhooks/parse/settings`;
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ hostname: 'in.example.com', url: 'https://shop.example/in' });
  const answers = [
    await fetch(settings, { method: 'POST', headers, body }),
    await fetch(settings, { headers }),
    await fetch(`${settings}/in.example.com`, { method: 'DELETE', headers }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 200, 204]);
  // An IP access list, and the note of whoever comes with a key that is read after it.
  const listed = async (method: string, path: string, sent?: object) => {
    const made = await operator.createKey('listlist', 'x', [
      'access_settings.whitelist.create',
      'access_settings.activity.read',
    ]);
    const answer = await fetch(`${local.apiUrl}/v3/access_settings/${path}`, {
      ...{ method, headers: { ...headers, authorization: `Bearer ${made.key}` } },
      ...(sent ? { body: JSON.stringify(sent) } : {}),
    });
    return (await answer.json()) as { result: object[] };
  };
  await listed('POST', 'whitelist', { ips: [{ ip: '127.0.0.0/8' }] });
  expect((await listed('GET', 'activity')).result).toMatchObject([{ ip: '127.0.0.1', allowed: true }]);
}

/** Uses everything that events have: a webhook that is signed, has a client's credentials, fails once, and is told again. */
async function useEvents(mail: Mail): Promise<void> {
  let answers = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const isToken = request.url === '/token';
      response.writeHead(isToken || answers++ > 0 ? 200 : 500, { 'content-type': 'application/json' });
      response.end(isToken ? '{"access_token":"t"}' : '');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${mail.local.apiUrl}/v3${path}`, {
      method,
      headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await answer.json().catch(() => undefined)) as Record<string, unknown>;
  };
  const settings = '/user/webhooks/event/settings';
  const oauth = { oauth_client_id: 'id', oauth_client_secret: 'secret', oauth_token_url: `${url}/token` };
  const { id } = await call('POST', settings, { enabled: true, url, delivered: true, open: true, ...oauth });
  await call('PATCH', `${settings}/signed/${id}`, { enabled: true });
  // announce looks for new webhooks every 15 seconds.
  await sleep(16_000);
  const { id: requestId } = await mail.post(mailTo('told@example.net'));
  const tables = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  // As track writes it: what its copy was about is read from the outcome.
  const Item = { ...engagementKey(OPERATOR, requestId, 0, 'open', 'x'), event: 'open', address: 'told@example.net' };
  await DynamoDBDocumentClient.from(tables).send(
    new PutCommand({ TableName: mail.stack.outputs.MessagesTable!, Item: { ...Item, at: Date.now(), expiresAt: 9e9 } }),
  );
  tables.destroy();
  const log = () => call('GET', `${settings}/${id}/log`);
  await eventually(log, (seen) => JSON.stringify(seen).includes('"status":200'), 60);
  await call('POST', `${settings}/${id}/replay`, { start_time: Math.floor(Date.now() / 1_000) - 3_600 });
  await eventually(log, (seen) => JSON.stringify(seen).includes('replay'), 60);
  await call('GET', `/stats?start_date=${new Date().toISOString().slice(0, 10)}`);
  expect(await call('GET', `/messages/${requestId}`)).toMatchObject({ status: 'delivered' });
  // Searched by recipient, and by time; and as a file, which its link leads to.
  const named = async (query: string) => (await call('GET', `/messages?query=${encodeURIComponent(query)}`)).messages;
  expect(await named('to_email = "told@example.net"')).toHaveLength(1);
  await eventually(
    () => named('subject LIKE "Your order%" AND Contains(events, "opened")'),
    (found) => JSON.stringify(found).includes('told@example.net'),
  );
  const { download_uuid: file } = await call('POST', '/messages/download');
  const { presigned_url: link } = await call('GET', `/messages/download/${file}`);
  expect(await (await fetch(String(link))).text()).toMatch(/^processed,message_id,event,/);
  await call('DELETE', `${settings}/${id}`);
  const signed = { name: 'Signed', signature: { enabled: true } };
  expect(await call('POST', '/user/webhooks/security/policies', signed)).toHaveProperty('policy');
  server.close();
}

/** Bounces until its account's bulk is paused, and lets it go on; sets its daily cap. */
async function useBrakes(mail: Mail): Promise<void> {
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' };
    const answer = await fetch(`${mail.local.apiUrl}/v3/brakes${path}`, {
      ...{ method, headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: (await answer.json()) as { bulk: { paused: boolean } } };
  };
  for (let n = 0; n < 5; n++) await mail.post(mailTo(`bounce+${n}@elsewhere.example`));
  await eventually(
    () => call('GET', ''),
    ({ body }) => body.bulk.paused,
    30,
  );
  expect((await call('PATCH', '', { daily_cap: 500_000 })).status).toBe(200);
  expect(await call('POST', '/resume')).toMatchObject({ status: 200, body: { bulk: { paused: false } } });
}

/** A long request of which some is sent soon and some in ten days, in a batch; and a domain, which makes keys. */
async function useSchedule(mail: Mail): Promise<void> {
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' };
    const answer = await fetch(`${mail.local.apiUrl}/v3${path}`, {
      ...{ method, headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const { batch_id } = (await call('POST', '/mail/batch')).body;
  const now = Math.floor(Date.now() / 1_000);
  const times = { soon: now + 3, late: now + 10 * 86_400 };
  const { status } = await mail.post({
    ...mailTo('x'),
    batch_id,
    content: [{ type: 'text/plain', value: 'It is on its way. '.repeat(3_000) }],
    personalizations: Object.entries(times).map(([name, send_at]) => ({
      to: [{ email: `${name}@scheduled.example` }],
      send_at,
    })),
  });
  expect(status).toBe(202);
  expect(JSON.stringify((await call('GET', '/mail/scheduled')).body)).toContain(batch_id);
  await eventually(
    () => mail.arrivals.list({ to: 'soon@scheduled.example' }),
    (found) => found.length === 1,
    90,
  );
  expect((await call('POST', '/whitelabel/domains', { domain: 'new.example' })).status).toBe(201);
}

/** A file of addresses that is put when its looks at once are over: it is found by the one that waits. */
async function useValidations(mail: Mail): Promise<() => Promise<void>> {
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${mail.local.apiUrl}/v3/validations/email/jobs${path}`, {
      method,
      headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await answer.json()) as Record<string, string>;
  };
  const { job_id, upload_uri } = await call('PUT', '', { file_type: 'csv' });
  return async () => {
    const headers = { 'content-type': 'text/csv' };
    await fetch(upload_uri!, { method: 'PUT', headers, body: 'emails\nada@example.net\n' });
    await eventually(
      () => call('GET', ''),
      (found) => JSON.stringify(found).includes('Done'),
      90,
    );
    const { presigned_url: link } = await call('GET', `/${job_id}/download`);
    expect(await (await fetch(link!)).text()).toContain('ada@example.net,Valid');
  };
}

/** A warm-up that is begun while the stack runs: its lane knows of it within a minute, and counts. */
async function useWarmUp(mail: Mail): Promise<void> {
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' };
    const answer = await fetch(`${mail.local.apiUrl}/v3/ips${path}`, {
      ...{ method, headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: (await answer.json()) as { ip: string; used_this_hour: number }[] };
  };
  const [address] = (await call('GET', '')).body;
  expect(await call('POST', '/warmup', { ip: address!.ip })).toMatchObject({ status: 200 });
  await eventually(
    async () => {
      await mail.post(mailTo('warm@example.net'));
      await sleep(2_000);
      return (await call('GET', '/warmup')).body;
    },
    ([one]) => one !== undefined && one.used_this_hour > 0,
    90,
  );
}

/** Alerts whose time has come: one about statistics, one about the daily cap. */
async function useAlerts(mail: Mail): Promise<void> {
  const { AccountsTable, HoldsTable } = mail.stack.outputs;
  const client = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  const tables = DynamoDBDocumentClient.from(client);
  const due = Date.now();
  const kinds = [
    { type: 'stats_notification' as const, frequency: 'daily' as const },
    { type: 'usage_limit' as const, percentage: 1 },
  ];
  for (const [n, kind] of kinds.entries()) {
    const id = 901 + n;
    const times = { createdAt: 1, updatedAt: 1, nextAt: due };
    const Item = { ...alertKey(OPERATOR, id), id, ...kind, emailTo: `boss-${n}@example.net`, ...times };
    await tables.send(new PutCommand({ TableName: AccountsTable!, Item }));
    await tables.send(new PutCommand({ TableName: HoldsTable!, Item: lookHold(OPERATOR, id, due) }));
  }
  client.destroy();
  await eventually(
    () => mail.arrivals.list({ to: 'boss-0@example.net' }),
    (found) => found.length === 1,
    90,
  );
  await eventually(
    () => mail.stack.unusedStatements().filter((one) => one.function === 'notify'),
    (unused) => unused.length === 0,
    30,
  );
}

/** Whoever had mail of every fate asks to be forgotten; some of it waits, some was told to webhooks, some is in a file. */
async function useErasure(mail: Mail): Promise<void> {
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' };
    const answer = await fetch(`${mail.local.apiUrl}/v3/${path}`, { method, headers, body: JSON.stringify(body) });
    return (await answer.json()) as Record<string, unknown>;
  };
  const long = { content: [{ type: 'text/plain', value: 'It is on its way. '.repeat(3_000) }] };
  const gone = ['good', 'bounce', 'spam', 'defer-9'].map((fate) => `${fate}+gone@erased.example`);
  for (const address of gone) expect((await mail.post(mailTo(address, long))).status).toBe(202);
  await whenQueuesAreEmpty(mail, 60);
  await call('POST', 'messages/download');
  // Of those before: a webhook was told of the one, the other's mail is not due for days.
  const email_addresses = [...gone, 'told@example.net', 'late@scheduled.example'];
  const { job_id } = await call('POST', 'recipients/erasejob', { email_addresses });
  const job = await eventually(
    () => call('GET', `recipients/erasejob/${job_id}`),
    ({ passes, state }) => passes === 1 && state === 'waiting',
    60,
  );
  expect(Object.keys(job.erased as object).sort()).toEqual(
    ['messages', 'waiting', 'stored_requests', 'events', 'webhook_events', 'downloads', 'suppression_details'].sort(),
  );
}

/** Every policy statement of the synthesized templates, for changing. */
function editStatements(
  directory: string,
  edit: (statement: { Action: string | string[]; Resource: unknown }, resource: string, statements: unknown[]) => void,
): void {
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.template.json'))) {
    const path = join(directory, file);
    const template = JSON.parse(readFileSync(path, 'utf8'));
    for (const [id, { Type, Properties }] of Object.entries<{
      Type: string;
      Properties: { PolicyDocument: { Statement: [] } };
    }>(template.Resources))
      if (Type === 'AWS::IAM::Policy')
        for (const statement of [...Properties.PolicyDocument.Statement])
          edit(statement, id, Properties.PolicyDocument.Statement);
    writeFileSync(path, JSON.stringify(template));
  }
}

describe('permissions', () => {
  it('every call is allowed, and every statement is used', async () => {
    const mail = await givenMail({
      settings: {
        delivery: { timeoutSeconds: 10 },
        events: { announceSeconds: 1, tallySeconds: 1 },
        brakes: { dailyCap: 1_000_000, bouncePercent: 2 },
        shaping: { providers: { solo: { suffixes: ['solo.example'], connections: 1 } } },
      },
    });
    try {
      const putFile = await useValidations(mail);
      await goEveryWay(mail);
      await Promise.all([goThroughLists(mail), goThroughLinks(mail), useEvents(mail), useAlerts(mail)]);
      await useBrakes(mail);
      await useSchedule(mail);
      // Each waits for a minute to pass.
      await Promise.all([useWarmUp(mail), putFile()]);
      await useErasure(mail);
      expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
      expect(mail.stack.unusedStatements()).toEqual([]);
      await thenAllIsAccountedFor(mail);
    } finally {
      await mail.end();
    }
  }, 420_000);

  it('a permission that is missing is named: function, action, resource; and nothing is lost or half done', async () => {
    const mail = await givenMail({
      edit: (directory) =>
        editStatements(directory, (statement, id) => {
          if (/Accept/.test(id) && JSON.stringify(statement.Action).includes('sqs:SendMessage'))
            statement.Action = 'sqs:GetQueueUrl';
          if (/Accept/.test(id) && JSON.stringify(statement.Resource).includes('Holds'))
            statement.Action = 'dynamodb:GetItem';
        }),
    });
    try {
      const answer = await mail.post(mailTo('nobody@example.net'));
      expect(answer.status).toBe(503);
      const messages = mail.stack.denials.map(({ message }) => message);
      expect(messages.join('\n')).toMatch(/accept.*sqs:SendMessage.*arn:aws:sqs:/i);
      expect(messages.join('\n')).toMatch(/accept.*dynamodb:PutItem.*arn:aws:dynamodb:/i);
      expect(await thenAllIsAccountedFor(mail)).toMatchObject({ accepted: 0, lost: 0 });
    } finally {
      await mail.end();
    }
  }, 60_000);

  it('a statement that nothing uses is named', async () => {
    const mail = await givenMail({
      edit: (directory) =>
        editStatements(directory, (statement, id, statements) => {
          if (/Release/.test(id) && JSON.stringify(statement.Action).includes('dynamodb:Query'))
            statements.push({ Effect: 'Allow', Action: 'dynamodb:Scan', Resource: statement.Resource } as never);
        }),
    });
    try {
      expect(JSON.stringify(mail.stack.unusedStatements())).toMatch(/dynamodb:Scan/);
    } finally {
      await mail.end();
    }
  }, 60_000);
});
