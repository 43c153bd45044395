/** Mail of templates: rendered for each personalization when it is sent. What cannot be rendered is dropped with the reason, never silently. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Content } from '../../../core/mail.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { createTemplates } from '../../../lambdas/deliver/templates.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message } from './world.ts';

let server: ScriptedServer;
beforeEach(async () => {
  server = await startScript();
});
afterEach(() => server.close());

const name = { version: 'v', revision: 'r', pieces: 1 };
const { subject: _, ...WITHOUT } = CONTENT;
const content: Content = { ...WITHOUT, parts: [], templateId: `d-${'0'.repeat(32)}`, template: name };

function makeTemplated(people: Record<string, unknown>[], changes: Partial<Content> = {}, id = 'job') {
  const to = people.map((_one, n) => `u${n}@x.example`);
  const job = makeJob(to, { content: { ...content, ...changes } });
  job.id = `${job.id.split('.')[0]}.0.${id === 'job' ? 0 : 1}`;
  job.personalizations = people.map((dynamicTemplateData, index) => ({
    index,
    to: [{ email: to[index]! }],
    cc: [],
    dynamicTemplateData,
  }));
  job.copies = job.copies.map((copy, personalization) => ({ ...copy, personalization }));
  return job;
}
const texts = () => server.messages.map(({ data }) => String(data)).sort();

it('each reader gets what his data says, in subject, text and HTML; a failure drops his copy alone', async () => {
  const world = makeWorld(server.port);
  world.templates.set('r', {
    subject: 'Hi {{name}}',
    html: '<p>{{name}}</p>{{#each list}}{{/each}}',
    plain: 'Dear {{name}}',
  });
  const list = Array.from({ length: 300_000 }, () => 1);
  const job = makeTemplated([{ name: "Ann & O'Neil" }, { name: 'Bo', list }, {}], {
    mailSettings: { footer: { enable: true, text: 'Us', html: '<i>Us</i>' } },
  });
  expect(await deliver([message(job)], world.begin())).toEqual([]);
  expect([0, 1, 2].map((n) => world.outcome(n)?.event)).toEqual(['delivered', 'dropped', 'delivered']);
  expect(world.outcome(1)?.reply).toBe(
    '5.6.0 its template cannot be rendered: html_content, it takes more than 200000 steps',
  );
  const ann = texts().find((text) => text.includes('Ann'))!;
  expect(ann).toContain("Subject: Hi Ann & O'Neil\r\n");
  expect(ann).toContain("Dear Ann & O'Neil\r\nUs");
  expect(ann).toMatch(/<p>Ann &amp; O&#x27;Neil<\/p><i>Us<\/i>/);
});

it('a template of 10^5 nested blocks is stopped, and the next job is unharmed', async () => {
  const world = makeWorld(server.port);
  world.templates.set('r', {
    subject: 's',
    html: `${'{{#if a}}'.repeat(100_000)}${'{{/if}}'.repeat(100_000)}`,
    plain: '',
  });
  world.templates.set('good', { subject: 'fine', html: '', plain: 'fine' });
  const poison = makeTemplated([{}, {}]);
  const next = makeTemplated([{}, {}, {}], { template: { ...name, revision: 'good' } }, 'next');
  next.copies = next.copies.slice(2);
  const began = performance.now();
  expect(await deliver([message(poison), message(next, 1, 'm2')], world.begin())).toEqual([]);
  expect(performance.now() - began).toBeLessThan(5_000);
  expect([0, 1, 2].map((n) => world.outcome(n)?.event)).toEqual(['dropped', 'dropped', 'delivered']);
  expect(world.outcome(0)?.reply).toMatch(
    /^5\.6\.0 its template cannot be read: html_content, line 1: blocks may lie 100 deep/,
  );
});

it('strict: a name that is not there drops the copy', async () => {
  const world = makeWorld(server.port);
  world.templates.set('r', { subject: 's', html: '', plain: 'a\n{{#if vip}}{{code}}{{/if}}' });
  const job = makeTemplated([{ vip: 1 }, {}], { template: { ...name, strict: true } });
  await deliver([message(job)], world.begin());
  expect([world.outcome(0)?.reply, world.outcome(1)?.event]).toEqual([
    '5.6.0 its template cannot be rendered: plain_content, line 2: the data has no code',
    'delivered',
  ]);
});

it('legacy: the mail’s texts stand in the template, and substitutions are made in all of it', async () => {
  const world = makeWorld(server.port);
  world.templates.set('r', { subject: 'Re: <%subject%>', html: '', plain: '-name-, <%body%>' });
  const job = makeTemplated([{}], {
    templateId: '13b8f94f-bcae-4ec6-b752-70d6cb59f932',
    subject: 'Own -name-',
    parts: CONTENT.parts,
  });
  job.personalizations = [{ index: 0, to: [{ email: 'u0@x.example' }], cc: [], substitutions: { '-name-': 'Ann' } }];
  await deliver([message(job)], world.begin());
  expect(texts()[0]).toContain('Subject: Re: Own Ann\r\n');
  expect(texts()[0]).toContain('Ann, Hello there.');
});

it('a text that cannot be read sends the job back, and a revision is read and parsed once', async () => {
  const world = makeWorld(server.port);
  const problems = await deliver([message(makeTemplated([{}]))], world.begin());
  expect([problems, world.outcome(0)]).toEqual([['m1'], undefined]);
  let reads = 0;
  const read = createTemplates(async (_account, { revision }) => {
    reads++;
    return { subject: '', html: revision.repeat(60), plain: '' };
  }, 100);
  const of = (revision: string) => read('a', { templateId: 'd-1', template: { ...name, revision } });
  expect(await of('a')).toBe(await of('a'));
  await Promise.all([of('b'), of('c'), of('c')]);
  expect(reads).toBe(3);
  await of('a');
  expect(reads).toBe(4);
});
