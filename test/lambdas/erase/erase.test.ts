import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErasureRecord } from '../../../core/records/erasure.ts';
import type { Hold } from '../../../core/records/holds.ts';
import { copyKey } from '../../../core/records/messages.ts';
import { type EraseDeps, erase } from '../../../lambdas/erase/erase.ts';
import { ADA, BOB, NOW, startWorld } from './world.ts';

const HOUR = 3_600_000;
let world: Awaited<ReturnType<typeof startWorld>>;
let next = 0;
/** Another each time: as long as an account's id, and in no other's. */
const newAccount = () =>
  `acct${String(++next).padStart(4, 'a')}`.replace(/[0189]/g, (digit) => 'wxyz'['0189'.indexOf(digit)]!);
const ID = (account: string) => `job-${account}`;
const jobOf = async (account: string): Promise<ErasureRecord> =>
  (await world.erasures.readErasure(account, ID(account)))!;

async function ask(account: string, addresses = [ADA]): Promise<void> {
  await world.erasures.createErasure(account, ID(account), addresses, NOW);
}
const pass = (account: string, n: number, deps: EraseDeps = world.deps) =>
  erase({ v: 1, account, id: ID(account), pass: n }, deps);
/** All four, each at its time. */
async function passAll(account: string): Promise<void> {
  for (const [n, hours] of [0, 1, 24, 96].entries()) {
    world.clock.now = NOW + hours * HOUR;
    await pass(account, n);
  }
  world.clock.now = NOW;
}

beforeAll(async () => {
  world = await startWorld();
}, 60_000);
afterAll(() => world?.stop());

describe('a pass', () => {
  it('leaves of a reader what says that mail is final, and on which lists she is; and all of everybody else’s', async () => {
    // Prepare
    const account = newAccount();
    const ids = await world.fill(account);
    const before = await world.dump(account, ID(account));
    await ask(account);

    // Act
    await pass(account, 0);

    // Assess
    const after = await world.dump(account, ID(account));
    const named = Object.entries(after).filter(([place, text]) => `${place} ${text}`.toLowerCase().includes(ADA));
    expect(named.map(([place]) => place).sort()).toEqual(
      [
        // Younger than the job.
        `Messages ACCOUNT#${ids.younger} 0000`,
        `Messages ACCOUNT#${ids.younger} request`,
        ...named.map(([place]) => place).filter((place) => /^(Outbox|events events)/.test(place)),
        'Suppressions ACCOUNT#ada@example.net address',
        'Suppressions ACCOUNT#list#bounces 00000001000#ada@example.net',
        'Suppressions ACCOUNT#list#group#7 00000001000#ada@example.net',
      ].sort(),
    );
    for (const [place, text] of named.filter(([one]) => /^(Outbox|events)/.test(one)))
      expect([place, text.match(/ada@/g)!.length, text.includes(ids.younger)]).toEqual([place, 1, true]);
    for (const of of ['shop@example.com', 'HTTP'])
      expect(after[`Messages ACCOUNT#${ids.alone} request`]).not.toContain(of);
    const bobs = (all: Record<string, string>) =>
      Object.entries(all).filter(
        ([place, text]) => `${place} ${text}`.includes(BOB) && !`${place} ${text}`.includes(ADA),
      );
    expect(Object.fromEntries(bobs(after))).toMatchObject(Object.fromEntries(bobs(before)));
    expect(await jobOf(account)).toMatchObject({
      pass: 1,
      due: NOW + HOUR,
      left: 0,
      erased: {
        messages: 1 + 2 + 2 + 2,
        waiting: 4,
        stored_requests: 3,
        events: 1,
        webhook_events: 1,
        downloads: 1,
        inbound_mail: 1,
        suppression_details: 3,
      },
      kept: { bounces: 1, 'group#7': 1 },
    });
  });

  it('finds nothing more the next times, and then the job is done, and names her no more', async () => {
    const account = newAccount();
    await world.fill(account);
    await ask(account);
    await passAll(account);
    const job = await jobOf(account);
    expect(job).toMatchObject({ pass: 4, doneAt: NOW + 96 * HOUR, erased: { messages: 7, events: 1 } });
    const claimed = await world.erasures.claimErasure(account, ID(account), { fence: 'x', until: 0, now: NOW });
    expect(claimed).not.toHaveProperty('addresses');
    expect(JSON.stringify(claimed)).not.toContain('@');
  });

  it('takes what was written after the first', async () => {
    const account = newAccount();
    const { alone, waiting } = await world.fill(account);
    await ask(account);
    await pass(account, 0);
    // A run of deliver that had the copy puts it off; a stream that was behind writes a page.
    await world.deps.hold({ ...(await heldJob(account, waiting)), pk: 'shard-0', sk: 'late' } as Hold);
    await world.deps.putPage(`events/${account}/2026-11-25T12/s-1-1.ndjson.gz`, await pageOf(account, alone));
    world.clock.now = NOW + HOUR;
    await pass(account, 1);
    world.clock.now = NOW;
    const after = Object.entries(await world.dump(account, ID(account)));
    expect(after.filter(([place, text]) => /late|T12/.test(place) && text.includes(ADA))).toEqual([]);
  });

  it('is done once, and by one at a time', async () => {
    const account = newAccount();
    await world.fill(account);
    await ask(account);
    await world.erasures.claimErasure(account, ID(account), { fence: 'x', until: NOW + 1, now: NOW });
    await expect(pass(account, 0)).rejects.toThrow(/at work elsewhere/);
    world.clock.now = NOW + 2;
    await pass(account, 0);
    await pass(account, 0);
    await pass(account, 2);
    world.clock.now = NOW;
    expect(await jobOf(account)).toMatchObject({ pass: 1, begun: [NOW + 2] });
    await erase({ v: 1, account, id: 'nothing', pass: 0 }, world.deps);
  });

  it('with little time each, it comes to the same end', async () => {
    const [whole, hurried] = [newAccount(), newAccount()];
    await world.fill(whole);
    await ask(whole);
    await pass(whole, 0);
    const expected = await world.dump(whole, ID(whole));
    // Requests of both have the same ids, so one account's holds take the other's places.
    await world.fill(hurried);
    await ask(hurried);
    let runs = 0;
    for (; (await jobOf(hurried)).pass === 0 && runs < 500; runs++) {
      let looks = 0;
      // Time for some pieces, more of them each time that nothing else would help.
      await pass(hurried, 0, { ...world.deps, remainingMs: () => (looks++ < 2 + (runs % 7) ? 180_000 : 0) });
      world.clock.now += 200_000;
    }
    world.clock.now = NOW;
    expect(runs).toBeGreaterThan(5);
    expect(await world.dump(hurried, ID(hurried))).toEqual(expected);
  });
});

describe('a function that dies', () => {
  it('before any of its calls: the next run goes on, and comes to the same end', async () => {
    // Prepare
    const whole = newAccount();
    await world.fill(whole);
    await ask(whole);
    await pass(whole, 0);
    const expected = await world.dump(whole, ID(whole));

    for (let dies = 0, died = true; died; dies++) {
      // Act
      const account = newAccount();
      await world.fill(account);
      await ask(account);
      died = await pass(account, 0, dyingBefore(dies)).then(
        () => false,
        () => true,
      );
      world.clock.now = NOW + 200_000;
      await pass(account, 0);
      world.clock.now = NOW;

      // Assess
      expect([dies, await world.dump(account, ID(account))]).toEqual([dies, expected]);
      expect(await jobOf(account)).toMatchObject({ pass: 1, due: NOW + HOUR });
      if (!died) expect(dies).toBeGreaterThan(50);
    }
  }, 120_000);
});

/** Dependencies of a run that is gone when it makes its nth call: what others of its calls had begun is done or not. */
function dyingBefore(nth: number): EraseDeps {
  let calls = 0;
  const dying = { ...world.deps } as Record<string, unknown>;
  for (const [name, act] of Object.entries(dying)) {
    if (typeof act !== 'function' || ['now', 'remainingMs', 'makeFence'].includes(name)) continue;
    // These give their answers bit by bit; what is done with each is a call of its own.
    if (/^(find|list)/.test(name) && name !== 'listStored') continue;
    dying[name] = async (...given: unknown[]) => {
      if (calls++ >= nth) throw new Error('died');
      return act(...given);
    };
  }
  return dying as EraseDeps;
}

async function heldJob(account: string, requestId: string): Promise<Hold> {
  const copies = [{ personalization: 0, role: 'to' as const, address: ADA, index: 0 }];
  const job = {
    v: 1,
    id: `${requestId}.0.0`,
    hop: 1,
    attempt: 1,
    account,
    requestId,
    lane: 'l',
    acceptedAt: 1,
    copies,
  };
  const hold = { due: NOW, account, copies: 1, kind: 'job', job: { ...job, personalizations: [], contentKey: 'x' } };
  return hold as unknown as Hold;
}

async function pageOf(account: string, requestId: string): Promise<Buffer> {
  const { writePage } = await import('../../../core/event/page.ts');
  const { sgMessageId } = await import('../../../core/ids.ts');
  const event = {
    email: ADA,
    timestamp: 1,
    event: 'open' as const,
    sg_event_id: account,
    sg_message_id: sgMessageId(requestId, 0),
  };
  return writePage([event]);
}

it('what comes back about a copy that was erased is about nobody', async () => {
  const { messagesIn } = await import('../../../io/messages.ts');
  const account = newAccount();
  const { alone, waiting } = await world.fill(account);
  await ask(account);
  await pass(account, 0);
  const messages = messagesIn('Messages', world.tables);
  for (const [id, index] of [
    [alone, 0],
    [waiting, 2],
  ] as const) {
    expect(await messages.readCopy(account, id, index)).toBe('erased');
    expect(await messages.readOutcomes(account, id, [index])).toEqual(new Set([index]));
    const record = { ...copyKey(account, id, index), event: 'delivered' as const, recipient: 'x', at: 1 };
    expect(await messages.recordOutcome(record as never)).toBe('already-final');
  }
  expect(await messages.readCopy(account, waiting, 1)).toMatchObject({ address: BOB });
});
