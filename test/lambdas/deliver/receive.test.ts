/** Further jobs, taken while some of a batch last: a batch is no barrier. */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { makeJob, makeWorld, message } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

/** A site that takes its time with `slow@`; a run with a twentieth of its life, and so of all its waits. */
async function setUp(wait = 400) {
  server = await startScript({
    dot: (to) =>
      to.startsWith('slow')
        ? { act: (socket: Socket) => void setTimeout(() => socket.write('250 OK\r\n'), wait) }
        : undefined,
  });
  const world = makeWorld(server.port);
  world.life = 9_000;
  return world;
}
const single = (n: number) => makeJob([`u${n}@other.example`], { id: `job-${n}` });
const copyOf = (n: number) => ({ ...single(n), copies: [{ ...single(n).copies[0]!, index: n }] });

describe('a run that lasts', () => {
  it('takes further jobs of its lane, delivers and removes them, and hands none of them back', async () => {
    const world = await setUp(1_500);
    world.lane = Array.from({ length: 25 }, (_, n) => message(copyOf(n + 1), 1, `more-${n}`));

    const handedBack = await deliver([message(makeJob(['slow@x.example']))], world.begin());

    expect(handedBack).toEqual([]);
    expect(server.messages).toHaveLength(26);
    expect(world.removed.sort()).toEqual(Array.from({ length: 25 }, (_, n) => `more-${n}`).sort());
    expect(world.outcome(0)!.at).toBeGreaterThan(world.outcome(25)!.at);
  });

  it('leaves them to others when it is soon over', async () => {
    const world = await setUp(1);
    // All of a life: what a busy machine adds to one message is far from the time after which a run asks for more.
    world.life = 180_000;
    world.lane = [message(copyOf(1), 1, 'more')];

    await deliver([message(makeJob(['slow@x.example']))], world.begin());

    expect(world.lane).toHaveLength(1);
    expect(world.removed).toEqual([]);
  });

  it('does not remove what it could not finish, and says why', async () => {
    const world = await setUp();
    world.lane = [message('no job', 1, 'poison'), message(copyOf(1), 1, 'good')];

    const handedBack = await deliver([message(makeJob(['slow@x.example']))], world.begin());

    expect(handedBack).toEqual([]);
    expect(world.removed).toEqual(['good']);
    expect(world.problems.join()).toContain('message poison');
  });

  it('goes on with what it has when the lane does not answer', async () => {
    const world = await setUp();
    const run = world.begin();
    run.receive = async () => {
      throw new Error('throttled');
    };

    expect(await deliver([message(makeJob(['slow@x.example']))], run)).toEqual([]);

    expect(world.outcome(0)?.event).toBe('delivered');
    expect(world.problems).toContain('no further messages: throttled');
  });

  it('takes none that it could not begin in its time', async () => {
    // Prepare: two messages, one after the other, last longer than anything may be taken.
    const world = await setUp(1_900);
    world.limits.connections = 2;
    let last = 0;
    const began = performance.now();
    const receive = async () => {
      last = performance.now() - began;
      return [];
    };
    // Act
    await deliver([message(makeJob(['slow1@x.example', 'slow2@x.example']))], { ...world.begin(), receive });
    // Assess: a message may take 4.5 of these 9 seconds, the end 0.5, and what waits for it one more.
    expect(world.outcomes.size).toBe(2);
    expect(last).toBeGreaterThan(1_900);
    expect(last).toBeLessThan(3_500);
  }, 20_000);
});
