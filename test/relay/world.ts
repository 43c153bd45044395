/**
 * The relay on loopback before a cloud in memory: real sockets, real TLS, accept's own fakes behind it. Buckets and the inbound
 * queue are here, and can be broken.
 */
import { createSecureContext } from 'node:tls';
import { allowsOf } from '../../core/access/list.ts';
import { inboundKey } from '../../core/inbound/message.ts';
import type { HostRecord } from '../../core/records/domains.ts';
import { readSubmitted } from '../../core/submit-mime/index.ts';
import { makeCertificate } from '../../io/certificate.ts';
import type { Upload } from '../../io/mime.ts';
import { createGate } from '../../relay/gate.ts';
import { makeInbound } from '../../relay/inbound.ts';
import { LIMITS, type Limits, shareMemory } from '../../relay/limits.ts';
import { createBudget } from '../../relay/memory.ts';
import { listenSmtp, type SmtpListener } from '../../relay/server.ts';
import type { Answered } from '../../relay/session.ts';
import { makeSubmission } from '../../relay/submission.ts';
import { makeCloud, type Plan } from '../lambdas/fake-cloud.ts';

export const HOST = 'relay.example.com';
/** What the tests' return-path domain is: our own, but nobody's mailbox without a token. */
export const RETURN_PATH = 'em.example.com';
export const PARSE_HOST = 'parse.example.com';
export const SECRET = Buffer.alloc(32, 7);
export const CERTIFICATE = makeCertificate([HOST, 'localhost'], Date.now());

export type Arrived = { id: string; mailFrom: string; rcptTo: string[]; octets: Buffer };

const LISTENERS: SmtpListener[] = [
  { port: 0, kind: 'submission' },
  { port: 0, kind: 'submissions' },
  { port: 0, kind: 'inbound' },
];

export type World = Awaited<ReturnType<typeof openRelay>>;

export async function openRelay({
  limits: more = {},
  plans = [],
  loginInClear = false,
  scopes = ['mail.send'],
  from,
}: {
  limits?: Partial<Limits>;
  plans?: Plan[];
  /** On the submission port. */
  loginInClear?: boolean;
  /** Of the one key. */
  scopes?: string[];
  /** Its account's IP access list; the test may change it. */
  from?: { ips: string[] };
} = {}) {
  const limits = { ...LIMITS, loginDelayMs: 0, ...more };
  const { cloud, accept, mend, ...stages } = makeCloud(plans);
  const objects = new Map<string, Buffer>();
  const broken = { bucket: false, inboundQueue: false, accounts: false };
  const uploads = { open: 0, aborted: 0 };
  const arrived: Arrived[] = [];
  const answered: Answered[] = [];
  const problems: string[] = [];
  const store = async (): Promise<void> => {
    if (broken.bucket) throw Object.assign(new Error('no bucket'), { name: 'TimeoutError' });
  };
  const openMime = (key: string): Upload => {
    const parts: Buffer[] = [];
    return {
      part: async (octets) => {
        await store();
        if (parts.length === 0) uploads.open++;
        parts.push(Buffer.from(octets));
      },
      end: async (octets) => {
        await store();
        if (parts.length > 0) uploads.open--;
        objects.set(key, Buffer.concat([...parts, octets]));
      },
      abort: async () => {
        if (parts.length === 0) return;
        uploads.open--;
        uploads.aborted++;
      },
    };
  };
  const memory = shareMemory(1_024 * 1_048_576);
  const letter = { openMime, short: createBudget(memory.short), long: createBudget(memory.long), limits };
  const gate = createGate(limits, () => cloud.now);
  const report = (problem: string) => void problems.push(problem);
  const hosts: Record<string, HostRecord> = {
    [RETURN_PATH]: { pk: `host#${RETURN_PATH}`, sk: 'host', account: 'operator', kind: 'return-path' },
    [PARSE_HOST]: { pk: `host#${PARSE_HOST}`, sk: 'host', account: 'operator', kind: 'parse' },
  };
  const lookUp = async <T>(found: () => T | Promise<T>): Promise<T> => {
    if (broken.accounts) throw Object.assign(new Error('no table'), { name: 'TimeoutError' });
    return found();
  };
  const submissionDeps = {
    ...accept,
    readKey: async (key: Parameters<typeof accept.readKey>[0]) => {
      const record = await lookUp(() => accept.readKey(key));
      const allows = from && allowsOf(from.ips.map((ip) => ({ ip })));
      return record && { ...record, scopes, ...(allows && { allows }) };
    },
    readSender: (...of: Parameters<typeof accept.readSender>) => lookUp(() => accept.readSender(...of)),
    readSubmitted,
    letter,
    gate,
    host: HOST,
    report,
  };
  const submission = makeSubmission(submissionDeps);
  const inbound = makeInbound({
    letter,
    gate,
    host: HOST,
    hops: limits.hops,
    readHost: (name) => lookUp(() => hosts[name]),
    secret: SECRET,
    announceInbound: async ({ id, mailFrom, rcptTo }) => {
      if (broken.inboundQueue) throw new Error('no queue');
      arrived.push({ id, mailFrom, rcptTo, octets: objects.get(inboundKey(id))! });
    },
    now: () => cloud.now,
    report,
  });
  const context = createSecureContext({ ...CERTIFICATE, minVersion: 'TLSv1.2' });
  const clear = new Set<number>();
  const server = await listenSmtp(LISTENERS, {
    bind: '127.0.0.1',
    host: HOST,
    limits,
    gate,
    submission,
    inbound,
    secureContext: () => context,
    loginInClear: loginInClear ? new Set([0]) : clear,
    wait: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
    count: (one) => void answered.push(one),
    report,
  });
  const [port, tlsPort, inboundPort] = server.ports as [number, number, number];
  return {
    ...{ port, tlsPort, inboundPort, server, cloud, mend, stages, objects, arrived, answered, problems },
    ...{ broken, uploads, gate, memory: letter, limits, submissionDeps },
    /** The messages that were taken: each request with its copies' addresses. */
    requests: () => [...cloud.requests.values()].filter(({ copies }) => copies > 0),
    close: () => server.drain(0),
  };
}
