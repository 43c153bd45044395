/**
 * report: yesterday's TLS reports (RFC 8460), to the domains that ask for them. It runs every hour and begins at 02:00 UTC,
 * when every run of yesterday has written its counters. A report that could not be handed over is tried once more in the
 * next hour, then left. By https it is posted; by mail it is a job like any other, of the operator's account.
 */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { jobId, makeRequestId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { type Hold, holdKey } from '../../core/records/holds.ts';
import {
  buildTlsReport,
  nameTlsReport,
  type Reporter,
  type Rua,
  reportDay,
  reportId,
  TLS_REPORT_TYPE,
  type TlsCount,
} from '../../core/tls-report.ts';
import { UNTRACKED } from '../../core/tracking/settings.ts';
import type { TlsSent } from '../../io/tls-reports.ts';

export type ReportDeps = {
  reporter: Reporter;
  now: () => number;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  readTlsCounts: (day: string) => Promise<Map<string, TlsCount[]>>;
  readTlsSent: (day: string) => Promise<Map<string, TlsSent>>;
  recordTlsSent: (day: string, domain: string, sent: TlsSent) => Promise<void>;
  /** Where a domain wants its reports; undefined: nobody knows now. */
  readReportAddresses: (domain: string) => Promise<Rua[] | undefined>;
  /** Posts a report. Undefined: it was taken; else why not. */
  post: (url: string, type: string, bytes: Buffer) => Promise<string | undefined>;
  hold: (hold: Hold) => Promise<void>;
  /** One line for the log. */
  report: (problem: string) => void;
};

/** UTC. */
const FROM_HOUR = 2;
const TRIES = 2;
/** Reports under way at once. */
const AT_ONCE = 10;
/** Milliseconds kept for those that are under way. */
const RESERVE = 20_000;
const DAY = 86_400_000;

/** Sends what is not sent yet. Returns how many domains are done with, and how many are left to the next hour. */
export async function report(deps: ReportDeps): Promise<{ done: number; left: number }> {
  if (new Date(deps.now()).getUTCHours() < FROM_HOUR) return { done: 0, left: 0 };
  const day = reportDay(deps.now() - DAY);
  const [counts, sent] = await Promise.all([deps.readTlsCounts(day), deps.readTlsSent(day)]);
  const open = [...counts].filter(([domain]) => !isOver(sent.get(domain)));
  let done = 0;
  let left = 0;
  const work = async (): Promise<void> => {
    for (let next = open.shift(); next; next = open.shift()) {
      const [domain, ofDomain] = next;
      if (deps.remainingMs() < RESERVE) {
        left++;
        continue;
      }
      const tries = (sent.get(domain)?.tries ?? 0) + 1;
      const ok = await reportTo(domain, day, ofDomain, deps);
      await deps.recordTlsSent(day, domain, { tries, done: ok });
      if (isOver({ tries, done: ok })) done++;
      else left++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, left };
}

const isOver = (sent: TlsSent | undefined) => sent !== undefined && (sent.done || sent.tries >= TRIES);

/** True: one of its addresses has the report, or it has none. */
async function reportTo(domain: string, day: string, counts: TlsCount[], deps: ReportDeps): Promise<boolean> {
  const wanted = await deps.readReportAddresses(domain);
  if (wanted === undefined) return false;
  if (wanted.length === 0) return true;
  const bytes = gzipSync(JSON.stringify(buildTlsReport(day, domain, counts, deps.reporter)));
  const addresses = wanted.flatMap((one) => (one.kind === 'mailto' ? [one.address] : []));
  let ok = false;
  try {
    if (addresses.length > 0) {
      await deps.hold(toHold(domain, day, addresses, bytes, deps));
      ok = true;
    }
  } catch (error) {
    deps.report(`the report to ${domain} cannot be held: ${(error as Error).message}`);
  }
  for (const one of wanted) {
    if (one.kind !== 'https') continue;
    const problem = await deps.post(one.url, TLS_REPORT_TYPE, bytes);
    if (problem === undefined) ok = true;
    else deps.report(`the report to ${domain} was not taken by ${one.url}: ${problem}`);
  }
  return ok;
}

/** A job that is due now. Its ids are made from the report's, so that a second run makes the same message again. */
function toHold(domain: string, day: string, addresses: string[], bytes: Buffer, deps: ReportDeps): Hold {
  const { reporter } = deps;
  const now = deps.now();
  const { filename, subject, headers, text } = nameTlsReport(day, domain, reporter);
  const digest = createHash('sha256')
    .update(reportId(day, domain, reporter))
    .digest();
  const requestId = makeRequestId(Date.parse(`${day}T00:00:00Z`) + DAY, digest);
  const job: Job = {
    v: 1,
    id: jobId(requestId, 0, 0),
    hop: 0,
    attempt: 0,
    account: OPERATOR,
    requestId,
    // No lane has no name: release gives it one.
    lane: '',
    acceptedAt: now,
    sendAt: Math.floor(now / 1_000),
    content: {
      from: { email: reporter.from, name: reporter.organization },
      replyTo: [],
      subject,
      parts: [{ type: 'text/plain', value: text }],
      attachments: [{ content: bytes.toString('base64'), filename, type: TLS_REPORT_TYPE, disposition: 'attachment' }],
      headers,
      trackingSettings: UNTRACKED,
      sections: {},
      categories: ['tls-report'],
      customArgs: {},
    },
    personalizations: [{ index: 0, to: addresses.map((email) => ({ email })), cc: [] }],
    copies: addresses.map((address, index) => ({ personalization: 0, role: 'to', address, index })),
  };
  return { ...holdKey(job.id, now), due: now, account: OPERATOR, copies: job.copies.length, kind: 'job', job };
}
