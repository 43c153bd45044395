import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../core/job.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { createLetters } from '../../../lambdas/deliver/letter.ts';
import type { Task } from '../../../lambdas/deliver/take.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, KEY, makeJob, makeWorld, message } from './world.ts';

const BODY = 100_000;
let server: ScriptedServer | undefined;
afterEach(() => server?.close());

/** One job of many personalizations, each with a long body of its own. */
function makePersonal(count: number): Job {
  const to = Array.from({ length: count }, (_, n) => `u${n}@x.example`);
  const job = makeJob(to, {
    content: { ...CONTENT, parts: [{ type: 'text/plain', value: `-name- ${'text\n'.repeat(BODY / 5)}` }] },
  });
  job.personalizations = to.map((email, index) => ({
    index,
    to: [{ email }],
    cc: [],
    substitutions: { '-name-': `Name ${index}` },
  }));
  job.copies = job.copies.map((copy, personalization) => ({ ...copy, personalization }));
  return job;
}
function makeTask(count: number): Task {
  const job = makePersonal(count);
  return {
    job,
    content: job.content!,
    copies: job.copies,
    personalizations: new Map(job.personalizations.map((one) => [one.index, one])),
    domains: new Map([
      ['sender.example', { selector: 's', key: KEY, returnPath: 'em.sender.example', domain: 'sender.example' }],
    ]),
    letters: new Map(),
    uses: new Map(job.copies.map(({ personalization }) => [personalization, 2])),
  } as unknown as Task;
}
const borrowed = async <T>(loan: Promise<T>): Promise<boolean> =>
  Promise.race([loan.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), 50))]);

describe('letters', () => {
  it('makes one only when there is room, lets one pass at least, and forgets the idle first', async () => {
    // Prepare
    const task = makeTask(3);
    const [a, b, c] = task.copies;
    const letters = createLetters(2.5 * BODY, 'default');
    const first = await letters.borrow(task, a!);
    const second = await letters.borrow(task, b!);
    // Act
    const third = letters.borrow(task, c!);
    // Assess
    expect(await borrowed(third)).toBe(false);
    expect((await letters.borrow(task, a!)).letter).toBe(first.letter);
    second.giveBack();
    expect(await borrowed(third)).toBe(true);
    expect([...task.letters.keys()]).toEqual([0, 2]);
    const tiny = createLetters(1, 'default');
    expect((await tiny.borrow(makeTask(1), a!)).letter.dropped).toBeUndefined();
  });

  it('gives the room back with the last copy', async () => {
    const task = makeTask(3);
    const letters = createLetters(2.5 * BODY, 'default');
    for (const copy of task.copies) {
      (await letters.borrow(task, copy)).giveBack();
      letters.release(task, copy.personalization);
      letters.release(task, copy.personalization);
      expect(task.letters.size).toBe(0);
    }
  });

  // Attack: one request of the largest kind, personalized, so that every session composes megabytes at once.
  it('keeps few long messages in memory, however many sessions there are, and sends them all', async () => {
    let [waiting, most] = [0, 0];
    server = await startScript({
      dot: {
        act: (socket) => {
          most = Math.max(most, ++waiting);
          setTimeout(() => {
            waiting--;
            socket.write('250 2.0.0 OK\r\n');
          }, 30);
        },
      },
    });
    const world = makeWorld(server.port);
    world.deps.settings.letterBytes = 3.5 * BODY;
    world.deps.settings.messagesPerConnection = 1;
    expect(await deliver([message(makePersonal(20))], world.begin())).toEqual([]);
    expect(world.outcomes.size).toBe(20);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('gives way to the network while it composes', async () => {
    const task = makeTask(100);
    const letters = createLetters(1e9, 'default');
    let turns = 0;
    const count = () => {
      turns++;
      ticking = setImmediate(count);
    };
    let ticking = setImmediate(count);
    await Promise.all(task.copies.map((copy) => letters.borrow(task, copy)));
    clearImmediate(ticking);
    // A signature alone is half a millisecond or more; between two turns there are 20.
    expect(turns).toBeGreaterThanOrEqual(2);
  });
});
