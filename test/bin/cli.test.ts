/** The command line as people and scripts use it: a process of its own, against a running local stack. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRequestId } from '../../core/ids.ts';
import { eventually, givenMail, type Mail, mailTo } from '../e2e/given.ts';

let mail: Mail;
let place: string;

beforeAll(async () => {
  mail = await givenMail();
  place = join(mail.folder, 'user');
  mkdirSync(place);
  symlinkSync(mail.folder, join(place, '.pennypost'));
  for (const username of ['another2', 'parse222', 'remove22', 'rotate22', 'edwards2', 'shutshut'])
    await givenSubuser(username);
});
afterAll(() => mail.end());

async function givenSubuser(username: string): Promise<void> {
  const answer = await fetch(`${mail.local.apiUrl}/v3/subusers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ username, email: `${username}@example.com`, password: 'correct horse 9', ips: [] }),
  });
  expect(answer.status).toBe(200);
}

type Ran = { code: number; out: string; err: string };

/** Nothing of this machine's AWS configuration, and no metadata service: only what the test gives. */
function run(argv: string[], cwd = place, environment: Record<string, string> = {}): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: cwd, AWS_EC2_METADATA_DISABLED: 'true', ...environment };
  return new Promise((done) => {
    execFile(process.execPath, [resolve('bin/cli.ts'), ...argv], { cwd, env, timeout: 15_000 }, (error, out, err) =>
      done({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    );
  });
}
async function runJson<T>(...argv: string[]): Promise<T> {
  const { code, out, err } = await run([...argv, '--json']);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out.trimEnd()).not.toContain('\n');
  return JSON.parse(out) as T;
}

/** Exit code 1 and one line for a person; the line before it may say which stack it is about. */
function expectSentence({ code, out, err }: Ran, words: RegExp): void {
  const lines = err
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('local stack at'));
  expect({ code, out, lines: lines.length }).toEqual({ code: 1, out: '', lines: 1 });
  expect(lines[0]).toMatch(/^pennypost: /);
  expect(lines[0]).toMatch(words);
  expect(err).not.toMatch(/\n\s+at |node:internal|\.ts:\d/);
}

describe('what was typed', () => {
  it('is a program of its own, where npm links it', () => {
    expect(statSync(new URL('../../bin/cli.ts', import.meta.url)).mode & 0o111).toBe(0o111);
  });

  it.each([[['--help']], [[]]])('%j prints the commands', async (argv) => {
    const { code, out, err } = await run(argv);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const command of ['keys create', 'domains check DOMAIN', 'trace X-MESSAGE-ID']) expect(out).toContain(command);
  });

  it.each([
    ['an unknown command', ['mail', 'send'], /there is no command "mail send"; --help lists them/],
    ['half a command', ['keys'], /"keys" needs one of: create, list, delete/],
    ['a mistyped one', ['keys', 'creat'], /there is no command "keys creat"; did you mean "keys create"\?/],
    ["a property of every object's", ['constructor'], /there is no command "constructor"; --help lists them/],
    ["two of an object's", ['toString', 'x'], /there is no command "toString x"/],
    ['too few arguments', ['keys', 'delete'], /"keys delete" needs ID: npx pennypost keys delete ID/],
    ['too many arguments', ['trace', 'one', 'two'], /"trace" does not know what to do with "two": npx pennypost trace/],
    ['an unknown option', ['keys', 'list', '--verbose'], /--verbose/],
    ['an option without its value', ['keys', 'create', '--name'], /--name/],
    ['an account that is none', ['keys', 'list', '--account', 'Nobody'], /there is no account "Nobody": .*username/],
    ['an id of nobody', ['keys', 'create', '--name', 'x', '--account', 'zzzzzzzz'], /there is no account "zzzzzzzz"/],
    ['a cap of nobody', ['brakes', 'cap', 'zzzzzzzz', '5'], /there is no account "zzzzzzzz"/],
    [
      'a DNS server that is none',
      ['domains', 'check', 'example.com', '--dns', 'dns.example'],
      /"dns.example" is not a DNS server/,
    ],
    ['a key without a name', ['keys', 'create'], /keys create needs --name/],
    ['a domain that is none', ['domains', 'add', 'http://example.com'], /is not a domain name/],
    ['an id that is none', ['trace', 'nonsense'], /"nonsense" is not an X-Message-Id/],
    ['an id of nothing', ['trace', makeRequestId(1_000, Buffer.alloc(10))], /no request \S{22} in this account/],
    ['a key that is not there', ['keys', 'delete', 'operatorNothing'], /there is no key operatorNothing/],
    [
      'a domain that is not there',
      ['domains', 'check', 'nobody.example'],
      /nobody\.example is not a domain of this account/,
    ],
  ])('%s', async (_name, argv, words) => {
    expectSentence(await run(argv), words);
  });
});

describe('parse and forward', () => {
  it('make, list and remove a setting; refuse what could not work, in one sentence', async () => {
    const of = ['--account', 'parse222'];
    await runJson('domains', 'add', 'parse.example', ...of);
    const setting = { hostname: 'in.parse.example', url: 'https://shop.example/in', spam_check: false, send_raw: true };
    expect(await runJson('parse', 'add', 'In.parse.example', setting.url, '--raw', ...of)).toEqual(setting);
    expect(await runJson('parse', 'list', ...of)).toEqual([setting]);
    expectSentence(await run(['parse', 'add', 'in.parse.example', setting.url, ...of]), /has a parse setting already/);
    expectSentence(await run(['parse', 'add', 'elsewhere.example', setting.url, ...of]), /sends from/);
    expectSentence(await run(['parse', 'add', 'b.parse.example', 'ftp://x.example', ...of]), /https:/);
    expectSentence(await run(['parse', 'add', 'in.parse.example', setting.url, '--account', 'another2']), /sends from/);
    expect((await run(['parse', 'remove', 'in.parse.example', ...of])).out).toContain('refused within a minute');
    expectSentence(await run(['parse', 'remove', 'in.parse.example', ...of]), /no parse setting/);

    expect((await run(['forward', 'set', 'bounces', 'desk@parse.example', ...of])).out).toContain('desk@parse.example');
    expect(await runJson('forward', 'off', 'complaints', ...of)).toEqual({ enabled: false, email: '' });
    expectSentence(await run(['forward', 'set', 'letters', 'desk@parse.example', ...of]), /bounces or complaints/);
    expectSentence(await run(['forward', 'set', 'bounces', 'nobody', ...of]), /not an address/);
  });
});

describe('keys', () => {
  it('create shows the secret once; the key sends; list shows it without; delete removes it', async () => {
    const { code, out, err } = await run(['keys', 'create', '--name', 'website']);
    expect({ code, err }).toEqual({ code: 0, err: `local stack at ${mail.local.apiUrl}\n` });
    const key = out.split('\n')[0]!;
    expect(key).toMatch(/^SG\.operator[\w-]{14}\.[\w-]{43}$/);
    const [, id, secret] = key.split('.') as [string, string, string];
    expect(out).toMatch(new RegExp(`only time the key is shown. Its id is ${id}; it may: mail.send`));
    expect(await mail.post(mailTo('key@example.net'), { authorization: `Bearer ${key}` })).toMatchObject({
      status: 202,
    });

    const listed = await run(['keys', 'list']);
    expect(listed.out).toMatch(/^ID +NAME +SCOPES +CREATED \(UTC\)$/m);
    expect(listed.out).toMatch(new RegExp(`^${id} +website +mail\\.send +\\d{4}-\\d\\d-\\d\\d \\d\\d:`, 'm'));
    expect(JSON.stringify(await run(['keys', 'list', '--json'])) + listed.out).not.toContain(secret);

    expect((await run(['keys', 'delete', key])).out).toBe(`Deleted ${id}. It is refused within a minute.\n`);
    expect((await run(['keys', 'list'])).out).not.toContain(id);
    expectSentence(await run(['keys', 'delete', id]), new RegExp(`there is no key ${id}`));
  });

  it('the same as JSON, with scopes, in an account of its own', async () => {
    const of = ['--account', 'another2'];
    const made = await runJson<Record<string, unknown>>(
      'keys',
      'create',
      '--name',
      'ci',
      '--scope',
      'stats.read',
      '--scope',
      'mail.send',
      ...of,
    );
    expect(made).toEqual({
      api_key: expect.stringMatching(/^SG\.[a-z2-7]{8}/),
      api_key_id: expect.stringMatching(/^[a-z2-7]{8}/),
      name: 'ci',
      scopes: ['stats.read', 'mail.send'],
    });
    const byId = ['--account', String(made.api_key_id).slice(0, 8)];
    expect(byId).not.toContain('operator');
    expect(await runJson('keys', 'list', ...byId)).toEqual([
      { api_key_id: made.api_key_id, name: 'ci', scopes: made.scopes, created: expect.any(Number) },
    ]);
    expect(await runJson('keys', 'delete', String(made.api_key_id), ...of)).toEqual({ deleted: made.api_key_id });
    expect(await run(['keys', 'list', ...of])).toMatchObject({ code: 0, out: expect.stringMatching(/^No keys yet/) });
  });
});

describe('domains', () => {
  type Record = { purpose: string; name: string; type: string; value: string };
  type Checked = { valid: boolean; records: (Record & { valid: boolean; reason: string | null })[] };

  it('add prints the records to publish, and again the same ones', async () => {
    const { code, out } = await run(['domains', 'add', 'Shop.example']);
    expect(code).toBe(0);
    expect(out).toMatch(/^ {2}s1\._domainkey\.shop\.example {2}TXT\n {2}v=DKIM1; k=rsa; p=[\w+/=]{300,}$/m);
    expect(out).toMatch(/^ {2}em\.shop\.example {2}TXT\n {2}v=spf1 ip4:\S+ -all$/m);
    expect(out).toMatch(/^ {2}em\.shop\.example {2}MX\n {2}10 \S+$/m);
    expect(out).toMatch(/^ {2}_dmarc\.shop\.example {2}TXT\n {2}v=DMARC1; p=none$/m);
    const records = await runJson<Record[]>('domains', 'add', 'shop.example');
    for (const { name, type, value } of records) expect(out).toContain(`  ${name}  ${type}\n  ${value}\n`);
    expect((await run(['domains', 'list'])).out).toMatch(/^shop\.example +s1 +\d{4}-\S+ \S+ +not yet$/m);
    // The local stack's DNS has them already: whoever checks at once finds them.
    await run(['domains', 'add', 'at-once.example']);
    expect((await run(['domains', 'check', 'at-once.example'])).out).toContain('at-once.example is ready to send.');
  });

  it('check finds all of them, and remembers it', async () => {
    const { code, out } = await run(['domains', 'check', 'EXAMPLE.com']);
    expect(code).toBe(0);
    expect(out.match(/^ok /gm)).toHaveLength(4);
    expect(out).toContain('example.com is ready to send.');
    const domains = await runJson<{ domain: string; valid: number | null }[]>('domains', 'list');
    expect(domains.find(({ domain }) => domain === 'example.com')!.valid).toBeGreaterThan(0);
  });

  it('check names what is missing or wrong, why, and what to publish: exit code 1', async () => {
    // Prepare: a domain of which DNS knows nothing but a wrong key, two SPF records, and somebody else's TXT.
    const records = await runJson<Record[]>('domains', 'add', 'wrong.example', '--account', 'another2');
    const value = (purpose: string) => records.find((record) => record.purpose === purpose)!.value;
    mail.dns.setRecord('s1._domainkey.wrong.example', 'TXT', ['v=DKIM1; k=rsa; p=AAAA']);
    mail.dns.setRecord('em.wrong.example', 'TXT', [value('spf'), 'v=spf1 include:other.example -all']);

    // Act
    const text = await run(['domains', 'check', 'wrong.example', '--account', 'another2']);

    // Assess
    expect(text.code).toBe(1);
    expect(text.err).not.toContain('pennypost:');
    const missing = (purpose: string, reason: string) =>
      expect(text.out).toMatch(new RegExp(`^missing {2}${purpose} .*\\n +${reason}.*Publish:$`, 'm'));
    missing('dkim', 'the key there is another one');
    missing('spf', 'there is more than one SPF record');
    missing('dmarc', 'there is no such record');
    expect(text.out).toMatch(/^ok +return path/m);
    expect(text.out).toContain(value('dkim'));
    expect(text.out).toContain('wrong.example is not ready.');

    const json = await run(['domains', 'check', 'wrong.example', '--account', 'another2', '--json']);
    expect({ code: json.code, err: json.err }).toEqual({ code: 1, err: '' });
    const checked = JSON.parse(json.out) as Checked;
    expect(checked.valid).toBe(false);
    expect(checked.records.map(({ purpose, valid }) => [purpose, valid])).toEqual([
      ['dkim', false],
      ['spf', false],
      ['return path', true],
      ['dmarc', false],
    ]);

    mail.dns.setRecord('s1._domainkey.wrong.example', 'TXT', [value('dkim')]);
    mail.dns.setRecord('em.wrong.example', 'TXT', [value('spf')]);
    mail.dns.setRecord('_dmarc.wrong.example', 'TXT', [value('dmarc')]);
    expect((await run(['domains', 'check', 'wrong.example', '--account', 'another2'])).code).toBe(0);
  });

  it('remove takes a domain away, and the host name of its return path with it', async () => {
    const of = ['--account', 'remove22'];
    await runJson('domains', 'add', 'leaving.example', ...of);
    expect((await run(['domains', 'remove', 'Leaving.example', ...of])).out).toContain('leaving.example is removed');
    expect(await runJson('domains', 'list', ...of)).toEqual([]);
    expectSentence(await run(['domains', 'remove', 'leaving.example', ...of]), /is not a domain of this account/);
  });

  it('rotate makes a key that waits; activate lets it sign once DNS knows it, and says how long the old record stays', async () => {
    // Prepare
    const of = ['--account', 'rotate22'];
    const records = await runJson<Record[]>('domains', 'add', 'rotate.example', ...of);
    for (const { name, type, value } of records) if (type === 'TXT') mail.dns.setRecord(name, 'TXT', [value]);

    // Act, and assess: a key that waits changes nothing, and activating it before DNS knows it is refused.
    type Rotated = { selector: string; algorithm: string; record: Record };
    const { selector, record } = await runJson<Rotated>('domains', 'rotate', 'rotate.example', ...of);
    expect([selector, record.name]).toEqual(['s2', 's2._domainkey.rotate.example']);
    expect((await run(['domains', 'rotate', 'rotate.example', ...of])).out).toContain(`  ${record.value}\n`);
    const waiting = await run(['domains', 'check', 'rotate.example', ...of]);
    expect(waiting.code).toBe(1);
    expect(waiting.out).toMatch(/^missing {2}dkim +s2\._domainkey\.rotate\.example {2}TXT {2}\(pending\)$/m);
    expect(waiting.out).toContain('rotate.example is ready to send.');
    expectSentence(
      await run(['domains', 'activate', 'rotate.example', ...of]),
      /s2\._domainkey\.rotate\.example is not published: there is no such record\. Nothing was changed/,
    );

    mail.dns.setRecord(record.name, 'TXT', [record.value]);
    expect((await run(['domains', 'check', 'rotate.example', ...of])).code).toBe(0);
    const { code, out } = await run(['domains', 'activate', 'rotate.example', ...of]);
    expect(code).toBe(0);
    expect(out).toMatch(/^rotate\.example is signed with s2 within five minutes\.$/m);
    expect(out).toMatch(/^s1 signs no more\. Leave s1\._domainkey\.rotate\.example in DNS until \d{4}-\S+ \S+ UTC:$/m);
    expect((await run(['domains', 'list', ...of])).out).toMatch(/^rotate\.example +s2 /m);
    expectSentence(await run(['domains', 'activate', 'rotate.example', ...of]), /no key of rotate\.example waits/);
    expect((await run(['domains', 'check', 'rotate.example', ...of])).out).toMatch(/^ok +dkim +s1\..*\(retired\)$/m);
  });

  it('an Ed25519 key signs beside RSA, and is retired alone; the RSA key that signs cannot be', async () => {
    const of = ['--account', 'edwards2'];
    await runJson('domains', 'add', 'edwards.example', ...of);
    const { record } = await runJson<{ record: Record }>('domains', 'rotate', 'edwards.example', '--ed25519', ...of);
    expect(record).toMatchObject({
      name: 'e1._domainkey.edwards.example',
      value: expect.stringMatching(/^v=DKIM1; k=ed25519; p=[\w+/]{43}=$/),
    });
    mail.dns.setRecord(record.name, 'TXT', [record.value]);
    const done = await runJson('domains', 'activate', 'edwards.example', ...of);
    expect(done).toEqual({ domain: 'edwards.example', activated: ['e1'], retired: [] });
    expectSentence(await run(['domains', 'retire', 'edwards.example', 's1', ...of]), /s1 is the key that signs/);
    expectSentence(await run(['domains', 'retire', 'edwards.example', 'x', ...of]), /no key with the selector x/);
    expect((await run(['domains', 'retire', 'edwards.example', 'e1', ...of])).out).toMatch(/^e1 signs no more\./);
  });

  it('a DNS server that does not answer is said so, not taken for missing records', async () => {
    const { code, out } = await run(['domains', 'check', 'example.com', '--dns', '127.0.0.1:1']);
    expect(code).toBe(1);
    expect(out.match(/the look-up failed \(ECONNREFUSED\): try again/g)).toHaveLength(4);
  });
});

describe('trace', () => {
  it('tells of each recipient: delivered, bounced, deferred until when', async () => {
    const { id } = await mail.post({
      ...mailTo('x'),
      personalizations: ['reader', 'bounce', 'greylist'].map((name) => ({ to: [{ email: `${name}@example.net` }] })),
    });
    await eventually(
      () => mail.ledger([id]),
      ({ delivered, bounced, held }) => delivered === 1 && bounced === 1 && held === 1,
    );

    const { code, out } = await run(['trace', id]);
    expect(code).toBe(0);
    const time = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3}';
    expect(out).toMatch(new RegExp(`^accepted {2}${time} {2}from shop@example\\.com {2}"Your order"$`, 'm'));
    expect(out).toMatch(/^ +3 recipients, API key operator/m);
    expect(out).toMatch(
      new RegExp(`^0 {2}reader@example\\.net\\n +delivered ${time} {2}250 .*mx1\\.sink\\.test.*default-1`, 'm'),
    );
    expect(out).toMatch(new RegExp(`^1 {2}bounce@example\\.net\\n +bounced +${time} {2}550.5\\.1\\.1 `, 'm'));
    expect(out).toMatch(
      new RegExp(`^2 {2}greylist@example\\.net\\n +deferred +${time} {2}4\\d\\d.*\\n +next attempt ${time}$`, 'm'),
    );
    // What was said is below what did not go well, and there alone.
    expect(out).toMatch(/^ +S: 220 .*\n(?: +.*\n)* +C: RCPT TO:<bounce@example\.net>.*\n(?: +.*\n)* +S: 550/m);
    expect(out).not.toContain('C: RCPT TO:<reader@example.net>');
    expect(out).toMatch(new RegExp(`^held {6}until ${time}: 1 deferred or put off$`, 'm'));
    expect(out).not.toMatch(/^queued/m);

    type Told = {
      request: { copies: number };
      copies: { index: number; address: string; events: { event: string }[] }[];
      holds: { copies: number }[];
    };
    const told = await runJson<Told>('trace', id);
    expect(told.request.copies).toBe(3);
    expect(told.copies.map(({ index, address, events }) => [index, address, events.map(({ event }) => event)])).toEqual(
      [
        [0, 'reader@example.net', ['delivered']],
        [1, 'bounce@example.net', ['bounced']],
        [2, 'greylist@example.net', ['deferred']],
      ],
    );
    expect(told.holds).toMatchObject([{ kind: 'job', copies: 1 }]);
    // A webhook's sg_message_id and a Message-ID begin with it: both are what people have at hand.
    expect((await run(['trace', `<${id}.0@example.com>`])).out).toContain('reader@example.net');
    expectSentence(await run(['trace', id, '--account', 'another2']), /no request \S+ in this account/);
  });

  it('tells what is scheduled', async () => {
    const { id } = await mail.post(mailTo('later@example.net', { send_at: Math.floor(Date.now() / 1_000) + 3_600 }));
    expect((await run(['trace', id])).out).toMatch(/^held {6}until .*: 1 scheduled$/m);
  });
});

describe('without a stack', () => {
  let empty: string;
  beforeAll(() => {
    empty = mkdtempSync(join(tmpdir(), 'pennypost-cli-'));
  });
  afterAll(() => rmSync(empty, { recursive: true, force: true }));
  const keys = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_REGION: 'us-east-1' };

  it('--local: how to start one', async () => {
    expectSentence(await run(['keys', 'list', '--local'], empty), /no local stack runs here.*npm start/);
  });

  it('no region, no credentials: which of them, and what to do', async () => {
    expectSentence(await run(['keys', 'list'], empty), /no local stack runs .*npm start.*AWS_REGION/);
    expectSentence(await run(['keys', 'list'], empty, { AWS_REGION: 'us-east-1' }), /no AWS credentials.*npm start/);
  });

  it('AWS out of reach, or saying no: a sentence', async () => {
    expectSentence(
      await run(['keys', 'list'], empty, { ...keys, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }),
      /AWS cannot be reached/,
    );
    const there = { ...keys, AWS_ENDPOINT_URL: mail.local.awsUrl, AWS_ACCESS_KEY_ID: 'operator' };
    expectSentence(
      await run(['keys', 'list', '--stack', 'Nowhere'], empty, there),
      /there is no stack Nowhere in this account and region/,
    );
  });

  it('credentials that have expired: what AWS said', async () => {
    const aws = createServer((_request, response) => {
      response.writeHead(403, { 'content-type': 'text/xml' });
      response.end(
        '<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token has expired</Message></Error></ErrorResponse>',
      );
    });
    await new Promise<void>((listening) => aws.listen(0, '127.0.0.1', listening));
    const there = { ...keys, AWS_ENDPOINT_URL: `http://127.0.0.1:${(aws.address() as { port: number }).port}` };
    expectSentence(await run(['keys', 'list'], empty, there), /AWS refused: The security token has expired/);
    aws.close();
  });

  it('a local.json of a stack that is gone is passed over; one that is broken is named', async () => {
    mkdirSync(join(empty, '.pennypost'));
    const file = join(empty, '.pennypost', 'local.json');
    // No process can have this id (Linux: at most 4,194,304).
    writeFileSync(file, JSON.stringify({ ...mail.local, pid: 99_999_999 }));
    expectSentence(await run(['keys', 'list', '--local'], empty), /no local stack runs here/);
    writeFileSync(file, '{');
    expectSentence(await run(['keys', 'list'], empty), /local\.json is not JSON/);
  });
});

describe('sites', () => {
  it('list says where a lane is paused, why and until when; resume lifts it', async () => {
    const none = await run(['sites', 'list']);
    expect(none.out).toMatch(/^No site is paused or limited/);
    mail.dns.setRecord('listed.example', 'MX', [{ preference: 10, exchange: 'mx.listed.example' }]);
    await mail.post(mailTo('block@listed.example'));
    await eventually(
      () => runJson<{ site: string; pausedUntil: number }[]>('sites', 'list'),
      (sites) => sites.length === 1,
      30,
    );

    const { out, code } = await run(['sites', 'list']);
    expect({ code, out }).toMatchObject({
      code: 0,
      out: expect.stringMatching(/default-1\s+mx\.listed\.example\s+1\s/),
    });
    expect(out).toMatch(/ip-listed\n/);
    expect(out).toMatch(/mx\.listed\.example\n {2}554 5\.7\.1 /);

    expect((await run(['sites', 'resume', 'default-1', 'mx.listed.example'])).out).toMatch(
      /sends to mx\.listed\.example again/,
    );
    expect(await runJson('sites', 'list')).toEqual([]);
    expectSentence(await run(['sites', 'resume', 'default-1', 'mx.listed.example']), /has no limits at/);
    expectSentence(await run(['sites', 'resume', 'nowhere', 'x']), /there is no lane "nowhere"; there are: default-1/);
  }, 60_000);
});

describe('messages', () => {
  it('are found by a query, as a table or as JSON; what is wrong with it is said', async () => {
    const { id } = await mail.post(mailTo('asked@example.net'));
    await eventually(
      () => mail.ledger([id]),
      ({ delivered }) => delivered === 1,
    );
    const { code, out } = await run(['messages', 'to_email = "asked@example.net"', '--limit', '5']);
    expect([code, out]).toEqual([0, expect.stringMatching(/^last event .*\n\S+Z +delivered +asked@example\.net /)]);
    const told = await runJson<{ messages: object[] }>('messages', `msg_id LIKE "${id}%"`);
    expect(told).toMatchObject({ messages: [{ to_email: 'asked@example.net', status: 'delivered' }] });
    // Without a query the newest, which event pages tell of within a minute.
    expect(await run(['messages'])).toMatchObject({ code: 0, out: expect.stringMatching(/msg_id|^No such messages/) });
    expect((await run(['messages', 'to_email = "nobody@example.net"'])).out).toMatch(/^No such messages/);
    expectSentence(await run(['messages', 'bad_field = "x"']), /'bad_field' is not a known field/);
    expectSentence(await run(['messages', '', '--limit', '0']), /--limit takes 1 to 1000/);
  }, 60_000);

  it('keep what was said of all of them, or of what did not go well', async () => {
    expect(await runJson('transcripts', 'all')).toEqual({ keep: 'all' });
    expectSentence(await run(['transcripts', 'none']), /"none" is not one of failures, all/);
    expect((await run(['transcripts', 'failures'])).out).toMatch(/did not go well/);
  }, 60_000);
});

describe('tls', () => {
  it('set makes an account’s mail need it, show tells', async () => {
    expect((await run(['tls', 'show'])).out).toMatch(/^off: /);
    expect((await run(['tls', 'set', 'verified'])).out).toMatch(/^verified: never in clear/);
    expect(await runJson('tls', 'show')).toEqual({ require_tls: true, require_valid_cert: true });
    expectSentence(await run(['tls', 'set', 'strong']), /"strong" is not a level: off, required or verified/);
    expect((await run(['tls', 'set', 'off'])).code).toBe(0);
  }, 60_000);
});

describe('erase', () => {
  it('makes a job, and shows how far it is', async () => {
    const { job_id } = (await runJson('erase', 'address', 'Ada@example.net')) as { job_id: string };
    expect(await runJson('erase', 'show', job_id)).toMatchObject({ job_id, email_addresses: 1 });
    expect((await run(['erase', 'show', job_id])).out).toMatch(
      /(queued|running|waiting): \d pass.*\n(next pass .*\n)?certain {4}20/,
    );
    expectSentence(await run(['erase', 'address', 'nobody']), /"nobody" is not an address/);
    expectSentence(await run(['erase', 'show', job_id, '--account', 'another2']), /there is no job/);
  });
});

describe('brakes', () => {
  it('a cap is set, shown, listed and taken back; bulk is paused and resumed by hand', async () => {
    expect((await run(['brakes', 'show', 'operator'])).out).toBe(
      'daily cap  as the settings say. Claimed today: 0\nbulk       goes out\n',
    );
    expect((await run(['brakes', 'cap', 'operator', '5000'])).out).toContain('the daily cap is 5000 copies');
    expect(await runJson('brakes', 'pause', 'operator')).toMatchObject({ paused: { cause: 'operator' } });
    expectSentence(await run(['brakes', 'pause', 'operator']), /bulk of operator is paused already/);
    expect(await runJson('brakes', 'list')).toMatchObject([{ account: 'operator', operatorCap: 5_000, paused: {} }]);
    expect((await run(['brakes', 'list'])).out).toMatch(
      /operator +5000 copies +paused since .*: the operator paused it/,
    );
    expect((await run(['brakes', 'show', 'operator'])).out).toMatch(/PAUSED since .*: the operator paused it/);
    expect((await run(['brakes', 'resume', 'operator'])).out).toContain('bulk goes on');
    expectSentence(await run(['brakes', 'resume', 'operator']), /bulk of operator is not paused/);
    await run(['brakes', 'cap', 'operator', 'default']);
    const { events } = await runJson<{ events: { event: string; by: string }[] }>('brakes', 'show', 'operator');
    expect(events.map(({ event, by }) => `${event} ${by}`)).toEqual([
      'daily_cap_changed operator',
      'bulk_resumed operator',
      'bulk_paused operator',
      'daily_cap_changed operator',
    ]);
    expect((await run(['brakes', 'list'])).out).toContain('No account is paused');
  }, 60_000);

  it.each([
    [['brakes', 'cap', 'operator', 'lots'], /"lots" is no cap/],
    [['brakes', 'show', 'nobody'], /there is no account "nobody"/],
  ])('%j is explained', async (argv, words) => {
    expectSentence(await run(argv), words);
  });
});

describe('access', () => {
  it('who has locked himself out gets in again, past every door', async () => {
    const ofShut = ['--account', 'shutshut'];
    const call = async (path: string) => {
      const made = await runJson<{ api_key: string }>('keys', 'create', '--name', 'x', '--scope', 'all', ...ofShut);
      const headers = { authorization: `Bearer ${made.api_key}` };
      return fetch(`${mail.local.apiUrl}/v3/access_settings/${path}`, { headers });
    };
    expect((await run(['access', 'list', ...ofShut])).out).toContain('no IP access list: calls may come from anywhere');
    expect((await run(['access', 'add', '192.0.2.*', ...ofShut])).out).toContain('192.0.2.0/24 is in the list');
    expect(await runJson('access', 'add', '2001:DB8::/32', ...ofShut)).toMatchObject({ id: 2, ip: '2001:db8::/32' });
    expect((await call('whitelist')).status).toBe(403);
    expect((await run(['access', 'activity', ...ofShut])).out).toMatch(/127\.0\.0\.1 +API +REFUSED/);
    expect((await run(['access', 'list', ...ofShut])).out).toMatch(/1 +192\.0\.2\.0\/24 +20/);
    expect((await run(['access', 'remove', '1', ...ofShut])).out).toContain('1 rule is left');
    expect((await run(['access', 'clear', ...ofShut])).out).toContain('No rule is left: calls may come from anywhere');
    // A key that was not read yet: the others are kept for a minute.
    expect((await call('whitelist')).status).toBe(200);
  }, 60_000);

  it.each([
    [['access', 'add', '1.2.3.256'], /"1.2.3.256" is no IPv4 or IPv6 address/],
    [['access', 'remove', '7'], /no rule has the id "7"/],
    [['access', 'activity', '--limit', 'x'], /--limit "x"/],
  ])('%j is explained', async (argv, words) => {
    expectSentence(await run(argv), words);
  });
});

describe('suppressions', () => {
  it('are imported once however often, exported as they were, and hold at once', async () => {
    const file = join(place, 'bounces.csv');
    const rows = Array.from(
      { length: 1_200 },
      (_, n) => `5.1.1,"550 no, reader ${n}",gone-${n}@moved.example,${1_600_000_000 + n}`,
    );
    writeFileSync(file, `status,reason,email,created\r\n${rows.join('\r\n')}\r\n,,not an address,1\r\n`);
    const first = await run(['suppressions', 'import', file, '--list', 'bounces']);
    expect(first.out).toMatch(/^1201 rows: 1200 addresses added to bounces, 0 were on it already, 1 rows refused\.$/m);
    expect(first.out).toMatch(/^ {2}line 1202: not an address: not an address$/m);
    expect(readFileSync(`${file}.refused.csv`, 'utf8')).toBe('line,problem\r\n1202,not an address: not an address\r\n');
    expect(await runJson('suppressions', 'import', file, '--list', 'bounces')).toMatchObject({
      added: 0,
      already_listed: 1_200,
    });

    const { out } = await run(['suppressions', 'export', '--list', 'bounces']);
    const lines = out.trimEnd().split('\r\n');
    expect(lines[0]).toBe('status,reason,email,created');
    expect(lines.filter((line) => line.includes('@moved.example'))).toEqual(rows);

    const { id } = await mail.post(mailTo('GONE-7@moved.example'));
    await eventually(
      () => mail.ledger([id]),
      ({ dropped }) => dropped === 1,
    );
  }, 60_000);

  it('of a group go to that group alone; what the purge took is deleted', async () => {
    const file = join(place, 'group.csv');
    writeFileSync(file, 'email\na@left.example\n');
    expectSentence(await run(['suppressions', 'import', file, '--list', 'group:1']), /has no unsubscribe group 1/);
    expectSentence(await run(['suppressions', 'import', file, '--list', 'bounced']), /"bounced" is no list: bounces,/);
    expectSentence(await run(['suppressions', 'import', file]), /--list says which list/);
    expectSentence(
      await run(['suppressions', 'import', 'nowhere.csv', '--list', 'bounces']),
      /there is no file nowhere\.csv/,
    );
    expect(await runJson('suppressions', 'purge')).toEqual({ bounces: 0, blocks: 0 });
  }, 60_000);
});
