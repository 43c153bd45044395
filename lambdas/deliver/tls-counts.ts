/**
 * What the TLS of a run's sessions came to, for the domains that ask for reports (RFC 8460): counted in memory, written
 * once at the end. Reports are a courtesy: nothing here delays a message or fails a run.
 */
import type { StsPolicy, TlsFailure } from '../../core/tls.ts';
import { reportDay, type TlsCount } from '../../core/tls-report.ts';

export type TlsCountsDeps = {
  /** Whether a domain asks for reports; never throws. */
  wantsTlsReports: (domain: string) => Promise<boolean>;
  addTlsCounts: (day: string, counts: TlsCount[]) => Promise<void>;
  now: () => number;
  report: (problem: string) => void;
};

/** `ok`: the session had the TLS that the policy asks for, or any where there is no policy. */
export type TlsOfSession = { ok: boolean; failures: readonly TlsFailure[]; policy?: StsPolicy };

export type TlsCounts = {
  /** Counts one session with a domain's hosts, or one that could not be had. */
  count: (domain: string, session: TlsOfSession) => void;
  /** Writes what was counted. */
  end: () => Promise<void>;
};

/** Domains counted in one run; failures of one domain under one policy. */
const DOMAINS = 2_000;
const FAILURES = 20;

export function createTlsCounts({ wantsTlsReports, addTlsCounts, now, report }: TlsCountsDeps): TlsCounts {
  let counts = new Map<string, TlsCount & { wanted: Promise<boolean> }>();
  return {
    count: (domain, { ok, failures, policy }) => {
      const key = `${domain}#${policy?.id ?? ''}`;
      let known = counts.get(key);
      if (!known) {
        if (counts.size >= DOMAINS) return;
        // Asked now, so that the answer is there at the end.
        const wanted = wantsTlsReports(domain);
        known = { domain, ok: 0, failed: 0, failures: [], wanted, ...(policy ? { policy } : {}) };
        counts.set(key, known);
      }
      if (ok) known.ok++;
      else known.failed++;
      for (const failure of failures) addFailure(known, failure);
    },
    end: async () => {
      const ended = [...counts.values()];
      counts = new Map();
      const wanted = await Promise.all(ended.map(async (one) => ((await one.wanted) ? [one] : [])));
      const written = wanted.flat().map(({ wanted: _, ...count }) => count);
      if (written.length === 0) return;
      try {
        await addTlsCounts(reportDay(now()), written);
      } catch (error) {
        report(`TLS reports: ${(error as Error).message}`);
      }
    },
  };
}

function addFailure({ failures }: TlsCount, { type, host = '', address, reason }: TlsFailure): void {
  const known = failures.find((one) => one.type === type && one.host === host);
  if (known) known.sessions++;
  else if (failures.length < FAILURES)
    failures.push({ type, host, sessions: 1, reason, ...(address === undefined ? {} : { address }) });
}
