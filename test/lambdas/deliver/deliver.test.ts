import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { afterEach, describe, expect, it } from 'vitest';
import { readCopyField } from '../../../core/copy-header.ts';
import { HELD_CONTENT_BYTES, JOB_HOPS } from '../../../core/limits.ts';
import type { Hold } from '../../../core/records/holds.ts';
import { claimKey } from '../../../core/records/messages.ts';
import { readReturnPath } from '../../../core/return-path.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type Script, type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message, PUBLIC_KEY, REQUEST, SECRET, START } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

async function setUp(script: Script = {}, overrides: Partial<DeliverDeps> = {}) {
  server = await startScript(script);
  return makeWorld(server.port, overrides);
}
const jobOf = (hold: Hold | undefined) => {
  if (hold?.kind !== 'job') throw new Error('no job is held');
  return hold.job;
};
const MINUTE = 60_000;

describe('deliver', () => {
  it('delivers every copy, each with its own return path, the same octets, and a signature', async () => {
    // Prepare
    const world = await setUp();
    const job = makeJob(['a@x.example', 'b@x.example']);
    job.personalizations = [{ index: 0, to: [{ email: 'a@x.example' }], cc: [{ email: 'b@x.example', name: 'Bee' }] }];
    job.copies = [
      { personalization: 0, role: 'to', address: 'a@x.example', index: 0 },
      { personalization: 0, role: 'cc', address: 'b@x.example', index: 1 },
      { personalization: 0, role: 'bcc', address: 'secret@x.example', index: 2 },
    ];
    // Act
    const handedBack = await deliver([message(job)], world.begin());
    // Assess
    expect(handedBack).toEqual([]);
    expect(server.messages.map(({ to }) => to).sort()).toEqual([
      ['a@x.example'],
      ['b@x.example'],
      ['secret@x.example'],
    ]);
    const [first] = server.messages;
    for (const { data, from, to } of server.messages) {
      // But for the field that names the copy, which no signature covers.
      const own = /^X-Pennypost-Copy: (.+)\r\n/.exec(data.toString('latin1'))!;
      expect(readCopyField(own[1]!, SECRET)).toEqual(readReturnPath(from, SECRET));
      expect(data.subarray(own[0].length).equals(first!.data.subarray(own[0].length))).toBe(true);
      const index = job.copies.findIndex(({ address }) => address === to[0]);
      expect(readReturnPath(from, SECRET)).toEqual({ account: 'operator', requestId: REQUEST, index });
    }
    const text = first!.data.toString();
    expect(text).toMatch(/^To: a@x\.example\r\nCc: Bee <b@x\.example>\r\n/m);
    expect(text).not.toMatch(/secret|^bcc:/im);
    expect(text).toContain('\r\n.\r\nA dot above.\r\n');
    const resolver = async () => [[`v=DKIM1; k=rsa; p=${PUBLIC_KEY}`]];
    const { results } = (await dkimVerify(first!.data, { resolver } as never)) as {
      results: { status: { result: string } }[];
    };
    expect(results.map(({ status }) => status.result)).toEqual(['pass']);
    expect(world.outcome(2)).toMatchObject({
      event: 'delivered',
      attempt: 0,
      status: '2.0.0',
      lane: 'default-1',
      recipient: 'operator#secret@x.example',
    });
    expect(world.holds).toEqual([]);
    expect(world.published.get('other')).toMatchObject({
      accepted: 3,
      delivered: 3,
      latencies: [expect.any(Number), expect.any(Number), expect.any(Number)],
    });
  });

  it('sends several messages per session, on no more sessions than its half of the limit, and says QUIT', async () => {
    const world = await setUp();
    world.limits.connections = 4;
    world.limits.messagesPerConnection = 8;
    const to = Array.from({ length: 40 }, (_, n) => `u${n}@x.example`);
    expect(await deliver([message(makeJob(to))], world.begin())).toEqual([]);
    expect(server.messages).toHaveLength(40);
    expect(server.peak()).toBeLessThanOrEqual(2);
    expect(server.connections()).toBeLessThanOrEqual(6);
    expect(server.commands.filter((line) => line === 'QUIT')).toHaveLength(server.connections());
    await expect.poll(() => server.open()).toBe(0);
  });

  it('composes for each personalization, and sends all sites at once', async () => {
    const world = await setUp({
      dot: (to) =>
        to === 'slow@a.example' ? { act: (socket) => setTimeout(() => socket.write('250 OK\r\n'), 300) } : undefined,
    });
    const job = makeJob(['slow@a.example', 'b@b.example']);
    job.personalizations = [
      { index: 0, to: [{ email: 'slow@a.example' }], cc: [], substitutions: { Hello: 'Bonjour' } },
      { index: 1, to: [{ email: 'b@b.example' }], cc: [], subject: 'Own' },
    ];
    job.copies[1]!.personalization = 1;
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(world.outcome(1)!.at).toBeLessThan(world.outcome(0)!.at);
    const [slow, own] = ['slow@a.example', 'b@b.example'].map((to) =>
      server.messages.find((one) => one.to[0] === to)!.data.toString(),
    );
    expect(slow).toContain('Subject: Bonjour\r\n');
    expect(own).toContain('Subject: Own\r\n');
  });

  it('judges each recipient by itself, and holds what was deferred: one hold, due by the schedule', async () => {
    const world = await setUp({
      rcpt: (to) =>
        ({
          'no@x.example': '550 5.1.1 no such user\r\n',
          'later@x.example': '450 4.2.0 greylisted\r\n',
          'later2@x.example': '451 4.7.1 later\r\n',
        })[to],
    });
    const job = makeJob(['yes@x.example', 'no@x.example', 'later@x.example', 'later2@x.example']);
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(world.outcome(0)?.event).toBe('delivered');
    expect(world.outcome(1)).toMatchObject({ event: 'bounced', type: 'bounce', status: '5.1.1' });
    expect(world.outcome(2)).toBeUndefined();
    expect(world.holds).toHaveLength(1);
    const [hold] = world.holds;
    const held = jobOf(hold);
    expect(held).toMatchObject({ id: job.id, attempt: 1, hop: 1, lane: 'default-1' });
    expect(held.copies.map(({ address }) => address).sort()).toEqual(['later2@x.example', 'later@x.example']);
    expect(held.firstAttemptAt).toBeGreaterThanOrEqual(START);
    expect(hold!.due - held.firstAttemptAt!).toBeGreaterThanOrEqual(5 * MINUTE);
    expect(hold!.due - held.firstAttemptAt!).toBeLessThan(5 * MINUTE + 10_000);
    expect(hold).toMatchObject({ copies: 2, account: 'operator' });
    expect(world.attempts.map(({ event, address, attempt, due }) => [event, address, attempt, due]).sort()).toEqual([
      ['deferred', 'later2@x.example', 0, hold!.due],
      ['deferred', 'later@x.example', 0, hold!.due],
    ]);
    expect(world.published.get('other')).toMatchObject({ delivered: 1, bounced: 1, deferred: 2 });
  });

  it('keeps long content out of the hold, and finds it again', async () => {
    const content = { ...CONTENT, parts: [{ type: 'text/plain', value: 'long '.repeat(HELD_CONTENT_BYTES) }] };
    const world = await setUp({ rcpt: (_, nth) => (nth === 0 ? '450 later\r\n' : undefined) });
    await deliver([message(makeJob(['a@x.example'], { content }))], world.begin());
    const held = jobOf(world.holds[0]);
    expect(held.content).toBeUndefined();
    expect(held.contentKey).toBeTypeOf('string');
    expect(Buffer.byteLength(JSON.stringify(held))).toBeLessThan(1_500);
    expect(await deliver([message(held)], world.begin())).toEqual([]);
    expect(world.outcome(0)?.event).toBe('delivered');
    expect(server.messages[0]!.data.toString()).toContain('long long');
  });

  it('ends what was deferred for 72 hours as a blocked bounce', async () => {
    const world = await setUp({ rcpt: '450 4.2.0 greylisted\r\n' });
    const job = makeJob(['a@x.example'], { attempt: 20, hop: 40, firstAttemptAt: START - 72 * 60 * MINUTE });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(world.holds).toEqual([]);
    expect(world.outcome(0)).toMatchObject({
      event: 'bounced',
      type: 'blocked',
      attempt: 20,
      reply: 'expired: 450 4.2.0 greylisted',
    });
  });

  it('doubts what was lost behind the dot, twice, and then says unknown', async () => {
    const world = await setUp({ dot: { end: 'reset' } });
    let job = makeJob(['a@x.example']);
    for (const doubts of [1, 2]) {
      expect(await deliver([message(job)], world.begin())).toEqual([]);
      world.now += 10 * MINUTE;
      job = jobOf(world.holds.pop());
      expect(job.copies[0]?.doubts).toBe(doubts);
      expect(world.attempts.at(-1)).toMatchObject({ event: 'doubted', attempt: doubts - 1 });
    }
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(world.outcome(0)).toMatchObject({ event: 'unknown', possibleDuplicate: true });
    expect(world.holds).toEqual([]);
    expect(new Set(server.messages.map(({ data }) => data.toString())).size).toBe(1);
  });

  describe('when it is told twice', () => {
    it('skips copies that are final, and marks the others as possible duplicates', async () => {
      const world = await setUp();
      const job = makeJob(['a@x.example', 'b@x.example']);
      await deliver([message({ ...job, copies: job.copies.slice(0, 1) })], world.begin());
      expect(await deliver([message(job, 2)], world.begin())).toEqual([]);
      expect(server.messages.map(({ to }) => to[0])).toEqual(['a@x.example', 'b@x.example']);
      expect(world.outcome(0)?.possibleDuplicate).toBeUndefined();
      expect(world.outcome(1)?.possibleDuplicate).toBe(true);
    });

    it.each<[string, Parameters<typeof makeJob>[1], number]>([
      ['received again', {}, 2],
      ['perhaps sent before', { maybeSent: true }, 1],
      ['tried before', { attempt: 1 }, 1],
      ['held before', { hop: 1 }, 1],
    ])('reads the records of a job that was %s', async (_, changes, count) => {
      const world = await setUp();
      await deliver([message(makeJob(['a@x.example']))], world.begin());
      expect(await deliver([message(makeJob(['a@x.example'], changes), count)], world.begin())).toEqual([]);
      expect(server.messages).toHaveLength(1);
    });

    it('holds a job that another worker is at, for some minutes; hands it back where it cannot be held', async () => {
      const world = await setUp({}, { claim: async () => false });
      const job = makeJob(['a@x.example']);
      expect(await deliver([message(job, 2)], world.begin())).toEqual([]);
      expect(world.holds[0]!.due - world.deps.now()).toBeGreaterThan(3 * MINUTE);
      expect(jobOf(world.holds[0])).toMatchObject({ id: job.id, hop: 1, attempt: 0, maybeSent: true });
      world.deps.hold = async () => {
        throw new Error('throttled');
      };
      expect(await deliver([message(job, 2)], world.begin())).toEqual(['m1']);
      expect(server.connections()).toBe(0);
    });

    it('sends a job once that is twice in one batch, and looks at the other later', async () => {
      const world = await setUp();
      const job = makeJob(['a@x.example']);
      expect(await deliver([message(job, 1, 'm1'), message(job, 1, 'm2')], world.begin())).toEqual([]);
      expect(server.messages).toHaveLength(1);
      expect(world.holds).toHaveLength(1);
      expect(await deliver([message(jobOf(world.holds.pop()))], world.begin())).toEqual([]);
      expect(server.messages).toHaveLength(1);
      expect(world.holds).toEqual([]);
    });

    // A dead-letter queue's redrive, or a resend that was overtaken: neither a count nor a mark says so.
    it.each([
      [31_000, undefined],
      [16 * MINUTE, true],
    ])('reads the records of an unmarked job that is %i ms late', async (late, possibleDuplicate) => {
      const world = await setUp();
      const job = makeJob(['a@x.example', 'b@x.example']);
      await deliver([message({ ...job, copies: job.copies.slice(0, 1) })], world.begin());
      world.now += late;
      expect(await deliver([message(job)], world.begin())).toEqual([]);
      expect(server.messages.map(({ to }) => to[0])).toEqual(['a@x.example', 'b@x.example']);
      expect(world.outcome(1)?.possibleDuplicate).toBe(possibleDuplicate);
    });

    it.each([0, 180_000])('keeps the mark of copies that it puts off (%i ms to live)', async (life) => {
      const world = await setUp({ rcpt: (_, nth) => (life > 0 && nth === 0 ? '450 later\r\n' : undefined) });
      world.life = life;
      await deliver([message(makeJob(['a@x.example']), 2)], world.begin());
      world.life = 180_000;
      world.now += 10 * MINUTE;
      expect(await deliver([message(jobOf(world.holds[0]))], world.begin())).toEqual([]);
      expect(world.outcome(0)).toMatchObject({ event: 'delivered', possibleDuplicate: true });
    });

    // A run splits a part once more and dies before it can say so: the part comes back beside what it was split into.
    it.each([
      ['the whole', 'R.0.0', undefined],
      ['another split of the whole', 'R.0.0', '0-b'],
      ['the part that it was split from', 'R.0.0+0-a.1', undefined],
      ['another split of that part', 'R.0.0+0-a.1', '1-b'],
    ])('holds a part of a part while %s is at work', async (_, at, part) => {
      const world = await setUp();
      const job = makeJob(['a@x.example'], { id: 'R.0.0+0-a.1+1-a.0', hop: 2 });
      const { account, requestId } = job;
      const standing = { until: world.now + 60_000, fence: 'other', hop: 1, expiresAt: 0, ...(part ? { part } : {}) };
      expect(await world.deps.claim({ ...claimKey(account, requestId, at), ...standing })).toBe('taken');
      expect(await deliver([message(job)], world.begin())).toEqual([]);
      expect(server.connections()).toBe(0);
      expect(jobOf(world.holds[0])).toMatchObject({ id: job.id, hop: 3 });
      world.now += 61_000;
      expect(await deliver([message(jobOf(world.holds[0]))], world.begin())).toEqual([]);
      expect(server.messages).toHaveLength(1);
    });

    it('sends a part of a part beside others of the same splits', async () => {
      const world = await setUp();
      const parts = ['R.0.0+0-a.1+1-a.0', 'R.0.0+0-a.1+1-a.1', 'R.0.0+0-a.0'];
      const messages = parts.map((id, n) => {
        const job = makeJob([`${n}@x.example`], { id, hop: 2 });
        return message({ ...job, copies: job.copies.map((copy) => ({ ...copy, index: n })) }, 1, id);
      });
      expect(await deliver(messages, world.begin())).toEqual([]);
      expect(server.messages).toHaveLength(3);
    });

    it('lets the chain of a job wait that has fewer hops', async () => {
      const world = await setUp();
      const job = makeJob(['a@x.example']);
      const chain = makeJob(['b@x.example'], { hop: 5, attempt: 2 });
      await deliver([message(chain)], world.begin());
      expect([...world.claims.values()]).toMatchObject([{ sk: `claim#${job.id}`, hop: 5 }]);
      world.now += 10 * MINUTE;
      expect(await deliver([message({ ...job, hop: 3 })], world.begin())).toEqual([]);
      expect(server.messages).toHaveLength(1);
      expect(jobOf(world.holds[0])).toMatchObject({ id: job.id, hop: 4 });
    });
  });

  it.each([0, 1])(
    'dates and times scheduled mail from its send_at, and counts it when it comes: hop %i',
    async (hop) => {
      const sendAt = START / 1_000 + 86_400;
      const world = await setUp();
      world.now = sendAt * 1_000 + 2_000;
      expect(await deliver([message(makeJob(['a@x.example'], { sendAt, hop }))], world.begin())).toEqual([]);
      expect(server.messages[0]!.data.toString()).toContain('Date: Tue, 24 Nov 2026 12:00:00 +0000\r\n');
      const { accepted, latencies } = world.published.get('other')!;
      expect(accepted).toBe(1);
      expect(latencies[0]).toBeGreaterThanOrEqual(2);
      expect(latencies[0]).toBeLessThan(10);
      expect(world.outcome(0)?.possibleDuplicate).toBeUndefined();
    },
  );

  it('reads content once for all jobs that share it', async () => {
    const world = await setUp();
    let reads = 0;
    const readContent: DeliverDeps['readContent'] = async () => {
      reads++;
      return { content: CONTENT, personalizations: [], copies: [], sendAt: {} };
    };
    const jobs = ['a', 'b'].map((name, index) => {
      const { content: _, ...job } = makeJob([`${name}@x.example`], { id: name, contentKey: 'k', contentBytes: 9 });
      return { ...job, copies: [{ ...job.copies[0]!, index }] };
    });
    await deliver(
      jobs.map((job, n) => message(job, 1, `m${n}`)),
      { ...world.begin(), readContent },
    );
    expect(server.messages).toHaveLength(2);
    expect(reads).toBe(1);
  });

  // Attack: a custom header `.From`. Who forgets to stuff its dot, or takes it for stuffing, sees a second From.
  it('lets no header begin with a dot', async () => {
    const world = await setUp();
    const content = { ...CONTENT, headers: { '.From': 'boss@bank.example', 'X-Own': 'yes' } };

    await deliver([message(makeJob(['a@x.example'], { content }))], world.begin());

    const wire = server.wire().toString();
    expect(wire).toMatch(/^X-Own: yes\r$/m);
    expect(wire.match(/^\.*from:/gim)).toHaveLength(1);
  });

  describe('what has been on lanes and holds for longer than mail may wait', () => {
    const DAYS = 24 * 60 * MINUTE;
    const LATE = { acceptedAt: START - 5 * DAYS };

    // Not even its claims are trusted: they may be what sends it round.
    it('ends as expired, copy by copy, where it has gone round and round', async () => {
      const world = await setUp({}, { claim: async () => false });
      const job = makeJob(['a@x.example', 'b@x.example'], { ...LATE, hop: JOB_HOPS });
      expect(await deliver([message(job)], world.begin())).toEqual([]);
      expect([...world.outcomes.values()].map(({ event, type, reply }) => `${event} ${type} ${reply}`)).toEqual(
        Array(2).fill('bounced blocked expired: its turn never came within the retry window'),
      );
      expect(world.problems).toEqual([expect.stringContaining(`on a lane ${JOB_HOPS} times`)]);
      expect([world.holds, server.connections()]).toEqual([[], 0]);
    });

    it.each([
      ['hops alone', { hop: JOB_HOPS, acceptedAt: START - 3 * DAYS }],
      ['its time alone', { ...LATE, hop: 300 }],
    ])('is sent all the same, be it only for %s: a dead letter that is redriven', async (_, changes) => {
      const world = await setUp();
      expect(await deliver([message(makeJob(['a@x.example'], changes))], world.begin())).toEqual([]);
      expect(world.outcome(0)?.event).toBe('delivered');
    });

    it('waits for its turn once more as long, where it had never come to a lane', async () => {
      const world = await setUp({ dot: '421 4.7.0 [TSS04] Messages temporarily deferred\r\n' });
      world.limits = { ...world.limits, connections: 1, perMinute: 1 };
      const job = makeJob(
        Array.from({ length: 5 }, (_, n) => `${n}@x.example`),
        LATE,
      );
      expect(await deliver([message(job)], world.begin())).toEqual([]);
      const waiting = world.holds.map(jobOf).filter(({ attempt }) => attempt === 0);
      expect(waiting.flatMap(({ copies }) => copies).length).toBeGreaterThan(2);
      expect([world.outcomes.size, new Set(waiting.map(({ waitsSince = 0 }) => waitsSince >= START))]).toEqual([
        0,
        new Set([true]),
      ]);
    });
  });

  describe('what fails', () => {
    // Attack: one message of the queue that can never be delivered, to hold up everyone behind it.
    it('hands poison back, each with its reason, and delivers the rest', async () => {
      const world = await setUp();
      const bodies = [
        '',
        'no json',
        '[]',
        '{"v":2}',
        JSON.stringify({ ...makeJob(['p@x.example']), content: undefined, contentKey: 'gone', id: 'j2' }),
      ];
      const broken = makeJob(['p@x.example'], {
        id: 'j4',
        content: { ...CONTENT, parts: [{ type: 'text/plain', value: 'x' }], replyTo: null as never },
      });
      const lacking = makeJob(['p@x.example'], { id: 'j5', personalizations: [] });
      const messages = [
        ...bodies.map((body, n) => message(body, 1, `p${n}`)),
        message(broken, 1, 'broken'),
        message(lacking, 1, 'lacking'),
      ];
      const handedBack = await deliver([...messages, message(makeJob(['a@x.example']))], world.begin());
      expect(handedBack.sort()).toEqual(['broken', 'lacking', 'p0', 'p1', 'p2', 'p3', 'p4']);
      expect(world.problems).toHaveLength(7);
      expect(world.outcome(0)?.event).toBe('delivered');
      expect(server.messages).toHaveLength(1);
    });

    it.each(['recordOutcome', 'recordAttempt', 'hold', 'storeContent'] as const)(
      'hands the job back when %s fails',
      async (call) => {
        const refuse = async () => {
          throw new Error('throttled');
        };
        const world = await setUp(
          { rcpt: (to) => (to.startsWith('later') ? '450 later\r\n' : undefined) },
          { [call]: refuse },
        );
        const content = { ...CONTENT, parts: [{ type: 'text/plain', value: 'x'.repeat(3_000) }] };
        const job = makeJob(['a@x.example', 'later@x.example'], { content });
        expect(await deliver([message(job)], world.begin())).toEqual(['m1']);
        expect(world.holds).toEqual([]);
      },
    );

    it('tries a write again before it gives up', async () => {
      let calls = 0;
      const world = await setUp();
      const { recordOutcome } = world.deps;
      world.deps.recordOutcome = async (record) => {
        if (++calls < 3) throw new Error('throttled');
        return recordOutcome(record);
      };
      expect(await deliver([message(makeJob(['a@x.example']))], world.begin())).toEqual([]);
      expect(world.outcome(0)?.event).toBe('delivered');
    });

    it('drops mail from a domain that is not the account’s any more', async () => {
      const world = await setUp();
      const content = { ...CONTENT, from: { email: 'a@gone.example' } };
      expect(await deliver([message(makeJob(['a@x.example'], { content }))], world.begin())).toEqual([]);
      expect(world.outcome(0)).toMatchObject({ event: 'dropped', reply: expect.stringContaining('gone.example') });
      expect(server.messages).toHaveLength(0);
    });

    it('settles domains without a route by themselves', async () => {
      const world = await setUp();
      const { resolveSite } = world.deps;
      world.deps.resolveSite = async (domain) => {
        if (domain === 'none.example')
          return { kind: 'bounced', type: 'bounce', status: '5.1.2', reply: 'no such domain' };
        if (domain === 'dark.example') return { kind: 'deferred', reply: 'dns: SERVFAIL' };
        return resolveSite(domain);
      };
      expect(
        await deliver([message(makeJob(['a@none.example', 'b@dark.example', 'c@x.example']))], world.begin()),
      ).toEqual([]);
      expect(world.outcome(0)).toMatchObject({ event: 'bounced', type: 'bounce', status: '5.1.2' });
      expect(jobOf(world.holds[0]).copies.map(({ index }) => index)).toEqual([1]);
      expect(world.outcome(2)?.event).toBe('delivered');
    });
  });

  describe('hosts', () => {
    const twoHosts: Partial<DeliverDeps> = {
      resolveSite: async () => ({
        kind: 'site',
        site: 'two',
        provider: 'other',
        hosts: ['down.example', 'up.example'],
      }),
    };
    it('tries the next host where the first cannot be greeted', async () => {
      const world = await setUp({}, twoHosts);
      world.deps.resolveHost = async (host) => ({ addresses: [host === 'down.example' ? '127.0.0.2' : '127.0.0.1'] });
      expect(await deliver([message(makeJob(['a@x.example', 'b@x.example']))], world.begin())).toEqual([]);
      expect(world.outcome(0)).toMatchObject({ event: 'delivered', mx: 'up.example [127.0.0.1]' });
    });

    it('does not try the next host once the mail was named', async () => {
      const world = await setUp({ rcpt: '450 later\r\n' }, twoHosts);
      await deliver([message(makeJob(['a@x.example']))], world.begin());
      expect(server.connections()).toBe(1);
      expect(world.holds).toHaveLength(1);
    });

    it('defers all of a site that cannot be reached, with the reason, and nothing of the others', async () => {
      const world = await setUp();
      world.deps.resolveHost = async (host) => ({
        addresses: [host === 'mx.down.example' ? '127.0.0.2' : '127.0.0.1'],
      });
      expect(
        await deliver([message(makeJob(['a@down.example', 'b@down.example', 'c@up.example']))], world.begin()),
      ).toEqual([]);
      expect(jobOf(world.holds[0]).copies.map(({ index }) => index)).toEqual([0, 1]);
      expect(world.attempts.map(({ reply }) => reply)).toEqual(['connect: ECONNREFUSED', 'connect: ECONNREFUSED']);
      expect(world.outcome(2)?.event).toBe('delivered');
    });

    it('opens a new session where the server closed the old one between messages', async () => {
      const world = await setUp({
        mail: (_, nth) => (nth % 2 === 1 ? { say: '421 4.4.2 enough\r\n', end: 'close' } : undefined),
      });
      world.limits.connections = 2;
      const to = Array.from({ length: 4 }, (_, n) => `u${n}@x.example`);
      expect(await deliver([message(makeJob(to))], world.begin())).toEqual([]);
      expect(server.messages).toHaveLength(4);
      expect(world.holds).toEqual([]);
    });
  });
});

describe('a mistake of ours', () => {
  // Attack: something in one job that our own code trips over; it must cost that job, and nobody else.
  it.each(['resolveSite', 'openSession'] as const)('in %s hands the job back, and ends the run', async (call) => {
    const world = await setUp();
    const right = world.deps[call] as (...given: unknown[]) => Promise<unknown>;
    const deps = {
      ...world.begin(),
      [call]: async (...given: unknown[]) => {
        if (JSON.stringify(given).includes('broken')) throw new Error('a mistake');
        return right(...given);
      },
    };
    const jobs = ['a@broken.example', 'b@x.example'].map((to, n) => ({
      ...makeJob([to], { id: `j${n}` }),
      copies: [{ personalization: 0, role: 'to' as const, address: to, index: n }],
    }));

    const soon: string[][] = [];
    deps.comeBack = async (messages) => void soon.push(messages.map(({ messageId }) => messageId));

    const handedBack = await deliver(
      jobs.map((job, n) => message(job, 1, `m${n}`)),
      deps,
    );

    expect(handedBack).toEqual(['m0']);
    expect(soon).toEqual([['m0']]);
    expect(world.outcome(1)?.event).toBe('delivered');
    expect(world.problems.join()).toContain('a mistake');
  });

  it.each<[string, Partial<DeliverDeps>]>([
    ['could not be read', { readOutcomes: async () => Promise.reject(new Error('throttled')) }],
    ['could not be recorded', { recordOutcome: async () => Promise.reject(new Error('throttled')) }],
  ])('a job that %s is let go: who gets it next has it at once', async (_, broken) => {
    // Prepare
    const world = await setUp({}, broken);

    // Act
    const handedBack = await deliver([message(makeJob(['a@x.example']), 2, 'm1')], world.begin());

    // Assess
    expect(handedBack).toEqual(['m1']);
    const [claim] = [...world.claims.values()];
    expect(claim!.until).toBeLessThan(world.now + 60_000);
  });

  it('a backlog that is redelivered is claimed some jobs at a time, and all of it is delivered', async () => {
    // Prepare
    const world = await setUp();
    const deps = world.begin();
    let [now, most] = [0, 0];
    const { claim } = deps;
    deps.claim = async (wanted) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now--;
      return claim(wanted);
    };
    const jobs = Array.from({ length: 120 }, (_, n) => ({
      ...makeJob([`r${n}@x.example`], { id: `j${n}` }),
      copies: [{ personalization: 0, role: 'to' as const, address: `r${n}@x.example`, index: n }],
    }));

    // Act
    const handedBack = await deliver(
      jobs.map((job, n) => message(job, 2, `m${n}`)),
      deps,
    );

    // Assess
    expect(handedBack).toEqual([]);
    expect(most).toBe(25);
    expect(server.messages).toHaveLength(120);
  });
});
