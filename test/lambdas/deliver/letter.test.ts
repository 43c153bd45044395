import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { DkimKey } from '../../../core/dkim.ts';
import type { Job } from '../../../core/job.ts';
import { readRaw } from '../../../core/raw/compose.ts';
import { makeTrackingKey } from '../../../core/tracking/token.ts';
import { trackingOf } from '../../../core/tracking/track.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { createLetters, type Letter } from '../../../lambdas/deliver/letter.ts';
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
const RSA: DkimKey = { domain: 'sender.example', selector: 's1', algorithm: 'rsa', key: KEY };
function makeTask(count: number, keys = [RSA]): Task {
  const job = makePersonal(count);
  return {
    job,
    content: job.content!,
    copies: job.copies,
    personalizations: new Map(job.personalizations.map((one) => [one.index, one])),
    domains: new Map([['sender.example', { keys, returnPath: 'em.sender.example', domain: 'sender.example' }]]),
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
    const letters = createLetters(2.5 * BODY, { name: 'default-1', pool: 'default' });
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
    const tiny = createLetters(1, { name: 'default-1', pool: 'default' });
    expect((await tiny.borrow(makeTask(1), a!)).letter.dropped).toBeUndefined();
  });

  it('has one for each tracked copy, in each of its forms, and none is left behind', async () => {
    // Prepare: one personalization, two copies, a message with octets above 127.
    const text =
      'From: n@sender.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<a href="https://a.example/">hällo</a>\r\n';
    const content = {
      ...CONTENT,
      parts: [],
      mime: { octets: '' },
      trackingSettings: { click_tracking: { enable: true } },
    };
    const links = { host: 'links.sender.example', key: makeTrackingKey(Buffer.alloc(32, 7)) };
    const base = makeTask(2);
    const task: Task = {
      ...base,
      content,
      mime: readRaw(Buffer.from(text)),
      copies: base.copies.map((copy) => ({ ...copy, personalization: 0 })),
      uses: new Map([[0, 2]]),
      tracking: { wanted: trackingOf(content)!, linksOf: new Map([['sender.example', links]]) },
    };
    const letters = createLetters(BODY, { name: 'default-1', pool: 'default' });
    // Act
    for (const copy of task.copies)
      for (const sevenBit of [false, true]) (await letters.borrow(task, copy, undefined, sevenBit)).giveBack();
    // Assess
    const made = [...task.letters].map(
      ([name, { letter }]) => [name, Buffer.concat('octets' in letter ? letter.octets : []).toString()] as const,
    );
    expect(made.map(([name]) => name)).toEqual([0, -1, 1, -2]);
    // A text that changes is encoded, so both forms of a copy are the same octets.
    expect(new Set(made.map(([, octets]) => octets)).size).toBe(2);
    letters.release(task, task.copies[0]!);
    expect([...task.letters.keys()]).toEqual([1, -2]);
    letters.release(task, task.copies[1]!);
    expect(task.letters.size).toBe(0);
  });

  it('is signed with every key; Yahoo’s copies without Ed25519, and else the same', async () => {
    // Prepare
    const edwards = generateKeyPairSync('ed25519').privateKey;
    const provider: DkimKey = { ...RSA, domain: 'mail.provider.example', selector: 'p1' };
    const task = makeTask(1, [RSA, { ...RSA, selector: 'e1', algorithm: 'ed25519', key: edwards }, provider]);
    const letters = createLetters(2.5 * BODY, { name: 'default-1', pool: 'default' });
    const signatures = ({ letter }: { letter: Letter }) => {
      if (letter.dropped !== undefined) throw new Error(letter.dropped);
      const head = letter.octets[0]!.toString();
      const found = [...head.matchAll(/^DKIM-Signature: .*?a=(\S+);.*?\td=(\S+); s=(\S+);/gms)];
      return { found: found.map(([, ...tags]) => tags.join(' ')), rest: head.slice(head.indexOf('\r\nFrom:')) };
    };

    // Act
    const gmail = signatures(await letters.borrow(task, task.copies[0]!, 'google'));
    const yahoo = signatures(await letters.borrow(task, task.copies[0]!, 'yahoo'));

    // Assess
    const [rsa, ed25519, second] = [
      'rsa-sha256 sender.example s1',
      'ed25519-sha256 sender.example e1',
      'rsa-sha256 mail.provider.example p1',
    ];
    expect(gmail.found).toEqual([rsa, ed25519, second]);
    expect(yahoo.found).toEqual([rsa, second]);
    expect(yahoo.rest).toBe(gmail.rest);
  });

  it('gives the room back with the last copy', async () => {
    const task = makeTask(3);
    const letters = createLetters(2.5 * BODY, { name: 'default-1', pool: 'default' });
    for (const copy of task.copies) {
      (await letters.borrow(task, copy)).giveBack();
      letters.release(task, copy);
      letters.release(task, copy);
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
    world.limits.messagesPerConnection = 1;
    expect(await deliver([message(makePersonal(20))], world.begin())).toEqual([]);
    expect(world.outcomes.size).toBe(20);
    expect(most).toBeLessThanOrEqual(3);
  });

  it('is whole until whoever sends it has given it back, and its room is free once', async () => {
    // Prepare
    const [task, next, other] = [makeTask(1), makeTask(3), makeTask(3)];
    const letters = createLetters(1.5 * BODY, { name: 'default-1', pool: 'default' });
    const loan = await letters.borrow(task, task.copies[0]!);
    const octets = Buffer.concat(loan.letter.dropped === undefined ? loan.letter.octets : []);

    // Act
    letters.release(task, task.copies[0]!);
    letters.release(task, task.copies[0]!);
    const others = createLetters(1e9, { name: 'default-1', pool: 'default' });
    for (const copy of other.copies) await others.borrow(other, copy);

    // Assess
    expect(Buffer.concat(loan.letter.dropped === undefined ? loan.letter.octets : [])).toEqual(octets);
    loan.giveBack();
    const first = await letters.borrow(next, next.copies[0]!);
    expect(await borrowed(letters.borrow(next, next.copies[1]!))).toBe(false);
    first.giveBack();
  });

  it('gives way to the network while it composes', async () => {
    const task = makeTask(100);
    const letters = createLetters(1e9, { name: 'default-1', pool: 'default' });
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
