/** The promise of 202 outlives the process: what was queued or held when the stack stopped is delivered after it starts again. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually, givenMail, mailTo, thenAllIsAccountedFor, whenRetriesAreDue } from './given.ts';

it('stop with mail queued, expanding, deferred and scheduled; start; all of it is delivered', async () => {
  // Prepare: a stack whose queues nobody reads, so that everything it accepts is still in them.
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-restart-'));
  const first = await givenMail({ folder, paused: true });
  const ids: string[] = [];
  const accept = async (body: object) => {
    const { status, id } = await first.post(body);
    expect(status).toBe(202);
    ids.push(id);
  };
  for (let i = 0; i < 20; i++) await accept(mailTo(`queued-${i}@example.net`));
  await accept({
    ...mailTo('x'),
    personalizations: Array.from({ length: 400 }, (_, i) => ({
      to: [{ email: `many-${i}@example.net` }],
      custom_args: { pad: 'x'.repeat(1_700) },
    })),
  });
  const soon = Math.floor(Date.now() / 1_000) + 12;
  await accept(mailTo('scheduled@example.net', { send_at: soon }));
  const before = await first.ledger(ids);
  expect(before).toMatchObject({ accepted: 421, queued: 420, held: 1, lost: 0 });
  await first.end({ keep: true });

  // Act
  const second = await givenMail({ folder });
  try {
    // Assess
    const after = await eventually(
      () => second.ledger(ids),
      ({ delivered }) => delivered === 421,
      60,
    );
    expect(after).toMatchObject({ accepted: 421, delivered: 421, lost: 0 });
    const recipients = second.arrivals.list({ limit: 1_000 }).map(({ to }) => to);
    expect(recipients).toHaveLength(421);
    expect(new Set(recipients).size).toBe(421);
    expect(second.arrivals.list({ to: 'scheduled@example.net' })[0]!.receivedAt).toBeGreaterThanOrEqual(
      soon * 1_000 - 1_000,
    );
    await thenAllIsAccountedFor(second, ids);
    expect(second.local.apiKey).toBe(first.local.apiKey);
  } finally {
    await second.end();
  }
}, 120_000);

it('deferred mail is held over a restart and delivered when it is due', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-restart-'));
  const first = await givenMail({ folder });
  await first.sink.stop();
  const { id } = await first.post(mailTo('reader@example.net'));
  await eventually(
    () => first.ledger([id]),
    ({ held }) => held === 1,
  );
  await first.end({ keep: true });

  const second = await givenMail({ folder });
  try {
    expect(await second.ledger([id])).toMatchObject({ accepted: 1, held: 1, lost: 0 });
    await whenRetriesAreDue(second);
    await eventually(
      () => second.ledger([id]),
      ({ delivered }) => delivered === 1,
    );
    expect(second.arrivals.list({ to: 'reader@example.net' })).toHaveLength(1);
    await thenAllIsAccountedFor(second, [id]);
  } finally {
    await second.end();
  }
}, 60_000);
