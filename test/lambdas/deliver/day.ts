/**
 * The half day that day.test.ts judges and bench/day.ts draws: steady mail to Gmail, Yahoo and everybody else. From three to
 * four, Gmail finds the address's rate unusual; at six, Yahoo has had complaints.
 */
import type { VirtualClock } from '../../virtual-clock.ts';
import { makeMail, type Simulation, simulate } from './simulation.ts';

/** Connections that were open at a moment, both environments together, and what the lane's limits allowed. */
export type Sample = { at: number; google: number; yahoo: number; others: number };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const GMAIL =
  '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address. To protect our users from spam, mail sent from your IP address has been temporarily rate limited. For more information, go to https://support.google.com/mail/?p=UnsolicitedRateLimitError - gsmtp';
const YAHOO =
  '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes';

export async function simulateDay(clock: VirtualClock): Promise<{
  start: number;
  samples: Sample[];
  others: { slowest: number };
  simulation: Simulation & { accepted: number };
}> {
  const start = clock.now();
  const at = (hours: number) => start + hours * HOUR;
  const google = {
    hosts: ['gmail-smtp-in.l.google.com', 'alt1.gmail-smtp-in.l.google.com'],
    latency: () => 600,
    // For an hour it takes no more than forty a minute.
    answer: ({ now, lastMinute }: { now: number; lastMinute: number }) =>
      now >= at(3) && now < at(4) && lastMinute >= 40 ? GMAIL : undefined,
  };
  const yahoo = {
    hosts: ['mta5.am0.yahoodns.net', 'mta6.am0.yahoodns.net'],
    latency: () => 500,
    answer: ({ now }: { now: number }) => (now >= at(6) && now < at(6.5) ? YAHOO : undefined),
  };
  const others = { hosts: ['mx.other.example'], latency: () => 400 };
  const simulation = simulate(clock, { 'gmail.com': google, 'yahoo.com': yahoo, '*': others });
  let accepted = 0;
  const acceptedAt = new Map<string, number>();
  const arrive = (now: number) => {
    if (now >= at(10)) return;
    // Every ten seconds: jobs of ten copies, half of them Gmail's.
    for (const domain of ['gmail.com', 'gmail.com', 'yahoo.com', 'other.example']) {
      const nth = accepted / 10;
      const job = makeMail(
        'operator',
        Array.from({ length: 10 }, (_, n) => `r${n}@${domain}`),
        now,
        nth,
      );
      if (domain === 'other.example') acceptedAt.set(`${job.account}#${job.requestId}`, now);
      simulation.put([job]);
      accepted += 10;
    }
  };
  const names = [google, yahoo, others].map(({ hosts }) => hosts[0]!);
  const samples: Sample[] = [];
  const mostOf = (host: string) => {
    const stats = simulation.hosts.get(host);
    const most = stats?.recent ?? 0;
    if (stats) stats.recent = stats.open;
    return most;
  };
  await simulation.run(12 * HOUR, (now) => {
    arrive(now);
    const [google, yahoo, others] = names.map(mostOf) as [number, number, number];
    samples.push({ at: now, google, yahoo, others });
    return now < at(12);
  });
  let slowest = 0;
  for (const { pk, at: deliveredAt } of simulation.outcomes.values())
    if (acceptedAt.has(pk)) slowest = Math.max(slowest, deliveredAt - acceptedAt.get(pk)!);
  return { start, samples, others: { slowest }, simulation: Object.assign(simulation, { accepted }) };
}
