import { beforeEach, describe, expect, it } from 'vitest';
import type { TlsCount } from '../../../core/tls-report.ts';
import { createTlsCounts } from '../../../lambdas/deliver/tls-counts.ts';

const POLICY = { mode: 'enforce' as const, mx: ['mx.x.test'], maxAge: 86_400, id: 'a1' };
const expired = (address: string) => ({
  type: 'certificate-expired' as const,
  host: 'mx.x.test',
  address,
  reason: 'CERT_HAS_EXPIRED',
});

let written: [string, TlsCount[]][] = [];
let asked: string[] = [];
let problems: string[] = [];
let fails = false;
beforeEach(() => {
  written = [];
  asked = [];
  problems = [];
  fails = false;
});
const open = () =>
  createTlsCounts({
    wantsTlsReports: async (domain) => {
      asked.push(domain);
      return domain !== 'silent.test';
    },
    addTlsCounts: async (day, counts) => {
      if (fails) throw new Error('no table');
      written.push([day, counts]);
    },
    now: () => Date.UTC(2026, 10, 23, 23, 59),
    report: (problem) => problems.push(problem),
  });

describe('TLS of a run', () => {
  it('is written once, by domain and policy, for those who ask', async () => {
    const { count, end } = open();
    count('x.test', { ok: true, failures: [], policy: POLICY });
    count('x.test', { ok: false, failures: [expired('192.0.2.1')], policy: POLICY });
    count('x.test', { ok: false, failures: [expired('192.0.2.2')], policy: POLICY });
    count('x.test', { ok: true, failures: [] });
    count('silent.test', { ok: true, failures: [] });

    await end();

    const failures = [{ ...expired('192.0.2.1'), sessions: 2 }];
    expect(written).toEqual([
      [
        '2026-11-23',
        [
          { domain: 'x.test', policy: POLICY, ok: 1, failed: 2, failures },
          { domain: 'x.test', ok: 1, failed: 0, failures: [] },
        ],
      ],
    ]);
    expect(asked).toEqual(['x.test', 'x.test', 'silent.test']);
  });

  it('is not written again by the next run of the environment, nor when there is nothing', async () => {
    const { count, end } = open();
    count('x.test', { ok: true, failures: [] });
    await end();
    await end();
    count('silent.test', { ok: true, failures: [] });
    await end();
    expect(written).toHaveLength(1);
  });

  it('fails no run', async () => {
    fails = true;
    const { count, end } = open();
    count('x.test', { ok: true, failures: [] });
    await end();
    expect(problems).toEqual(['TLS reports: no table']);
  });

  // Attack: a zone with a host of its own for every session fills the memory and the table.
  it('is bounded, in domains and in failures', async () => {
    const { count, end } = open();
    for (let n = 0; n < 100; n++)
      count('x.test', { ok: false, failures: [{ ...expired('192.0.2.1'), host: `mx${n}.x.test` }] });
    for (let n = 0; n < 3_000; n++) count(`n${n}.test`, { ok: true, failures: [] });
    await end();
    const [[, counts]] = written as [[string, TlsCount[]]];
    expect(counts).toHaveLength(2_000);
    expect(counts[0]!.failed).toBe(100);
    expect(counts[0]!.failures).toHaveLength(20);
  });
});
