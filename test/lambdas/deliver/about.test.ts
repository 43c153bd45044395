/** What deliver writes for events: what a copy's sender gave, and once only that a lane has it. */
import { afterEach, expect, test } from 'vitest';
import { toEvents } from '../../../core/event/event.ts';
import { readNews } from '../../../core/event/item.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message, REQUEST } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

const typesOf = (item: object) =>
  toEvents(readNews(item as Record<string, unknown>, 'INSERT')!, 'INSERT').map(({ event }) => event);

test('an outcome carries categories, arguments of both kinds, ids, and the address as it was written', async () => {
  server = await startScript({});
  const world = makeWorld(server.port);
  const content = { ...CONTENT, categories: ['news'], customArgs: { a: 'root', b: 'root' } };
  const job = makeJob(['Reader@x.example'], { content });
  job.personalizations = [{ index: 0, to: [{ email: 'Reader@x.example' }], cc: [], customArgs: { a: 'own' } }];
  expect(await deliver([message(job)], world.begin())).toEqual([]);
  const [outcome] = world.outcomes.values();
  expect(outcome).toMatchObject({
    email: 'Reader@x.example',
    about: { categories: ['news'], customArgs: { a: 'own', b: 'root' }, smtpId: `<${REQUEST}.0@sender.example>` },
  });
  expect(typesOf(outcome!)).toEqual(['processed', 'delivered']);
});

test.each([
  ['on a lane of it', ['default-1'], { name: 'newsletters', id: '17' }, 'newsletters'],
  // Its lane was taken out of the settings meanwhile.
  ['on another', ['gone-1'], { name: 'default', id: expect.stringMatching(/^\d+$/) }, 'default'],
])('a pool made over the API is named by events and Feedback-ID where mail is %s', async (_, lanes, pool, named) => {
  server = await startScript({});
  const world = makeWorld(server.port);
  const content = { ...CONTENT, ipPoolName: 'newsletters', poolId: '17', lanes };
  expect(await deliver([message(makeJob(['a@x.example'], { content }))], world.begin())).toEqual([]);
  const [outcome] = world.outcomes.values();
  const [processed] = toEvents(readNews(outcome as never, 'INSERT')!, 'INSERT');
  expect(processed).toMatchObject({ event: 'processed', pool });
  expect(server.messages[0]!.data.toString()).toContain(`Feedback-ID: mail:${named}:`);
});

test('a run that died between an attempt and its hold: its first attempt comes again, its news does not', async () => {
  // Prepare: deferred once, and the hold is not written.
  server = await startScript({ rcpt: '451 4.7.1 later\r\n' });
  const world = makeWorld(server.port);
  const job = makeJob(['a@x.example']);
  const died = world.begin();
  died.hold = async () => {
    throw new Error('killed');
  };
  expect(await deliver([message(job)], died)).toEqual(['m1']);
  const first = world.attempts.map(typesOf);
  await server.close();

  // Act
  server = await startScript({});
  const again = makeWorld(server.port);
  again.attempts.push(...world.attempts);
  expect(await deliver([message(job, 2)], again.begin())).toEqual([]);

  // Assess
  const [outcome] = again.outcomes.values();
  expect(outcome).toMatchObject({ pickedUp: true, attempt: 0 });
  expect(first).toEqual([['processed', 'deferred']]);
  expect(typesOf(outcome!)).toEqual(['delivered']);
});
