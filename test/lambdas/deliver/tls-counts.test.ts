import { beforeEach, describe, expect, it } from 'vitest';
import type { TlsCount } from '../../../core/tls-report.ts';
import { createTlsCounts, type TlsCountsDeps } from '../../../lambdas/deliver/tls-counts.ts';

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
const open = (more: Partial<TlsCountsDeps> = {}) =>
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
    ...more,
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
      ['2026-11-23', [{ domain: 'x.test', policy: POLICY, ok: 1, failed: 2, failures }]],
      ['2026-11-23', [{ domain: 'x.test', ok: 1, failed: 0, failures: [] }]],
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
    const counts = written.flatMap(([, each]) => each);
    expect(counts).toHaveLength(200);
    expect(counts[0]!.failed).toBe(100);
    expect(counts[0]!.failures).toHaveLength(20);
  });

  it('is written ten domains at once, and no more', async () => {
    let under = 0;
    let most = 0;
    const { count, end } = open({
      addTlsCounts: async () => {
        most = Math.max(most, ++under);
        await new Promise((resolve) => setImmediate(resolve));
        under--;
      },
    });
    for (let n = 0; n < 60; n++) count(`n${n}.test`, { ok: true, failures: [] });
    await end();
    expect([most, under]).toEqual([10, 0]);
  });
});

// Attack: a zone's servers, or a table under load, keep a run from its end, and what it has to hand back is sent again.
describe('the end of a run', () => {
  const never = () => new Promise<never>(() => {});

  it('waits for no domain whose DNS does not answer, and writes the others', async () => {
    const { count, end } = open({
      endMs: 100,
      wantsTlsReports: async (domain) => (domain.startsWith('slow') ? never() : true),
    });
    for (let n = 0; n < 50; n++) count(`slow${n}.test`, { ok: true, failures: [] });
    count('x.test', { ok: true, failures: [] });
    await end();
    expect(written.map(([, [one]]) => one!.domain)).toEqual(['x.test']);
    expect(problems).toEqual(['TLS reports: not all written in 100 ms']);
  });

  it('waits for no table that does not answer, and begins no write behind its time', async () => {
    let begun = 0;
    const waiting: (() => void)[] = [];
    const { count, end } = open({
      endMs: 50,
      addTlsCounts: () => {
        begun++;
        return new Promise<void>((resolve) => waiting.push(resolve));
      },
    });
    for (let n = 0; n < 30; n++) count(`n${n}.test`, { ok: true, failures: [] });
    await end();
    for (const resolve of waiting) resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBe(10);
  });

  it('goes on to nobody where the table fails, and tells once', async () => {
    let begun = 0;
    const { count, end } = open({
      addTlsCounts: async () => {
        begun++;
        throw new Error('no table');
      },
    });
    for (let n = 0; n < 200; n++) count(`n${n}.test`, { ok: true, failures: [] });
    await end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(begun).toBeLessThanOrEqual(10);
    expect(problems).toEqual(['TLS reports: no table']);
  });

  it('is one also where DNS fails, which nobody else has to catch', async () => {
    const strays: unknown[] = [];
    const onStray = (error: unknown) => void strays.push(error);
    process.on('unhandledRejection', onStray);
    const { count, end } = open({
      wantsTlsReports: (domain) => {
        if (domain === 'x.test') throw new Error('at once');
        return domain === 'y.test' ? Promise.reject(new Error('no DNS')) : Promise.resolve(true);
      },
    });
    for (const domain of ['x.test', 'y.test', 'z.test']) count(domain, { ok: true, failures: [] });
    await new Promise((resolve) => setImmediate(resolve));
    await end();
    process.off('unhandledRejection', onStray);
    expect(strays).toEqual([]);
    expect(problems).toEqual(['TLS reports: at once', 'TLS reports: no DNS']);
    expect(written.map(([, [one]]) => one!.domain)).toEqual(['z.test']);
  });
});
