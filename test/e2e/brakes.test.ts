/**
 * Attack: a key is stolen, and a bought list is sent with it. It must not burn the addresses: the bulk of its account stops within a minute or
 * two, the account's own password resets go on, and at the daily cap everything ends. Nothing of what was accepted is lost by it: what was
 * held goes out when the account is resumed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PAUSE_LIFE } from '../../core/brakes/parked.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';
import { startReceiver } from './receiver.ts';

const CAP = 1_200;
type Brakes = { bulk: { paused: boolean }; daily_cap: object; events: object[] };

describe('a stolen key', () => {
  let mail: Mail;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let stolen: { key: string; id: string };
  beforeAll(async () => {
    mail = await givenMail({
      settings: {
        events: { announceSeconds: 1, tallySeconds: 1 },
        brakes: { dailyCap: CAP },
        // All of the list is at two sites: they need not take turns.
        shaping: { providers: { other: { connections: 20 } } },
      },
    });
    receiver = await startReceiver();
    const answer = await fetch(`${mail.local.apiUrl}/v3/user/webhooks/event/settings`, {
      method: 'POST',
      headers: { authorization: `Bearer ${mail.local.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ enabled: true, url: receiver.url, account_status_change: true }),
    });
    expect(answer.status).toBe(201);
    stolen = await mail.operator.createKey(OPERATOR, 'stolen', ['mail.send']);
  }, 60_000);
  afterAll(async () => {
    await mail.end();
    receiver.stop();
  });

  const call = async (method: string, path: string, key = mail.local.apiKey) => {
    const answer = await fetch(`${mail.local.apiUrl}/v3/brakes${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
    });
    return { status: answer.status, body: (await answer.json()) as Brakes };
  };
  const steal = (addresses: string[]) =>
    mail.post(
      { ...mailTo('x'), personalizations: addresses.map((email) => ({ to: [{ email }] })) },
      { authorization: `Bearer ${stolen.key}` },
    );
  const bought = (count: number) =>
    Array.from({ length: count }, (_, n) => `${n % 2 ? 'bounce' : 'reader'}+${n}@list.example`);
  /** What the account sends itself, to people who want it. */
  const newsletter = (name: string, count: number) =>
    mail.post({
      ...mailTo('x'),
      personalizations: Array.from({ length: count }, (_, n) => ({ to: [{ email: `${name}-${n}@example.net` }] })),
    });

  test('bulk of its account pauses by itself, and says so; single mail goes on', async () => {
    expect((await steal(bought(400))).status).toBe(202);
    const { body } = await eventually(
      () => call('GET', ''),
      (seen) => seen.body.bulk.paused,
      60,
    );
    expect(body.bulk).toMatchObject({
      paused: true,
      cause: 'bounces',
      reason: expect.stringMatching(/% of \d+ copies/),
    });
    expect(body.events).toMatchObject([{ event: 'bulk_paused', by: 'pennypost' }]);
    const paused = () => mail.stack.metrics.get('BulkPaused')?.sum;
    await eventually(paused, (sum) => sum === 1);

    await eventually(
      () => receiver.events(),
      (told) => told.length > 0,
    );
    expect(receiver.events()).toMatchObject([{ event: 'account_status_change', type: 'bulk_paused' }]);

    // When every lane knows it, and what they had taken before is out.
    await sleep(PAUSE_LIFE + 1_000);
    await eventually(
      () => mail.ledger(),
      ({ queued }) => queued === 0,
    );
    const before = mail.sink.dots.length;
    expect((await newsletter('november', 300)).status).toBe(202);
    expect((await mail.post(mailTo('reset@example.net'))).status).toBe(202);
    await eventually(
      () => mail.arrivals.list({ to: 'reset@example.net' }),
      (arrivals) => arrivals.length === 1,
    );
    const ledger = await eventually(
      () => mail.ledger(),
      ({ queued }) => queued === 0,
    );
    expect(ledger).toMatchObject({ accepted: 701, held: 300, lost: 0 });
    expect(mail.sink.dots.length - before).toBe(1);
  }, 120_000);

  test('it cannot lift the pause, and is refused whole at the daily cap, by API and once and for all', async () => {
    for (const [method, path] of [
      ['POST', '/resume'],
      ['PATCH', ''],
    ] as const)
      expect((await call(method, path, stolen.key)).status).toBe(403);
    expect((await newsletter('december', 499)).status).toBe(202);
    const refused = await steal(bought(1));
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      401,
      { errors: [{ message: 'Maximum credits exceeded', field: null, help: null }] },
    ]);
    expect((await mail.post(mailTo('reset@example.net'))).status).toBe(401);
    expect((await call('GET', '')).body.daily_cap).toMatchObject({
      limit: CAP,
      used: CAP,
      reached_at: expect.any(Number),
    });
    await eventually(
      () => mail.stack.metrics.get('CapReached')?.sum ?? 0,
      (sum) => sum >= 1,
    );
    expect(await thenAllIsAccountedFor(mail)).toMatchObject({ accepted: CAP, held: 799 });
  }, 60_000);

  test('when the key is gone and bulk is resumed, all that was held goes out, once; nothing is lost', async () => {
    await mail.operator.deleteKey(OPERATOR, stolen.id);
    expect((await call('POST', '/resume')).status).toBe(200);
    // When every lane knows it, a while passes: that of the sweep.
    await sleep(PAUSE_LIFE + 1_000);
    mail.stack.queues.endDelays((body) => body.includes('"requestId":'));
    await eventually(
      () => mail.ledger(),
      ({ held, queued }) => held + queued === 0,
      90,
    );
    expect(await thenAllIsAccountedFor(mail)).toMatchObject({ accepted: CAP, delivered: CAP - 200, bounced: 200 });
    expect((await call('GET', '')).body.bulk).toMatchObject({ paused: false, resumed_by: 'account' });
    expect(receiver.events().map(({ type }) => type)).toEqual(['bulk_paused', 'bulk_resumed']);
    const arrived = mail.sink.dots.map(({ recipient }) => recipient);
    expect(new Set(arrived).size).toBe(arrived.length);
    expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
  }, 200_000);
});
