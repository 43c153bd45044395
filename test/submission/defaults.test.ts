/** What an account has added to its mail reaches the job, whatever the door; a mail that says something of its own has that. */
import { describe, expect, it, test } from 'vitest';
import { historyOf, showMessage } from '../../core/activity/show.ts';
import { makeRequestId } from '../../core/ids.ts';
import { isBulk, type Job } from '../../core/job.ts';
import { withDefaults } from '../../core/mail-send/defaults.ts';
import type { MailDefaultsRecord } from '../../core/records/mail-defaults.ts';
import { recipientKey } from '../../core/records/message-key.ts';
import { readSubmitted } from '../../core/submit-mime/index.ts';
import { changesRaw } from '../../lambdas/deliver/raw-letter.ts';
import { accept } from '../../submission/accept.ts';
import { submit } from '../../submission/submit.ts';
import { makeCloud, makeMail, makePost, START } from '../lambdas/fake-cloud.ts';

const defaults: MailDefaultsRecord = {
  pk: 'operator',
  sk: 'settings#mail',
  footer: { enabled: true, text: 'Our footer', html: '<p>Our footer</p>' },
  template: { enabled: true, html: '<body><b><% body %></b></body>' },
};
const keyOf = { pk: defaults.pk, sk: defaults.sk };
const content = [
  { type: 'text/plain', value: 'Hello' },
  { type: 'text/html', value: '<p>Hello $1</p>' },
];

async function sent(
  mail: object,
  record: MailDefaultsRecord | undefined,
  { accept: deps, cloud } = makeCloud(),
): Promise<Job> {
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

const bcc = (email = 'keep@archive.example', enabled = true): MailDefaultsRecord => ({
  ...{ pk: 'operator', sk: 'settings#mail', bcc: { enabled, email } },
});
const copiesOf = ({ copies }: Pick<Job, 'copies'>) => copies.map(({ role, address }) => `${role} ${address}`);
const HEADER = 'From: shop@example.com\r\nTo: reader@example.net\r\nSubject: Hello\r\n';

/** What a message by SMTP goes into, with the account's default. */
async function submitted(header: string): Promise<Job[]> {
  const { accept: deps, cloud } = makeCloud();
  const octets = `${header}\r\nHi\r\n`;
  const message = {
    ...{ header: Buffer.from(`${header}\r\n`), size: octets.length, mime: { octets }, mailFrom: 'shop@example.com' },
    ...{ rcptTo: ['reader@example.net'], eightBit: false, smtpUtf8: false },
  };
  const by = { account: 'operator', keyId: 'key', requestId: makeRequestId(START, Buffer.alloc(10, 99)) };
  await submit(
    { ...by, submitted: message, fingerprint: () => '' },
    { ...deps, readSubmitted, readMailDefaults: async () => bcc() },
  );
  return cloud.queues.get('lane:default-1')!.map(({ body }) => JSON.parse(body) as Job);
}

describe('a copy of every message', () => {
  test('goes to the account’s address; a mail with a bcc setting of its own has that', async () => {
    expect(copiesOf(await sent({}, bcc()))).toEqual(['to reader@example.net', 'bcc keep@archive.example']);
    const own = { mail_settings: { bcc: { enable: true, email: 'mine@example.org' } } };
    expect(copiesOf(await sent(own, bcc()))).toEqual(['to reader@example.net', 'bcc mine@example.org']);
    for (const mail of [{ mail_settings: { bcc: { enable: false } } }, { mail_settings: { bcc: {} } }])
      expect(copiesOf(await sent(mail, bcc()))).toEqual(['to reader@example.net']);
    expect(copiesOf(await sent({}, bcc('keep@archive.example', false)))).toEqual(['to reader@example.net']);
  });

  test('who is among its readers has it already, and no reader sees who has it', async () => {
    const personalizations = [
      { to: [{ email: 'Keep@Archive.example' }], cc: [{ email: 'b@example.net' }] },
      { to: [{ email: 'c@example.net' }] },
    ];
    const job = await sent({ personalizations }, bcc());
    expect(job.copies.map(({ personalization, index, address }) => `${index} ${personalization} ${address}`)).toEqual([
      '0 0 Keep@Archive.example',
      '1 0 b@example.net',
      '2 1 c@example.net',
      '3 1 keep@archive.example',
    ]);
    expect(JSON.stringify([job.content, job.personalizations[1]])).not.toContain('archive.example');
  });

  test('is beyond the 1,000 recipients that a request may name, and scheduled with its message', async () => {
    const { accept: deps, cloud } = makeCloud();
    cloud.defaults = [bcc()];
    const personalizations = Array.from({ length: 1_000 }, (_, n) => ({ to: [{ email: `r${n}@example.net` }] }));
    const sendAt = START / 1_000 + 3_600;
    expect((await accept(makePost(makeMail({ personalizations, send_at: sendAt })), deps)).status).toBe(202);
    const [stored] = [...cloud.bucket.values()];
    expect(stored!.copies).toHaveLength(2_000);
    expect([...cloud.holds.values()]).toMatchObject([{ due: sendAt * 1_000, copies: 2_000 }]);
    expect([...cloud.requests.values()]).toMatchObject([{ copies: 2_000 }]);
  });

  test('counts in the day’s cap like any other, and a mail in the sandbox goes to nobody', async () => {
    const { accept: deps, cloud } = makeCloud();
    cloud.defaults = [bcc()];
    cloud.credits = 1;
    expect((await accept(makePost(makeMail()), deps)).status).toBe(401);
    const sandbox = makeMail({ mail_settings: { sandbox_mode: { enable: true } } });
    expect([(await accept(makePost(sandbox), deps)).status, cloud.calls]).toEqual([200, []]);
  });

  test('by SMTP too, unless X-SMTPAPI says otherwise; a broken one’s mail goes to nobody, and its notice is ours', async () => {
    expect((await submitted(HEADER)).map(copiesOf)).toEqual([['to reader@example.net', 'bcc keep@archive.example']]);
    const off = `${HEADER}X-SMTPAPI: {"filters": {"bcc": {"settings": {"enable": 0}}}}\r\n`;
    expect((await submitted(off)).map(copiesOf)).toEqual([['to reader@example.net']]);
    expect((await submitted(`${HEADER}X-SMTPAPI: {\r\n`)).map(copiesOf)).toEqual([
      ['to reader@example.net'],
      ['to shop@example.com'],
    ]);
  });
});

describe('a copy of each message, which its sender did not ask for', () => {
  const archive: MailDefaultsRecord = { ...keyOf, bcc: { enabled: true, email: 'archive@example.com' } };

  it('leaves mail to one reader in his bucket: he is found, and erased, before anything became of it', async () => {
    const world = makeCloud();
    const { requestId } = await sent({}, archive, world);
    const [record] = world.cloud.requests.values();
    expect(record).toMatchObject({ copies: 2, recipient: recipientKey('operator', 'reader@example.net') });
    const items = [record as unknown as Record<string, unknown>];
    // Whose the other copy is, is not known yet.
    const readers = [0, 1].map((index) => showMessage(requestId, index, historyOf(items, index)!).to_email);
    expect(readers).toEqual(['reader@example.net', '']);
  });

  // Attack: a parent watches a subuser, or archives its mail, and its password resets wait while bulk is paused.
  it.each([
    ['ten of one message', [10], false],
    ['ten messages', Array.from({ length: 10 }, () => 1), false],
    ['eleven', [11], true],
  ])('makes no bulk of what is none: %s', async (_, readersOf, bulk) => {
    const world = makeCloud();
    const readKey = world.accept.readKey;
    const monitor = { email: 'samples@parent.example', frequency: 1 };
    world.accept.readKey = async (key) => ({ ...(await readKey(key))!, monitor });
    const personalizations = readersOf.map((count, n) => ({
      to: Array.from({ length: count }, (__, m) => ({ email: `r${n}-${m}@example.net` })),
    }));
    const job = await sent({ personalizations }, archive, world);
    expect(job.copies).toHaveLength(readersOf.reduce((all, count) => all + count + 2, 0));
    expect(isBulk(job)).toBe(bulk);
  });
});
