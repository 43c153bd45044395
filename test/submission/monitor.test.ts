/**
 * Samples of a subuser's mail, which its parent has: which messages, that a second run chooses the same, and that the subuser pays for none.
 * That nobody tells the subuser of them is in test/core/event, test/core/activity.
 */
import { expect, it, test } from 'vitest';
import { historyOf } from '../../core/activity/show.ts';
import { isSampleCopy, sampleIndex, toldCopies } from '../../core/copies.ts';
import { makeRequestId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { isSample } from '../../core/mail-send/copied.ts';
import { keyKey } from '../../core/records/accounts.ts';
import type { Monitor } from '../../core/records/subusers.ts';
import { readSubmitted } from '../../core/submit-mime/index.ts';
import { type AcceptDeps, accept } from '../../submission/accept.ts';
import { submit } from '../../submission/submit.ts';
import { KEY, makeCloud, makeMail, makePost, START } from '../lambdas/fake-cloud.ts';

function makeWorld(first: Monitor | undefined) {
  const world = { ...makeCloud(), monitor: first };
  world.accept.readKey = async () => ({
    ...keyKey('operator', KEY.id),
    ...{ name: 'test', secretHash: KEY.secretHash, scopes: ['mail.send'], createdAt: START },
    ...(world.monitor && { monitor: world.monitor }),
  });
  const jobs = () => world.cloud.queues.get('lane:default-1')!.map(({ body }) => JSON.parse(body) as Job);
  return { ...world, set: (monitor: Monitor | undefined) => (world.monitor = monitor), jobs };
}
const every = (frequency: number, email = 'samples@parent.example'): Monitor => ({ email, frequency });

it('every message where the frequency is 1: one more copy each, but of those that the parent has already', async () => {
  const world = makeWorld(every(1));
  const personalizations = [
    { to: [{ email: 'a@example.net' }, { email: 'b@example.net' }] },
    { to: [{ email: 'samples@parent.example' }] },
  ];
  expect((await accept(makePost(makeMail({ personalizations })), world.accept)).status).toBe(202);
  expect(world.jobs().flatMap(({ copies }) => copies)).toEqual([
    { personalization: 0, role: 'to', address: 'a@example.net', index: 0 },
    { personalization: 0, role: 'to', address: 'b@example.net', index: 1 },
    { personalization: 0, role: 'bcc', address: 'samples@parent.example', index: sampleIndex(0) },
    { personalization: 1, role: 'to', address: 'samples@parent.example', index: 2 },
  ]);
});

it('without a monitor, in the sandbox, or of mail that goes to nobody: none', async () => {
  const world = makeWorld(undefined);
  await accept(makePost(makeMail()), world.accept);
  expect(world.jobs()).toMatchObject([{ copies: [{ index: 0 }] }]);
  const other = makeWorld(every(1));
  await accept(makePost(makeMail({ mail_settings: { sandbox_mode: { enable: true } } })), other.accept);
  expect(other.jobs()).toEqual([]);
});

it('by SMTP as by the API', async () => {
  const { accept: deps, jobs } = makeWorld(undefined);
  const header = 'From: shop@example.com\r\nTo: reader@example.net\r\nSubject: Hello\r\n';
  const submitted = {
    ...{ header: Buffer.from(`${header}\r\n`), size: 100, mime: { octets: `${header}\r\nHi\r\n` } },
    ...{ mailFrom: '', rcptTo: ['reader@example.net'], eightBit: false, smtpUtf8: false },
  };
  const by = { account: 'operator', keyId: 'key', requestId: makeRequestId(START, Buffer.alloc(10, 99)), submitted };
  await submit({ ...by, monitor: every(1), fingerprint: () => '' }, { ...deps, readSubmitted });
  expect(jobs()[0]!.copies).toMatchObject([{ address: 'reader@example.net', index: 0 }, { index: sampleIndex(0) }]);
});

test('about one in N of any number of messages, and the same ones whenever they are asked for', () => {
  const messages = Array.from(
    { length: 20_000 },
    (_, n) => [makeRequestId(START + n, Buffer.alloc(10, n)), n % 3] as const,
  );
  const chosen = messages.filter(([id, n]) => isSample(id, n, every(100)));
  expect(chosen.length).toBeGreaterThan(140);
  expect(chosen.length).toBeLessThan(260);
  expect(messages.filter(([id, n]) => isSample(id, n, every(100)))).toEqual(chosen);
});

// The subuser sends what it has credits for, and no message less.
it('costs the subuser no credit', async () => {
  const world = makeWorld(every(1));
  world.cloud.credits = 2;
  const personalizations = [{ to: [{ email: 'a@example.net' }] }, { to: [{ email: 'b@example.net' }] }];
  expect((await accept(makePost(makeMail({ personalizations })), world.accept)).status).toBe(202);
  expect([world.cloud.credits, [...world.cloud.requests.values()][0]!.copies]).toEqual([0, 4]);
});

// What is counted would tell the subuser as well as what is named.
it('is in no number that the subuser reads: of a request, of what is scheduled, and of ids that are there', async () => {
  const world = makeWorld(every(1));
  const send_at = START / 1_000 + 3_600;
  expect((await accept(makePost(makeMail({ send_at })), world.accept)).status).toBe(202);
  const [record] = world.cloud.requests.values();
  const [hold] = world.cloud.holds.values();
  expect([record, hold].map((one) => [one!.copies, toldCopies(one!)])).toEqual([
    [2, 1],
    [2, 1],
  ]);
  const items = [record as unknown as Record<string, unknown>];
  expect([0, 1, sampleIndex(0)].map((index) => historyOf(items, index) !== undefined)).toEqual([true, false, false]);
});

it('a second run of a request makes the samples of the first, whatever the parent has said since', async () => {
  const world = makeWorld(every(2));
  const personalizations = Array.from({ length: 20 }, (_, n) => ({ to: [{ email: `r${n}@example.net` }] }));
  const post = makePost(makeMail({ personalizations }), { 'idempotency-key': 'order-17' });
  const queue = world.accept.sendEntries;
  const never = new Promise<never>(() => {});
  const dying: AcceptDeps = {
    ...world.accept,
    sendEntries: (url, entries) => queue(url, entries).then(() => never),
  };
  void accept(post, dying);
  for (let turns = 0; turns < 50; turns++) await new Promise((done) => setImmediate(done));
  world.set(every(1, 'others@parent.example'));
  world.cloud.now = START + 31_000;
  expect((await accept(post, world.accept)).status).toBe(202);
  const [first, second] = world.jobs();
  expect(second!.copies).toEqual(first!.copies);
  const samples = first!.copies.filter(isSampleCopy);
  expect(samples.length).toBeGreaterThan(0);
  expect(samples.length).toBeLessThan(20);
});
