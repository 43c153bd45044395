/**
 * What every route must stand, whichever there are: cases are made from the table of routes, so a new one is tried without a word here. The
 * handler runs in this process with the template's variables, on the stack's own tables.
 */
import { inspect } from 'node:util';
import { DeleteCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeApiKey } from '../../../core/api-key.ts';
import { ANY_KEY, isScope, SCOPES } from '../../../core/scopes.ts';
import { ROUTES, type Route } from '../../../lambdas/manage/routes.ts';
import { exampleOf, OF_OPERATOR, OWN_EXAMPLES, REFUSED } from './examples/index.ts';
import { type Ask, type Here, startHere } from './here.ts';
import { nameOf, OPERATIONS, plain } from './operations.ts';

/** Calls of one account in a minute: then it is another's turn. */
const TURN = 500;
/** Of each writing route. `FUZZ=10000` for the whole of it. */
const BODIES = Number(process.env.FUZZ ?? 100);
const HEADERS = 100_000;

let here: Here;
beforeAll(async () => {
  here = await startHere();
}, 120_000);
afterAll(() => here?.end());

/** Asks by accounts that take turns, so that none reaches the limit of calls. */
function inTurns(scopes?: readonly string[]): { ask: () => Promise<Ask> } {
  let calls = 0;
  let current: Promise<Ask> | undefined;
  return {
    ask: () => {
      if (!current || ++calls % TURN === 0)
        current = here.keyOf(here.newAccount(), scopes).then((authorization) => here.inside(authorization));
      return current;
    },
  };
}

const filled = (path: string, value = '1') => path.replaceAll(/\{\w+\}/g, encodeURIComponent(value));
/** Routes that answer a call without a key, each with the reason. */
const KEYLESS: Readonly<Record<string, string>> = {
  'GET /v3/verified_senders/verify/{token}':
    'a person opens the link of a mail: its token is the proof, and no token is a page that says so',
};
/** Routes whose errors are no list, each with the reason. */
const OTHER_ERRORS: Readonly<Record<string, string>> = {
  'POST /v3/whitelabel/dns/email': 'SendGrid’s document of this one call has `errors: {error, field}`',
  'DELETE /v3/ips/pools/{pool_name}': 'SendGrid’s document has `error` where there is no such pool',
  'DELETE /v3/ips/pools/{pool_name}/ips/{ip}': 'the same',
};
const problemsOf = (log: string[]) => log.filter((line) => /"level":"ERROR"/.test(line));

/**
 * All that the tables hold of an account, but what mail in flight adds. It reads the tables whole: so the cases that use it come first, before others
 * have filled them with thousands of items.
 */
async function everythingOf(account: string): Promise<string> {
  const found = await itemsOf(account);
  return found
    .map(({ item }) => inspect(item, { sorted: true, depth: 12 }))
    .sort()
    .join('\n');
}

type Found = { table: string; item: Record<string, unknown> };

async function itemsOf(account: string): Promise<Found[]> {
  const all = await Promise.all(here.stack.tables().map(({ name }) => itemsIn(name, account)));
  return all.flat();
}

async function itemsIn(table: string, account: string): Promise<Found[]> {
  const found: Found[] = [];
  for (let from: Record<string, unknown> | undefined, more = true; more; more = from !== undefined) {
    const page = await here.tables.send(
      new ScanCommand({ TableName: table, ConsistentRead: true, ...(from && { ExclusiveStartKey: from }) }),
    );
    for (const item of page.Items ?? []) if (JSON.stringify(item).includes(account)) found.push({ table, item });
    from = page.LastEvaluatedKey;
  }
  return found;
}

/** Leaves the tables as small as they were: each case reads them whole, twice, and a key with every scope is long. */
async function forget(...accounts: string[]): Promise<void> {
  const found = (await Promise.all(accounts.map(itemsOf))).flat();
  await Promise.all(
    found.map(({ table, item: { pk, sk } }) =>
      here.tables.send(new DeleteCommand({ TableName: table, Key: { pk, sk } })),
    ),
  );
}

describe.skipIf(OPERATIONS.length === 0)('two accounts', () => {
  const named = ROUTES.filter(({ path }) => path.includes('{'));
  const operationOf = (route: Route) => OPERATIONS.find((one) => plain(nameOf(one)) === plain(nameOf(route)));
  /** Routes whose names in braces are no ids of anything: words that every account may say. */
  const WORDS_ONLY = new Set([
    'GET /v3/clients/{}/stats',
    'GET /v3/suppression/bounces/classifications/{}',
    // Who leaves a group that is not there leaves all of the caller's own mail (SendGrid).
    'POST /v3/asm/groups/{}/suppressions',
    // Source addresses are the stack's: whoever sends by it may know them. What else is shown of them is the caller's own.
    'GET /v3/ips/{}',
    'GET /v3/ips/warmup/{}',
    'GET /v3/send_ips/ips/{}',
    'GET /v3/send_ips/ips/{}/subusers',
    'POST /v3/send_ips/ips/{}/subusers:batchAdd',
    'POST /v3/send_ips/ips/{}/subusers:batchDelete',
  ]);
  /** What is not found, where that is not 404, each with the reason. */
  const NOT_FOUND: Readonly<Record<string, number>> = {
    // SendGrid's document: `invalid batch id`.
    'GET /v3/mail/batch/{}': 400,
    // Refused for everybody, whatever is named: the settings have it.
    ...Object.fromEntries(Object.keys(REFUSED).map((name) => [plain(name), 400])),
    // Not the account’s to change, whatever is named.
    ...Object.fromEntries([...OF_OPERATOR].map((name) => [plain(name), 403])),
  };

  // Attack: an account with every scope names what is another's, in every route that takes a name, by the very ids the other has.
  it.each(named.map((route) => [nameOf(route), route] as const))(
    '%s with the other’s ids: 404, and nothing is changed',
    async (_, route) => {
      // Prepare
      const operation = operationOf(route);
      const victim = here.newAccount();
      const own = await here.inside(await here.keyOf(victim));
      const make = operation ? exampleOf(operation) : OWN_EXAMPLES[nameOf(route)];
      const example = (await make?.({ here, account: victim, ask: own })) ?? {};
      const path = route.path.replaceAll(/\{([^}]+)\}/g, (_all, key) => {
        const given = example.path ?? {};
        return encodeURIComponent(given[key] ?? Object.values(given)[0] ?? 'nobody');
      });
      const before = await everythingOf(victim);
      // Act
      const attacker = here.newAccount();
      const attack = await here.inside(await here.keyOf(attacker));
      const url = example.query === undefined ? path : `${path}?${example.query}`;
      const answer = await attack(route.method, url, example.body, example.headers);
      // Assess: SendGrid answers some of these with an empty list, where the name is an address that anybody may ask about.
      expect(answer.status).toBeLessThan(500);
      const asksOfAddress = /\{email\}/.test(route.path);
      const name = plain(nameOf(route));
      if (!asksOfAddress && !WORDS_ONLY.has(name)) expect(answer.status).toBe(NOT_FOUND[name] ?? 404);
      expect(answer.body).not.toContain(victim);
      expect(await everythingOf(victim)).toBe(before);
      await forget(victim, attacker);
    },
  );

  // Attack: a subuser, or a stranger, calls in the name of an account that is not his.
  it('call on behalf of no one but their own subusers', async () => {
    const parent = here.newAccount();
    const asParent = await here.inside(await here.keyOf(parent));
    for (const username of ['branch', 'twig'])
      await asParent('POST', '/v3/subusers', { username, email: 'b@example.com', password: 'p', ips: [] });
    const asBranch = { 'on-behalf-of': 'Branch' };
    const made = await asParent('POST', '/v3/api_keys', { name: 'of the branch' }, asBranch);
    expect(made).toMatchObject({ status: 201, json: { name: 'of the branch' } });
    const branch = await here.inside(`Bearer ${made.json.api_key}`);
    expect((await branch('GET', '/v3/api_keys')).json.result).toHaveLength(1);
    expect((await asParent('GET', '/v3/api_keys', undefined, asBranch)).json.result).toHaveLength(1);
    const stranger = await here.inside(await here.keyOf(here.newAccount()));
    for (const [ask, name] of [
      [stranger, 'branch'],
      [branch, 'twig'],
      [branch, 'branch'],
      [asParent, 'nobody'],
      [asParent, `account-id ${parent}`],
      [asParent, parent],
      [asParent, 'x'.repeat(2_000)],
      [asParent, `subuser#branch`],
    ] as const)
      for (const route of ROUTES.slice(0, 5))
        expect(await ask(route.method, filled(route.path), undefined, { 'on-behalf-of': name })).toMatchObject({
          status: 403,
          json: { errors: [{ message: 'access forbidden' }] },
        });
    // And a subuser has none himself.
    expect((await branch('GET', '/v3/subusers')).status).toBe(403);
    expect((await branch('POST', '/v3/subusers', { username: 'leaf' })).status).toBe(403);
  });
});

describe('the table of routes', () => {
  it('asks for scopes of core/scopes.ts alone, each route for one', () => {
    for (const { method, path, scope } of ROUTES)
      expect({ route: `${method} ${path}`, known: scope === ANY_KEY || isScope(scope) }).toEqual({
        route: `${method} ${path}`,
        known: true,
      });
    expect(isScope(ANY_KEY)).toBe(false);
    expect([...SCOPES]).toEqual([...new Set(SCOPES)].sort());
  });

  it('has each route once, literal words before names in the same place', () => {
    const names = ROUTES.map(nameOf).map(plain);
    expect(names).toEqual([...new Set(names)]);
    const shadows = (first: Route, second: Route) => {
      const [a, b] = [first.path.split('/'), second.path.split('/')];
      return (
        first.method === second.method &&
        a.length === b.length &&
        a.every((segment, n) => segment === b[n] || segment.startsWith('{'))
      );
    };
    for (const [n, route] of ROUTES.entries())
      for (const later of ROUTES.slice(n + 1))
        expect(shadows(route, later) ? `${nameOf(route)} hides ${nameOf(later)}` : '').toBe('');
  });

  // Attack: a key that may do one thing is tried on everything else.
  it('lets a key call exactly the routes of its scope: all pairs', async () => {
    const allowed: string[] = [];
    let pairs = 0;
    for (const scope of SCOPES) {
      const turns = inTurns([scope]);
      for (const route of ROUTES) {
        // A body that no route takes: what is let through changes nothing.
        const ask = await turns.ask();
        const { status, json } = await ask(route.method, filled(route.path, 'nobody'), '\u0000');
        pairs++;
        const forbidden = status === 403 && json.errors[0].message === 'access forbidden';
        const may = route.scope === scope || route.scope === ANY_KEY;
        expect({ scope, route: nameOf(route), forbidden }).toEqual({ scope, route: nameOf(route), forbidden: !may });
        if (may) allowed.push(`${scope} ${nameOf(route)}`);
      }
    }
    expect(pairs).toBe(SCOPES.length * ROUTES.length);
    expect(allowed.length).toBeGreaterThanOrEqual(ROUTES.length);
  }, 240_000);

  // Attack: a route is called by nobody at all.
  it('answers nobody without a key, and says nothing to him', async () => {
    const ask = await here.inside(undefined);
    for (const route of ROUTES) {
      const answer = await ask(route.method, filled(route.path));
      if (KEYLESS[nameOf(route)])
        expect(answer).toMatchObject({ status: 404, body: expect.stringMatching(/not valid|was used, or is older/) });
      else expect(answer).toMatchObject({ status: 401, json: { errors: [{ message: 'authorization required' }] } });
    }
  });
});

describe('Authorization', () => {
  // Attack: headers made to crash the parser, to cost time, to reach another partition, or to be logged. None is a key, so none may read
  // another's item, and none may be answered with anything but 401.
  it(`is refused ${HEADERS} times in malformed ways, each time with 401`, async () => {
    const { key } = makeApiKey('operator', Buffer.alloc(43, 9));
    const strange = fc.oneof(
      fc.string({ maxLength: 200, unit: 'binary' }),
      fc.string({ maxLength: 200 }),
      fc
        .nat({ max: key.length - 1 })
        .chain((at) =>
          fc.string({ minLength: 1, maxLength: 3 }).map((text) => key.slice(0, at) + text + key.slice(at)),
        ),
      fc.nat({ max: key.length - 1 }).map((at) => key.slice(0, at)),
      fc.constantFrom(
        '',
        ' ',
        'SG',
        'SG.',
        'SG..',
        `SG.${'a'.repeat(1e4)}`,
        '\r\nX: y',
        '__proto__',
        'SG.../../x',
        `${key}\u0000`,
      ),
    );
    const scheme = fc.constantFrom(
      'Bearer ',
      'bearer ',
      'Bearer',
      'Basic ',
      '',
      'Bearer  ',
      'Bearer\t',
      'Bearer Bearer ',
    );
    const given = fc.sample(fc.tuple(scheme, strange), HEADERS).map(([one, text]) => one + text);
    const statuses = new Map<number, number>();
    const ask = await here.inside(undefined);
    for (const authorization of given) {
      const { status } = await ask('GET', '/v3/scopes', undefined, { authorization });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    expect([...statuses]).toEqual([[401, HEADERS]]);
  }, 120_000);
});

/** Values of all kinds where another kind is awaited, at any depth; and bodies that are no JSON. */
const value = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    Number.MAX_SAFE_INTEGER,
    '',
    ' ',
    '\u0000',
    '\ud800',
    '../',
    '{{',
    '<%',
    'a@b',
    [],
    {},
    [[]],
    [null],
    [{}],
  ),
  fc.string({ maxLength: 40 }),
  fc.string({ minLength: 2_000, maxLength: 3_000 }),
  fc.emailAddress(),
  fc.array(fc.constantFrom<unknown>('a', 1, null, {}), { maxLength: 4 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** The names of fields that some operation's document knows, so that a body comes near to what is taken. */
const WORDS = [
  ...new Set(
    [
      ...ROUTES.map(({ path }) => path),
      'name scopes username email password ips disabled type total reset_frequency allocation_update enabled list url hostname spam_check send_raw recipient_emails emails delete_all description is_default soft_bounces hard_bounces require_tls require_valid_cert version timezone friendly_name oauth_client_id oauth_client_secret oauth_token_url id from to subject domain subdomain default automatic_security custom_spf query limit __proto__ constructor toString html_content plain_content active template_id test_data generation nickname reply_to email_to first_name city website zip',
    ]
      .join(' ')
      .match(/\w+/g)!,
  ),
];
const body = fc.oneof(
  { weight: 6, arbitrary: fc.dictionary(fc.constantFrom(...WORDS), value, { maxKeys: 8 }) },
  { weight: 2, arbitrary: value },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      Buffer.from('{'),
      Buffer.from('{"a":1}}'),
      Buffer.from('['.repeat(50_000)),
      Buffer.from(`${'['.repeat(20_000)}${']'.repeat(20_000)}`),
      Buffer.from(`{"name":"${'x'.repeat(300_000)}"}`),
      Buffer.from('{"__proto__":{"scopes":["mail.send"]},"constructor":{"prototype":{}}}'),
      Buffer.from([0xff, 0xfe, 0x7b]),
      Buffer.from(JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, n])))),
    ),
  },
);

describe('bodies', () => {
  const writing = ROUTES.filter(({ method }) => method !== 'GET');

  // Attack: bodies of every wrong kind, to make a route fail where it should refuse.
  it.each(writing.map((route) => [nameOf(route), route] as const))(
    `%s: never a 5xx, of ${BODIES} of all kinds`,
    async (_, route) => {
      const turns = inTurns();
      const failed: unknown[] = [];
      const sampled = fc.sample(
        fc.tuple(body, fc.constantFrom('1', 'nobody', '%', "'", 'a@b.example', '__proto__', '9'.repeat(2_000))),
        BODIES,
      );
      for (const [one, name] of sampled) {
        const ask = await turns.ask();
        const { status, json } = await ask(route.method, filled(route.path, name), one);
        if (status >= 500) failed.push({ status, body: inspect(one).slice(0, 300), name });
        const isOther =
          OTHER_ERRORS[nameOf(route)] && (typeof json?.errors === 'object' || typeof json?.error === 'string');
        const isShaped = isOther || Array.isArray(json?.errors);
        if (status >= 400 && !isShaped) failed.push({ status, json, why: 'not SendGrid’s shape' });
      }
      expect({ failed, polluted: ({} as Record<string, unknown>).scopes }).toEqual({ failed: [], polluted: undefined });
    },
    60_000 + BODIES * 20,
  );
});

describe('queries', () => {
  const PARAMETERS = [
    'limit',
    'offset',
    'start_date',
    'end_date',
    'start_time',
    'end_time',
    'aggregated_by',
    'query',
    'id',
    'email',
    'username',
    'usernames',
    'subusers',
    'categories',
    'date',
    'sort_by_metric',
    'page_size',
    'page_token',
    'after_key',
    'generations',
    'lastSeenID',
    'machine',
    'country',
  ];
  const text = fc.oneof(
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1e9',
      '9'.repeat(30),
      'NaN',
      '2026-13-45',
      '2026-11-25',
      '%',
      'null',
      '\u0000',
      "' OR 1=1",
      '[]',
    ),
    fc.string({ maxLength: 30 }),
    fc.string({ minLength: 1_500, maxLength: 2_000 }),
  );
  const query = fc.dictionary(fc.constantFrom(...PARAMETERS), text, { maxKeys: 5 });
  const reading = ROUTES.filter(({ method }) => method === 'GET');

  // Attack: parameters that are no numbers, no dates, or far beyond what there is.
  it.each(reading.map((route) => [nameOf(route), route] as const))(
    '%s: never a 5xx',
    async (_, route) => {
      const turns = inTurns();
      const failed: unknown[] = [];
      for (const asked of fc.sample(query, 40)) {
        const ask = await turns.ask();
        const { status } = await ask('GET', `${filled(route.path)}?${new URLSearchParams(asked)}`);
        if (status >= 500) failed.push({ status, asked });
      }
      expect(failed).toEqual([]);
    },
    60_000,
  );
});

it('nothing of all this was a failure of ours', () => expect(problemsOf(here.log)).toEqual([]));
