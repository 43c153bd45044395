/** Accepting mail with a template: the one that is active now, by name; strict ones are asked for their data at the door. */
import { expect, it } from 'vitest';
import { accept } from '../../submission/accept.ts';
import { makeCloud, makeMail, makePost } from '../lambdas/fake-cloud.ts';

const ID = 'd-0123456789abcdef0123456789abcdef';
const text = { version: 'v1', revision: 'r1', pieces: 1, subject: true, variables: ['name', 'order.id'] };
const mail = (data?: object, more: object = {}) => {
  const { content: _, subject: __, ...rest } = makeMail({ template_id: ID, ...more });
  const to = [{ email: 'reader@example.net' }];
  return { ...rest, personalizations: [{ to, ...(data ? { dynamic_template_data: data } : {}) }] };
};
async function send(body: object, template?: object) {
  const { accept: deps, cloud } = makeCloud();
  if (template) cloud.templates.set(ID, template);
  const answer = await accept(makePost(body), deps);
  const jobs = [...cloud.queues.values()].flat().map((entry) => JSON.parse(entry.body));
  return { status: answer.status, errors: answer.body ? JSON.parse(answer.body).errors : [], jobs };
}

it('names the text of the active version in its jobs, and not the text itself', async () => {
  const { status, jobs } = await send(mail({ name: 'Ann' }), { active: text });
  expect([status, jobs[0].content.template]).toEqual([202, { version: 'v1', revision: 'r1', pieces: 1 }]);
});

it('refuses a template that is not there, or has no active version, or no subject where nothing has one', async () => {
  for (const [template, field] of [
    [undefined, 'template_id'],
    [{}, 'template_id'],
    [{ active: { ...text, subject: false } }, 'subject'],
  ] as const) {
    const { status, errors, jobs } = await send(mail({}), template);
    expect([status, errors[0].field, jobs]).toEqual([400, field, []]);
  }
});

it('strict: what the template prints must be in the data, unless the request wants it otherwise', async () => {
  const strict = { active: text, strict: true };
  const refused = await send(mail({ name: 'Ann', order: {} }), strict);
  expect([refused.status, refused.errors]).toEqual([
    400,
    [
      {
        field: 'personalizations.0.dynamic_template_data.order.id',
        message: 'The dynamic_template_data must have "order.id": the template prints it.',
        help: null,
      },
    ],
  ]);
  const lax = { mail_settings: { strict_variables: { enable: false } } };
  expect((await send(mail({}, lax), strict)).jobs[0].content.template.strict).toBeUndefined();
  const asked = { mail_settings: { strict_variables: { enable: true } } };
  expect((await send(mail({}, asked), { active: text })).status).toBe(400);
  expect(
    (await send(mail({ name: '', order: { id: 0 } }, asked), { active: text })).jobs[0].content.template.strict,
  ).toBe(true);
  const hostile = JSON.parse('{"name": "x", "order": {"__proto__": {"id": 1}}}');
  expect((await send(mail(hostile), strict)).status).toBe(400);
});
