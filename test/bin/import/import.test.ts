/**
 * `import sendgrid` as people run it: a process, with our own API as the account that is left and another account of the same stack as the
 * one that is moved into. A proxy stands between and sees what is asked.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { givenMail, type Mail } from '../../e2e/given.ts';
import { startSource } from './fake-source.ts';

type Ran = { code: number; out: string; err: string };
// biome-ignore lint/suspicious/noExplicitAny: whatever the API answers
type Json = any;
type Ask = (method: string, path: string, body?: unknown) => Promise<Json>;

const THERE = 'there222';
const HERE = 'here2222';
let mail: Mail;
let place: string;
let key: string;
let there: Ask;
let here: Ask;
let proxy: Awaited<ReturnType<typeof startSource>>;

function run(argv: string[], environment: Record<string, string> = {}): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: place, AWS_EC2_METADATA_DISABLED: 'true', ...environment };
  return new Promise((done) => {
    execFile(
      process.execPath,
      [resolve('bin/cli.ts'), ...argv],
      { cwd: place, env, timeout: 60_000 },
      (error, out, err) => done({ code: error ? Number(error.code ?? -1) : 0, out, err }),
    );
  });
}
const moveIn = (...more: string[]) =>
  run(['import', 'sendgrid', '--from', proxy.origin, '--account', HERE, ...more], { SENDGRID_API_KEY: key });

/** A subuser of that name. */
async function accountOf(account: string): Promise<{ key: string; ask: Ask }> {
  await fetch(`${mail.local.apiUrl}/v3/subusers`, {
    method: 'POST',
    headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ username: account, email: 'a@example.com', password: 'correct horse 9', ips: [] }),
  });
  const { out } = await run(['keys', 'create', '--name', 'test', '--scope', 'all', '--account', account, '--json']);
  const made = JSON.parse(out).api_key as string;
  return {
    key: made,
    ask: async (method, path, body) => {
      const answer = await fetch(`${mail.local.apiUrl}/v3/${path}`, {
        method,
        headers: { authorization: `Bearer ${made}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    },
  };
}

/** What an account shows of all that is copied. */
const SHOWN = [
  'asm/groups',
  'asm/suppressions',
  'suppression/bounces',
  'suppression/blocks',
  'suppression/invalid_emails',
  'suppression/spam_reports',
  'suppression/unsubscribes',
  'mail_settings/address_whitelist',
  'mail_settings/bcc',
  'mail_settings/bounce_purge',
  'mail_settings/footer',
  'mail_settings/forward_bounce',
  'mail_settings/forward_spam',
  'mail_settings/template',
  'tracking_settings/click',
  'tracking_settings/open',
  'tracking_settings/subscription',
  'tracking_settings/google_analytics',
  'user/settings/enforced_tls',
  'templates?generations=legacy,dynamic&page_size=200',
  'user/webhooks/event/settings/all',
  'user/webhooks/parse/settings',
];

async function shownBy(ask: Ask): Promise<Record<string, Json>> {
  const shown: Record<string, Json> = {};
  for (const path of SHOWN) shown[path] = await ask('GET', path);
  const templates = shown[SHOWN.at(-3)!].result as Json[];
  for (const { id, versions } of templates)
    for (const version of versions)
      shown[`${id} ${version.id}`] = await ask('GET', `templates/${id}/versions/${version.id}`);
  return shown;
}

const LISTS = { bounces: '5.1.1', blocks: '4.2.2', invalid_emails: '', spam_reports: '' };

beforeAll(async () => {
  mail = await givenMail();
  place = join(mail.folder, 'user');
  mkdirSync(place);
  symlinkSync(mail.folder, join(place, '.pennypost'));
  ({ key, ask: there } = await accountOf(THERE));
  ({ ask: here } = await accountOf(HERE));

  for (const [list, status] of Object.entries(LISTS)) {
    const rows = Array.from(
      { length: 620 },
      (_, n) =>
        `reader-${n}@${list.replace('_', '-')}.example,${1_700_000_000 + Math.floor(n / 2)},"550 no, ""${n}""",${status}`,
    );
    writeFileSync(join(place, `${list}.csv`), `email,created,reason,status\n${rows.join('\n')}\n`);
    const { code, out, err } = await run(['suppressions', 'import', `${list}.csv`, '--list', list, '--account', THERE]);
    expect({ code, out, err }).toMatchObject({ code: 0 });
  }
  await there('POST', 'asm/suppressions/global', { recipient_emails: ['gone@x.example'] });
  // Its first id is never seen here: ids are kept, not counted anew.
  const first = await there('POST', 'asm/groups', { name: 'Old', description: 'removed again' });
  await there('POST', 'asm/groups', { name: 'News', description: 'weekly', is_default: true });
  const offers = await there('POST', 'asm/groups', { name: 'Offers', description: 'sometimes' });
  await there('DELETE', `asm/groups/${first.id}`);
  await there('POST', `asm/groups/${offers.id}/suppressions`, { recipient_emails: ['a@x.example', 'b@x.example'] });

  const dynamic = await there('POST', 'templates', { name: 'Order', generation: 'dynamic' });
  for (const active of [1, 0])
    await there('POST', `templates/${dynamic.id}/versions`, {
      name: `v${active}`,
      subject: 'Order {{number}}',
      html_content: `<p>{{#each items}}{{this}}{{/each}} ${'x'.repeat(100_000)}</p>`,
      test_data: '{"number":"7"}',
      active,
    });
  const legacy = await there('POST', 'templates', { name: 'Letter' });
  const version = { name: 'v', subject: '<%subject%>', html_content: '<b><%body%></b>', generate_plain_content: false };
  await there('POST', `templates/${legacy.id}/versions`, { ...version, plain_content: '<%body%> by hand', active: 1 });
  await there('POST', 'templates', { name: 'Empty', generation: 'dynamic' });

  const webhook = { enabled: true, bounce: true, click: true, friendly_name: 'shop' };
  await there('POST', 'user/webhooks/event/settings', { ...webhook, url: 'https://user:geheim@shop.example/events' });
  const signed = await there('POST', 'user/webhooks/event/settings', {
    ...webhook,
    url: 'https://shop.example/signed',
  });
  await there('PATCH', `user/webhooks/event/settings/signed/${signed.id}`, { enabled: true });
  await there('POST', 'user/webhooks/event/settings', {
    ...webhook,
    url: 'https://shop.example/oauth',
    oauth_client_id: 'shop',
    oauth_token_url: 'https://login.example/token',
    oauth_client_secret: 'hidden',
  });
  await there('PATCH', 'mail_settings/address_whitelist', { enabled: true, list: ['vip@x.example', 'x.example'] });
  await there('PATCH', 'mail_settings/footer', { enabled: true, html_content: '<i>foot</i>', plain_content: 'foot' });
  await there('PATCH', 'mail_settings/bcc', { enabled: true, email: 'keep@archive.example' });
  await there('PATCH', 'mail_settings/forward_bounce', { enabled: true, email: 'desk@shop.example' });
  await there('PATCH', 'tracking_settings/click', { enabled: true, enable_text: true });
  await there('PATCH', 'tracking_settings/google_analytics', { enabled: true, utm_source: 'mail' });
  await there('PATCH', 'user/settings/enforced_tls', { require_tls: true, require_valid_cert: false });
  await there('POST', 'whitelabel/domains', { domain: 'shop.example' });

  proxy = await startSource(async ({ method, url, authorization }) => {
    const answer = await fetch(`${mail.local.apiUrl}${url.pathname}${url.search}`, {
      method,
      headers: { authorization: authorization ?? '' },
    });
    return { status: answer.status, body: await answer.text() };
  });
}, 120_000);
afterAll(async () => {
  await proxy?.end();
  await mail?.end();
});

describe('moving in', () => {
  it('a dry run says what it would do, and changes nothing', async () => {
    const before = await shownBy(here);
    const { code, out, err } = await moveIn('--dry-run');
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expect(out).toContain('nothing was written');
    expect(out).toMatch(/bounces +620 +–/);
    expect(out).toMatch(/groups +2 +–/);
    expect(out).toMatch(/templates +6 +–/);
    expect(await shownBy(here)).toEqual(before);
  }, 60_000);

  it('copies everything that can be copied, under its ids; the account that is left is only read', async () => {
    // The attack: an import that changes the account it leaves, or a key that is told to somebody.
    const before = await shownBy(there);
    const { code, out, err } = await moveIn();
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expect(await shownBy(there)).toEqual(before);
    expect(new Set(proxy.asked.map(({ method }) => method))).toEqual(new Set(['GET']));
    const secret = key.split('.')[2]!;
    expect(out + err).not.toContain(secret);
    expect(out + err).not.toContain('geheim');

    const after = await shownBy(here);
    const comparable = (shown: Record<string, Json>) =>
      Object.fromEntries(
        Object.entries(shown)
          .filter(([path]) => !/^(user\/webhooks|templates)/.test(path))
          .map(([path, value]) => [path, value]),
      );
    expect(comparable(after)).toEqual(comparable(before));
    const templates = (shown: Json) =>
      shown['templates?generations=legacy,dynamic&page_size=200'].result
        .map(({ updated_at: _, versions, ...one }: Json) => ({
          ...one,
          versions: [...versions].sort((a: Json, b: Json) => (a.id < b.id ? -1 : 1)),
        }))
        .sort((a: Json, b: Json) => (a.id < b.id ? -1 : 1));
    expect(templates(after)).toEqual(templates(before));

    const webhooks = after['user/webhooks/event/settings/all'].webhooks as Json[];
    const plain = webhooks.find(({ url }) => url.endsWith('/events'));
    expect(plain).toMatchObject({ enabled: true, bounce: true, click: true, open: false, friendly_name: 'shop' });
    // Their receivers would refuse what comes without a signature, or without the secret.
    for (const end of ['/signed', '/oauth'])
      expect(webhooks.find(({ url }) => url.endsWith(end))).toMatchObject({ enabled: false, bounce: true });
    expect(out).toMatch(/signing key/);
    expect(out).toMatch(/oauth_client_secret/);
    expect(out).toMatch(/pennypost domains add shop\.example --account [a-z2-7]{8}/);
  }, 60_000);

  it('the same again changes nothing, and says so', async () => {
    const before = await shownBy(here);
    const { code, out } = await moveIn();
    expect(code).toBe(0);
    expect(out).toContain('Nothing was changed.');
    expect(await shownBy(here)).toEqual(before);
    const { code: again, out: json } = await moveIn('--json');
    expect(again).toBe(0);
    for (const part of JSON.parse(json).parts) expect(part).toMatchObject({ copied: 0, failed: 0 });
  }, 60_000);

  it('what is different here stays, and is told; a group whose id was given has another', async () => {
    await here('PATCH', 'mail_settings/footer', { enabled: true, html_content: 'ours', plain_content: 'ours' });
    const own = await here('POST', 'asm/groups', { name: 'Mine', description: 'made here' });
    const theirs = await there('POST', 'asm/groups', { name: 'Theirs', description: 'made there' });
    expect(theirs.id).toBe(own.id);
    await there('POST', `asm/groups/${theirs.id}/suppressions`, { recipient_emails: ['c@x.example'] });

    const { code, out } = await moveIn('--only', 'groups,mail_settings');
    expect(code).toBe(0);
    expect(out).toMatch(/mail settings: footer: here/);
    expect((await here('GET', 'mail_settings/footer')).plain_content).toBe('ours');
    expect(out).toContain(`group ${theirs.id} is ${own.id + 1} here  (Theirs)`);
    expect(await here('GET', `asm/groups/${own.id}/suppressions`)).toEqual([]);
    expect(await here('GET', `asm/groups/${own.id + 1}/suppressions`)).toEqual(['c@x.example']);
    const again = await moveIn('--only', 'groups');
    expect(again.out).toContain(`group ${theirs.id} is ${own.id + 1} here`);
    expect(again.out).toContain('Nothing was changed.');
  }, 60_000);

  it.each([
    ['no key', ['import', 'sendgrid'], /needs --key/],
    ['a key in clear', ['import', 'sendgrid', '--key', 'SG.x', '--from', 'http://x.example'], /in clear/],
    [
      'a part that is none',
      ['import', 'sendgrid', '--key', 'SG.x', '--only', 'contacts'],
      /"contacts" is nothing to copy/,
    ],
  ])('%s is one sentence', async (_, argv, words) => {
    const { code, err } = await run(argv);
    expect(code).toBe(1);
    expect(err.trimEnd().split('\n').at(-1)).toMatch(words);
  });

  it('a key that the source does not take ends it', async () => {
    const { code, err } = await run([
      'import',
      'sendgrid',
      '--from',
      proxy.origin,
      '--key',
      'SG.no.such',
      '--account',
      HERE,
    ]);
    expect(code).toBe(1);
    expect(err).toMatch(/the source does not take the key: \S+ 401/);
    expect(err).not.toContain('SG.no.such');
  });
});
