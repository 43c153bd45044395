/** An IP access list at accept's door, and what is noted of those who come to it. */
import { describe, expect, it } from 'vitest';
import { allowsOf } from '../../core/access/list.ts';
import { accept } from '../../submission/accept.ts';
import { CLAIM, createNotes, NOTES_A_DAY, type NoteDeps } from '../../submission/access.ts';
import { makeCloud, makeMail, makePost, START } from '../lambdas/fake-cloud.ts';

const LISTED = '192.0.2.7';
const STRANGE = '203.0.113.9';

/** accept, with a list of one range. */
function listed() {
  const world = makeCloud();
  const allows = allowsOf([{ ip: '192.0.2.0/24' }])!;
  const deps = {
    ...world.accept,
    readKey: async (key: Parameters<typeof world.accept.readKey>[0]) => {
      const record = await world.accept.readKey(key);
      return record && { ...record, allows };
    },
  };
  const post = (ip?: string, headers: Record<string, string> = {}) =>
    accept({ ...makePost(makeMail(), headers), ...(ip === undefined ? {} : { ip }) }, deps);
  return { ...world, post };
}

describe('mail/send of an account with an IP access list', () => {
  it('is taken from an address of the list', async () => {
    const { post, cloud } = listed();
    expect((await post(LISTED)).status).toBe(202);
    expect(cloud.attempts).toEqual([{ account: 'operator', ip: LISTED, method: 'API', allowed: true }]);
  });

  // Attack: a stolen key is used from somewhere else.
  it('is refused with 403 from any other, which the answer names, and nothing of it is kept but the attempt', async () => {
    const { post, cloud } = listed();
    const { status, body } = await post(STRANGE);
    expect(status).toBe(403);
    expect(JSON.parse(body).errors).toEqual([
      { message: expect.stringContaining(`not whitelisted: `), field: null, help: null },
    ]);
    expect(body).toContain(STRANGE);
    expect(cloud.attempts).toEqual([{ account: 'operator', ip: STRANGE, method: 'API', allowed: false }]);
    expect(cloud.calls).toEqual([]);
  });

  // Attack: whoever has the key writes a listed address into every header that a proxy might.
  it.each([
    'x-forwarded-for',
    'forwarded',
    'x-real-ip',
    'true-client-ip',
    'cf-connecting-ip',
    'x-client-ip',
    'via',
    'host',
  ])('%s says what it likes, and the connection’s address counts', async (header) => {
    const { post, cloud } = listed();
    expect((await post(STRANGE, { [header]: header === 'forwarded' ? `for=${LISTED}` : LISTED })).status).toBe(403);
    expect(cloud.attempts).toMatchObject([{ ip: STRANGE, allowed: false }]);
    // Nor does it shut out who may.
    expect((await post(LISTED, { [header]: STRANGE })).status).toBe(202);
  });

  it('is refused where nobody knows from where it comes', async () => {
    const { post, cloud } = listed();
    expect((await post()).status).toBe(403);
    expect((await post('somewhere')).status).toBe(403);
    expect(cloud.attempts).toEqual([]);
  });

  // Attack: strangers guess at keys, to fill the list of attempts or to learn who has a list.
  it('leaves no note of a wrong secret, which is 401 from everywhere', async () => {
    const { post, cloud } = listed();
    const { authorization } = makePost('').headers;
    const wrong = `${authorization!.slice(0, -3)}AAA`;
    expect((await post(STRANGE, { authorization: wrong })).status).toBe(401);
    expect((await post(LISTED, { authorization: wrong })).status).toBe(401);
    expect(cloud.attempts).toEqual([]);
  });
});

describe('notes of attempts', () => {
  /** Processes that write notes, and the table that they share. */
  function makeWorld() {
    const world = {
      now: START,
      claimed: new Map<string, number>(),
      claims: 0,
      written: [] as string[],
      days: new Map<string, string>(),
      asked: 0,
      problems: 0,
      broken: false,
    };
    const deps: NoteDeps = {
      now: () => world.now,
      claimNotes: async (account, allowed, at, { count, most }) => {
        world.claims++;
        await Promise.resolve();
        if (world.broken) throw new Error('no answer');
        const name = `${account} ${allowed} ${new Date(at).toISOString().slice(0, 10)}`;
        const claimed = world.claimed.get(name) ?? 0;
        if (claimed > most - count) return false;
        world.claimed.set(name, claimed + count);
        return true;
      },
      renewAttempt: async (account, { ip, allowed }, at) => {
        world.asked++;
        return world.days.get(`${account} ${ip} ${allowed}`) === new Date(at).toISOString().slice(0, 10);
      },
      writeAttempt: async (account, { ip, allowed }, at) => {
        world.written.push(`${account} ${ip} ${allowed}`);
        world.days.set(`${account} ${ip} ${allowed}`, new Date(at).toISOString().slice(0, 10));
      },
      report: () => void world.problems++,
    };
    const begin = () => {
      const note = createNotes(deps);
      return (ip: string, allowed = false, account = 'shopshop') => note(account, { ip, method: 'API', allowed });
    };
    return Object.assign(world, { begin });
  }

  // Attack: a stolen key is tried from a hundred thousand addresses, at many processes at once, to fill a table or a bill.
  it('of addresses without end are written within bounds, and leave the others’ alone', async () => {
    const world = makeWorld();
    const processes = Array.from({ length: 8 }, () => world.begin());
    const tries = Array.from({ length: 100_000 }, (_, n) => ({
      note: processes[n % 8]!,
      ip: `2001:db8::${n.toString(16)}`,
    }));
    for (let n = 0; n < tries.length; n += 1_000)
      await Promise.all(tries.slice(n, n + 1_000).map(({ note, ip }) => note(ip)));

    expect(world.written).toHaveLength(NOTES_A_DAY);
    // One claim for many notes; of each process some small ones at first and at last, and one in vain.
    expect(world.claims).toBeLessThanOrEqual(NOTES_A_DAY / CLAIM + 8 * 2 * CLAIM);
    expect(world.asked).toBeLessThanOrEqual(NOTES_A_DAY + 8 * 1_000);
    // From then on strangers cost nothing.
    const before = world.asked + world.claims;
    await Promise.all(tries.slice(-1_000).map(({ note, ip }) => note(`${ip}:1`)));
    expect(world.asked + world.claims).toBe(before);

    world.written.length = 0;
    await processes[0]!('192.0.2.7', true);
    await processes[0]!('203.0.113.9', false, 'bankbank');
    expect(world.written).toEqual(['shopshop 192.0.2.7 true', 'bankbank 203.0.113.9 false']);

    world.now += 86_400_000;
    await processes[0]!('203.0.113.9');
    expect(world.written).toHaveLength(3);
  });

  it('of one address and end are written once an hour of a process', async () => {
    const world = makeWorld();
    const note = world.begin();
    await Promise.all(Array.from({ length: 50 }, () => note('192.0.2.7', true)));
    world.now += 3_599_999;
    await note('192.0.2.7', true);
    expect(world.written).toHaveLength(1);
    world.now += 1;
    await note('192.0.2.7', true);
    // Its time alone is written anew.
    expect([world.written.length, world.asked, world.claims]).toEqual([1, 2, 1]);
  });

  // Attack: one stolen key is used from one address in so many processes that nobody who comes later is noted.
  it('of one address use up one address’s room, in however many processes and hours', async () => {
    const world = makeWorld();
    for (let hour = 0; hour < 11; hour++) {
      // Each process ends within the hour, as Lambda's do.
      for (let n = 0; n < 200; n++) await world.begin()('203.0.113.9');
      world.now += 3_600_000;
    }
    expect([...world.claimed.values()]).toEqual([1]);
    // Many at the same moment may each believe to be the first.
    const together = Array.from({ length: 50 }, () => world.begin());
    await Promise.all(together.map((note) => note('203.0.113.10')));
    await world.begin()('203.0.113.11');
    expect(world.written.at(-1)).toBe('shopshop 203.0.113.11 false');
    expect(world.claimed.values().next().value).toBeLessThanOrEqual(52);
  });

  it('are renewed hourly also when the day’s are all written, and all of them are', async () => {
    const world = makeWorld();
    const note = world.begin();
    await note('192.0.2.7');
    for (let n = 1; n < NOTES_A_DAY + 50; n++) await world.begin()(`2001:db8::${n.toString(16)}`);
    expect(world.written).toHaveLength(NOTES_A_DAY);
    await note('192.0.2.8');
    world.now += 3_600_000;
    const { asked } = world;
    await note('192.0.2.7');
    await note('192.0.2.8');
    expect(world.asked).toBe(asked + 1);
  });

  it('that fail are told, fail nothing else, and are tried again in a minute', async () => {
    const world = makeWorld();
    const note = world.begin();
    world.broken = true;
    await note('192.0.2.7');
    await note('192.0.2.7');
    expect([world.problems, world.claims]).toEqual([1, 1]);
    world.broken = false;
    world.now += 60_000;
    await note('192.0.2.7');
    expect(world.written).toEqual(['shopshop 192.0.2.7 false']);
  });
});
