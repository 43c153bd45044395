/** manage with senders: tables and KMS's part of the emulator, a name server on loopback, and Route 53 that writes into it. */
import { randomBytes } from 'node:crypto';
import { Route53Client } from '@aws-sdk/client-route-53';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Hold } from '../../../core/records/holds.ts';
import { subuserKey } from '../../../core/records/subusers.ts';
import type { Sending } from '../../../core/senders/kept.ts';
import { openLookUp } from '../../../io/look-up.ts';
import { ownMailIn } from '../../../io/own-mail.ts';
import { poolsIn } from '../../../io/pools.ts';
import { senderDomainsIn } from '../../../io/sender-domains.ts';
import { senderItemsIn } from '../../../io/sender-items.ts';
import { senderZonesIn } from '../../../io/sender-zones.ts';
import { sendersIn } from '../../../io/senders.ts';
import { sitesIn } from '../../../io/sites.ts';
import { trackingIn } from '../../../io/tracking.ts';
import { verifiedSendersIn } from '../../../io/verified-senders.ts';
import { warmUpsIn } from '../../../io/warm-ups.ts';
import type { ManageDeps } from '../../../lambdas/manage/manage.ts';
import { listen, readBody } from '../../../local/http.ts';
import { answerRoute53, readRoute53, type Zone } from '../../../local/route53.ts';
import { type NameServer, startNameServer } from '../../io/name-server.ts';
import { startManage } from './account.ts';

/** A key of 2,048 bits, made once: making one takes as long as a whole test. */
export const PUBLIC_KEY = `MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA${'q'.repeat(342)}AwIDAQAB`;

export const SOURCES = [
  { ip: '192.0.2.1', ehloName: 'mta1.example.net' },
  { ip: '192.0.2.2', ehloName: 'mta2.example.net' },
];

export async function startSenders() {
  const world = await startManage();
  const dns = await startNameServer();
  const route53 = await startRoute53(dns);
  const holds: Hold[] = [];
  let keys = 0;
  /** Link hosts that answer for this stack by HTTPS. */
  const answering = new Set<string>();
  const sending: Sending = { sources: SOURCES, inboundHost: 'smtp.example.net', targets: 'wl.example.net' };
  const domains = senderDomainsIn('Accounts', world.client);
  const sites = sitesIn('Sites', world.client, () => world.clock.now);
  const tracking = trackingIn('Accounts', world.client, () => world.clock.now);
  const deps: Partial<ManageDeps> = {
    sending,
    lookUp: openLookUp([dns.address]),
    ...domains,
    ...senderZonesIn(route53.client, [
      { hostedZone: 'Z0000NET', name: 'example.net' },
      { hostedZone: 'Z0000OWN', name: 'own.example' },
    ]),
    ...ownMailIn('Accounts', world.client),
    ...verifiedSendersIn('Accounts', world.client),
    ...senderItemsIn('Accounts', world.client),
    ...tracking,
    linkTarget: 'track.example.net',
    sourceIps: [
      { ...SOURCES[0]!, name: 'a-1', pool: 'default', warmUpFrom: '2026-11-20' },
      { ...SOURCES[1]!, name: 'b-1', pool: 'bulk' },
      { ehloName: 'ses', name: 'c', pool: 'ses' },
    ],
    ...warmUpsIn('Accounts', world.client),
    ...poolsIn('Accounts', world.client),
    readWarmUp: sites.readWarmUp,
    readWarmUpHour: sites.readWarmUpHour,
    probeLink: async (host) => (answering.has(host) ? undefined : `https://${host}/up: ENOTFOUND`),
    makeDkimKey: async () => ({ publicKey: keyNumber(++keys), privateKey: 'sealed' }),
    hold: async (hold) => void holds.push(hold),
    randomBytes,
  };
  return {
    ...world,
    ...domains,
    ...sendersIn('Accounts', world.client),
    sites,
    ...warmUpsIn('Accounts', world.client),
    readLinkHost: tracking.readLinkHost,
    dns,
    holds,
    answering,
    changes: route53.changes,
    deps,
    callBy: (account: string, overrides: Partial<ManageDeps> = {}, scopes?: string[]) =>
      world.callBy(account, { ...deps, ...overrides }, scopes),
    addSubuser: (parent: string, username: string, account: string, ips: string[] = []) =>
      world.client.send(
        new PutCommand({ TableName: 'Accounts', Item: { ...subuserKey(parent, username), username, account, ips } }),
      ),
    /** Publishes what the API says, as the domain's owner would. */
    publish: (body: { dns: Record<string, { type: string; host: string; data: string }> }) => publish(dns, body.dns),
    stop: async () => {
      await Promise.all([world.stop(), dns.stop(), route53.stop()]);
    },
  };
}

/** Keys that differ, each as long as one of 2,048 bits. */
const keyNumber = (n: number) => PUBLIC_KEY.replace('qqqq', String(n).padStart(4, 'r'));

async function startRoute53(dns: NameServer) {
  const changes: string[] = [];
  const zone: Zone = {
    setRecord: (name, type, data) => {
      changes.push(`${data.length === 0 ? 'removed' : 'set'} ${type} ${name}`);
      set(dns, name, type, data);
    },
  };
  const listening = await listen(
    async (request, response) => {
      const body = (await readBody(request, 100_000)) as Buffer;
      const call = readRoute53({ method: request.method!, url: request.url!, body });
      const answer = answerRoute53(call!, zone);
      response.writeHead(answer.status, answer.headers).end(answer.body);
    },
    0,
    'Route 53',
  );
  const client = new Route53Client({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${listening.port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  return { client, changes, stop: () => listening.stop() };
}

/** The fixture answers a type with what is said of it; who asks for TXT behind a CNAME gets the end's, as a resolver gives it. */
function set(dns: NameServer, name: string, type: string, data: readonly unknown[]): void {
  const said = data.map((one) => ({ data: type === 'TXT' ? strings(one as string) : one }));
  if (data.length === 0) delete dns.zone[`${type} ${name}`];
  else dns.zone[`${type} ${name}`] = said;
  for (const [key, records] of Object.entries(dns.zone)) {
    if (!key.startsWith('CNAME ') || !Array.isArray(records)) continue;
    const end = dns.zone[`TXT ${records[0]?.data}`];
    if (end) dns.zone[key.replace('CNAME', 'TXT')] = end;
  }
}

/** Strings of a TXT record hold 255 octets each. */
export const strings = (text: string) => (text.match(/.{1,255}/g) ?? ['']).map((one) => Buffer.from(one));

function publish(dns: NameServer, records: Record<string, { type: string; host: string; data: string }>): void {
  for (const { type, host, data } of Object.values(records)) {
    const kind = type.toUpperCase();
    set(dns, host, kind, [kind === 'MX' ? { preference: 10, exchange: data } : data]);
  }
}
