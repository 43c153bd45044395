/** Sending as users do: SendGrid's client, curl, the README's own words. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

const run = promisify(execFile);
let mail: Mail;

beforeAll(async () => {
  mail = await givenMail({ settings: { relay: { hostName: 'smtp.example.com' } } });
});
afterAll(() => mail.end());

type Found = {
  id: string;
  to: string;
  subject: string;
  raw: string;
  text: string;
  html: string;
  dkim: { result: string };
};

async function findIn(inbox: string, to: string): Promise<Found> {
  const [summary] = await eventually(
    async () => (await (await fetch(`${inbox}/messages?to=${encodeURIComponent(to)}`)).json()) as Found[],
    (list) => list.length > 0,
  );
  return (await (await fetch(`${inbox}/messages/${summary!.id}`)).json()) as Found;
}
const headersOf = ({ raw }: Found) => raw.slice(0, raw.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]/g, ' ');

/** Runs a script that knows nothing but `.pennypost/local.json`, as a user's would. */
async function runScript(script: string): Promise<string> {
  const place = join(mail.folder, 'user');
  mkdirSync(place, { recursive: true });
  symlinkOnce(mail.folder, join(place, '.pennypost'));
  symlinkOnce(join(process.cwd(), 'node_modules'), join(place, 'node_modules'));
  writeFileSync(join(place, 'send.mjs'), script);
  const { stdout } = await run(process.execPath, ['send.mjs'], { cwd: place, timeout: 20_000 });
  return stdout;
}
function symlinkOnce(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

describe('@sendgrid/mail with only its base URL changed', () => {
  const SEND = `
    import { readFileSync } from 'node:fs';
    import sgMail from '@sendgrid/mail';
    const { apiUrl, apiKey } = JSON.parse(readFileSync('.pennypost/local.json', 'utf8'));
    sgMail.setApiKey(apiKey);
    sgMail.client.setDefaultRequest('baseUrl', apiUrl);
    const [{ statusCode, headers }] = await sgMail.send({
      from: { email: 'shop@example.com', name: 'Café Größe' },
      replyTo: 'help@example.com',
      subject: 'Your order ✓',
      text: 'Plain: grüße',
      html: '<p>Rich: <b>grüße</b></p>',
      attachments: [{ content: Buffer.from('%PDF-1').toString('base64'), filename: 'Übersicht – März.pdf', type: 'application/pdf', disposition: 'attachment' }],
      categories: ['orders'],
      customArgs: { order: '17' },
      personalizations: [
        { to: [{ email: 'anna@example.net', name: 'Anna' }], cc: [{ email: 'ben@example.org' }], bcc: [{ email: 'chris@example.net' }] },
        { to: [{ email: 'dora@example.net' }], subject: 'Dora only', headers: { 'X-Order': '18' } },
      ],
    });
    console.log(JSON.stringify({ statusCode, id: headers['x-message-id'] }));
  `;

  it('every copy arrives, signed, with the right headers, and Bcc on none of them', async () => {
    const { statusCode, id } = JSON.parse(await runScript(SEND)) as { statusCode: number; id: string };
    expect(statusCode).toBe(202);
    const inbox = mail.local.inboxUrl;
    const [anna, ben, chris, dora] = await Promise.all(
      ['anna@example.net', 'ben@example.org', 'chris@example.net', 'dora@example.net'].map((to) => findIn(inbox, to)),
    );
    for (const one of [anna!, ben!, chris!, dora!]) {
      expect(one.dkim.result).toBe('pass');
      const headers = headersOf(one);
      expect(headers).not.toMatch(/chris|^bcc:/im);
      expect(headers).toMatch(/^Feedback-ID: orders:default:operator:pennypost$/m);
      expect(headers).toMatch(/^Reply-To: help@example.com$/m);
      expect(headers).toMatch(/^DKIM-Signature: .*\bh=from:from:/m);
      expect(one.text).toContain('Plain: grüße');
      expect(one.html).toContain('Rich: <b>grüße</b>');
      expect(headers).not.toMatch(/order.*17/);
    }
    for (const one of [anna!, ben!, chris!]) {
      expect(one.subject).toBe('Your order ✓');
      expect(headersOf(one)).toMatch(/^To: "?Anna"? <anna@example.net>$/m);
      expect(headersOf(one)).toMatch(/^Cc: ben@example.org$/m);
      expect(headersOf(one)).toContain(`Message-ID: <${id}.0@example.com>`);
    }
    expect(dora!.subject).toBe('Dora only');
    expect(headersOf(dora!)).toMatch(/^X-Order: 18$/m);
    expect(headersOf(dora!)).toContain(`Message-ID: <${id}.1@example.com>`);
    const { attachments } = anna as unknown as { attachments: { filename: string; size: number }[] };
    expect(attachments).toMatchObject([{ filename: 'Übersicht – März.pdf', size: 6 }]);
    expect(await thenAllIsAccountedFor(mail, [id])).toMatchObject({ accepted: 4, delivered: 4 });
  });

  it('an error has its status, message and field', async () => {
    const script = SEND.replace("'shop@example.com'", "'shop@elsewhere.example'").replace(
      'const [{ statusCode, headers }] = await sgMail.send',
      'const failed = await sgMail.send',
    );
    const printed = await runScript(
      script.replace(
        "});\n    console.log(JSON.stringify({ statusCode, id: headers['x-message-id'] }));",
        '}).catch((error) => error);\n console.log(JSON.stringify({ code: failed.code, body: failed.response.body }));',
      ),
    );
    expect(JSON.parse(printed)).toMatchObject({
      code: 403,
      body: {
        errors: [
          {
            field: 'from',
            message: expect.stringMatching(/^The from address does not match a verified Sender Identity\./),
          },
        ],
      },
    });
  });
});

describe('the README', () => {
  const readme = readFileSync('README.md', 'utf8');
  const block = (language: string, containing: string) =>
    [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))]
      .map((match) => match[1]!)
      .find((text) => text.includes(containing))!;

  it('its @sendgrid/mail example sends', async () => {
    await runScript(`${block('js', 'sgMail')}\n`);
    expect((await findIn(mail.local.inboxUrl, 'reader@example.net')).dkim.result).toBe('pass');
  });

  it('its nodemailer example sends by SMTP', async () => {
    const before = mail.arrivals.count();
    await runScript(block('js', 'createTransport'));
    await eventually(
      () => mail.arrivals.count(),
      (count) => count > before,
    );
  });

  it('its curl example sends', async () => {
    const before = mail.arrivals.count();
    const { stdout } = await run('bash', ['-c', block('sh', 'curl -i')], {
      cwd: join(mail.folder, 'user'),
      timeout: 20_000,
    });
    expect(stdout).toMatch(/^HTTP\/1\.1 202/m);
    expect(stdout).toMatch(/^x-message-id: [\w-]{22}\r?$/im);
    await eventually(
      () => mail.arrivals.count(),
      (count) => count > before,
    );
  });
});

describe('over HTTP', () => {
  const valid = mailTo('http@example.net');
  const key = () => mail.local.apiKey;
  it.each([
    [
      'no key',
      () => ({ authorization: '' }),
      401,
      'The provided authorization grant is invalid, expired, or revoked',
      null,
    ],
    [
      'a wrong secret',
      () => ({ authorization: `Bearer ${key().slice(0, -1)}x` }),
      401,
      'The provided authorization grant is invalid, expired, or revoked',
      null,
    ],
    [
      'another content type',
      () => ({ 'content-type': 'text/plain' }),
      415,
      'Content-Type should be application/json',
      null,
    ],
  ] as const)('%s', async (_name, headers, status, message, field) => {
    const answer = await mail.post(valid, headers());
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body).errors[0]).toMatchObject({ message, field });
  });

  it('a key that may not send: 403', async () => {
    const { key: other } = await mail.operator.createKey('operator', 'reader', ['stats.read']);
    const answer = await mail.post(valid, { authorization: `Bearer ${other}` });
    expect(answer).toMatchObject({ status: 403 });
    expect(JSON.parse(answer.body).errors[0].message).toBe('access forbidden');
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('%s: 405', async (method) => {
    const answer = await fetch(`${mail.local.apiUrl}/v3/mail/send`, {
      method,
      headers: { authorization: `Bearer ${key()}` },
    });
    expect([answer.status, await answer.json()]).toEqual([
      405,
      { errors: [{ field: null, help: null, message: 'POST method allowed only' }] },
    ]);
  });

  it('a path that is not there: 404', async () => {
    const answer = await fetch(`${mail.local.apiUrl}/v3/nothing`, { method: 'POST' });
    expect([answer.status, await answer.json()]).toMatchObject([
      404,
      { errors: [{ message: 'not found', field: null }] },
    ]);
  });

  it.each([
    ['wrong JSON', '{', null],
    ['a wrong type', { ...valid, personalizations: {} }, null],
    [
      'an address that is none',
      { ...valid, personalizations: [{ to: [{ email: 'nobody' }] }] },
      'personalizations.0.to.0.email',
    ],
    ['no content', { ...valid, content: undefined }, 'content'],
    ['a reserved header', { ...valid, headers: { 'Reply-To': 'x' } }, 'headers.Reply-To'],
  ] as const)('%s: 400', async (_name, body, field) => {
    const answer = await mail.post(body);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body).errors.map((error: { field: string }) => error.field)).toContain(field);
  });

  it('5 MB: 413, with what to do instead', async () => {
    const answer = await mail.post({ ...valid, content: [{ type: 'text/plain', value: 'x'.repeat(5_000_000) }] });
    expect(answer.status).toBe(413);
    expect(answer.body).toMatch(/smaller|split/);
  });

  it('an Idempotency-Key answers the same and sends once', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => mail.post(mailTo('once@example.net'), { 'Idempotency-Key': 'order-17' })),
    );
    expect(new Set(answers.map(({ status, id }) => `${status} ${id}`)).size).toBe(1);
    expect((await mail.post(mailTo('other@example.net'), { 'Idempotency-Key': 'order-17' })).status).toBe(409);
    await thenAllIsAccountedFor(mail);
    expect(mail.arrivals.list({ to: 'once@example.net' })).toHaveLength(1);
  });

  it('ends with all accounted for, no call denied, and no failure in the log', async () => {
    await thenAllIsAccountedFor(mail);
    expect(mail.stack.denials).toEqual([]);
    expect(mail.log).toEqual([]);
  });
});
