/** ses identity against a loopback server that stands for KMS and SESv2. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { activateDomain } from '../../bin/cli/domains.ts';
import { makeSesIdentity } from '../../bin/cli/ses.ts';
import { addKey } from '../../core/domain-keys.ts';
import type { DomainRecord } from '../../core/records/domains.ts';
import { startDns } from '../../local/dns.ts';

const record = {
  pk: 'operator',
  sk: 'domain#example.com',
  domain: 'example.com',
  selector: 's1',
  publicKey: 'MIIB',
  privateKey: Buffer.from('ciphertext').toString('base64'),
  returnPath: 'em.example.com',
  createdAt: 0,
} satisfies DomainRecord;
const KEY = Buffer.from('pkcs8').toString('base64');

type Call = { what: string; body: Record<string, unknown> };
let server: Server;
let calls: Call[];
/** What SES has of example.com. */
let identity: object | undefined;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const target = request.headers['x-amz-target'];
    const what = typeof target === 'string' ? target : `${request.method} ${request.url}`;
    calls.push({ what, body: text === '' ? {} : (JSON.parse(text) as Call['body']) });
    response.setHeader('content-type', 'application/json');
    if (what === 'POST /v2/email/identities') {
      if (identity) response.writeHead(400, { 'x-amzn-errortype': 'AlreadyExistsException' });
      identity ??= {};
    }
    if (what === 'GET /v2/email/identities/example.com') {
      if (!identity) response.writeHead(404, { 'x-amzn-errortype': 'NotFoundException' });
      return response.end(JSON.stringify(identity ?? { message: 'no such identity' }));
    }
    response.end(JSON.stringify(what === 'TrentService.Decrypt' ? { Plaintext: KEY } : {}));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SESV2: url,
    AWS_ENDPOINT_URL_KMS: url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  calls = [];
  identity = undefined;
});

const connection = (where = 'stack Pennypost in AWS') => ({
  where,
  account: 'operator',
  operator: { listDomains: async () => [record] } as never,
});
async function run(domain: string, options: { json?: boolean; replace?: boolean } = {}): Promise<string> {
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  try {
    expect(await makeSesIdentity(connection(), [domain], options)).toBe(0);
  } finally {
    write.mockRestore();
  }
  return said.join('');
}
const signing = { DomainSigningSelector: 's1', DomainSigningPrivateKey: KEY };

test("makes an identity that signs with the domain's own key, with a return path of its own", async () => {
  // Act
  const text = await run('Example.com');

  // Assess
  expect(calls).toEqual([
    { what: 'GET /v2/email/identities/example.com', body: {} },
    {
      what: 'TrentService.Decrypt',
      body: { CiphertextBlob: record.privateKey, EncryptionContext: { account: 'operator', domain: 'example.com' } },
    },
    { what: 'POST /v2/email/identities', body: { EmailIdentity: 'example.com', DkimSigningAttributes: signing } },
    {
      what: 'PUT /v2/email/identities/example.com/mail-from',
      body: { MailFromDomain: 'ses.example.com', BehaviorOnMxFailure: 'USE_DEFAULT_VALUE' },
    },
    { what: 'PUT /v2/email/identities/example.com/feedback', body: { EmailForwardingEnabled: false } },
    { what: 'GET /v2/email/identities/example.com', body: {} },
  ]);
  for (const line of [
    's1._domainkey.example.com  TXT  v=DKIM1; k=rsa; p=MIIB',
    'ses.example.com  MX  10 feedback-smtp.eu-west-1.amazonses.com',
    'ses.example.com  TXT  v=spf1 include:amazonses.com -all',
  ])
    expect(text).toContain(line);
  expect(text).not.toContain(KEY);
});

test('one that was made here gets the key that signs now', async () => {
  identity = {
    DkimAttributes: { SigningAttributesOrigin: 'EXTERNAL', Tokens: ['s1'], Status: 'SUCCESS' },
    FeedbackForwardingStatus: false,
  };
  const { domain, records } = JSON.parse(await run('example.com', { json: true })) as Record<'domain', string> & {
    records: unknown[];
  };
  expect({ domain, records: records.length }).toEqual({ domain: 'example.com', records: 3 });
  expect(calls.map(({ what }) => what)).not.toContain('POST /v2/email/identities');
  expect(calls.find(({ what }) => what.includes('dkim'))).toEqual({
    what: 'PUT /v2/email/identities/example.com/dkim/signing',
    body: { SigningAttributesOrigin: 'EXTERNAL', SigningAttributes: signing },
  });
});

// Mishap: the domain has sent by SES for years, for another program, and this command takes its keys and its return path away.
test.each([
  ['Easy DKIM', { SigningAttributesOrigin: 'AWS_SES', Tokens: ['x1', 'x2', 'x3'] }, /keys of SES's \(Easy DKIM\)/],
  ['a key of somebody else', { SigningAttributesOrigin: 'EXTERNAL', Tokens: ['theirs'] }, /the selector theirs/],
])('one with %s is left alone, and what would change is said; --replace takes it over', async (_, dkim, signed) => {
  // Prepare
  identity = {
    DkimAttributes: { ...dkim, Status: 'SUCCESS' },
    MailFromAttributes: { MailFromDomain: 'bounce.example.com', MailFromDomainStatus: 'SUCCESS' },
    FeedbackForwardingStatus: true,
  };

  // Act
  const refused = makeSesIdentity(connection(), ['example.com'], {});

  // Assess
  await expect(refused).rejects.toThrow(signed);
  await expect(refused).rejects.toThrow(
    /would sign with s1.*MAIL FROM, bounce\.example\.com, would be ses\.example\.com; bounces would no longer.*--replace/,
  );
  expect(calls.map(({ what }) => what)).toEqual(['GET /v2/email/identities/example.com']);

  await run('example.com', { replace: true });
  expect(calls.map(({ what }) => what)).toContain('PUT /v2/email/identities/example.com/dkim/signing');
});

test.each([
  ['a domain of nobody', 'stack Pennypost in AWS', 'other.example', /is not a domain of this account/],
  ['a local stack', 'local stack at http://127.0.0.1:1', 'example.com', /has no SES/],
])('%s is refused before anything is asked', async (_, where, domain, words) => {
  await expect(makeSesIdentity(connection(where), [domain], {})).rejects.toThrow(words);
  expect(calls).toEqual([]);
});

test.each([
  ['a pool goes by SES', { default: 'ses' as const }, true],
  ['all mail goes direct', undefined, false],
])('activate, where %s: SES is remembered (%s %s)', async (_, via, reminded) => {
  // Prepare
  const dns = await startDns({});
  dns.setRecord('s2._domainkey.example.com', 'TXT', ['v=DKIM1; k=rsa; p=MIIC']);
  const key = { selector: 's2', algorithm: 'rsa' as const, publicKey: 'MIIC', privateKey: 'x', createdAt: 1 };
  const rotated = addKey(record, key);
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);

  // Act
  const code = await activateDomain(
    {
      account: 'operator',
      operator: { listDomains: async () => [rotated], changeDomainKeys: async () => {} } as never,
      lanes: [{ name: 'a-1', pool: 'p', ehloName: 'mta1.example.com', ...(via && { via }) }],
      dnsServers: [`127.0.0.1:${dns.port}`],
    },
    ['example.com'],
    {},
  );
  write.mockRestore();
  await dns.stop();

  // Assess
  expect(code).toBe(0);
  expect(said.join('').includes('ses identity example.com')).toBe(reminded);
});
