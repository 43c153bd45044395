/** What an account has added to its mail reaches the job, whatever the door; a mail that says something of its own has that. */
import { expect, test } from 'vitest';
import type { Job } from '../../core/job.ts';
import { withDefaults } from '../../core/mail-send/defaults.ts';
import type { MailDefaultsRecord } from '../../core/records/mail-defaults.ts';
import { changesRaw } from '../../lambdas/deliver/raw-letter.ts';
import { accept } from '../../submission/accept.ts';
import { makeCloud, makeMail, makePost } from '../lambdas/fake-cloud.ts';

const defaults: MailDefaultsRecord = {
  pk: 'operator',
  sk: 'settings#mail',
  footer: { enabled: true, text: 'Our footer', html: '<p>Our footer</p>' },
  template: { enabled: true, html: '<body><b><% body %></b></body>' },
};
const content = [
  { type: 'text/plain', value: 'Hello' },
  { type: 'text/html', value: '<p>Hello $1</p>' },
];

async function sent(mail: object, record: MailDefaultsRecord | undefined): Promise<Job> {
  const { accept: deps, cloud } = makeCloud();
  const answer = await accept(makePost(makeMail({ content, ...mail })), {
    ...deps,
    readMailDefaults: async () => record,
  });
  expect(answer.status).toBe(202);
  return JSON.parse(cloud.queues.get('lane:default-1')![0]!.body) as Job;
}
const texts = (job: Job) => job.content!.parts.map(({ value }) => value);

test('the footer is under the texts, the template around the HTML', async () => {
  expect(texts(await sent({}, defaults))).toEqual([
    'Hello\nOur footer',
    '<body><b><p>Hello $1</p></b><p>Our footer</p></body>',
  ]);
});

test('without settings, or with settings that are off, a mail is as it was', async () => {
  const off = {
    ...defaults,
    footer: { ...defaults.footer!, enabled: false },
    template: { ...defaults.template!, enabled: false },
  };
  for (const record of [undefined, off])
    expect(texts(await sent({}, record))).toEqual(content.map(({ value }) => value));
});

test('a footer of the mail itself takes the place of the account’s, and one that is switched off too', async () => {
  const own = { mail_settings: { footer: { enable: true, text: 'Mine', html: '<i>Mine</i>' } } };
  const none = { mail_settings: { footer: { enable: false } } };
  const footer = { ...defaults, template: { enabled: false, html: '' } };
  expect(texts(await sent(own, footer))[0]).toBe('Hello\nMine');
  expect(texts(await sent(none, footer))[0]).toBe('Hello');
});

test('a message that came as MIME carries both for deliver, which composes it', () => {
  const request = {
    content: {
      from: { email: 'a@example.com' },
      replyTo: [],
      parts: [],
      attachments: [],
      headers: {},
      sections: {},
      categories: [],
      customArgs: {},
      mime: { octets: '' },
    },
    personalizations: [],
    copies: [],
    sendAt: {},
    sandbox: false,
  };
  const whole = withDefaults(request, defaults);
  expect(whole.content.mailSettings).toEqual({
    footer: { enable: true, text: 'Our footer', html: '<p>Our footer</p>' },
    template: { enable: true, html: '<body><b><% body %></b></body>' },
  });
  expect([changesRaw(request.content, {}, false), changesRaw(whole.content, {}, false)]).toEqual([false, true]);
});

test('where the settings cannot be read nothing is taken: a mail without its footer cannot be called back', async () => {
  const { accept: deps, cloud } = makeCloud();
  const readMailDefaults = () => Promise.reject(new Error('no table'));
  const answer = await accept(makePost(makeMail()), { ...deps, readMailDefaults });
  expect(answer.status).toBe(503);
  expect(cloud.queues.get('lane:default-1') ?? []).toHaveLength(0);
});
