/** certify against a real authority, a real name server and Route 53's protocol, all on loopback. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { Route53Client } from '@aws-sdk/client-route-53';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { challengeRecord, readCertificate } from '../../../core/certificate.ts';
import { signIn } from '../../../io/acme.ts';
import { txtRecordIn } from '../../../io/route53.ts';
import { type CertifyDeps, certify } from '../../../lambdas/certify/certify.ts';
import { type Dns, startDns } from '../../../local/dns.ts';
import { listen, readBody } from '../../../local/http.ts';
import { answerRoute53, type Route53Call, readRoute53 } from '../../../local/route53.ts';
import { type AcmeServer, startAcmeServer } from '../../acme-server.ts';

const HOST = 'smtp.example.com';
const RECORD = challengeRecord(HOST);
const DAY = 86_400_000;
let dns: Dns;
let acme: AcmeServer;
let zones: Awaited<ReturnType<typeof startZones>>;
beforeAll(async () => {
  dns = await startDns({});
  zones = await startZones();
});
beforeEach(async () => {
  acme = await startAcmeServer(`127.0.0.1:${dns.port}`);
});
afterEach(() => acme.stop());
afterAll(async () => {
  await zones.stop();
  await dns.stop();
});

/** Route 53 in front of the name server; it remembers what was changed. */
async function startZones() {
  const changes: string[] = [];
  const listening = await listen(
    async (request, response) => {
      const body = (await readBody(request, 100_000)) as Buffer;
      const call = readRoute53({ method: request.method!, url: request.url!, body }) as Route53Call;
      if (call.operation === 'ChangeResourceRecordSets')
        changes.push(
          ...call.changes.map(({ action, name, type, texts }) => `${action} ${name} ${type} ${texts.length}`),
        );
      const reply = answerRoute53(call, dns);
      response.writeHead(reply.status, reply.headers).end(reply.body);
    },
    0,
    'Route 53',
  );
  const client = new Route53Client({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${listening.port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  return { client, changes, stop: listening.stop };
}

/** What the two secrets hold, and deps around them. */
function given(more: Partial<CertifyDeps> = {}) {
  const secrets = { certificate: 'nothing yet', account: 'nothing yet' };
  const log: string[] = [];
  zones.changes.length = 0;
  const deps: CertifyDeps = {
    hostName: HOST,
    readCertificate: async () => secrets.certificate,
    writeCertificate: async (text) => void Object.assign(secrets, { certificate: text }),
    readAccount: async () => secrets.account,
    writeAccount: async (text) => void Object.assign(secrets, { account: text }),
    makeKey: () =>
      generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    signIn: (key) =>
      signIn(key, {
        directoryUrl: acme.directoryUrl,
        email: 'ops@example.com',
        waits: { attempts: 5, min: 5, max: 50 },
      }),
    ...txtRecordIn(zones.client, 'Z0123456789', RECORD, 5),
    now: Date.now,
    log: (what) => void log.push(what),
    ...more,
  };
  return { deps, secrets, log };
}

const leafOf = (text: string) => new X509Certificate(readCertificate(text)!.chain);

describe('certify', () => {
  test('obtains a certificate for the name, with its chain and key, and takes its record away', async () => {
    // Prepare
    const { deps, secrets } = given();

    // Act
    expect(await certify(deps)).toBe('renewed');

    // Assess
    const leaf = leafOf(secrets.certificate);
    expect(leaf.checkHost(HOST)).toBe(HOST);
    expect(leaf.checkIssued(new X509Certificate(acme.root))).toBe(true);
    expect(secrets.certificate.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(zones.changes).toEqual([`UPSERT ${RECORD} TXT 1`, `DELETE ${RECORD} TXT 1`]);
    await expect(dns.resolveTxt(RECORD)).rejects.toThrow('ENODATA');
    expect([...acme.accounts.values()].map(({ contact }) => contact)).toEqual([['mailto:ops@example.com']]);
    expect(Object.keys(JSON.parse(secrets.account))).toEqual(['key']);
  });

  test('does nothing while the certificate is good: the authority is not even asked', async () => {
    const { deps, secrets } = given();
    await certify(deps);
    const { certificate } = secrets;
    acme.asked.length = 0;
    expect(await certify(deps)).toBe('not due');
    expect(acme.asked).toEqual([]);
    expect(secrets.certificate).toBe(certificate);
  });

  test('renews 30 days before the end, with the account that it has and a new key', async () => {
    // Prepare
    const { deps, secrets } = given();
    await certify(deps);
    const first = readCertificate(secrets.certificate)!;
    const account = JSON.parse(secrets.account).key;

    // Act
    const later = (days: number) => ({ ...deps, now: () => Date.now() + days * DAY });
    expect(await certify(later(59))).toBe('not due');
    acme.days = [0, 180];
    expect(await certify(later(61))).toBe('renewed');

    // Assess
    const second = readCertificate(secrets.certificate)!;
    expect(second.privateKey).not.toBe(first.privateKey);
    expect(JSON.parse(secrets.account).key).toBe(account);
    expect(acme.accounts.size).toBe(1);
  });

  test('orders again when the relay got another name', async () => {
    const { deps, secrets } = given();
    await certify(deps);
    const other = {
      ...deps,
      hostName: 'mail.example.com',
      ...txtRecordIn(zones.client, 'Z0123456789', '_acme-challenge.mail.example.com', 5),
    };
    expect(await certify(other)).toBe('renewed');
    expect(leafOf(secrets.certificate).checkHost('mail.example.com')).toBe('mail.example.com');
  });

  test('fails with what the authority found wrong, takes the record away, and tries a new order in the next run', async () => {
    // Prepare: a zone that somebody else serves
    const { deps, secrets } = given({ publish: async () => {}, withdraw: async () => {} });

    // Act
    await expect(certify(deps)).rejects.toThrow(/TXT record of smtp.example.com/);

    // Assess
    expect(secrets.certificate).toBe('nothing yet');
    expect(await certify({ ...deps, ...txtRecordIn(zones.client, 'Z0123456789', RECORD, 5) })).toBe('renewed');
    expect(acme.orders.size).toBe(2);
  });
});

describe('a run that dies half-way', () => {
  test.each<[string, (deps: CertifyDeps) => Partial<CertifyDeps>, number]>([
    ['before the proof', () => ({ publish: () => Promise.reject(new Error('died')) }), 1],
    [
      'after the proof',
      (deps) => ({
        signIn: async (key) => ({ ...(await deps.signIn(key)), finish: () => Promise.reject(new Error('died')) }),
      }),
      1,
    ],
    ['before the certificate is stored', () => ({ writeCertificate: () => Promise.reject(new Error('died')) }), 1],
  ])('%s is gone on with: no second order, no second account', async (_, dying, orders) => {
    // Prepare
    const { deps, secrets } = given();
    await expect(certify({ ...deps, ...dying(deps) })).rejects.toThrow('died');
    expect(secrets.certificate).toBe('nothing yet');

    // Act
    expect(await certify(deps)).toBe('renewed');

    // Assess
    expect(acme.orders.size).toBe(orders);
    expect(acme.accounts.size).toBe(1);
    expect(readCertificate(secrets.certificate)).toBeDefined();
  });

  test('whose account key could not be stored makes no account', async () => {
    const { deps } = given({ writeAccount: () => Promise.reject(new Error('AccessDenied')) });
    await expect(certify(deps)).rejects.toThrow('AccessDenied');
    expect(acme.accounts.size).toBe(0);
  });
});

test('an authority that is out of order for a moment is asked again', async () => {
  acme.broken = ['/orders'];
  const { deps } = given();
  expect(await certify(deps)).toBe('renewed');
  expect(acme.asked.filter((one) => one === 'POST /orders')).toHaveLength(2);
});

test.each<[string, [number, number], string]>([
  ['has ended already', [-90, -1], 'it has ended'],
  ['would be due at once', [-89, 1], 'it ends on'],
])('a certificate that %s is not stored, and its order not fetched again', async (_, days, fault) => {
  // Prepare
  acme.days = days;
  const { deps, secrets } = given();

  // Act
  await expect(certify(deps)).rejects.toThrow(fault);

  // Assess
  expect(secrets.certificate).toBe('nothing yet');
  acme.days = [-1, 90];
  expect(await certify(deps)).toBe('renewed');
  expect(acme.orders.size).toBe(2);
});

test('a record that cannot be taken away hides nothing: it is said, and the certificate is stored', async () => {
  const { deps, log } = given({ withdraw: () => Promise.reject(new Error('Throttling')) });
  expect(await certify(deps)).toBe('renewed');
  expect(log.join('\n')).toContain('the TXT record stays: Throttling');
  dns.setRecord(RECORD, 'TXT', []);
});

// Attack: a log that the operator, and whoever reads logs for him, can see holds the private key.
test('no key is in what it says', async () => {
  const { deps, log } = given();
  await certify(deps);
  expect(log.length).toBeGreaterThan(1);
  expect(log.join('\n')).not.toMatch(/PRIVATE KEY|BEGIN/);
});
