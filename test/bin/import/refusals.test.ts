/** What a source may say that this API would not, and lists as long as they come; into real tables (the emulator's). */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { copyGroups } from '../../../bin/cli/import/groups.ts';
import { openHere } from '../../../bin/cli/import/here.ts';
import { byTime, copyLists, writerOf } from '../../../bin/cli/import/lists.ts';
import { openReport } from '../../../bin/cli/import/report.ts';
import { listSenders } from '../../../bin/cli/import/senders.ts';
import { openSource } from '../../../bin/cli/import/source.ts';
import { copyTemplates } from '../../../bin/cli/import/templates.ts';
import { copyParse, copyWebhooks } from '../../../bin/cli/import/webhooks.ts';
import { startDynamodb } from '../../io/dynamodb.ts';
import { startSource } from './fake-source.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts', 'Suppressions']);
});
afterAll(() => dynamodb.stop());
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

type Copy = typeof copyGroups;
const DOMAIN = {
  pk: 'x',
  sk: 'domain#shop.example',
  domain: 'shop.example',
  returnPath: 'em.shop.example',
  validAt: 1,
};

/** Runs parts of an import against answers by path; whatever has none is 404. */
async function given(account: string, answers: Record<string, unknown>, copies: Copy[]) {
  const fake = await startSource(({ url }) => {
    const answer = answers[url.pathname];
    if (typeof answer === 'number') return { status: answer };
    if (answer === undefined) return { status: 404 };
    return { body: Number(url.searchParams.get('offset')) > 0 && Array.isArray(answer) ? [] : answer };
  });
  ends.push(fake.end);
  const source = openSource(fake.origin, 'SG.x', { wait: async () => {} });
  const connection = {
    account,
    operator: { listDomains: async () => [DOMAIN], listLinks: async () => [] },
    tables: dynamodb.client,
    accountsTable: 'Accounts',
    suppressionsTable: 'Suppressions',
    lanes: [],
    local: false,
  };
  const here = openHere(connection as never, false);
  const lines: string[] = [];
  const report = openReport(copies.length, {
    stream: { isTTY: false, write: (line: string) => lines.push(line) } as never,
  });
  const told: { failed: string[]; left: string[]; todo: string[]; mapped: string[] } = {
    failed: [],
    left: [],
    todo: [],
    mapped: [],
  };
  const listening = {
    ...report,
    failed: (what: string, why: string) => {
      told.failed.push(`${what}: ${why}`);
      report.failed(what, why);
    },
    left: (what: string, why: string) => void told.left.push(`${what}: ${why}`),
    todo: (what: string) => void told.todo.push(what),
  };
  for (const copy of copies) await copy(source, here, listening);
  return { ...told, here, fake };
}

describe('what the source says and this API would not', () => {
  it('groups: names too long, ids that are none; who left them is told too', async () => {
    const group = { name: 'News', description: 'weekly', is_default: false };
    const { failed, here } = await given(
      'groups22',
      {
        '/v3/asm/groups': [
          { ...group, id: 19_000 },
          { ...group, id: 18_000, name: 'x'.repeat(31) },
          { ...group, id: 1e12, name: 'Far' },
        ],
        '/v3/asm/suppressions': [
          { email: 'a@x.example', group_id: 19_000, created_at: 1_700_000_000 },
          { email: 'b@x.example', group_id: 18_000, created_at: 1_700_000_000 },
          { email: 'nobody', group_id: 19_000, created_at: 1_700_000_000 },
        ],
      },
      [copyGroups],
    );
    expect(failed).toEqual([
      `18000 "${'x'.repeat(31)}": name must not be longer than 30 characters`,
      expect.stringContaining('1000000000000 "Far": its id'),
      'b@x.example: group 18000 was not copied',
      'nobody: not an address: nobody',
    ]);
    expect((await here.stores.listGroups('groups22')).map(({ id }) => id)).toEqual([19_000]);
    const next = await here.stores.createGroup('groups22', { name: 'Own', description: 'x', isDefault: false }, 1);
    expect(next).toMatchObject({ id: 19_001 });
    const record = await here.stores.readSuppression('groups22', 'a@x.example');
    expect(record?.groups).toEqual({ 19000: { created: 1_700_000_000 } });
  });

  it('templates: what cannot be rendered is named, the rest is copied; none is active that was not', async () => {
    const id = `d-${'ab'.repeat(16)}`;
    const [bad, good] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
    const lean = { name: 'v', subject: 's', active: 0, updated_at: '2021-04-28 13:12:46' };
    const template = {
      id,
      name: 'Order',
      generation: 'dynamic',
      versions: [
        { ...lean, id: bad },
        { ...lean, id: good },
      ],
    };
    const { failed, here } = await given(
      'template',
      {
        '/v3/templates': { result: [template, { id: '../../keys', name: 'x', versions: [] }] },
        [`/v3/templates/${id}/versions/${bad}`]: { ...lean, id: bad, html_content: '{{#each x}}' },
        [`/v3/templates/${id}/versions/${good}`]: { ...lean, id: good, html_content: '{{x}}' },
      },
      [copyTemplates],
    );
    expect(failed).toHaveLength(2);
    expect(failed[0]).toMatch(new RegExp(`^${id}, version ${bad} "v": .*each`));
    expect(failed[1]).toMatch(/its id is that of no template/);
    const made = await here.stores.readTemplate('template', id);
    expect(made).toMatchObject({ versions: 1, createdAt: expect.any(Number) });
    expect(made?.active).toBeUndefined();
    const version = await here.stores.readTemplateVersion('template', id, good);
    expect(version?.createdAt).toBe(Date.parse('2021-04-28T13:12:46Z'));
  });

  it('webhooks and parse settings: an account of the old kind; URLs that nothing may post to', async () => {
    const { failed, here, todo } = await given(
      'webhooks',
      {
        '/v3/user/webhooks/event/settings': { enabled: true, url: 'https://hooks.example:8444/x', bounce: true },
        '/v3/user/webhooks/parse/settings': {
          result: [
            {
              hostname: 'in.shop.example',
              url: 'https://shop.example/in',
              spam_check: true,
              security_policy: 'theirs',
            },
            { hostname: 'in.other.example', url: 'https://shop.example/in' },
          ],
        },
      },
      [copyWebhooks, copyParse],
    );
    expect(failed[0]).toMatch(/^https:\/\/hooks.example:8444\/x: url must use port 443/);
    expect(failed[1]).toMatch(/^in.other.example: hostname must be a domain that this account sends from/);
    expect(await here.stores.listParseSettings('webhooks')).toMatchObject([
      { hostname: 'in.shop.example', spamCheck: true },
    ]);
    expect(todo.join('\n')).toMatch(/MX record of in.shop.example/);
    expect(todo.filter((one) => one.includes('security policy'))).toEqual([
      expect.stringMatching(/^in.shop.example: /),
    ]);
    expect((await here.stores.listParseSettings('webhooks'))[0]).not.toHaveProperty('securityPolicy');
  });

  // The attack: a source that answers anything at all, so that the import crashes, loops, or writes what it should not.
  it.each([
    ['null', null],
    ['text', '"x"'],
    ['a list of nulls', [null]],
    ['a list of lists', [[]]],
    ['an empty object', {}],
    ['objects of nothing', [{}]],
  ])('%s everywhere', async (_, body) => {
    const paths = [
      'asm/groups',
      'asm/suppressions',
      'templates',
      'user/webhooks/event/settings/all',
      'user/webhooks/parse/settings',
      'whitelabel/domains',
      'whitelabel/links',
      'verified_senders',
    ];
    const lists = ['bounces', 'blocks', 'invalid_emails', 'spam_reports', 'unsubscribes'].map(
      (name) => `suppression/${name}`,
    );
    const answers = Object.fromEntries([...paths, ...lists].map((path) => [`/v3/${path}`, body]));
    const { here } = await given('anything', answers, [
      copyLists,
      copyGroups,
      copyTemplates,
      copyWebhooks,
      copyParse,
      listSenders,
    ]);
    expect(await here.stores.listGroups('anything')).toEqual([]);
    expect(await here.stores.listTemplates('anything')).toEqual([]);
  });

  it('a list that fails leaves the others whole, and is a failure', async () => {
    const { failed, left, here } = await given(
      'failing2',
      {
        '/v3/suppression/bounces': 500,
        '/v3/suppression/blocks': 403,
        '/v3/suppression/spam_reports': [{ email: 'a@x.example', created: 5 }],
      },
      [copyLists],
    );
    expect(failed.map((one) => one.slice(0, 40))).toEqual([
      expect.stringMatching(/^the rest of it: .*bounces/),
      expect.stringMatching(/^all of it: the source's key/),
    ]);
    expect(left).toHaveLength(2);
    expect((await here.stores.readSuppression('failing2', 'a@x.example'))?.spam_reports).toEqual({ created: 5 });
  });
});

describe('a list of 300,000', () => {
  it('is written as it is read, in the memory of a few pages', async () => {
    const COUNT = 300_000;
    const { origin, end } = await startSource(({ url }) => {
      const [limit, offset, since] = ['limit', 'offset', 'start_time'].map((name) =>
        Number(url.searchParams.get(name)),
      );
      // One a second from 1 on, so that the place of a time is known.
      const from = Math.max(0, since! - 1) + offset!;
      const body = Array.from({ length: Math.max(0, Math.min(limit!, COUNT - from)) }, (_, n) => ({
        email: `reader-${from + n}@x.example`,
        created: from + n + 1,
        reason: `550 5.1.1 ${'no such user '.repeat(20)}`,
      }));
      return { body };
    });
    ends.push(end);
    let written = 0;
    let most = 0;
    let read = 0;
    const report = openReport(1, { stream: { isTTY: false, write: () => true } as never });
    const stores = {
      addMany: async (_a: string, _l: string, entries: unknown[]) => {
        written += entries.length;
        most = Math.max(most, entries.length);
        return entries.length;
      },
    };
    const writer = writerOf({ account: 'many2222', stores, dryRun: false } as never, report);
    const source = openSource(origin, 'SG.x');
    // What is kept counts, not what nobody has collected yet.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    collect();
    const before = process.memoryUsage().heapUsed;
    let grown = 0;
    for await (const item of byTime(source, '/v3/suppression/bounces')) {
      read++;
      await writer.add('bounces', item);
      if (read % 50_000 !== 0) continue;
      collect();
      grown = Math.max(grown, process.memoryUsage().heapUsed - before);
    }
    await writer.end();
    expect({ read, written }).toEqual({ read: COUNT, written: COUNT });
    expect(most).toBeLessThanOrEqual(528);
    // All of them together are some 100 MB.
    expect(grown).toBeLessThan(30_000_000);
  }, 60_000);
});
