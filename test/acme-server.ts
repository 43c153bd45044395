/**
 * A certificate authority for tests (RFC 8555): directory, nonces that are good once, signed requests, accounts, orders, the
 * dns-01 challenge looked up in a DNS server of this machine, and certificates that its own root has signed.
 * It refuses what the RFC refuses: a nonce twice, a wrong URL or signature, an order that is not ready, a request for a
 * certificate that was not signed with its own key or names another host.
 */
import { createHash, createPublicKey, type JsonWebKey, type KeyObject, randomBytes, verify } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { crypto as acmeCrypto } from 'acme-client';
import { listen, readBody } from '../local/http.ts';
import { makeAuthority } from './certificate-authority.ts';

type Status = 'pending' | 'ready' | 'valid' | 'invalid';
type Account = { jwk: JsonWebKey; contact: string[] };
type Order = { account: string; name: string; token: string; status: Status; certificate?: string; fault?: string };
export type AcmeServer = Awaited<ReturnType<typeof startAcmeServer>>;

const digest = (text: string) => createHash('sha256').update(text).digest('base64url');
/** RFC 7638: the members of a P-256 key, in this order. */
const thumbprint = ({ crv, kty, x, y }: JsonWebKey) => digest(JSON.stringify({ crv, kty, x, y }));

/** @param dnsServer `ip:port` that challenges are looked up at @param port absent: any free one */
export async function startAcmeServer(dnsServer: string, port = 0) {
  const root = makeAuthority('Test root');
  const resolver = new Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([dnsServer]);
  const nonces = new Set<string>();
  const accounts = new Map<string, Account>();
  const orders = new Map<string, Order>();
  const server = {
    directoryUrl: '',
    root: root.cert,
    accounts,
    orders,
    /** Days of validity of what it signs. */
    days: [-1, 90] as [number, number],
    /** Paths that answer 500, each as often as it is in here. */
    broken: [] as string[],
    /** What was asked, `POST /order/1`. */
    asked: [] as string[],
    stop: async () => {},
  };
  const listening = await listen((request, response) => void serve(request, response), port, 'the ACME server');
  const base = `http://127.0.0.1:${listening.port}`;
  server.directoryUrl = `${base}/directory`;
  server.stop = listening.stop;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const nonce = randomBytes(9).toString('base64url');
    nonces.add(nonce);
    const answer = (status: number, body: unknown = {}, headers: Record<string, string> = {}) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const type = typeof body === 'string' ? 'application/pem-certificate-chain' : 'application/json';
      response.writeHead(status, { 'replay-nonce': nonce, 'content-type': type, ...headers }).end(text);
    };
    server.asked.push(`${request.method} ${path}`);
    const fails = server.broken.indexOf(path.replace(/\/[^/]*$/, '') || path);
    // Retry-After: the library waits as long as it says.
    if (fails >= 0 && server.broken.splice(fails, 1))
      return answer(503, { detail: 'out of order' }, { 'retry-after': '1' });
    if (path === '/directory')
      return answer(200, { newNonce: `${base}/nonce`, newAccount: `${base}/accounts`, newOrder: `${base}/orders` });
    if (path === '/nonce') return answer(200);
    try {
      const signed = readSigned(JSON.parse(String(await readBody(request, 100_000))), `${base}${path}`);
      await act(path, signed, answer);
    } catch (error) {
      const { type = 'malformed', message } = error as Problem;
      answer(400, { type: `urn:ietf:params:acme:error:${type}`, detail: message });
    }
  }

  /** Checks a JWS (RFC 8555 6.2 to 6.5). */
  function readSigned(jws: { protected: string; payload: string; signature: string }, url: string) {
    const header = JSON.parse(Buffer.from(jws.protected, 'base64url').toString());
    if (!nonces.delete(header.nonce)) throw problem('badNonce', 'that nonce is not one of ours');
    if (header.url !== url) throw problem('unauthorized', 'signed for another URL');
    if ((header.jwk === undefined) === (header.kid === undefined))
      throw problem('malformed', 'jwk or kid, one of them');
    const account = header.kid ?? `${base}/account/${thumbprint(header.jwk)}`;
    const jwk = header.jwk ?? accounts.get(account)?.jwk;
    if (!jwk) throw problem('accountDoesNotExist', 'who are you?');
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' as const };
    const good = verify(
      'sha256',
      Buffer.from(`${jws.protected}.${jws.payload}`),
      key,
      Buffer.from(jws.signature, 'base64url'),
    );
    if (header.alg !== 'ES256' || !good) throw problem('badSignatureAlgorithm', 'the signature is wrong');
    const payload = jws.payload === '' ? undefined : JSON.parse(Buffer.from(jws.payload, 'base64url').toString());
    return { account, jwk, isNew: header.jwk !== undefined, payload };
  }

  type Signed = ReturnType<typeof readSigned>;
  type Answer = (status: number, body?: unknown, headers?: Record<string, string>) => void;

  async function act(path: string, { account, jwk, isNew, payload }: Signed, answer: Answer): Promise<void> {
    if (path === '/accounts') {
      const known = accounts.has(account);
      if (!known && payload.onlyReturnExisting) throw problem('accountDoesNotExist', 'no such account');
      if (!known && !payload.termsOfServiceAgreed) throw problem('userActionRequired', 'agree to the terms');
      if (!known) accounts.set(account, { jwk, contact: payload.contact ?? [] });
      return answer(known ? 200 : 201, { status: 'valid' }, { location: account });
    }
    if (isNew) throw problem('malformed', 'only a new account is signed with a key');
    if (`${base}${path}` === account) return answer(200, { status: 'valid' });
    if (path === '/orders') {
      const id = String(orders.size + 1);
      const token = randomBytes(16).toString('base64url');
      orders.set(id, { account, name: payload.identifiers[0].value, token, status: 'pending' });
      return answer(201, shown(id), { location: `${base}/order/${id}` });
    }
    const [, kind, id = ''] = path.split('/');
    const order = orders.get(id);
    if (!order || order.account !== account) throw problem('malformed', 'no such order');
    if (kind === 'order') return answer(200, shown(id));
    if (kind === 'authorization') return answer(200, authorization(id, order));
    if (kind === 'challenge') {
      // An empty body only asks how it is going.
      if (payload !== undefined && order.status === 'pending') await look(order);
      return answer(200, authorization(id, order).challenges[0]);
    }
    if (kind === 'finalize') return finalize(id, order, payload.csr, answer);
    return answer(200, `${order.certificate}${root.cert}`);
  }

  const shown = (id: string) => {
    const { status, name, certificate } = orders.get(id)!;
    return {
      status,
      identifiers: [{ type: 'dns', value: name }],
      authorizations: [`${base}/authorization/${id}`],
      finalize: `${base}/finalize/${id}`,
      ...(certificate && { certificate: `${base}/certificate/${id}` }),
    };
  };

  const authorization = (id: string, { name, token, status, fault }: Order) => {
    const seen = status === 'ready' ? 'valid' : status;
    const error = fault && { error: { type: 'urn:ietf:params:acme:error:unauthorized', detail: fault } };
    return {
      identifier: { type: 'dns', value: name },
      status: seen,
      challenges: [{ type: 'dns-01', url: `${base}/challenge/${id}`, token, status: seen, ...error }],
    };
  };

  /** RFC 8555 8.4. */
  async function look(order: Order): Promise<void> {
    const wanted = digest(`${order.token}.${thumbprint(accounts.get(order.account)!.jwk)}`);
    const found = await resolver.resolveTxt(`_acme-challenge.${order.name}`).catch(() => []);
    const proved = found.some((strings) => strings.join('') === wanted);
    order.status = proved ? 'ready' : 'invalid';
    if (!proved) order.fault = `the TXT record of ${order.name} does not hold what it should`;
  }

  function finalize(id: string, order: Order, csr: string, answer: Answer): void {
    if (order.status !== 'ready') throw problem('orderNotReady', `the order is ${order.status}`);
    const request = Buffer.from(csr, 'base64url');
    const { commonName, altNames } = acmeCrypto.readCsrDomains(
      `-----BEGIN CERTIFICATE REQUEST-----\n${request.toString('base64')}\n-----END CERTIFICATE REQUEST-----`,
    );
    if ([commonName, ...altNames].some((name) => name !== order.name)) throw problem('badCSR', 'another name');
    order.certificate = root.sign([order.name], keyOfRequest(request), server.days);
    order.status = 'valid';
    answer(200, shown(id));
  }

  return server;
}

type Problem = Error & { type?: string };
const problem = (type: string, message: string): Problem => Object.assign(new Error(message), { type });

/** The key of a PKCS #10 request (RFC 2986), which must have signed it. */
function keyOfRequest(request: Buffer): KeyObject {
  const [info, , signature] = children(request);
  const [, , spki] = children(info!);
  const key = createPublicKey({ key: spki!, format: 'der', type: 'spki' });
  // A BIT STRING begins with the number of unused bits.
  const bits = content(signature!).subarray(1);
  if (!verify('sha256', info!, key, bits)) throw problem('badCSR', 'not signed with its own key');
  return key;
}

/** The elements of a DER sequence, whole. */
function children(sequence: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let rest = content(sequence); rest.length > 0; rest = rest.subarray(found.at(-1)!.length)) {
    const { head, length } = measure(rest);
    found.push(rest.subarray(0, head + length));
  }
  return found;
}

function content(element: Buffer): Buffer {
  const { head, length } = measure(element);
  return element.subarray(head, head + length);
}

function measure(bytes: Buffer): { head: number; length: number } {
  const first = bytes[1]!;
  if (first < 0x80) return { head: 2, length: first };
  const octets = first & 0x7f;
  return { head: 2 + octets, length: bytes.readUIntBE(2, octets) };
}
