import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { type Action, type Script, type ScriptStage, startScript } from '../../smtp-script.ts';
import { makeJob, makeWorld, message } from './world.ts';

const STAGES: ScriptStage[] = ['banner', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'dot'];
const BEHAVIOURS: Record<string, Action> = {
  '4xx': '451 4.3.0 try again later\r\n',
  '5xx': '550 5.7.1 policy\r\n',
  '421 and close': { say: '421 4.3.2 closing\r\n', end: 'close' },
  silence: 'silence',
  RST: { end: 'reset' },
  FIN: { end: 'close' },
  garbage: 'lorem ipsum dolor\r\n',
  '1 MB of garbage': 'x'.repeat(1_000_000),
  'line of 100 KB': `250 ${'x'.repeat(100_000)}\r\n`,
  '10,000 lines': '250-line\r\n'.repeat(10_000),
};
/** Where a 5xx is the mail's fault, and not the host's. */
const FINAL: ScriptStage[] = ['mail', 'rcpt', 'data', 'body', 'dot'];

describe('deliver, stage by behaviour', () => {
  const cases = STAGES.flatMap((stage) =>
    Object.keys(BEHAVIOURS).flatMap((name) => [1, 3].map((copies) => [stage, name, copies] as const)),
  );
  it.each(cases)('%s: %s, %i recipients', async (stage, name, count) => {
    // Prepare: the second of three recipients has the trouble, where the stage knows recipients.
    const trouble = count === 1 ? 'u0@x.example' : 'u1@x.example';
    const knows = stage === 'rcpt' || stage === 'data' || stage === 'dot';
    const script: Script = {
      [stage]: (argument: string) => (!knows || argument === trouble ? BEHAVIOURS[name] : undefined),
    };
    const server = await startScript(script);
    const world = makeWorld(server.port);
    world.life = name === 'silence' ? 2_500 : 10_000;
    const to = Array.from({ length: count }, (_, n) => `u${n}@x.example`);
    const began = performance.now();
    // Act
    const handedBack = await deliver([message(makeJob(to))], world.begin());
    // Assess: each copy is in one place, the run ends in its time, and no session is left open.
    expect(handedBack).toEqual([]);
    expect(performance.now() - began).toBeLessThan(world.life);
    const held = world.holds
      .flatMap((hold) => (hold.kind === 'job' ? hold.job.copies : []))
      .map(({ address }) => address);
    const final = [...world.outcomes.values()].map(({ recipient }) => recipient.split('#')[1]!);
    expect([...held, ...final].sort()).toEqual(to);
    const events = Object.fromEntries(
      [...world.outcomes.values()].map(({ recipient, event }) => [recipient.split('#')[1], event]),
    );
    if (name === '5xx' && FINAL.includes(stage)) expect(events[trouble]).toBe('bounced');
    else expect(held).toContain(trouble);
    if (knows) for (const address of to) if (address !== trouble) expect(events[address]).toBe('delivered');
    const doubted = world.attempts.filter(({ event }) => event === 'doubted').map(({ address }) => address);
    // A short message has left whole before its server says anything, so what happens then happens behind the dot.
    const behind = stage === 'dot' ? [trouble] : stage === 'body' ? to : [];
    expect(doubted.sort()).toEqual(['4xx', '5xx', '421 and close'].includes(name) ? [] : behind);
    await expect.poll(() => server.open(), { interval: 5 }).toBe(0);
    await server.close();
  });
});

describe('deliver, short of time', () => {
  /** A server that takes this long with the reply to the dot; counts the messages that it has, and those it has not answered. */
  async function startSlow(latency: number) {
    let waiting = 0;
    const answer = (socket: Socket) => {
      waiting++;
      setTimeout(() => {
        waiting--;
        socket.write('250 OK\r\n');
      }, latency);
    };
    const server = await startScript({ dot: { act: answer } });
    return Object.assign(server, { waiting: () => waiting });
  }
  async function run(life: number, latency: number, count: number) {
    const server = await startSlow(latency);
    const world = makeWorld(server.port);
    world.life = life;
    world.limits.connections = 4;
    const to = Array.from({ length: count }, (_, n) => `u${n}@x.example`);
    const began = performance.now();
    const handedBack = await deliver([message(makeJob(to))], world.begin());
    const took = performance.now() - began;
    const waiting = server.waiting();
    await server.close();
    const held = world.holds.flatMap((hold) => (hold.kind === 'job' ? hold.job.copies : [])).length;
    const doubted = world.attempts.filter(({ event }) => event === 'doubted').length;
    return { handedBack, took, waiting, held, doubted, final: world.outcomes.size, taken: server.messages.length };
  }

  it('never ends between the dot and its reply: what it begins, it sees through', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 600, max: 1_200 }),
        fc.integer({ min: 40, max: 80 }),
        async (life, latency) => {
          const { took, waiting, held, doubted, final, taken } = await run(life, latency, 60);
          expect(took).toBeLessThan(life);
          expect({ waiting, doubted }).toEqual({ waiting: 0, doubted: 0 });
          expect(final).toBeGreaterThan(0);
          expect(held).toBeGreaterThan(0);
          expect({ taken, all: final + held }).toEqual({ taken: final, all: 60 });
        },
      ),
      { numRuns: 10 },
    );
  }, 60_000);

  it('loses nothing and doubts what it could not wait for, however little time it has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 300 }), async (life, latency) => {
        const { handedBack, took, held, doubted, final, taken } = await run(life, latency, 5);
        expect(took).toBeLessThan(life + 200);
        expect(handedBack).toEqual([]);
        expect(held + final).toBe(5);
        expect(taken).toBe(final + doubted);
      }),
      { numRuns: 20 },
    );
  }, 60_000);

  it('holds what it could not begin, due at once, without burning an attempt', async () => {
    const server = await startScript();
    const world = makeWorld(server.port);
    world.life = 0;
    const job = makeJob(['a@x.example', 'b@x.example']);
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(server.connections()).toBe(0);
    expect(world.holds).toHaveLength(1);
    const [hold] = world.holds;
    expect(hold).toMatchObject({ kind: 'job', copies: 2, job: { id: job.id, attempt: 0, hop: 1 } });
    expect(hold!.due).toBeLessThanOrEqual(world.deps.now());
    expect(world.attempts).toEqual([]);
    await server.close();
  });
});
