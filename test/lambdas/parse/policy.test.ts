/**
 * Parse settings under a security policy: a customer's server, over a real connection, verifies with SendGrid's own library what it is
 * posted, and asks for the token that it gave out itself. Without the proof that was asked for nothing is posted.
 */
import { createPublicKey, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EventWebhook } from '@sendgrid/eventwebhook';
import { afterEach, expect, it } from 'vitest';
import { inboundKey } from '../../../core/inbound/message.ts';
import type { Hold } from '../../../core/records/holds.ts';
import { type ParseSettingRecord, parseSettingKey } from '../../../core/records/inbound.ts';
import { policyKey, type SecurityPolicyRecord } from '../../../core/webhook/policy.ts';
import { makeSigningKey } from '../../../core/webhook/signature.ts';
import { openTokenRequest, openWebhookPost } from '../../../io/webhook-post.ts';
import { type ParseDeps, parse } from '../../../lambdas/parse/parse.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const { publicKey, privateKey } = makeSigningKey();
const SEALED = { key: privateKey, secret: Buffer.from('s3cret & more') } as Record<string, Buffer>;
const SIGNED = { signing: { publicKey, privateKey: 'key' } };
const PLAIN = Buffer.from(
  'From: a@example.net\r\nSubject: Hello\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n',
);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

type Got = { path: string; headers: IncomingMessage['headers']; body: Buffer };

/** A customer's server, which gives out tokens too. */
async function customer(answer: (response: ServerResponse, got: Got) => void = (response) => void response.end()) {
  const posts: Got[] = [];
  const asked: Got[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const got = { path: request.url!, headers: request.headers, body: Buffer.concat(chunks) };
    (got.path === '/token' ? asked : posts).push(got);
    if (got.path !== '/token') return answer(response, got);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ access_token: `token-${asked.length}`, expires_in: 3_600 }));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { posts, asked, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const oauthAt = (origin: string) => ({
  oauth: { clientId: 'me', tokenUrl: `${origin}/token`, secret: 'secret', scopes: ['mail.in', 'mail.all'] },
});

function setUp(
  origin: string,
  policy: Partial<SecurityPolicyRecord> | undefined,
  { raw = PLAIN, ...more }: SetUp = {},
) {
  const world = { now: NOW, held: [] as Hold[], problems: [] as string[], opened: [] as string[] };
  const record: ParseSettingRecord = {
    ...parseSettingKey('customer', 'in.shop.example'),
    hostname: 'in.shop.example',
    url: `${origin}/in`,
    spamCheck: false,
    sendRaw: true,
    securityPolicy: 'p-1',
    createdAt: NOW,
  };
  const guarded = { resolveHost: async (host: string) => ({ addresses: [host] }), anyPort: true, timeoutMs: 1_000 };
  const deps: ParseDeps = {
    now: () => world.now,
    random: () => 0.5,
    randomHex: () => 'c0ffee',
    readParseSetting: async () => record,
    readPolicy: async (account, id) =>
      policy && {
        ...policyKey(account, id),
        ...{ id, name: 'P', attached: 1, createdAt: NOW, updatedAt: NOW },
        ...policy,
      },
    readInbound: async () => raw,
    authenticate: async () => ({ spf: 'pass', dkim: '{@example.net : pass}', dmarc: 'pass' }),
    post: openWebhookPost(guarded),
    askToken: openTokenRequest(guarded),
    openSecret: async (account, id, ciphertext) => {
      world.opened.push(`${account} ${id} ${ciphertext}`);
      return SEALED[ciphertext]!;
    },
    tokens: new Map(),
    hold: async (hold) => void world.held.push(hold),
    silent: new Map(),
    publish: () => undefined,
    report: (problem) => void world.problems.push(problem),
    ...more,
  };
  const mail = { v: 1, id: 'mail-1', key: inboundKey('mail-1'), receivedAt: NOW, mailFrom: 'a@example.net' };
  const body = { v: 1, account: 'customer', hostname: 'in.shop.example', attempt: 0, hop: 0 };
  const rcptTo = ['orders@in.shop.example'];
  const take = () => parse([{ messageId: 'm', body: JSON.stringify({ ...body, mail: { ...mail, rcptTo } }) }], deps);
  return { world, deps, take };
}
type SetUp = Partial<ParseDeps> & { raw?: Buffer };

const fieldsOf = ({ headers }: Got) => ({
  signature: String(headers['x-twilio-email-event-webhook-signature']),
  timestamp: String(headers['x-twilio-email-event-webhook-timestamp']),
});

it('a signed post is verified by SendGrid’s library, and is not when a letter or the time is another', async () => {
  const { posts, origin } = await customer();
  const { world, take } = setUp(origin, SIGNED);
  expect(await take()).toEqual([]);
  const [post] = posts as [Got];
  const { signature, timestamp } = fieldsOf(post);
  const verifier = new EventWebhook();
  const key = verifier.convertPublicKeyToECDSA(publicKey);
  expect(timestamp).toBe(String(NOW / 1_000));
  expect(verifier.verifySignature(key, post.body, signature, timestamp)).toBe(true);
  expect(verifier.verifySignature(key, post.body.toString().replace('Hello', 'hello'), signature, timestamp)).toBe(
    false,
  );
  expect(verifier.verifySignature(key, post.body, signature, String(NOW / 1_000 + 1))).toBe(false);
  // The key was sealed for the account and its policy; no HMAC, and no token, were asked for.
  expect(world.opened).toEqual(['customer p-1 key']);
  expect([post.headers['x-pennypost-webhook-signature'], post.headers.authorization]).toEqual([undefined, undefined]);
});

it('what is signed are the octets as they are sent, whichever they are', async () => {
  const { posts, origin } = await customer();
  const octets = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
  const raw = Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), ...Array(50).fill(octets)]);
  await setUp(origin, SIGNED, { raw }).take();
  const [post] = posts as [Got];
  expect(post.body.includes(raw)).toBe(true);
  const { signature, timestamp } = fieldsOf(post);
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const signed = Buffer.concat([Buffer.from(timestamp), post.body]);
  expect(verify('sha256', signed, key, Buffer.from(signature, 'base64'))).toBe(true);
});

it('with a client of OAuth a token goes with each post, asked for once, with its scopes; both may be asked for', async () => {
  const { posts, asked, origin } = await customer();
  const { take } = setUp(origin, { ...SIGNED, ...oauthAt(origin) });
  await take();
  await take();
  expect(posts.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-1']);
  expect(posts.every((post) => fieldsOf(post).signature.length > 60)).toBe(true);
  expect(asked.map(({ body }) => Object.fromEntries(new URLSearchParams(body.toString())))).toEqual([
    { grant_type: 'client_credentials', client_id: 'me', client_secret: 's3cret & more', scope: 'mail.in mail.all' },
  ]);
});

it('a token that is refused is not used again, and the mail is tried again with another', async () => {
  const { posts, origin } = await customer((response, { headers }) =>
    response.writeHead(headers.authorization === 'Bearer token-1' ? 401 : 200).end(),
  );
  const { world, take } = setUp(origin, oauthAt(origin));
  await take();
  expect(world.held).toMatchObject([{ kind: 'parse', due: NOW + 60_000, parse: { attempt: 1 } }]);
  await take();
  expect([posts.map(({ headers }) => headers.authorization), world.held.length]).toEqual([
    ['Bearer token-1', 'Bearer token-2'],
    1,
  ]);
});

it('a 401 to what has no token is a no for good', async () => {
  const { origin } = await customer((response) => response.writeHead(401).end());
  const { world, take } = setUp(origin, SIGNED);
  await take();
  expect([world.held, world.problems]).toEqual([[], [expect.stringContaining('is let go: HTTP 401')]]);
});

// Attack: whoever keeps the token server from answering would have mail go out that proves nothing.
it.each<[string, Partial<SecurityPolicyRecord> | undefined, SetUp]>([
  ['its token server gives none', { oauth: { clientId: 'me', tokenUrl: 'http://127.0.0.1:9/token' } }, {}],
  ['its policy is gone', undefined, {}],
])(
  'nothing is posted where %s: the mail is held, and after three times its URL is left alone',
  async (_, policy, more) => {
    const { posts, origin } = await customer();
    const { world, take } = setUp(origin, policy, more);
    for (let n = 0; n < 4; n++) expect(await take()).toEqual([]);
    expect([posts, world.held.length]).toEqual([[], 4]);
    expect(world.held[3]).toMatchObject({ parse: { attempt: 0, hop: 0 } });
  },
);

it('a mail whose key does not open is handed back to the queue', async () => {
  const { posts, origin } = await customer();
  const failing = async () => {
    throw new Error('KMS is away');
  };
  expect(await setUp(origin, SIGNED, { openSecret: failing }).take()).toEqual(['m']);
  expect(posts).toEqual([]);
});
