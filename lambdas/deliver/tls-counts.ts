/**
 * What the TLS of a run's sessions came to, for the domains that ask for reports (RFC 8460): counted in memory, written
 * once at the end. Reports are a courtesy: nothing here delays a message or fails a run. So both are bounded, what is counted
 * and the time to write it; what does not fit is left out of the reports.
 */
import type { StsPolicy, TlsFailure } from '../../core/tls.ts';
import { reportDay, type TlsCount } from '../../core/tls-report.ts';

export type TlsCountsDeps = {
  /** Whether a domain asks for reports. */
  wantsTlsReports: (domain: string) => Promise<boolean>;
  addTlsCounts: (day: string, counts: TlsCount[]) => Promise<void>;
  now: () => number;
  report: (problem: string) => void;
  /** Milliseconds that writing takes at most; default 5,000. */
  endMs?: number;
};

/** `ok`: the session had the TLS that the policy asks for, or any where there is no policy. */
export type TlsOfSession = { ok: boolean; failures: readonly TlsFailure[]; policy?: StsPolicy };

export type TlsCounts = {
  /** Counts one session with a domain's hosts, or one that could not be had. */
  count: (domain: string, session: TlsOfSession) => void;
  /** Writes what was counted; never rejects. */
  end: () => Promise<void>;
};

/** Domains counted in one run, each policy for itself; failures of one domain under one policy. */
const DOMAINS = 200;
const FAILURES = 20;
/** Domains written at once. */
const AT_ONCE = 10;
/** Half of what a run has left when it ends its work (FINISH in deliver.ts). */
const END_MS = 5_000;

type Counted = { count: TlsCount; wanted: Promise<boolean> };

export function createTlsCounts({
  wantsTlsReports,
  addTlsCounts,
  now,
  report,
  endMs = END_MS,
}: TlsCountsDeps): TlsCounts {
  let counts = new Map<string, Counted>();
  const tell = (error: unknown): void => report(`TLS reports: ${(error as Error).message}`);
  const ask = async (domain: string): Promise<boolean> => {
    try {
      return await wantsTlsReports(domain);
    } catch (error) {
      // Caught here and not at the end, which may be too late, or never wait for it.
      tell(error);
      return false;
    }
  };
  return {
    count: (domain, { ok, failures, policy }) => {
      const key = `${domain}#${policy?.id ?? ''}`;
      let known = counts.get(key);
      if (!known) {
        if (counts.size >= DOMAINS) return;
        // Asked now, so that the answer is there at the end.
        known = {
          count: { domain, ok: 0, failed: 0, failures: [], ...(policy ? { policy } : {}) },
          wanted: ask(domain),
        };
        counts.set(key, known);
      }
      if (ok) known.count.ok++;
      else known.count.failed++;
      for (const failure of failures) addFailure(known.count, failure);
    },
    end: async () => {
      const ended = [...counts.values()];
      counts = new Map();
      if (ended.length === 0) return;
      const late = new AbortController();
      const written = writeAll(ended, async (count) => addTlsCounts(reportDay(now()), [count]), late.signal);
      let timer: NodeJS.Timeout | undefined;
      const deadline = new Promise<void>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not all written in ${endMs} ms`)), endMs);
      });
      try {
        await Promise.race([written, deadline]);
      } catch (error) {
        late.abort();
        tell(error);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/**
 * Writes each domain as soon as it is known to ask for reports, so that one whose DNS is slow holds up none but itself.
 * @throws for the first that cannot be written; then, and behind `late`, no further one is begun
 */
async function writeAll(
  all: readonly Counted[],
  write: (count: TlsCount) => Promise<void>,
  late: AbortSignal,
): Promise<void> {
  const turns = Array.from({ length: AT_ONCE }, () => Promise.resolve());
  let asked = 0;
  const writeOne = async ({ count, wanted }: Counted): Promise<void> => {
    if (!(await wanted)) return;
    const turn = asked++ % AT_ONCE;
    const written = turns[turn]!.then(() => (late.aborted ? undefined : write(count)));
    turns[turn] = written;
    await written;
  };
  await Promise.all(all.map(writeOne));
}

function addFailure({ failures }: TlsCount, { type, host = '', address, reason }: TlsFailure): void {
  const known = failures.find((one) => one.type === type && one.host === host);
  if (known) known.sessions++;
  else if (failures.length < FAILURES)
    failures.push({ type, host, sessions: 1, reason, ...(address === undefined ? {} : { address }) });
}
