/** What a provider's complaint does: to its site, to the quota it names, and to nobody else. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Hold } from '../../../core/records/holds.ts';
import { compileShaping } from '../../../core/shaping/compile.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type Script, type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message, START } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

const MINUTE = 60_000;
const GMAIL = (quota: string) =>
  `421 4.7.28 Gmail has detected an unusual rate of unsolicited mail ${quota}. To protect our users from spam, mail has been temporarily rate limited. - gsmtp`;
const BY_ADDRESS = GMAIL('originating from your IP address');
const BY_DKIM = GMAIL('originating from your DKIM domain [sender.example]');
const LISTED = '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org';

/** Every domain that begins with `gmail` is Google's. */
async function setUp(script: Script = {}) {
  server = await startScript(script);
  const world = makeWorld(server.port);
  const { resolveSite } = world.deps;
  world.deps.resolveSite = async (domain) =>
    domain.startsWith('gmail')
      ? { kind: 'site', site: `mx.${domain}`, provider: 'google', hosts: ['aspmx.l.google.com'] }
      : resolveSite(domain);
  world.deps.shaping = {
    ...compileShaping(),
    limitsOf: (name) => (name === 'google' ? { ...world.limits, sharedBy: 'provider' } : world.limits),
  };
  return world;
}
const heldCopies = (holds: Hold[]) =>
  holds.flatMap((hold) =>
    hold.kind === 'job' ? hold.job.copies.map(({ address }) => [address, hold.job.attempt, hold.due] as const) : [],
  );
const to = (domain: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => `u${n + from}@${domain}`);
const jobTo = (addresses: string[], more: Parameters<typeof makeJob>[1] = {}, from = 0) => {
  const job = makeJob(addresses, more);
  return { ...job, copies: job.copies.map((copy) => ({ ...copy, index: copy.index + from })) };
};

describe('a complaint', () => {
  it('about our address pauses all of Google’s sites for ten minutes, burns one attempt, and leaves others alone', async () => {
    const world = await setUp({
      dot: (address) => (address.endsWith('gmail.example') ? { say: `${BY_ADDRESS}\r\n`, end: 'close' } : undefined),
    });
    world.limits.connections = 2;

    const handedBack = await deliver(
      [
        message(jobTo(to('gmail.example', 6), { id: 'a' }), 1, 'm1'),
        message(jobTo(to('gmail-workspace.example', 4), { id: 'b' }, 6), 1, 'm2'),
        message(jobTo(to('other.example', 5), { id: 'c' }, 10), 1, 'm3'),
      ],
      world.begin(),
    );

    expect(handedBack).toEqual([]);
    expect([...world.outcomes.values()].filter(({ recipient }) => recipient.endsWith('other.example'))).toHaveLength(5);
    const google = heldCopies(world.holds);
    const delivered = [...world.outcomes.values()].filter(({ recipient }) => recipient.includes('gmail'));
    expect(google.length + delivered.length).toBe(10);
    // Who was not named has no attempt less, and no turn before the pause is over.
    const untried = google.filter(([, attempt]) => attempt === 0);
    expect(world.attempts).toHaveLength(google.length - untried.length);
    expect(untried.length).toBeGreaterThan(0);
    for (const [, , due] of untried) expect(due).toBeGreaterThanOrEqual(START + 10 * MINUTE);
    expect(world.sites.get('google')).toMatchObject({ connections: 1, rule: expect.stringContaining('gmail') });
    expect(world.attempts[0]).toMatchObject({
      classification: 'Frequency or Volume Too High',
      rule: expect.any(String),
    });
  });

  // Attack: one customer's newsletter uses up its domain's quota; the others' mail must not wait for that.
  it('about a DKIM domain throttles that domain’s mail alone', async () => {
    const world = await setUp({
      dot: (_, nth) => (nth === 0 ? { say: `${BY_DKIM}\r\n`, end: 'close' } : undefined),
    });
    world.limits.connections = 2;
    world.deps.readDomain = async (_account, domain) => ({ keys: [], returnPath: `em.${domain}` });
    const noisy = jobTo(to('gmail.example', 5), { id: 'a', account: 'noisy222' });
    await deliver([message(noisy, 1, 'm1')], world.begin());
    const attempted = world.attempts.length;
    world.holds.length = 0;
    const ours = jobTo(to('gmail.example', 3, 10), {
      id: 'b',
      account: 'other222',
      content: { ...CONTENT, from: { email: 'a@else.example' } },
    });

    await deliver([message({ ...noisy, id: 'c' }, 1, 'm2'), message(ours, 1, 'm3')], world.otherEnvironment());

    expect(attempted).toBe(1);
    expect([...world.sites.keys()]).toEqual(['google#dkim#sender.example']);
    expect([...world.outcomes.values()].filter(({ pk }) => pk.startsWith('other'))).toHaveLength(3);
    const held = heldCopies(world.holds);
    expect(held).toHaveLength(5);
    for (const [, attempt, due] of held) {
      expect(attempt).toBe(0);
      expect(due).toBeGreaterThanOrEqual(START + 10 * MINUTE);
    }
  });

  it('about our address by a 5xx suppresses nobody: deferred, paused, and the operator told', async () => {
    const world = await setUp({ rcpt: `${LISTED}\r\n` });
    world.limits.connections = 2;

    await deliver([message(makeJob(to('x.example', 4)))], world.begin());

    expect(world.outcomes.size).toBe(0);
    expect(heldCopies(world.holds)).toHaveLength(4);
    expect(world.attempts.length).toBeLessThan(4);
    expect(world.published.get('other')?.paused).toBe(1);
    expect(world.problems.join()).toMatch(/default-1 pauses at mx\.x\.example for \d+ minutes/);
    expect(server.commands.filter((line) => line.startsWith('RCPT'))).toHaveLength(world.attempts.length);
  });
});

describe('limits', () => {
  it('are held by two environments together, each with its half', async () => {
    const world = await setUp();
    world.limits.connections = 5;
    const jobs = [0, 1].map((n) =>
      message(jobTo(to('x.example', 40), { id: `j${n}`, account: `account${n + 2}` }), 1, `m${n}`),
    );

    await Promise.all([deliver([jobs[0]!], world.begin()), deliver([jobs[1]!], world.otherEnvironment())]);

    expect(world.outcomes.size).toBe(80);
    expect(server.peak()).toBeLessThanOrEqual(4);
  });

  it('of one are a lease: one environment at a time, and what the other has waits for its turn', async () => {
    const world = await setUp();
    world.limits.connections = 1;
    const jobs = [0, 1].map((n) =>
      message(jobTo(to('x.example', 10), { id: `j${n}`, account: `account${n + 2}` }), 1, `m${n}`),
    );

    await Promise.all([deliver([jobs[0]!], world.begin()), deliver([jobs[1]!], world.otherEnvironment())]);

    expect(server.peak()).toBe(1);
    expect(world.outcomes.size + heldCopies(world.holds).length).toBe(20);
    expect(world.outcomes.size).toBeGreaterThanOrEqual(10);
    expect(world.leases.size).toBe(0);
  });

  it('of ten a minute give each copy its turn, held once', async () => {
    const world = await setUp();
    world.sites.set('mx.x.example', {
      connections: 1,
      perMinute: 10,
      cutAt: START - MINUTE,
      grownAt: START,
      heldUntil: START + 90 * MINUTE,
      rule: 'slow',
      reply: '',
    });

    await deliver([message(makeJob(to('x.example', 35)))], world.begin());

    const dues = Map.groupBy(heldCopies(world.holds), ([, , due]) => due);
    expect(world.outcomes.size).toBeLessThanOrEqual(10);
    expect(world.outcomes.size + heldCopies(world.holds).length).toBe(35);
    for (const copies of dues.values()) expect(copies.length).toBeLessThanOrEqual(10);
    const last = world.holds.toSorted((a, b) => b.due - a.due)[0]!;
    if (last.kind !== 'job') throw new Error('no job');
    expect(last.job).toMatchObject({ reserved: START - MINUTE, attempt: 0 });
    // When its turn has come it goes.
    const before = world.outcomes.size;
    await deliver([message({ ...last.job, hop: last.job.hop + 1 }, 1, 'm9')], world.begin());
    expect(world.outcomes.size).toBe(before + last.job.copies.length);
  });

  it('keep what a site cannot take within its pace out of memory, with a turn, and take single mail first', async () => {
    const world = await setUp();
    world.limits.connections = 2;
    world.deps.settings.messagesDays = 30;
    const bulk = Array.from({ length: 8 }, (_, n) =>
      message(jobTo(to('x.example', 100, n * 100), { id: `b${n}` }, n * 100), 1, `b${n}`),
    );

    await deliver(bulk, world.begin());

    expect(world.outcomes.size + heldCopies(world.holds).length).toBe(800);
    expect(world.attempts).toEqual([]);
  });
});

describe('enforced TLS', () => {
  it('blocks an account’s mail where there is none, and leaves other accounts’ alone', async () => {
    const world = await setUp();
    const readEnforcedTls: DeliverDeps['readEnforcedTls'] = async (account) =>
      account === 'strict22' ? { requireTls: true, requireValidCert: false } : undefined;
    const jobs = ['strict22', 'other222'].map((account, n) =>
      message(jobTo(to('x.example', 2), { id: account, account }), 1, `m${n}`),
    );

    await deliver(jobs, { ...world.begin(), readEnforcedTls });

    const by = Map.groupBy(world.outcomes.values(), ({ pk }) => pk.split('#')[0]);
    expect(by.get('strict22')).toMatchObject(
      [0, 1].map(() => ({
        event: 'bounced',
        type: 'blocked',
        status: '5.7.10',
        reply: expect.stringContaining('TLS required but not supported'),
      })),
    );
    expect(by.get('other222')).toMatchObject([{ event: 'delivered' }, { event: 'delivered' }]);
  });
});
