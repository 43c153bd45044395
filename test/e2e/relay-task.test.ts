/** The relay as a task of the stack: where it is found, what its role lets it do, and what becomes of mail when it ends. */
import { Resolver } from 'node:dns/promises';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATOR } from '../../core/records/accounts.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

const relay = { hostName: 'smtp.example.com' };
/** @param more `securePort` for TLS from the first octet */
const transport = ({ local }: Mail, more: object = {}) =>
  createTransport({
    host: local.smtp!.host,
    port: local.smtp!.port,
    auth: { user: local.smtp!.user, pass: local.smtp!.password },
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    ...more,
  });
const letterTo = (to: string, more: object = {}) => ({
  from: '"The Shop" <shop@example.com>',
  to,
  subject: 'Your order',
  text: 'It is on its way.',
  ...more,
});
/** By the big door: what is sent in more than the 72 hours that SMTP may ask for. */
async function sendLater({ local }: Mail): Promise<void> {
  const sendAt = Math.floor(Date.now() / 1_000) + 10 * 86_400;
  const headers = { authorization: `Bearer ${local.apiKey}`, 'content-type': 'application/json' };
  const status = await new Promise((resolve, reject) =>
    request(`${local.bigDoorUrl}/v3/mail/send`, { method: 'POST', headers, rejectUnauthorized: false }, (answer) =>
      resolve(answer.resume().statusCode),
    )
      .on('error', reject)
      .end(JSON.stringify(mailTo('much-later@example.net', { send_at: sendAt }))),
  );
  expect(status).toBe(202);
}
/** The X-Message-Id of what was answered with 250. */
const idIn = (reply: string) => /queued as ([\w-]{22})/.exec(reply)![1]!;

/** The mail as it arrived at a recipient's server, and how its signature looks there. */
async function arrivalOf({ arrivals, local }: Mail, to: string) {
  const [summary] = await eventually(
    () => arrivals.list({ to }),
    (list) => list.length > 0,
  );
  const shown = await (await fetch(`${local.inboxUrl}/messages/${summary!.id}`)).json();
  return { ...arrivals.find(summary!.id)!, dkim: (shown as { dkim: { result: string } }).dkim.result };
}

describe('a customer', () => {
  let mail: Mail;
  beforeAll(async () => {
    mail = await givenMail({ settings: { relay } });
  });
  afterAll(() => mail.end());

  it('is told where everything is by local.json, and the world by DNS where mail comes back to', async () => {
    const { smtp, inbound, bigDoorUrl, apiKey } = mail.local;
    expect(smtp).toMatchObject({ host: '127.0.0.1', user: 'apikey', password: apiKey });
    expect(new Set([smtp?.port, smtp?.securePort, inbound?.port]).size).toBe(3);
    expect(bigDoorUrl).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const [domain] = await mail.operator.listDomains(OPERATOR);
    const resolver = new Resolver();
    resolver.setServers([mail.local.dnsServer]);
    expect(await resolver.resolveMx(domain!.returnPath)).toMatchObject([{ exchange: relay.hostName, priority: 10 }]);
  });

  it.each(['587 with STARTTLS', '465 in TLS'])('sends with nodemailer to %s; it arrives signed', async (way) => {
    // Act
    const to = `nodemailer-${way.slice(0, 3)}@example.net`;
    const secure = way.startsWith('465') ? { port: mail.local.smtp!.securePort, secure: true } : {};
    const { response } = await transport(mail, secure).sendMail(letterTo(to));

    // Assess
    expect(response).toMatch(/^250 2\.0\.0 Ok: queued as /);
    const arrived = await arrivalOf(mail, to);
    expect(arrived.dkim).toBe('pass');
    expect(arrived.raw.toString()).toMatch(/^Subject: Your order\r$/m);
    expect(arrived.raw.toString()).toContain('It is on its way.');
  });

  it("is told by the API's 413 where the big door is", async () => {
    const content = Buffer.alloc(4_000_000, 'x').toString('base64');
    const refused = await mail.post(
      mailTo('big@example.net', { attachments: [{ content, filename: 'a.bin', type: 'text/plain' }] }),
    );
    expect(refused.status).toBe(413);
    expect(refused.body).toContain(`bytes are taken at ${mail.local.bigDoorUrl}`);
  });

  it('is refused with a wrong key, and counted', async () => {
    const wrong = transport(mail, { auth: { user: 'apikey', pass: `${mail.local.apiKey.slice(0, -1)}!` } });
    await expect(wrong.sendMail(letterTo('nobody@example.net'))).rejects.toThrow(/535/);
    expect(mail.arrivals.list({ to: 'nobody@example.net' })).toEqual([]);
  });

  it('has nothing lost', async () => {
    expect(await thenAllIsAccountedFor(mail)).toMatchObject({ lost: 0, dead: 0, held: 0 });
  });
});

describe('permissions', () => {
  it("every call of the relay is allowed, and every statement of its task's role is used", async () => {
    // Prepare
    const mail = await givenMail({ settings: { relay, brakes: { dailyCap: 100_000 } } });
    const by = transport(mail);
    const smtpapi = (fields: object) => ({ headers: { 'X-SMTPAPI': JSON.stringify(fields) } });
    // More than ten jobs, at sites enough that none has to wait for its turn.
    const many = Array.from({ length: 1_100 }, (_, i) => `many-${i}@site-${i % 50}.example.net`);
    for (let site = 0; site < 50; site++)
      mail.dns.setRecord(`site-${site}.example.net`, 'MX', [
        { preference: 10, exchange: `mx.site-${site}.example.net` },
      ]);
    try {
      // Act: every way that mail can go
      const { response } = await by.sendMail(letterTo('plain@example.net'));
      await by.sendMail(letterTo('long@example.net', { text: 'x'.repeat(7_000_000) }));
      await by.sendMail(letterTo('x@example.net', smtpapi({ to: many })));
      await by.sendMail(letterTo('later@example.net', smtpapi({ send_at: Math.floor(Date.now() / 1_000) + 3_600 })));
      const twice = letterTo('once@example.net', {
        headers: { 'Idempotency-Key': 'k' },
        messageId: '<k@example.com>',
        date: new Date(0),
      });
      await sendLater(mail);
      await Promise.all([by.sendMail(twice), by.sendMail(twice)].map((one) => one.catch(() => undefined)));
      await leaveHalfSent(mail);
      // And what comes back: to the return path of what has arrived.
      const { mailFrom } = await arrivalOf(mail, 'plain@example.net');
      await createTransport({ ...mail.local.inbound!, tls: { rejectUnauthorized: false } }).sendMail({
        envelope: { from: '', to: [mailFrom] },
        raw: `From: MAILER-DAEMON@example.net\r\nTo: ${mailFrom}\r\nSubject: Undelivered\r\n\r\nNo.\r\n`,
      });

      // Assess
      expect(response).toContain('queued as');
      const unused = () => mail.stack.unusedStatements().filter((one) => one.function === 'relay');
      // A long message that comes in, and is left half sent, takes back its parts as one that goes out.
      const known = (one: { actions: string[]; resources: string[] }) =>
        one.resources[0]!.includes('/inbound/') && one.actions.join() === 's3:AbortMultipartUpload';
      await eventually(unused, (list) => list.every(known));
      expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
      expect(await thenAllIsAccountedFor(mail, undefined, 60)).toMatchObject({ lost: 0, dead: 0 });
    } finally {
      by.close();
      await mail.end();
    }
  }, 120_000);

  it('a permission that is missing is named: task, action, resource; the client hears 4xx, and nothing is half done', async () => {
    // Prepare
    const mail = await givenMail({ settings: { relay }, edit: takeFrom(/RelayTask/, 'dynamodb:PutItem', 'Messages') });
    try {
      // Act
      await expect(transport(mail).sendMail(letterTo('nobody@example.net'))).rejects.toThrow(/4\d\d/);

      // Assess
      expect(mail.stack.denials.map(({ message }) => message).join('\n')).toMatch(
        /AccessDenied: task relay is not authorized to perform dynamodb:PutItem on arn:aws:dynamodb:.*Messages/,
      );
      expect(await mail.post(mailTo('by-http@example.net'))).toMatchObject({ status: 202 });
      expect(await thenAllIsAccountedFor(mail)).toMatchObject({ accepted: 1, delivered: 1, lost: 0 });
      expect(mail.arrivals.list({ to: 'nobody@example.net' })).toEqual([]);
    } finally {
      await mail.end();
    }
  }, 60_000);
});

describe('an end', () => {
  it('by SIGTERM lets a message in the middle of DATA through; a crash takes no answer back; both are followed by a start', async () => {
    const mail = await givenMail({ settings: { relay } });
    try {
      // Act: SIGTERM in the middle of a message
      const half = await openMessage(mail, 'through@example.net');
      const ended = mail.stack.tasks.kill('relay', 'SIGTERM');
      await half.say('Subject: Through\r\n\r\n', 'Still here.\r\n');
      const reply = await half.say('.\r\n');
      await ended;

      // Assess
      expect(reply).toMatch(/^250 2\.0\.0 Ok: queued as /);
      await eventually(
        () => mail.stack.tasks.list(),
        ([task]) => task!.starts === 2,
      );
      await mail.stack.tasks.healthy('relay');
      await arrivalOf(mail, 'through@example.net');

      // Act: a crash right behind an answer
      const { response } = await transport(mail).sendMail(letterTo('durable@example.net'));
      await mail.stack.tasks.kill('relay');
      await arrivalOf(mail, 'durable@example.net');

      // Assess
      await eventually(
        () => mail.stack.tasks.list(),
        ([task]) => task!.starts === 3,
      );
      await mail.stack.tasks.healthy('relay');
      await transport(mail).sendMail(letterTo('again@example.net'));
      const ledger = await thenAllIsAccountedFor(mail, [idIn(reply), idIn(response)]);
      expect(ledger).toMatchObject({ accepted: 2, delivered: 2, lost: 0 });
      expect(await thenAllIsAccountedFor(mail)).toMatchObject({ accepted: 3, delivered: 3, lost: 0 });
    } finally {
      await mail.end();
    }
  }, 60_000);
});

/** A message whose DATA has begun, line by line. `say` without text that is answered gives what was heard so far. */
async function openMessage({ local }: Mail, to: string) {
  const socket = connect({ host: local.smtp!.host, port: local.smtp!.securePort!, rejectUnauthorized: false });
  let heard = '';
  socket.setEncoding('utf8').on('data', (text) => {
    heard += text;
  });
  const reply = async () => {
    await eventually(
      () => heard,
      (text) => /^\d{3} .*\r\n$/m.test(text),
    );
    const said = heard;
    heard = '';
    return said;
  };
  const ask = async (line: string) => {
    socket.write(line);
    return reply();
  };
  await reply();
  await ask('EHLO client.example.com\r\n');
  await ask(`AUTH PLAIN ${Buffer.from(`\0apikey\0${local.apiKey}`).toString('base64')}\r\n`);
  await ask('MAIL FROM:<shop@example.com>\r\n');
  await ask(`RCPT TO:<${to}>\r\n`);
  await ask('DATA\r\n');
  socket.write(`From: shop@example.com\r\nTo: ${to}\r\n`);
  return {
    socket,
    async say(...lines: string[]): Promise<string> {
      for (const line of lines) socket.write(line);
      return lines.at(-1) === '.\r\n' ? reply() : heard;
    },
  };
}

/** A message of which more than one part is in the bucket when its client goes away. */
async function leaveHalfSent(mail: Mail): Promise<void> {
  const { socket } = await openMessage(mail, 'half@example.net');
  const line = `${'x'.repeat(998)}\r\n`;
  socket.write(`Subject: Half\r\n\r\n${line.repeat(12_000)}`);
  await new Promise((done) => setTimeout(done, 1_500));
  socket.destroy();
}

/** Takes an action on resources of a name out of a role's policy, and leaves another in its place. */
function takeFrom(policy: RegExp, action: string, resource: string) {
  return (directory: string) => {
    for (const file of readdirSync(directory).filter((name) => name.endsWith('.template.json'))) {
      const path = join(directory, file);
      const template = JSON.parse(readFileSync(path, 'utf8'));
      for (const [id, { Type, Properties }] of Object.entries<{
        Type: string;
        Properties: { PolicyDocument: { Statement: Record<string, unknown>[] } };
      }>(template.Resources)) {
        if (Type !== 'AWS::IAM::Policy' || !policy.test(id)) continue;
        for (const statement of Properties.PolicyDocument.Statement)
          if ([statement.Action].flat().includes(action) && JSON.stringify(statement.Resource).includes(resource))
            statement.Action = [statement.Action].flat().filter((one) => one !== action);
      }
      writeFileSync(path, JSON.stringify(template));
    }
  };
}
