/** What deliver publishes is what the dashboard and the alarms read: totals by service, and the same by provider. */
import { afterEach, expect, it, vi } from 'vitest';
import { METRIC, METRICS_NAMESPACE } from '../../core/metrics.ts';
import { publishDeliveries, type Tally } from '../../io/metrics.ts';

afterEach(() => vi.restoreAllMocks());

const makeTally = (delivered: number): Tally => ({
  accepted: delivered,
  delivered,
  deferred: 0,
  bounced: 1,
  dropped: 0,
  unknown: 0,
  latencies: Array.from({ length: delivered }, (_, i) => i / 10),
});

function capture(tallies: Map<string, Tally>) {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    lines.push(String(chunk));
    return true;
  });
  publishDeliveries('default-1', tallies);
  vi.restoreAllMocks();
  return lines.filter((line) => line.includes('_aws')).map((line) => JSON.parse(line));
}

it('one line per provider, with totals and by provider', () => {
  const lines = capture(
    new Map([
      ['google', makeTally(3)],
      ['other', makeTally(1)],
    ]),
  );
  expect(lines).toHaveLength(2);
  const [{ Namespace, Dimensions, Metrics }] = lines[0]._aws.CloudWatchMetrics;
  expect(Namespace).toBe(METRICS_NAMESPACE);
  expect(new Set(Dimensions.map(String))).toEqual(new Set(['service', 'service,provider']));
  expect(lines[0]).toMatchObject({
    service: 'deliver',
    provider: 'google',
    [METRIC.delivered]: 3,
    [METRIC.latency]: [0, 0.1, 0.2],
  });
  expect(Metrics.map(({ Name }: { Name: string }) => Name)).not.toContain(METRIC.deferred);
});

it('more latencies than one line can hold', () => {
  const lines = capture(new Map([['google', makeTally(250)]]));
  expect(lines.flatMap((line) => line[METRIC.latency] ?? [])).toHaveLength(250);
  expect(lines.reduce((sum, line) => sum + (line[METRIC.delivered] ?? 0), 0)).toBe(250);
  expect(lines.length).toBeLessThanOrEqual(3);
});

it('what somebody must look at, under the names that the alarms read', () => {
  const [line, quiet] = capture(
    new Map([
      ['google', { ...makeTally(1), doubted: 2, paused: 1, warmUpExceeded: 40, complained: 3 }],
      ['other', { ...makeTally(1), doubted: 0 }],
    ]),
  );
  expect(line).toMatchObject({
    [METRIC.possibleDuplicates]: 2,
    [METRIC.sitePaused]: 1,
    [METRIC.warmUpExceeded]: 40,
    [METRIC.complained]: 3,
  });
  for (const name of ['InDoubt', 'SitePaused', 'WarmUpExceeded', 'Complained']) expect(quiet).not.toHaveProperty(name);
});
