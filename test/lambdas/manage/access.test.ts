/** IP access lists as the API makes them, on real tables: who is let in, what is noted, and that nobody locks himself out. */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeApiKey } from '../../../core/api-key.ts';
import { notesKey } from '../../../core/records/access.ts';
import { keyKey } from '../../../core/records/accounts.ts';
import { accountKey, subuserKey } from '../../../core/records/subusers.ts';
import { SCOPES } from '../../../core/scopes.ts';
import { accessIn, attemptNotesIn, cachedAttemptsIn } from '../../../io/access.ts';
import { accountsIn } from '../../../io/accounts.ts';
import { apiKeysIn } from '../../../io/api-keys.ts';
import { subusersIn } from '../../../io/subusers.ts';
import { MOST_ROWS } from '../../../lambdas/manage/access-routes.ts';
import { type ManageDeps, manage } from '../../../lambdas/manage/manage.ts';
import { createNotes } from '../../../submission/access.ts';
import { startDynamodb } from '../../io/dynamodb.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const LIST = '/v3/access_settings/whitelist';
const ACTIVITY = '/v3/access_settings/activity';
const HOME = '192.0.2.7';
const STRANGE = '203.0.113.9';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let now = NOW;
let account: string;
let accounts = 0;
const problems: string[] = [];

beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts', 'Messages']);
});
afterAll(() => dynamodb.stop());
beforeEach(() => {
  now = NOW;
  account = accountNumbered(accounts++);
});
const accountNumbered = (n: number) => `access${String.fromCharCode(97 + Math.floor(n / 26), 97 + (n % 26))}`;

/** Calls with a new key of an account. */
async function callerOf(whose: string, windows: ManageDeps['windows'] = new Map()) {
  const { client } = dynamodb;
  const { key, id, secretHash } = makeApiKey(whose, crypto.getRandomValues(new Uint8Array(43)));
  const record = { ...keyKey(whose, id), name: 'x', secretHash, scopes: [...SCOPES], createdAt: NOW };
  await apiKeysIn('Accounts', client).addKey(record);
  const readKey = accountsIn('Accounts', client).readKey;
  const deps = {
    ...accessIn('Accounts', client),
    ...cachedAttemptsIn('Messages', client, () => now, MOST_ROWS),
    ...subusersIn('Accounts', client),
    ...apiKeysIn('Accounts', client),
    readKey: (shown: { account: string; id: string }) => readKey(shown.account, shown.id),
    noteAttempt: createNotes({
      ...attemptNotesIn('Messages', client),
      now: () => now,
      report: (problem) => void problems.push(problem),
    }),
    now: () => now,
    windows,
    report: (problem: string) => void problems.push(problem),
  } as Partial<ManageDeps> as ManageDeps;
  return async (method: string, url: string, body?: unknown, from: string | undefined = HOME, headers = {}) => {
    const { pathname: path, searchParams } = new URL(url, 'https://api.example');
    const answer = await manage(
      {
        ...{ method, path, query: Object.fromEntries(searchParams) },
        headers: { authorization: `Bearer ${key}`, ...headers },
        body: Buffer.from(body === undefined ? '' : JSON.stringify(body)),
        ...(from === '' ? {} : { ip: from }),
      },
      deps,
    );
    return {
      status: answer.status,
      headers: answer.headers,
      json: answer.body === '' ? undefined : JSON.parse(answer.body),
    };
  };
}
const ipsOf = (...ips: string[]) => ({ ips: ips.map((ip) => ({ ip })) });

describe('an IP access list', () => {
  it('is made, read and taken away in SendGrid’s shapes', async () => {
    const ask = await callerOf(account);
    const at = NOW / 1_000;
    expect(await ask('GET', LIST)).toMatchObject({ status: 200, json: { result: [] } });
    expect(await ask('POST', LIST, ipsOf('192.0.2.7', '192.*.*.*', '192.168.1.3/32', '2001:DB8::/32'))).toMatchObject({
      status: 201,
      json: {
        result: ['192.0.2.7/32', '192.0.0.0/8', '192.168.1.3/32', '2001:db8::/32'].map((ip, n) => ({
          ...{ id: n + 1, ip, created_at: at, updated_at: at },
        })),
      },
    });
    now += 60_000;
    // What is there already stays as it was made.
    expect((await ask('POST', LIST, ipsOf('192.0.2.7/32'))).json.result).toMatchObject([{ id: 1, created_at: at }]);
    expect((await ask('GET', `${LIST}/2`)).json).toEqual({
      result: [{ id: 2, ip: '192.0.0.0/8', created_at: at, updated_at: at }],
    });
    expect(await ask('DELETE', `${LIST}/2`)).toMatchObject({ status: 204, json: undefined });
    expect(await ask('DELETE', LIST, { ids: [3, 4] })).toMatchObject({ status: 204 });
    expect((await ask('GET', LIST)).json.result).toMatchObject([{ id: 1 }]);
    expect((await ask('DELETE', `${LIST}/1`)).status).toBe(204);
    expect((await ask('GET', LIST, undefined, STRANGE)).json).toEqual({ result: [] });
  });

  // Attack: a stolen key is used from somewhere else, with a listed address in every header.
  it('refuses its account’s keys from elsewhere on every route, and uses up nothing of the account’s', async () => {
    const windows: ManageDeps['windows'] = new Map();
    const ask = await callerOf(account, windows);
    await ask('POST', LIST, ipsOf('192.0.2.0/24'));
    windows.clear();
    const forged = { 'x-forwarded-for': HOME, forwarded: `for=${HOME}`, 'x-real-ip': HOME };
    for (const [method, path] of [
      ['GET', LIST],
      ['GET', '/v3/scopes'],
      ['DELETE', LIST],
      ['HEAD', '/v3/api_keys'],
    ] as const)
      expect(await ask(method, path, undefined, STRANGE, forged), path).toMatchObject({ status: 403 });
    expect((await ask('GET', LIST, undefined, '')).status, 'from nobody knows where').toBe(403);
    const { json } = await ask('GET', LIST, undefined, STRANGE);
    expect(json.errors).toEqual([{ field: null, message: expect.stringContaining(`This one came from ${STRANGE}.`) }]);
    expect(windows.size).toBe(0);
    expect((await ask('GET', LIST, undefined, '::ffff:192.0.2.200')).status).toBe(200);
  });

  it('is its account’s alone: a subuser’s keys have their own, and a parent’s call for a subuser goes by the parent’s', async () => {
    // Prepare
    const [parent, child] = [account, accountNumbered(accounts++)];
    const names = {
      username: 'branch',
      email: 'b@example.com',
      disabled: false,
      ips: [],
      lanes: [],
      credits: { type: 'unlimited' },
    };
    for (const Item of [
      { ...subuserKey(parent, 'branch'), ...names, account: child, websiteDisabled: false, createdAt: NOW, version: 1 },
      { ...accountKey(child), ...names, parent },
    ])
      await dynamodb.client.send(new PutCommand({ TableName: 'Accounts', Item }));
    const [asParent, asChild] = [await callerOf(parent), await callerOf(child)];
    const onBehalf = { 'on-behalf-of': 'branch' };

    // Act: each list has other addresses; the parent makes the subuser's from outside of it.
    expect((await asParent('POST', LIST, ipsOf(HOME))).status).toBe(201);
    expect((await asParent('POST', LIST, ipsOf(STRANGE), HOME, onBehalf)).status).toBe(201);

    // Assess
    expect((await asChild('GET', LIST, undefined, HOME)).status).toBe(403);
    expect((await asChild('GET', LIST, undefined, STRANGE)).json.result).toMatchObject([{ ip: `${STRANGE}/32` }]);
    expect((await asParent('GET', LIST, undefined, STRANGE, onBehalf)).status).toBe(403);
    expect((await asParent('GET', LIST, undefined, HOME, onBehalf)).json.result).toMatchObject([
      { ip: `${STRANGE}/32` },
    ]);
    // What was refused is in the list of the account whose key it was.
    const refusedOf = async (ask: typeof asParent, from: string) =>
      (await ask('GET', ACTIVITY, undefined, from)).json.result.filter((one: { allowed: boolean }) => !one.allowed);
    expect(await refusedOf(asParent, HOME)).toMatchObject([{ ip: STRANGE }]);
    expect(await refusedOf(asChild, STRANGE)).toMatchObject([{ ip: HOME }]);
  });

  it.each<[string, (ask: Awaited<ReturnType<typeof callerOf>>) => ReturnType<typeof ask>, string]>([
    ['a first rule without the caller', (ask) => ask('POST', LIST, ipsOf('198.51.100.0/24')), 'ips'],
    ['a rule for a caller whom nobody knows', (ask) => ask('POST', LIST, ipsOf('0.0.0.0/0'), ''), 'ips'],
    [
      'the caller’s own rule gone, and others there',
      async (ask) => {
        await ask('POST', LIST, ipsOf(HOME, STRANGE));
        return ask('DELETE', `${LIST}/1`);
      },
      'rule_id',
    ],
    [
      'the same, of several',
      async (ask) => {
        await ask('POST', LIST, ipsOf('192.0.2.0/24', HOME, STRANGE));
        return ask('DELETE', LIST, { ids: [1, 2] });
      },
      'ids',
    ],
  ])('refuses to lock out the caller: %s', async (_, act, field) => {
    const ask = await callerOf(account);
    const { status, json } = await act(ask);
    expect(status).toBe(400);
    expect(json.errors).toEqual([{ field, message: expect.stringContaining('would lock out') }]);
    // Nothing was changed.
    const { json: list } = await ask('GET', LIST);
    expect([0, 2, 3]).toContain(list.result.length);
  });

  it.each([
    [undefined, 'ips'],
    [{}, 'ips'],
    [{ ips: [] }, 'ips'],
    [{ ips: 'x' }, 'ips'],
    [{ ips: Array(1_001).fill({ ip: HOME }) }, 'ips'],
    [{ ips: [null] }, 'ips.0.ip'],
    [ipsOf(HOME, '192.0.2.256'), 'ips.1.ip'],
    [ipsOf('1.2.*.4'), 'ips.0.ip'],
    [{ ips: [{ ip: 7 }] }, 'ips.0.ip'],
  ])('%j is refused, naming %s', async (body, field) => {
    const ask = await callerOf(account);
    expect(await ask('POST', LIST, body)).toMatchObject({ status: 400, json: { errors: [{ field }] } });
    expect((await ask('GET', LIST)).json.result).toEqual([]);
  });

  it('has no rules of other ids: 404, and nothing is taken away', async () => {
    const ask = await callerOf(account);
    await ask('POST', LIST, ipsOf(HOME, '198.51.100.1'));
    for (const id of ['0', '3', '-1', '1e0', '01', 'x', '9'.repeat(40)]) {
      expect((await ask('GET', `${LIST}/${id}`)).status, id).toBe(404);
      expect((await ask('DELETE', `${LIST}/${id}`)).status, id).toBe(404);
    }
    expect((await ask('DELETE', LIST, { ids: [2, 3] })).status).toBe(404);
    for (const ids of [undefined, [], ['2'], [2.5], {}, 'all'])
      expect(await ask('DELETE', LIST, { ids })).toMatchObject({ status: 400, json: { errors: [{ field: 'ids' }] } });
    expect((await ask('GET', LIST)).json.result).toHaveLength(2);
  });

  it('takes changes at once, each whole', async () => {
    const ask = await callerOf(account);
    await ask('POST', LIST, ipsOf(HOME));
    const ips = ['198.51.100.1', '198.51.100.2', '198.51.100.3'];
    const answers = await Promise.all(ips.map((ip) => ask('POST', LIST, ipsOf(ip))));
    const made = answers
      .filter(({ status }) => status === 201)
      .flatMap(({ json }) => json.result.map((one: { id: number }) => one.id));
    expect(answers.every(({ status }) => status === 201 || status === 429)).toBe(true);
    expect((await ask('GET', LIST)).json.result.map((one: { id: number }) => one.id)).toEqual([1, ...made.sort()]);
  });

  it('answers any body with less than 500', async () => {
    const ask = await callerOf(account);
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({ ips: fc.array(fc.record({ ip: fc.string() })) }),
      fc.record({ ids: fc.jsonValue() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('POST', 'DELETE'), value, async (method, body) => {
        expect((await ask(method, LIST, body)).status).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
    expect(problems).toEqual([]);
  });
});

describe('the activity', () => {
  it('shows who came in and who was refused, the latest first, by address and method', async () => {
    const ask = await callerOf(account);
    expect(await ask('GET', ACTIVITY)).toMatchObject({ status: 200, json: { result: [] } });
    await ask('POST', LIST, ipsOf('192.0.2.0/24'));
    await ask('GET', LIST, undefined, STRANGE);
    now += 2 * 3_600_000;
    await ask('GET', LIST, undefined, STRANGE);
    now += 1_000;
    const { json } = await ask('GET', ACTIVITY);
    const at = (seconds: number) => NOW / 1_000 + seconds;
    expect(json.result).toEqual([
      { allowed: true, auth_method: 'API', first_at: at(7_201), ip: HOME, last_at: at(7_201), location: '' },
      { allowed: false, auth_method: 'API', first_at: at(0), ip: STRANGE, last_at: at(7_200), location: '' },
    ]);
    expect((await ask('GET', `${ACTIVITY}?limit=1`)).json.result).toHaveLength(1);
    now += 8 * 86_400_000;
    expect((await ask('GET', ACTIVITY)).json.result, 'a week later').toMatchObject([
      { ip: HOME, last_at: now / 1_000 },
    ]);
  });

  it('has 20 rows where nothing else is asked for', async () => {
    const ask = await callerOf(account);
    await ask('POST', LIST, ipsOf('192.0.2.0/24'));
    await Promise.all(Array.from({ length: 25 }, (_, n) => ask('GET', LIST, undefined, `203.0.113.${n}`)));
    expect((await ask('GET', ACTIVITY)).json.result).toHaveLength(20);
    expect((await ask('GET', `${ACTIVITY}?limit=100`)).json.result).toHaveLength(26);
  });

  it('writes one time anew where an address comes in many processes, and says when it was first and last', async () => {
    const ask = await callerOf(account);
    await ask('POST', LIST, ipsOf('192.0.2.0/24'));
    for (let n = 0; n < 5; n++) {
      now += 60_000;
      await (await callerOf(account))('GET', LIST, undefined, STRANGE);
    }
    // The next day's first is counted anew, and the same note.
    now += 86_400_000;
    await (await callerOf(account))('GET', LIST, undefined, STRANGE);
    const { json } = await ask('GET', ACTIVITY);
    expect(json.result.filter(({ ip }: { ip: string }) => ip === STRANGE)).toMatchObject([
      { first_at: NOW / 1_000 + 60, last_at: now / 1_000 },
    ]);
    for (const [day, count] of Object.entries({ '2026-11-25': 1, '2026-11-26': 1 })) {
      const { Item } = await dynamodb.client.send(
        new GetCommand({ TableName: 'Messages', Key: notesKey(account, day, false) }),
      );
      expect(Item, day).toMatchObject({ claimed: count });
    }
  });

  // Attack: a key of the account asks for one row as often as it may, each of which is looked for among fourteen thousand.
  it('is read once in five seconds, however often it is asked for', async () => {
    let queries = 0;
    const { client } = dynamodb;
    const send = (command: never) => {
      queries++;
      return client.send(command);
    };
    const counting = { send } as unknown as typeof client;
    const { listAttempts } = cachedAttemptsIn('Messages', counting, () => now, 1);
    const { writeAttempt } = attemptNotesIn('Messages', client);
    for (const ip of [HOME, STRANGE]) await writeAttempt(account, { ip, method: 'API', allowed: true }, now);
    const all = await Promise.all(Array.from({ length: 30 }, () => listAttempts(account)));
    expect([queries, all[29]!.length]).toEqual([1, 1]);
    now += 5_000;
    await listAttempts(account);
    expect(queries).toBe(2);
  });

  it.each(['0', '-1', '1001', 'x', '1.5', ''])('limit=%s is refused', async (limit) => {
    const ask = await callerOf(account);
    expect(await ask('GET', `${ACTIVITY}?limit=${limit}`)).toMatchObject({
      status: 400,
      json: { errors: [{ field: 'limit' }] },
    });
  });
});
