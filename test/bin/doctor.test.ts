/** doctor against a DNS server of ours: what it asks, and that each wrong record is found. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { doctor, examine } from '../../bin/cli/doctor.ts';
import { printLine, printTable } from '../../bin/cli/print.ts';
import { BLOCKLISTS } from '../../core/blocklists.ts';
import type { DomainRecord } from '../../core/records/domains.ts';
import { type Dns, type RecordType, startDns } from '../../local/dns.ts';

const domain = { domain: 'example.com', selector: 's1', publicKey: 'MIIB', returnPath: 'em.example.com' };
const lane = { name: 'default-1', pool: 'default', ip: '192.0.2.10', ehloName: 'mta1.example.com' };

let dns: Dns;
let ses: Server;
let account: object;
let identity: object | undefined;
beforeAll(async () => {
  ses = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    const isAccount = request.url === '/v2/email/account';
    if (!isAccount && !identity) response.writeHead(404, { 'x-amzn-errortype': 'NotFoundException' });
    response.end(JSON.stringify((isAccount ? account : identity) ?? { message: 'no such identity' }));
  });
  await new Promise<void>((done) => ses.listen(0, '127.0.0.1', done));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SESV2: `http://127.0.0.1:${(ses.address() as AddressInfo).port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
});
afterAll(() => void ses.close());

beforeEach(async () => {
  dns = await startDns({});
  account = { ProductionAccessEnabled: true, SendingEnabled: true, EnforcementStatus: 'HEALTHY' };
  identity = undefined;
  publish('10.2.0.192.in-addr.arpa', 'PTR', 'mta1.example.com');
  publish('mta1.example.com', 'A', '192.0.2.10');
  publish('s1._domainkey.example.com', 'TXT', 'v=DKIM1; k=rsa; p=MIIB');
  publish('em.example.com', 'TXT', 'v=spf1 ip4:192.0.2.10 -all');
  dns.setRecord('em.example.com', 'MX', [{ preference: 10, exchange: 'mta1.example.com' }]);
  publish('_dmarc.example.com', 'TXT', 'v=DMARC1; p=none');
  for (const { zone, lists, listed, unlisted } of BLOCKLISTS) {
    publish(`${listed}.${zone}`, 'A', lists === 'address' ? '127.0.0.2' : '127.0.1.2');
    publish(`${unlisted}.${zone}`, 'A');
    publish(`${lists === 'address' ? '10.2.0.192' : 'example.com'}.${zone}`, 'A');
  }
});
afterEach(() => dns.stop());

function publish(name: string, type: RecordType, ...data: string[]): void {
  dns.setRecord(name, type, data);
}

const connection = (more = {}) => ({
  where: 'stack Pennypost in AWS',
  account: 'operator',
  operator: { listDomains: async () => [domain as DomainRecord] } as never,
  lanes: [lane],
  dnsServers: [`127.0.0.1:${dns.port}`],
  ...more,
});
const faults = async (more = {}) =>
  (await examine(connection(more)))
    .filter(({ state }) => state === 'wrong')
    .map(({ check, about }) => `${check} ${about}`);

test('nothing is wrong: what could not be told is shown, and the exit code is 0', async () => {
  // Prepare
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);

  // Act
  const code = await doctor(connection(), [], {});
  write.mockRestore();

  // Assess
  const text = said.join('');
  expect(code).toBe(0);
  for (const line of [
    /^unknown {2}port 25 +default-1: no API tells/m,
    /^ok {7}ptr +default-1 \(192\.0\.2\.10\): 192\.0\.2\.10 is mta1\.example\.com, both ways$/m,
    /^ok {7}blocklist +192\.0\.2\.10 at Spamhaus ZEN: not listed$/m,
    /^ok {7}blocklist +example\.com at Spamhaus DBL: not listed$/m,
    /^ok {7}dkim +example\.com: /m,
    /^note {5}mta-sts +em\.example\.com: /m,
    /^0 wrong, 1 could not be told\.$/m,
  ])
    expect(text).toMatch(line);
});

test('as JSON: one value, and exit code 1 when something is wrong', async () => {
  publish('10.2.0.192.in-addr.arpa', 'PTR');
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);

  const code = await doctor(connection(), [], { json: true });
  write.mockRestore();

  expect(code).toBe(1);
  const { ok, findings } = JSON.parse(said.join('')) as { ok: boolean; findings: { check: string; todo: string[] }[] };
  expect(ok).toBe(false);
  expect(findings.find(({ check }) => check === 'ptr')?.todo.join()).toContain('--domain-name mta1.example.com');
});

test.each<[string, RecordType, string[], string]>([
  ['10.2.0.192.in-addr.arpa', 'PTR', ['ec2-192-0-2-10.example'], 'ptr default-1 (192.0.2.10)'],
  ['mta1.example.com', 'A', ['192.0.2.99'], 'ptr default-1 (192.0.2.10)'],
  ['s1._domainkey.example.com', 'TXT', ['v=DKIM1; p=OTHER'], 'dkim example.com'],
  ['em.example.com', 'TXT', ['v=spf1 ip4:192.0.2.99 -all'], 'spf example.com'],
  ['em.example.com', 'MX', [], 'return path example.com'],
  ['_dmarc.example.com', 'TXT', [], 'dmarc example.com'],
  ['10.2.0.192.zen.spamhaus.org', 'A', ['127.0.0.2'], 'blocklist 192.0.2.10 at Spamhaus ZEN'],
  ['10.2.0.192.b.barracudacentral.org', 'A', ['127.0.0.2'], 'blocklist 192.0.2.10 at Barracuda'],
  ['10.2.0.192.bl.spamcop.net', 'A', ['127.0.0.2'], 'blocklist 192.0.2.10 at SpamCop'],
  ['10.2.0.192.dnsbl-1.uceprotect.net', 'A', ['127.0.0.2'], 'blocklist 192.0.2.10 at UCEPROTECT-1'],
  ['example.com.dbl.spamhaus.org', 'A', ['127.0.1.2'], 'blocklist example.com at Spamhaus DBL'],
])('%s %s %j is found', async (name, type, data, fault) => {
  expect(await faults()).toEqual([]);
  publish(name, type, ...data);
  expect(await faults()).toEqual([fault]);
});

test('an MX whose host has no address is found', async () => {
  dns.setRecord('em.example.com', 'MX', [{ preference: 10, exchange: 'gone.example.com' }]);
  publish('gone.example.com', 'A');
  expect(await faults()).toEqual(['return path example.com']);
});

test('a resolver that every list refuses leaves blocklists unknown, not clean', async () => {
  for (const { zone, listed } of BLOCKLISTS) publish(`${listed}.${zone}`, 'A', '127.255.255.254');
  const listings = (await examine(connection())).filter(({ check }) => check === 'blocklist');
  expect(listings.map(({ state }) => state)).toEqual(BLOCKLISTS.map(() => 'unknown'));
});

test('a pool through SES: its account is looked at; a lane without an address has no name to check', async () => {
  account = { ProductionAccessEnabled: false, SendingEnabled: true };
  const { ip: _, ...rest } = lane;
  const lanes = [{ ...rest, via: { default: 'ses' as const } }];
  const found = await examine(connection({ lanes }));
  expect(found.filter(({ state }) => state === 'wrong').map(({ check, found: text }) => `${check}: ${text}`)).toEqual([
    'ses: the account is in the sandbox: mail reaches verified addresses only, 200 a day',
    'ses: is no identity of SES, which refuses its mail',
  ]);
  expect(found.map(({ check }) => check)).not.toContain('ptr');

  identity = { DkimAttributes: { Status: 'SUCCESS' }, MailFromAttributes: { MailFromDomainStatus: 'SUCCESS' } };
  account = { ProductionAccessEnabled: true, SendingEnabled: true };
  expect(await faults({ lanes })).toEqual([]);
});

test('SES that still signs with the key before the last is found; one that signs with keys of its own is not', async () => {
  const lanes = [{ ...lane, via: { default: 'ses' as const } }];
  const signedBy = (SigningAttributesOrigin: string, token: string) => {
    const DkimAttributes = { Status: 'SUCCESS', SigningAttributesOrigin, Tokens: [token] };
    identity = { DkimAttributes, MailFromAttributes: { MailFromDomainStatus: 'SUCCESS' } };
  };

  signedBy('EXTERNAL', 's1');
  expect(await faults({ lanes })).toEqual([]);
  signedBy('AWS_SES', 'x1');
  expect(await faults({ lanes })).toEqual([]);
  signedBy('EXTERNAL', 's0');
  expect(await faults({ lanes })).toEqual(['ses example.com']);
});

// Attack: a domain's owner, or a mail server, puts escape sequences into a text that the operator looks at.
test('what strangers say does not steer the terminal', async () => {
  publish('em.example.com', 'TXT', 'v=spf1 \x1b]0;owned\x07\x1b[2J\x9b1m\r\u202e -all');
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);

  await doctor(connection(), [], {});
  printLine('251 \x1b[1A\r250 ok\tand\nmore');
  printTable(['REPLY'], [['a\nb\x1bc']]);
  write.mockRestore();

  const text = said.join('');
  expect(text).toContain('251 �[1A�250 ok\tand\nmore\n');
  expect(text).toContain('a b�c\n');
  expect(text).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
});

test('a local stack is asked for its domains only', async () => {
  const found = await examine(connection({ where: 'local stack at http://127.0.0.1:1' }));
  expect([...new Set(found.map(({ check }) => check))]).toEqual(['dkim', 'spf', 'return path', 'dmarc']);
});
