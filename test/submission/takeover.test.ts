/**
 * A request with an `Idempotency-Key` whose process died between two of its jobs, and what its account adds to its mail, its lanes or its
 * template has changed before the second run: both runs cut it alike. Jobs of one id that hold other copies would share some, and a
 * copy in two jobs that are at work at once is sent twice.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Job, type StoredRequest, turnsOf } from '../../core/job.ts';
import { keyKey } from '../../core/records/accounts.ts';
import type { Expansion } from '../../core/records/holds.ts';
import type { MailDefaultsRecord } from '../../core/records/mail-defaults.ts';
import { expand } from '../../lambdas/expand/expand.ts';
import { release } from '../../lambdas/release/release.ts';
import { type AcceptDeps, accept } from '../../submission/accept.ts';
import { EXPAND, KEY, makeCloud, makeMail, makePost, START } from '../lambdas/fake-cloud.ts';

type World = ReturnType<typeof makeCloud>;
const HEADERS = { 'idempotency-key': 'order-17' };
const TEMPLATE = 'd-0123456789abcdef0123456789abcdef';

/** Copies whose addresses are long, so that a job holds some of them, and some more where its content is shorter. */
const mailTo = (readers: number, text: number, more: object = {}) =>
  makeMail({
    personalizations: Array.from({ length: readers }, (_, n) => ({
      to: [{ email: `reader${n}@example.net` }],
      custom_args: { pad: 'x'.repeat(500) },
    })),
    content: [{ type: 'text/plain', value: 'x'.repeat(text) }],
    ...more,
  });

const footer = (version: number, length: number): MailDefaultsRecord => ({
  pk: 'operator',
  sk: 'settings#mail',
  version,
  footer: { enabled: length > 0, html: '', text: 'f'.repeat(length) },
});

/** accept as long as it lives: it dies within its `n`-th call of a queue, when some of the entries are in. */
function dying({ accept: deps, cloud }: World, n: number, some: number): AcceptDeps {
  let calls = 0;
  const never = new Promise<never>(() => {});
  return {
    ...deps,
    sendEntries: async (url, entries) => {
      if (++calls < n) return deps.sendEntries(url, entries);
      await deps.sendEntries(url, entries.slice(0, some));
      return never;
    },
    // Whoever is dead writes nothing.
    endIdempotent: async () => (calls >= n ? never : undefined),
    now: () => cloud.now,
  };
}

/** All jobs that reach a lane within hours, by id. */
async function jobsOf(world: World): Promise<Map<string, Job[]>> {
  for (let hour = 0; hour < 3; hour++) {
    await release(world.release);
    const due = world.cloud.queues.get(EXPAND)!.splice(0);
    await expand(
      due.map(({ body }, n) => ({ id: String(n), body, receiveCount: 1 })),
      world.expand,
    );
    world.cloud.now += 3_600_000;
  }
  const bodies = [...world.cloud.queues].filter(([url]) => url !== EXPAND).flatMap(([, queue]) => queue);
  return Map.groupBy(
    bodies.map(({ body }) => JSON.parse(body) as Job),
    ({ id }) => id,
  );
}

/** What a job sends, whichever run made it; what it says of its run left out. */
const mailOf = ({ maybeSent: _, hop: __, ...job }: Job) => job;

function assess(byId: Map<string, Job[]>, readers: number): void {
  const copies: number[] = [];
  for (const twins of byId.values()) {
    for (const twin of twins) expect(mailOf(twin)).toEqual(mailOf(twins[0]!));
    expect(twins.slice(1).every(({ maybeSent }) => maybeSent)).toBe(true);
    copies.push(...twins[0]!.copies.map(({ index }) => index));
  }
  // None lost, and none in two jobs.
  expect(copies.sort((a, b) => a - b)).toEqual(Array.from({ length: readers }, (_, n) => n));
}

async function takeOver(world: World, body: object, diesAt: number, some: number, change: () => void) {
  void accept(makePost(body, HEADERS), dying(world, diesAt, some));
  for (let turns = 0; turns < 50; turns++) await new Promise((done) => setImmediate(done));
  change();
  world.cloud.now = START + 31_000;
  return accept(makePost(body, HEADERS), world.accept);
}

describe('a second run', () => {
  it.each([
    ['a longer footer', 10, 9_000],
    ['a shorter one', 9_000, 10],
    ['a first one', 0, 20_000],
    ['none any more', 9_000, 0],
    ['one with which the content travels no more', 10, 30_000],
    ['one with which the content travels again', 30_000, 10],
  ])('cuts as the first did, under %s', async (_, before, after) => {
    const world = makeCloud();
    world.cloud.defaults = [footer(0, before)];
    const answer = await takeOver(world, mailTo(300, 12_000), 1, 2, () => world.cloud.defaults.push(footer(1, after)));
    expect(answer.status).toBe(202);
    const byId = await jobsOf(world);
    expect([...byId.values()].filter((twins) => twins.length > 1)).toHaveLength(2);
    assess(byId, 300);
  });

  it.each([
    ['with a copy for an archive that was named since', undefined, 'keep@archive.example', 300],
    ['without one that was taken away since', 'keep@archive.example', undefined, 600],
    ['with another’s', 'keep@archive.example', 'a-much-longer-name-of-an-archive@elsewhere.example', 600],
  ])('cuts as the first did, %s', async (_, before, after, copies) => {
    const world = makeCloud();
    const bcc = (version: number, email: string | undefined): MailDefaultsRecord => ({
      ...footer(version, 0),
      ...(email && { bcc: { enabled: true, email } }),
    });
    world.cloud.defaults = [bcc(0, before)];
    const change = () => world.cloud.defaults.push(bcc(1, after));
    expect((await takeOver(world, mailTo(300, 12_000), 1, 1, change)).status).toBe(202);
    assess(await jobsOf(world), copies);
  });

  it('expands what was stored first', async () => {
    const world = makeCloud();
    world.cloud.defaults = [footer(0, 10)];
    const stored: StoredRequest[] = [];
    const { storeContent } = world.accept;
    world.accept.storeContent = async (key, request) => {
      stored.push(structuredClone(request));
      await storeContent(key, request);
    };
    await takeOver(world, mailTo(1_000, 12_000), 1, 1, () => world.cloud.defaults.push(footer(1, 9_000)));
    const expansions = world.cloud.queues.get(EXPAND)!.map(({ body }) => JSON.parse(body) as Expansion);
    expect(expansions.map(({ maybeSent }) => maybeSent)).toEqual([undefined, true]);
    expect(stored).toHaveLength(2);
    expect(stored[1]).toEqual(stored[0]);
    expect(turnsOf(stored[0]!)).toEqual([0]);
    assess(await jobsOf(world), 1_000);
  });

  it('takes the lanes and the text of the template that the first took', async () => {
    const world = makeCloud();
    const template = (version: string) => ({
      active: { version, generation: 1, subject: true, html: true, plain: true, textKey: version },
    });
    world.cloud.templates.set(TEMPLATE, template('11111111-1111-4111-8111-111111111111') as never);
    let lanes: string[] | undefined = ['bulk-1'];
    world.accept.readKey = async () => ({
      ...keyKey('operator', KEY.id),
      name: 'test',
      secretHash: KEY.secretHash,
      scopes: ['mail.send'],
      createdAt: START,
      ...(lanes && { lanes }),
    });
    const body = mailTo(200, 0, { content: undefined, template_id: TEMPLATE });
    const answer = await takeOver(world, body, 1, 1, () => {
      lanes = undefined;
      world.cloud.templates.set(TEMPLATE, {
        ...template('22222222-2222-4222-8222-222222222222'),
        strict: true,
      } as never);
    });
    expect(answer.status).toBe(202);
    const byId = await jobsOf(world);
    assess(byId, 200);
    expect(new Set([...byId.values()].flat().map(({ lane }) => lane))).toEqual(new Set(['bulk-1']));
  });

  it('that cannot read what the first added says that nobody knows, and leaves the request on record', async () => {
    const world = makeCloud();
    world.cloud.defaults = [footer(0, 10)];
    const known = world.accept.readFormerMailDefaults;
    world.accept.readFormerMailDefaults = () => Promise.reject(new Error('no table'));
    const failed = await takeOver(world, mailTo(300, 12_000), 1, 2, () => world.cloud.defaults.push(footer(1, 9_000)));
    expect([failed.status, [...world.cloud.idempotency.values()][0]!.state]).toEqual([503, 'uncertain']);
    expect([...world.cloud.requests.values()]).toEqual([expect.objectContaining({ copies: 300 })]);
    world.accept.readFormerMailDefaults = known;
    world.cloud.now += 31_000;
    expect((await accept(makePost(mailTo(300, 12_000), HEADERS), world.accept)).status).toBe(202);
    assess(await jobsOf(world), 300);
  });

  it('that fails leaves it unknown whether the first one’s jobs are at work: the third waits for them too', async () => {
    const world = makeCloud();
    const { storeContent, sendEntries } = world.accept;
    const first = { ...world, accept: { ...world.accept } };
    world.accept.storeContent = () => Promise.reject(new Error('no bucket'));
    world.accept.sendEntries = async (_, entries) => entries.map(() => 'refused');
    // Stored before anything is queued.
    const body = mailTo(300, 30_000);
    void accept(makePost(body, HEADERS), dying(first, 1, 2));
    for (let turns = 0; turns < 50; turns++) await new Promise((done) => setImmediate(done));
    world.cloud.now = START + 31_000;
    expect((await accept(makePost(body, HEADERS), world.accept)).status).toBe(503);
    expect([...world.cloud.requests.values()]).toEqual([expect.objectContaining({ copies: 300 })]);
    Object.assign(world.accept, { storeContent, sendEntries });
    world.cloud.now = START + 40_000;
    expect((await accept(makePost(body, HEADERS), world.accept)).status).toBe(202);
    const late = world.cloud.queues.get('lane:default-1')!.filter(({ body: text }) => text.includes('maybeSent'));
    expect(late.length).toBeGreaterThan(2);
    // As long as a first copy can be at work.
    for (const { readyAt } of late) expect(readyAt).toBe(START + 40_000 + 210_000);
    assess(await jobsOf(world), 300);
  });

  it('has no copy lost or in two jobs, whatever changed and wherever the first died', async () => {
    const length = fc.constantFrom(0, 1, 3_000, 11_000, 25_000);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 700 }),
        fc.constantFrom(10, 6_000, 23_500, 30_000),
        length,
        length,
        fc.integer({ min: 0, max: 9 }),
        async (readers, text, before, after, some) => {
          const world = makeCloud();
          world.cloud.defaults = [footer(0, before)];
          const answer = await takeOver(world, mailTo(readers, text), 1, some, () =>
            world.cloud.defaults.push(footer(1, after)),
          );
          expect(answer.status).toBe(202);
          assess(await jobsOf(world), readers);
        },
      ),
      { numRuns: 40 },
    );
  });
});
