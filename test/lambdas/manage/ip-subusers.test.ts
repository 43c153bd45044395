/** One source address of several subusers, on real tables: all or nobody is named, each changes whole, nobody's list becomes empty. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  type AccountRecord,
  accountKey,
  type SubuserRecord,
  subuserKey,
  userIdOf,
} from '../../../core/records/subusers.ts';
import { shown, withIp, withoutIp } from '../../../core/subusers/assignment.ts';
import { startManage } from './account.ts';

const SOURCES = [
  { ip: '192.0.2.1', lane: 'a-1' },
  { ip: '192.0.2.2', lane: 'b-1' },
  { ip: '192.0.2.3', lane: 'c-1' },
];
const PARENT = 'parent22';
let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world.stop());

let made = 0;
let [one, two, free] = ['', '', ''];
async function addSubuser(parent: string, username: string, ips: string[]): Promise<SubuserRecord> {
  const record: SubuserRecord = {
    ...subuserKey(parent, username),
    account: `sub${String(++made).padStart(5, 'a')}`,
    username,
    email: `${username}@example.com`,
    disabled: false,
    websiteDisabled: false,
    ips,
    lanes: SOURCES.filter(({ ip }) => ips.includes(ip)).map(({ lane }) => lane),
    credits: { type: 'unlimited' },
    createdAt: 1,
    version: 1,
  };
  expect(await world.addSubuser(record)).toBe(true);
  return record;
}
beforeEach(async () => {
  [one, two, free] = [`One${made}`, `two${made}`, `free${made}`];
  await addSubuser(PARENT, one, ['192.0.2.1']);
  await addSubuser(PARENT, two, ['192.0.2.1', '192.0.2.2']);
  await addSubuser(PARENT, free, []);
});

const callBy = (account: string, overrides = {}) => world.callBy(account, { sources: SOURCES, ...overrides });
const urlOf = (what: string, ip = '192.0.2.2') => `/v3/send_ips/ips/${ip}/subusers:${what}`;
const listOf = async (username: string) => {
  const { ips, lanes, account } = (await world.readSubuser(PARENT, username))!;
  // What its own keys depend on says the same.
  const own = (await world.readAccount(account)) as AccountRecord;
  expect([own.ips, own.lanes]).toEqual([ips, lanes]);
  return ips;
};

it('adds an address to each, by name or by number; who may send by any is left alone', async () => {
  const number = String(userIdOf((await world.readSubuser(PARENT, one))!.account));
  const named = [number, two.toUpperCase(), free, free];
  const { status, json } = await callBy(PARENT)('POST', urlOf('batchAdd'), { subusers: named });
  expect([status, json]).toEqual([200, { ip: '192.0.2.2', subusers: [number, two.toUpperCase(), free] }]);
  expect([await listOf(one), await listOf(two), await listOf(free)]).toEqual([
    ['192.0.2.1', '192.0.2.2'],
    ['192.0.2.1', '192.0.2.2'],
    [],
  ]);
});

it('takes an address from each; from who may send by any, all others are left', async () => {
  const { status, body } = await callBy(PARENT)('POST', urlOf('batchDelete'), { subusers: [one, two, free] });
  expect([status, body]).toEqual([204, '']);
  expect([await listOf(one), await listOf(two), await listOf(free)]).toEqual([
    ['192.0.2.1'],
    ['192.0.2.1'],
    ['192.0.2.1', '192.0.2.3'],
  ]);
});

// Attack: the last address is taken from a subuser, whose empty list would let it send by every address of the stack.
it('does not empty a list, and then changes nobody', async () => {
  const { status, json } = await callBy(PARENT)('POST', urlOf('batchDelete', '192.0.2.1'), { subusers: [two, one] });
  expect([status, json.errors[0].field, json.errors[0].message]).toEqual([
    400,
    'subusers',
    expect.stringContaining(`would have no IP left, which means all of them: ${one}`),
  ]);
  expect(await listOf(two)).toEqual(['192.0.2.1', '192.0.2.2']);
});

it.each([
  ['failed to parse the request body as a JSON payload', '192.0.2.2', undefined],
  ['must not be empty', '192.0.2.2', {}],
  ['must not be empty', '192.0.2.2', { subusers: [] }],
  ['must be an array of strings', '192.0.2.2', { subusers: [1] }],
  ['cannot assign more than 1000 subusers per call', '192.0.2.2', { subusers: Array(1_001).fill('x') }],
  ['cannot contain caller’s userID', '192.0.2.2', { subusers: [String(userIdOf(PARENT))] }],
  ['unverified subusers: nobody, 17', '192.0.2.2', { subusers: ['nobody', '17'] }],
  ['invalid IP address', '192.0.2', { subusers: ['nobody'] }],
])('“%s”: refused in SendGrid’s words', async (message, ip, body) => {
  for (const what of ['batchAdd', 'batchDelete']) {
    const answer = await callBy(PARENT)('POST', urlOf(what, ip), body);
    expect([answer.status, answer.json.errors[0].message]).toEqual([400, message]);
  }
});

it('one unknown name: nobody is changed', async () => {
  expect((await callBy(PARENT)('POST', urlOf('batchAdd'), { subusers: [one, 'nobody'] })).status).toBe(400);
  expect(await listOf(one)).toEqual(['192.0.2.1']);
});

// Attack: an account, or a subuser, changes another account's subusers.
it('is for the subusers of the caller alone, and for addresses of the stack', async () => {
  const subusers = [one];
  expect((await callBy('stranger')('POST', urlOf('batchAdd'), { subusers })).json.errors[0].message).toContain(one);
  const { account } = (await world.readSubuser(PARENT, one))!;
  expect((await callBy(account)('POST', urlOf('batchAdd'), { subusers })).status).toBe(403);
  expect((await callBy(PARENT)('POST', urlOf('batchAdd', '203.0.113.1'), { subusers })).status).toBe(404);
  expect(await listOf(one)).toEqual(['192.0.2.1']);
  expect((await world.readAccount(account))!.parent).toBe(accountKey(PARENT).pk);
});

it('loses nothing when both are done at once, many times', async () => {
  const call = callBy(PARENT);
  const asked = [...Array(6).keys()].map((n) =>
    call('POST', urlOf(n % 2 ? 'batchAdd' : 'batchDelete', '192.0.2.3'), { subusers: [one, two] }),
  );
  const answers = await Promise.all(asked);
  for (const { status } of answers) expect([200, 204, 429]).toContain(status);
  for (const [username, before] of [
    [one, ['192.0.2.1']],
    [two, ['192.0.2.1', '192.0.2.2']],
  ] as const)
    expect((await listOf(username)).filter((ip) => ip !== '192.0.2.3')).toEqual(before);
});

// Attack: a subuser that is about to lose an address takes another name at that moment, and gives its own to a sister.
it('changes who was named also where it is renamed meanwhile, and nobody who has taken its name', async () => {
  const [left, right] = [`left${made}`, `right${made}`];
  await addSubuser(PARENT, left, ['192.0.2.1', '192.0.2.3']);
  const sister = await addSubuser(PARENT, right, ['192.0.2.1', '192.0.2.3']);
  /** A call at whose first change that subuser is renamed, and `then`. */
  const callAs = (moved: string, then = async () => {}) => {
    let done = false;
    return callBy(PARENT, {
      changeSubuser: async (...asked: Parameters<typeof world.changeSubuser>) => {
        if (!done) {
          done = true;
          expect(await world.changeSubuser(asked[0], { username: moved })).toBe(true);
          await then();
        }
        return world.changeSubuser(...asked);
      },
    });
  };
  const [first, second] = [`first${made}`, `second${made}`];
  const call = callAs(first, async () => void (await world.changeSubuser(sister, { username: left })));
  expect((await call('POST', urlOf('batchDelete', '192.0.2.3'), { subusers: [left] })).status).toBe(204);
  expect([await listOf(first), await listOf(left)]).toEqual([['192.0.2.1'], ['192.0.2.1', '192.0.2.3']]);
  // And where nobody takes its name.
  expect((await callAs(second)('POST', urlOf('batchDelete', '192.0.2.3'), { subusers: [left] })).status).toBe(204);
  expect(await listOf(second)).toEqual(['192.0.2.1']);
});

it('of who is gone meanwhile nothing is left to change', async () => {
  const going = {
    changeSubuser: async (before: SubuserRecord) => {
      await world.removeSubuser((await world.readSubuser(PARENT, before.username)) ?? before);
      return false;
    },
  };
  expect((await callBy(PARENT, going)('POST', urlOf('batchDelete'), { subusers: [two] })).status).toBe(204);
});

it('names who could not be changed, with 429', async () => {
  const busy = { changeSubuser: async () => false };
  const { status, json } = await callBy(PARENT, busy)('POST', urlOf('batchAdd'), { subusers: [one, two] });
  // The second has the address already.
  expect([status, json.errors[0].field, json.errors[0].message]).toEqual([
    429,
    'subusers',
    expect.stringContaining(one),
  ]);
  expect(json.errors[0].message).not.toContain(two);
});

it('with and without: no list gets shorter by adding, none has the address after taking it, none becomes empty', () => {
  const stack = SOURCES.map(({ ip }) => ip);
  // 198.51.100.9 was the stack's once.
  const lists = fc.uniqueArray(fc.constantFrom(...stack, '198.51.100.9'));
  fc.assert(
    fc.property(lists, fc.constantFrom(...stack), (ips, ip) => {
      const more = withIp({ ips }, ip);
      expect(more.length === 0 || more.includes(ip)).toBe(true);
      expect(more.length).toBeGreaterThanOrEqual(ips.length);
      const less = withoutIp({ ips }, ip, stack);
      if (less)
        expect([less.length > 0, less.includes(ip), less.every((one) => stack.includes(one))]).toEqual([
          true,
          false,
          true,
        ]);
      else expect(ips.filter((one) => stack.includes(one))).toEqual(ips.includes(ip) ? [ip] : []);
    }),
  );
});

it('does not give back a thousand names', () =>
  expect(shown(Array(1_000).fill('x'.repeat(200))).length).toBeLessThan(1_500));
