/**
 * What was said with a host: on record of what did not go well, of all where the account asks for it, and never of another's mail.
 */
import { afterEach, expect, test } from 'vitest';
import { TRANSCRIPT_RECORDED } from '../../../core/smtp/transcript.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { makeJob, makeWorld, message } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

const rcpt = (path: string) =>
  path.startsWith('no') ? '550 5.1.1 no such user\r\n' : path.startsWith('later') ? '451 4.7.1 later\r\n' : undefined;

test('plain delivered mail has none; a refusal and a deferral have the conversation, up to the reply', async () => {
  server = await startScript({ rcpt });
  const world = makeWorld(server.port);
  const job = makeJob(['good@x.example', 'no@x.example', 'later@x.example']);
  expect(await deliver([message(job)], world.begin())).toEqual([]);
  const outcomes = [...world.outcomes.values()];
  expect(outcomes.find(({ event }) => event === 'delivered')!.transcript).toBeUndefined();
  const [refused, deferred] = [outcomes.find(({ event }) => event === 'bounced')!, world.attempts[0]!];
  for (const [{ transcript = '' }, name, reply] of [
    [refused, 'no', '550 5.1.1 no such user'],
    [deferred, 'later', '451 4.7.1 later'],
  ] as const) {
    expect(transcript).toMatch(/^S: 220 .*\nC: EHLO mail\.sender\.example\nS: 250 /);
    expect(transcript).toContain(`C: RCPT TO:<${name}@x.example>`);
    expect(transcript).toContain(`S: ${reply}`);
  }
});

test('of all its mail, where the account asks for it', async () => {
  server = await startScript({});
  const world = makeWorld(server.port);
  await deliver([message(makeJob(['good@x.example']))], { ...world.begin(), keepsTranscripts: async () => true });
  const [{ transcript } = {}] = world.outcomes.values();
  expect(transcript).toMatch(/C: \(\d+ octets\)\nS: 250 /);
});

// Attack: an account sends to an address that is refused, and reads in its transcript who else's mail went over the session.
test('a session that carries mail of others: a transcript names the copy’s own recipient alone', async () => {
  server = await startScript({ rcpt });
  const world = makeWorld(server.port);
  world.limits = { connections: 1, floor: 1, messagesPerConnection: 200 };
  const addresses = Array.from({ length: 120 }, (_, n) => `${n % 4 === 3 ? 'no' : 'private'}-${n}@x.example`);
  await deliver([message(makeJob(addresses))], world.begin());
  expect(server.connections()).toBe(1);
  const refused = [...world.outcomes.values()].filter(({ event }) => event === 'bounced');
  expect(refused).toHaveLength(30);
  for (const { transcript = '', recipient } of refused) {
    const named = [...transcript.matchAll(/RCPT TO:<([^>]*)>/g)].map(([, address]) => address);
    expect(named).toEqual([recipient.split('#')[1]]);
    expect(transcript).not.toContain('private');
    expect(transcript).toMatch(/^S: 220 .*\nC: EHLO/);
  }
});

test('a host that cannot be greeted: what it said, and nothing that is without bounds', async () => {
  server = await startScript({ banner: `554-${'x'.repeat(3_000)}\r\n554 not from there\r\n` });
  const world = makeWorld(server.port);
  await deliver([message(makeJob(['a@x.example', 'b@x.example']))], world.begin());
  expect(world.attempts).toHaveLength(2);
  for (const { transcript = '' } of world.attempts) {
    expect(transcript).toMatch(/^S: 554 x+/);
    expect(transcript.length).toBeLessThanOrEqual(TRANSCRIPT_RECORDED);
  }
});
