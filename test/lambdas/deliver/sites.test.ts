/** What one recipient, site or zone may do to the others of a run: nothing. */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type Script, type ScriptedServer, startScript } from '../../smtp-script.ts';
import { makeJob, makeWorld, message } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

async function setUp(script: Script = {}, overrides: Partial<DeliverDeps> = {}) {
  server = await startScript(script);
  return makeWorld(server.port, overrides);
}
const heldCopies = (world: ReturnType<typeof makeWorld>) =>
  world.holds.flatMap((hold) => (hold.kind === 'job' ? hold.job.copies : []));
const addresses = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}${n}@x.example`);

describe('deliver, site by site', () => {
  // Attack: dead addresses at a server that hangs up after a refusal; what it says of them must not bounce the others.
  it('passes no recipient’s refusal on to another', async () => {
    // Prepare: one account with dead addresses before another's good ones, one session at a time.
    const refused = { say: '550 5.1.1 no such user\r\n', end: 'close' as const };
    const world = await setUp({ rcpt: (to) => (to.startsWith('dead') ? refused : undefined) });
    world.limits.connections = 2;
    const dead = makeJob(addresses('dead', 8), { id: 'dead' });
    const good = makeJob(addresses('good', 20), { id: 'good', account: 'other222' });
    // Act
    const handedBack = await deliver([message(dead, 1, 'm1'), message(good, 1, 'm2')], world.begin());
    // Assess
    expect(handedBack).toEqual([]);
    const events = Map.groupBy(world.outcomes.values(), ({ event }) => event);
    expect(events.get('bounced')?.map(({ recipient }) => recipient.split('#')[0])).toEqual(Array(8).fill('operator'));
    expect(events.get('delivered')?.map(({ recipient }) => recipient.split('#')[0])).toEqual(
      Array(20).fill('other222'),
    );
    expect(world.holds).toEqual([]);
  });

  // Attack: a server that breaks off behind every dot; only who was sent to may be in doubt.
  it('defers what is left, in its own words, at a site that breaks off session after session', async () => {
    const world = await setUp({ dot: { end: 'reset' } });
    world.limits.connections = 2;
    expect(await deliver([message(makeJob(addresses('u', 12)))], world.begin())).toEqual([]);
    expect(server.connections()).toBe(5);
    const events = Map.groupBy(world.attempts, ({ event }) => event);
    expect(events.get('doubted')).toHaveLength(5);
    expect(events.get('deferred')?.map(({ reply }) => reply)).toEqual(
      Array(7).fill('connect: it breaks off session after session'),
    );
    expect(world.outcomes.size).toBe(0);
  });

  it('begins on a site while another domain’s DNS is still silent', async () => {
    let answer = () => {};
    const silent = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const world = await setUp();
    const { resolveSite } = world.deps;
    world.deps.resolveSite = async (domain) => {
      if (domain === 'slow.example') await silent;
      return resolveSite(domain);
    };
    const run = deliver([message(makeJob(['a@slow.example', 'b@x.example']))], world.begin());
    await expect.poll(() => world.outcomes.size, { interval: 5 }).toBe(1);
    expect(server.messages.map(({ to }) => to)).toEqual([['b@x.example']]);
    answer();
    expect(await run).toEqual([]);
    expect(world.outcomes.size).toBe(2);
  });

  it('delivers what is added to a site by domains whose DNS is later', async () => {
    const world = await setUp();
    let n = 0;
    world.deps.resolveSite = async (domain) => {
      await new Promise((resolve) => setTimeout(resolve, 15 * n++));
      return { kind: 'site', site: 'shared', provider: 'other', hosts: [`mx.${domain}`] };
    };
    const to = Array.from({ length: 12 }, (_, i) => `u@d${i}.example`);
    expect(await deliver([message(makeJob(to))], world.begin())).toEqual([]);
    expect(server.messages).toHaveLength(12);
    expect(server.peak()).toBeLessThanOrEqual(10);
  });

  it('loses no copy that is added just as the site’s last worker ends', async () => {
    const failure = { ok: false as const, stage: 'connect' as const, error: 'ECONNREFUSED', afterDot: false };
    const world = await setUp();
    for (let steps = 0; steps < 40; steps++) {
      // Prepare: the second domain's route is known so many steps after the only worker has learnt that there is no session.
      world.holds.length = 0;
      const failed = Promise.withResolvers<void>();
      const resolveSite: DeliverDeps['resolveSite'] = async (domain) => {
        if (domain === 'late.example') await failed.promise;
        if (domain === 'late.example') for (let n = 0; n < steps; n++) await undefined;
        return { kind: 'site', site: 'shared', provider: 'other', hosts: ['mx.shared.example'] };
      };
      const openSession: DeliverDeps['openSession'] = async () => {
        failed.resolve();
        return failure;
      };
      // Act
      const job = makeJob(['a@x.example', 'b@late.example']);
      const run = deliver([message(job)], { ...world.begin(), resolveSite, openSession });
      // Assess
      const end = new Promise((resolve) => setTimeout(() => resolve('lost'), 500));
      expect(await Promise.race([run, end])).toEqual([]);
      expect(heldCopies(world)).toHaveLength(2);
    }
  });

  // Attack: a tarpit, to keep the lane's run for its whole life.
  it('ends a run that only slow sites keep, and holds what is left of them', async () => {
    // Prepare: a run whose clock is 40 times as fast, so that half a second is 20, and a site that takes 24 for a message.
    const slow = {
      act: (socket: Socket) => void setTimeout(() => socket.write('250 OK\r\n'), 600),
    };
    const world = await setUp({ dot: (to) => (to.startsWith('slow') ? slow : undefined) });
    world.limits.connections = 2;
    world.limits.messagesPerConnection = 1;
    const began = performance.now();
    const elapsed = () => 40 * (performance.now() - began);
    const to = [...addresses('slow', 6), 'quick@fast.example'];
    // Act
    const handedBack = await deliver([message(makeJob(to))], {
      ...world.begin(),
      remainingMs: () => 180_000 - elapsed(),
    });
    // Assess
    expect(handedBack).toEqual([]);
    expect(elapsed()).toBeLessThan(60_000);
    expect(world.outcome(6)?.event).toBe('delivered');
    expect(world.outcomes.size).toBe(2);
    expect(heldCopies(world)).toHaveLength(5);
    expect(world.attempts).toEqual([]);
  });

  it('counts it as an attempt where a slow site answers nothing', async () => {
    const silent = { act: (socket: Socket) => void setTimeout(() => socket.destroy(), 600) };
    const world = await setUp({ mail: silent });
    world.limits.connections = 2;
    const began = performance.now();
    const remainingMs = () => 180_000 - 40 * (performance.now() - began);
    expect(await deliver([message(makeJob(addresses('u', 6)))], { ...world.begin(), remainingMs })).toEqual([]);
    expect(server.connections()).toBe(1);
    expect(world.attempts).toHaveLength(6);
    expect(world.attempts[5]?.reply).toBe('connect: it keeps us waiting and then breaks off');
    expect(world.holds).toMatchObject([{ kind: 'job', job: { attempt: 1 } }]);
  });
});
