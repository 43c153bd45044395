/** `ip_pool_name` of a pool that was made over the API: which lanes its mail takes, by every way that it can go, and what becomes of it when the pool changes. */
import { describe, expect, it } from 'vitest';
import { makeRequestId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { keyKey } from '../../core/records/accounts.ts';
import type { Expansion } from '../../core/records/holds.ts';
import { readSubmitted } from '../../core/submit-mime/index.ts';
import { expand } from '../../lambdas/expand/expand.ts';
import { release } from '../../lambdas/release/release.ts';
import { accept } from '../../submission/accept.ts';
import { submit } from '../../submission/submit.ts';
import { EXPAND, KEY, makeCloud, makeMail, makePost, START } from '../lambdas/fake-cloud.ts';

const lane = (name: string, pool: string, weight = 1) => ({ name, pool, weight, url: `lane:${name}` });
const LANES = [lane('a', 'default', 3), lane('b', 'default'), lane('c', 'bulk'), lane('d', 'bulk', 0)];

/** A stack of these lanes, and the operator's pools. */
function makeWorld(pools: Record<string, string[]>) {
  const world = makeCloud();
  for (const { url } of LANES) world.cloud.queues.set(url, []);
  for (const deps of [world.accept, world.expand, world.release]) deps.lanes = LANES;
  const made = Object.entries(pools).map(([name, lanes], n) => ({ id: String(n + 1), name, lanes }));
  world.cloud.pools.set('operator', made);
  const asked: [string, string][] = [];
  const { readPool } = world.accept;
  world.accept.readPool = (account, name) => {
    asked.push([account, name]);
    return readPool(account, name);
  };
  const jobs = () =>
    [...world.cloud.queues].flatMap(([url, queue]) =>
      url.startsWith('lane:') ? queue.map(({ body }) => ({ url, job: JSON.parse(body) as Job })) : [],
    );
  return { ...world, asked, jobs, lanes: () => [...new Set(jobs().map(({ url }) => url))].sort() };
}
type World = ReturnType<typeof makeWorld>;

const mailTo = (readers: number, more: object) =>
  makeMail({
    personalizations: Array.from({ length: readers }, (_, n) => ({
      to: [{ email: `reader${n}@example.net` }],
      custom_args: { pad: 'x'.repeat(700) },
    })),
    ...more,
  });
const post = (world: World, more: object, readers = 1) => accept(makePost(mailTo(readers, more)), world.accept);

/** The key is a subuser's, with these lanes. */
function asSubuser({ accept: deps }: World, lanes: string[]): void {
  deps.readKey = async () => ({
    ...keyKey('operator', KEY.id),
    ...{ name: 'test', secretHash: KEY.secretHash, scopes: ['mail.send'], createdAt: START },
    ...{ parent: 'operator', lanes },
  });
}

async function expandAll({ cloud, expand: deps }: World): Promise<void> {
  const due = cloud.queues.get(EXPAND)!.splice(0);
  const messages = due.map(({ body }, n) => ({ id: String(n), body, receiveCount: 1 }));
  expect(await expand(messages, deps)).toEqual([]);
}

describe('mail that names it', () => {
  it('goes by its lanes, of whichever deployed pool, by their weights, and says which pool it is', async () => {
    const world = makeWorld({ mixed: ['a', 'c'] });
    for (let n = 0; n < 120; n++) expect((await post(world, { ip_pool_name: 'mixed' })).status).toBe(202);
    expect(world.lanes()).toEqual(['lane:a', 'lane:c']);
    const share = world.jobs().filter(({ url }) => url === 'lane:a').length / 120;
    expect(Math.abs(share - 0.75)).toBeLessThan(0.15);
    expect(world.jobs()[0]!.job.content).toMatchObject({ ipPoolName: 'mixed', poolId: '1', lanes: ['a', 'c'] });
  });

  it('costs a deployed name, and no name, no read', async () => {
    const world = makeWorld({ mixed: ['c'], bulk: ['a'] });
    for (const more of [{}, { ip_pool_name: 'bulk' }, { ip_pool_name: 'default' }]) await post(world, more);
    expect(world.asked).toEqual([]);
    // What is deployed has its name: a pool of that name was there before it.
    expect(world.jobs().filter(({ url }) => url === 'lane:c')).toHaveLength(1);
  });

  it.each([
    ['that nobody has', 'other', /name of an IP pool of your account, you provided "other"/],
    ['without an address', 'empty', /"empty" has no IP address that takes mail/],
    ['whose address takes no mail', 'emptied', /"emptied" has no IP address that takes mail/],
  ])('is refused where it is one %s', async (_, name, message) => {
    const world = makeWorld({ empty: [], emptied: ['d', 'gone'] });
    const answer = await post(world, { ip_pool_name: name });
    expect([answer.status, JSON.parse(answer.body).errors]).toEqual([
      400,
      [expect.objectContaining({ field: 'ip_pool_name', message: expect.stringMatching(message) })],
    ]);
    expect(world.jobs()).toEqual([]);
  });

  it('is put off while the table is out', async () => {
    const world = makeWorld({});
    world.accept.readPool = () => Promise.reject(new Error('no table'));
    expect((await post(world, { ip_pool_name: 'mixed' })).status).toBe(503);
  });

  it('of a subuser names a pool of its parent: by those of its lanes that are in it, else by its own', async () => {
    const world = makeWorld({ mixed: ['a', 'c'] });
    asSubuser(world, ['b', 'c']);
    await post(world, { ip_pool_name: 'mixed' });
    expect(world.asked).toEqual([['operator', 'mixed']]);
    expect(world.jobs()).toMatchObject([{ url: 'lane:c', job: { content: { poolId: '1', lanes: ['c'] } } }]);
    asSubuser(world, ['b']);
    await post(world, { ip_pool_name: 'mixed' });
    const job = world.jobs().find(({ url }) => url === 'lane:b')!.job;
    expect([job.lane, job.content?.poolId]).toEqual(['b', undefined]);
  });

  it('by SMTP says so in X-SMTPAPI', async () => {
    const world = makeWorld({ mixed: ['c'] });
    const send = async (api: object) => {
      const text = `From: shop@example.com\r\nTo: r@example.net\r\nX-SMTPAPI: ${JSON.stringify(api)}\r\n\r\n`;
      const octets = `${text}Hi\r\n`;
      const mime = { header: Buffer.from(text), size: octets.length, mime: { octets } };
      const envelope = { mailFrom: 'shop@example.com', rcptTo: ['r@example.net'], eightBit: false, smtpUtf8: false };
      const by = { account: 'operator', keyId: 'key', requestId: makeRequestId(START, Buffer.alloc(10, 3)) };
      const message = { ...by, submitted: { ...mime, ...envelope }, fingerprint: () => 'f' };
      return submit(message, { ...world.accept, readSubmitted });
    };
    expect(await send({ category: 'ip_pool' })).toMatchObject({ ok: true });
    expect(world.asked).toEqual([]);
    expect(await send({ ip_pool: 'mixed' })).toMatchObject({ ok: true });
    expect(world.jobs().filter(({ job }) => job.content?.poolId === '1')).toMatchObject([{ url: 'lane:c' }]);
    expect(await send({ ip_pool: 'other' })).toMatchObject({ ok: true });
    expect(world.jobs().filter(({ job }) => job.content?.dropped)).toHaveLength(1);
  });
});

describe('mail that was accepted, of a pool that is then deleted,', () => {
  it('goes by the lanes that the pool had, however many jobs it is', async () => {
    const world = makeWorld({ mixed: ['b', 'c'] });
    expect((await post(world, { ip_pool_name: 'mixed' }, 1_000)).status).toBe(202);
    expect(JSON.parse(world.cloud.queues.get(EXPAND)![0]!.body) as Expansion).toMatchObject({ v: 1 });
    world.cloud.pools.clear();
    await expandAll(world);
    expect(world.lanes()).toEqual(['lane:b', 'lane:c']);
    expect(world.jobs().flatMap(({ job }) => job.copies)).toHaveLength(1_000);
  });

  it('and whose lanes are taken out of the settings too, goes by the default pool, also when it is due long after', async () => {
    const world = makeWorld({ mixed: ['c'] });
    const due = START / 1_000 + 86_400;
    expect((await post(world, { ip_pool_name: 'mixed', send_at: due })).status).toBe(202);
    world.cloud.pools.clear();
    const left = LANES.filter(({ pool }) => pool === 'default');
    world.expand.lanes = left;
    world.cloud.now = due * 1_000;
    await release(world.release);
    await expandAll(world);
    expect(world.lanes()).toHaveLength(1);
    expect(world.lanes()[0]).toMatch(/^lane:[ab]$/);
    // And of what waits for a retry, its lane was one that is gone.
    const { job } = world.jobs()[0]!;
    const hold = { pk: 'shard-0', sk: 'x', due: world.cloud.now, account: 'operator', copies: 1, kind: 'job' as const };
    world.cloud.holds.set('shard-0 x', { ...hold, job: { ...job, lane: 'c', attempt: 1 } });
    world.release.lanes = left;
    expect(await release(world.release)).toEqual({ released: 1, stayed: 0 });
  });

  it('or has other lanes now, is the same jobs on the same lanes when a second run takes it over', async () => {
    const world = makeWorld({ mixed: ['b', 'c'] });
    const ask = () =>
      accept(makePost(mailTo(300, { ip_pool_name: 'mixed' }), { 'idempotency-key': 'k' }), world.accept);
    const { endIdempotent, sendEntries } = world.accept;
    // It dies when all is queued, and before it could say so.
    world.accept.endIdempotent = () => new Promise(() => {});
    void ask();
    for (let turns = 0; turns < 50; turns++) await new Promise((done) => setImmediate(done));
    const first = world.jobs().map(({ job }) => job);
    Object.assign(world.accept, { endIdempotent, sendEntries });
    world.cloud.pools.set('operator', [{ id: '1', name: 'mixed', lanes: ['a'] }]);
    world.cloud.now += 31_000;
    expect((await ask()).status).toBe(202);
    const second = world
      .jobs()
      .map(({ job }) => job)
      .filter(({ maybeSent }) => maybeSent);
    const plain = (jobs: Job[]) =>
      jobs.map(({ maybeSent: _, ...job }) => job).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(first.length).toBeGreaterThan(1);
    expect(plain(second)).toEqual(plain(first));
  });
});
