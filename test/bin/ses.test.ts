/** ses identity against a loopback server that stands for KMS and SESv2. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { makeSesIdentity } from '../../bin/cli/ses.ts';
import type { DomainRecord } from '../../core/records.ts';

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
let exists: boolean;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const target = request.headers['x-amz-target'];
    const what = typeof target === 'string' ? target : `${request.method} ${request.url}`;
    calls.push({ what, body: text === '' ? {} : (JSON.parse(text) as Call['body']) });
    response.setHeader('content-type', 'application/json');
    if (exists && what === 'POST /v2/email/identities')
      response.writeHead(400, { 'x-amzn-errortype': 'AlreadyExistsException' });
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
  exists = false;
});

const connection = (where = 'stack Pennypost in AWS') => ({
  where,
  account: 'operator',
  operator: { listDomains: async () => [record] } as never,
});
async function run(domain: string, json = false): Promise<string> {
  const said: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  try {
    expect(await makeSesIdentity(connection(), [domain], { json })).toBe(0);
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

test('one that is there gets the key that signs now', async () => {
  exists = true;
  const { domain, records } = JSON.parse(await run('example.com', true)) as { domain: string; records: unknown[] };
  expect({ domain, records: records.length }).toEqual({ domain: 'example.com', records: 3 });
  expect(calls.find(({ what }) => what.includes('dkim'))).toEqual({
    what: 'PUT /v2/email/identities/example.com/dkim/signing',
    body: { SigningAttributesOrigin: 'EXTERNAL', SigningAttributes: signing },
  });
});

test.each([
  ['a domain of nobody', 'stack Pennypost in AWS', 'other.example', /is not a domain of this account/],
  ['a local stack', 'local stack at http://127.0.0.1:1', 'example.com', /has no SES/],
])('%s is refused before anything is asked', async (_, where, domain, words) => {
  await expect(makeSesIdentity(connection(where), [domain], {})).rejects.toThrow(words);
  expect(calls).toEqual([]);
});
