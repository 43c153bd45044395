import { createServer, type Server } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { composeBody, composeHeader } from '../../../core/compose.ts';
import { parseJob } from '../../../core/job.ts';
import type { Hold } from '../../../core/records/holds.ts';
import type { Rua, TlsCount } from '../../../core/tls-report.ts';
import { makeCertificate } from '../../../io/certificate.ts';
import { openMx } from '../../../io/mx.ts';
import { tlsReportsIn } from '../../../io/tls-reports.ts';
import { createTlsCounts } from '../../../lambdas/deliver/tls-counts.ts';
import { type ReportDeps, report } from '../../../lambdas/report/report.ts';
import { startDynamodb } from '../../io/dynamodb.ts';
import { a, type NameServer, startNameServer, txt } from '../../io/name-server.ts';

const REPORTER = { from: 'tls@ours.example', organization: 'Ours Inc.', contact: 'postmaster@ours.example' };
const MORNING = Date.UTC(2026, 10, 24, 2, 30);
const HOUR = 3_600_000;
const POLICY = { mode: 'enforce' as const, mx: ['mx.x.test'], maxAge: 86_400, id: 'a1' };

let now = 0;
let held: Hold[] = [];
let problems: string[] = [];
beforeEach(() => {
  now = MORNING;
  held = [];
  problems = [];
});

/** What the deps of a use case are when nothing is said of them. */
const inMemory = (counts: Record<string, TlsCount[]>, wanted: Record<string, Rua[] | undefined>, taken = true) => {
  const sent = new Map<string, { tries: number; done: boolean }>();
  const posted: string[] = [];
  const days: string[] = [];
  const deps: ReportDeps = {
    reporter: REPORTER,
    now: () => now,
    remainingMs: () => 60_000,
    readTlsCounts: async (day) => {
      days.push(day);
      return new Map(Object.entries(counts));
    },
    readTlsSent: async () => new Map(sent),
    recordTlsSent: async (_, domain, what) => void sent.set(domain, what),
    readReportAddresses: async (domain) => wanted[domain],
    post: async (url) => {
      posted.push(url);
      return taken ? undefined : 'HTTP 500';
    },
    hold: async (hold) => void held.push(hold),
    report: (problem) => problems.push(problem),
  };
  return { deps, sent, posted, days };
};
const one = (domain: string): TlsCount => ({ domain, ok: 1, failed: 0, failures: [] });
const HTTPS: Rua[] = [{ kind: 'https', url: 'https://r.x.test/v1' }];
const MAIL: Rua[] = [{ kind: 'mailto', address: 'tls@x.test' }];

describe('report', () => {
  it('waits until 02:00 UTC, and is about the day before', async () => {
    const { deps, days } = inMemory({ 'x.test': [one('x.test')] }, { 'x.test': MAIL });
    now = Date.UTC(2026, 10, 24, 1, 59);
    expect(await report(deps)).toEqual({ done: 0, left: 0 });
    now = Date.UTC(2026, 10, 24, 2, 0);
    expect(await report(deps)).toEqual({ done: 1, left: 0 });
    expect(days).toEqual(['2026-11-23']);
  });

  it('sends each report once', async () => {
    const { deps, posted } = inMemory({ 'x.test': [one('x.test')] }, { 'x.test': [...MAIL, ...HTTPS] });
    await report(deps);
    now += HOUR;
    expect(await report(deps)).toEqual({ done: 0, left: 0 });
    expect(held).toHaveLength(1);
    expect(posted).toEqual(['https://r.x.test/v1']);
  });

  it('tries one that was not taken once more, in the next hour', async () => {
    const { deps, posted } = inMemory({ 'x.test': [one('x.test')] }, { 'x.test': HTTPS }, false);
    expect(await report(deps)).toEqual({ done: 0, left: 1 });
    for (let hour = 0; hour < 5; hour++) {
      now += HOUR;
      await report(deps);
    }
    expect(posted).toHaveLength(2);
    expect(problems[0]).toBe('the report to x.test was not taken by https://r.x.test/v1: HTTP 500');
  });

  it('tries one whose address DNS does not tell once more; none is sent to who wants none any more', async () => {
    const wanted: Record<string, Rua[] | undefined> = { 'x.test': undefined, 'y.test': [] };
    const { deps, posted } = inMemory({ 'x.test': [one('x.test')], 'y.test': [one('y.test')] }, wanted);
    expect(await report(deps)).toEqual({ done: 1, left: 1 });
    wanted['x.test'] = HTTPS;
    expect(await report(deps)).toEqual({ done: 1, left: 0 });
    expect(posted).toEqual(['https://r.x.test/v1']);
  });

  it('is not done with one that could not be held', async () => {
    const { deps, sent } = inMemory({ 'x.test': [one('x.test')] }, { 'x.test': MAIL });
    const failing = { ...deps, hold: () => Promise.reject(new Error('no table')) };
    expect(await report(failing)).toEqual({ done: 0, left: 1 });
    expect(sent.get('x.test')).toEqual({ tries: 1, done: false });
    expect(problems).toEqual(['the report to x.test cannot be held: no table']);
  });

  it('leaves to the next hour what it has no time for, and burns no try', async () => {
    const { deps, sent } = inMemory({ 'x.test': [one('x.test')] }, { 'x.test': MAIL });
    expect(await report({ ...deps, remainingMs: () => 10_000 })).toEqual({ done: 0, left: 1 });
    expect(sent.size).toBe(0);
    expect(await report(deps)).toEqual({ done: 1, left: 0 });
  });

  it('makes the same message again where a run died before it was recorded', async () => {
    const { deps } = inMemory({ 'x.test': [one('x.test')] }, { 'x.test': MAIL });
    const dying = { ...deps, recordTlsSent: () => Promise.reject(new Error('died')) };
    await expect(report(dying)).rejects.toThrow('died');
    now += HOUR;
    await report(deps);
    const jobs = held.map((hold) => hold.kind === 'job' && hold.job);
    expect(jobs.map((job) => job && [job.id, job.requestId])[0]).toEqual(
      jobs.map((job) => job && [job.id, job.requestId])[1],
    );
  });
});

describe('from counted session to report', () => {
  const certificate = makeCertificate(['reports.x.test', 'b.test'], Date.now());
  const ca = { key: certificate.key, cert: certificate.cert.replace('\n\n', '\n') };
  let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
  let dns: NameServer;
  let server: Server;
  let received: { url: string | undefined; type: string | undefined; body: Buffer }[] = [];
  beforeAll(async () => {
    [dynamodb, dns] = await Promise.all([startDynamodb(['sites']), startNameServer()]);
    server = createServer(ca, async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      received.push({ url: request.url, type: request.headers['content-type'], body: Buffer.concat(chunks) });
      response.writeHead(request.url === '/refuses' ? 503 : 201).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    server.close();
    await Promise.all([dynamodb.stop(), dns.stop()]);
  });
  beforeEach(() => {
    dns.reset();
    received = [];
    dns.zone['A reports.x.test'] = a('127.0.0.1');
  });
  const open = (allowPrivateHosts = true) => {
    const { port } = server.address() as { port: number };
    const { tlsReports } = openMx({
      servers: [dns.address],
      allowPrivateHosts,
      mtaSts: { port, ca: ca.cert },
      now: () => now,
      random: () => 0,
    });
    const io = { ...tlsReportsIn('sites', dynamodb.client), ...tlsReports, now: () => now };
    const common = { ...io, report: (problem: string) => problems.push(problem) };
    const deps: ReportDeps = {
      ...common,
      reporter: REPORTER,
      remainingMs: () => 60_000,
      hold: async (hold) => void held.push(hold),
    };
    return { counts: createTlsCounts(common), deps };
  };

  it('by mail and by https', async () => {
    // Prepare
    dns.zone['TXT _smtp._tls.x.test'] = txt('v=TLSRPTv1; rua=mailto:tls@x.test,https://reports.x.test/v1?d=x');
    now = Date.UTC(2026, 10, 23, 12);
    const { counts, deps } = open();
    const failure = {
      type: 'certificate-expired' as const,
      host: 'mx.x.test',
      address: '192.0.2.1',
      reason: 'CERT_HAS_EXPIRED',
    };
    counts.count('x.test', { ok: true, failures: [], policy: POLICY });
    counts.count('x.test', { ok: false, failures: [failure], policy: POLICY });
    counts.count('silent.test', { ok: true, failures: [] });
    await counts.end();

    // Act
    now = MORNING;
    expect(await report(deps)).toEqual({ done: 1, left: 0 });

    // Assess
    const summary = { 'total-successful-session-count': 1, 'total-failure-session-count': 1 };
    const expected = { 'report-id': '2026-11-23_x.test@ours.example', policies: [{ summary }] };
    expect(received.map(({ url, type }) => [url, type])).toEqual([['/v1?d=x', 'application/tlsrpt+gzip']]);
    expect(JSON.parse(String(gunzipSync(received[0]!.body)))).toMatchObject(expected);
    expect(held).toHaveLength(1);
    const [hold] = held;
    expect(hold).toMatchObject({ kind: 'job', account: 'operator', due: MORNING, copies: 1 });
    const job = parseJob(JSON.stringify(hold!.kind === 'job' && hold!.job));
    expect(job.copies).toEqual([{ personalization: 0, role: 'to', address: 'tls@x.test', index: 0 }]);
    const { from, replyTo, subject, parts, attachments, headers, categories } = job.content!;
    const { requestId, account } = job;
    const entity = composeBody(parts, attachments, requestId);
    const to = [{ email: 'tls@x.test' }];
    const given = { requestId, personalization: 0, account, pool: 'p', acceptedAt: MORNING, cc: [], to, from, replyTo };
    const header = composeHeader({ ...given, subject: subject!, headers, categories }, entity);
    const mail = await simpleParser(Buffer.concat([header, Buffer.from('\r\n'), entity.body]));
    expect(mail.subject).toBe(
      'Report Domain: x.test Submitter: ours.example Report-ID: <2026-11-23_x.test@ours.example>',
    );
    expect(mail.headers.get('tls-report-domain')).toBe('x.test');
    expect(mail.headers.get('tls-report-submitter')).toBe('ours.example');
    expect(mail.headers.get('content-type')).toMatchObject({
      value: 'multipart/report',
      params: { 'report-type': 'tlsrpt' },
    });
    expect(JSON.parse(String(gunzipSync(mail.attachments[0]!.content)))).toMatchObject(expected);
  });

  it('by https that refuses', async () => {
    dns.zone['TXT _smtp._tls.y.test'] = txt('v=TLSRPTv1; rua=https://reports.x.test/refuses');
    now = Date.UTC(2026, 10, 24, 12);
    const { counts, deps } = open();
    counts.count('y.test', { ok: true, failures: [] });
    await counts.end();
    now = MORNING + 24 * HOUR;
    expect(await report(deps)).toEqual({ done: 0, left: 1 });
    expect(problems).toEqual(['the report to y.test was not taken by https://reports.x.test/refuses: HTTP 503']);
  });

  // Attack: a report's address is a host inside our network, or one whose name says so only at the second look (SSRF).
  it('never to a private address', async () => {
    const { deps } = open(false);
    for (const host of ['reports.x.test', '127.0.0.1', '[::1]', '169.254.169.254', '0x7f000001', 'localhost']) {
      expect(await deps.post(`https://${host}/`, 'x/y', Buffer.from('x'))).toBeTypeOf('string');
    }
    expect(received).toEqual([]);
  });
});
