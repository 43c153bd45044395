import { parse } from 'csv-parse/sync';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readColumns, readRow } from '../../../core/suppressions/rows.ts';
import { AT, NOW, startManage } from './account.ts';

let world: Awaited<ReturnType<typeof startManage>>;
beforeAll(async () => {
  world = await startManage();
});
afterAll(() => world.stop());
afterEach(() => {
  world.clock.now = NOW;
  expect(world.problems).toEqual([]);
});

let accounts = 0;
/** An account that nobody has written to yet. */
function setUp() {
  const account = `tester${String.fromCharCode(97 + Math.floor(accounts / 26), 97 + (accounts++ % 26))}`;
  const add = (list: 'bounces' | 'blocks' | 'spam_reports' | 'unsubscribes', emails: string[], created = AT - 1_000) =>
    world.addMany(
      account,
      list,
      emails.map((address, n) => ({
        address,
        entry: { created: created + n, reason: `reason ${n}`, status: '5.1.1' },
      })),
    );
  return { account, call: world.callBy(account), add };
}
const emailsOf = (json: { email: string }[]) => json.map(({ email }) => email);
const readers = (count: number) =>
  Array.from({ length: count }, (_, n) => `reader-${String(n).padStart(4, '0')}@x.example`);

describe('a list', () => {
  it('is paged by limit and offset from the oldest on, and each page names the others', async () => {
    const { call, add } = setUp();
    const all = readers(25);
    await add('bounces', all);
    const first = await call('GET', '/v3/suppression/bounces?limit=10&start_time=1');
    expect(emailsOf(first.json)).toEqual(all.slice(0, 10));
    const url = 'https://api.example/v3/suppression/bounces?start_time=1&limit=10&offset=';
    expect(first.headers.Link).toBe(
      `<${url}10>; rel="next"; title="2", <${url}20>; rel="last"; title="3", <${url}0>; rel="first"; title="1"`,
    );
    const second = await call('GET', '/v3/suppression/bounces?limit=10&offset=10');
    expect(emailsOf(second.json)).toEqual(all.slice(10, 20));
    expect(second.headers.Link).toMatch(/rel="next".*rel="prev".*rel="last".*rel="first"/);
    const last = await call('GET', '/v3/suppression/bounces?limit=10&offset=20');
    expect(emailsOf(last.json)).toEqual(all.slice(20));
    expect(last.headers.Link).not.toContain('rel="next"');
    expect((await call('GET', '/v3/suppression/bounces?offset=25')).json).toEqual([]);
  });

  it('has 500 entries on a page, unless the call says fewer', async () => {
    const { call, add } = setUp();
    await add('blocks', readers(620));
    const page = await call('GET', '/v3/suppression/blocks');
    expect([page.json.length, /offset=500>; rel="next"/.test(page.headers.Link ?? '')]).toEqual([500, true]);
  });

  it('is cut by time, both ends included', async () => {
    const { call, add } = setUp();
    await add('spam_reports', readers(10), 1_000);
    const cut = await call('GET', '/v3/suppression/spam_reports?start_time=1002&end_time=1005');
    expect(cut.json.map(({ created }: { created: number }) => created)).toEqual([1_002, 1_003, 1_004, 1_005]);
  });

  it.each([
    ['sales', ['sales@x.example', 'Salesteam@y.example']],
    ['%25y.example', ['Salesteam@y.example', 'a-tree-market@y.example']],
    ['%25market%25y', ['a-tree-market@y.example']],
    ['%25market%25tree', []],
    ['nobody', []],
  ])('finds addresses by %s', async (email, expected) => {
    const { call, add } = setUp();
    await add('unsubscribes', ['sales@x.example', 'Salesteam@y.example', 'a-tree-market@y.example']);
    expect(emailsOf((await call('GET', `/v3/suppression/unsubscribes?email=${email}`)).json)).toEqual(expected);
    const second = await call('GET', `/v3/suppression/unsubscribes?email=${email}&limit=1&offset=1`);
    expect(emailsOf(second.json)).toEqual(expected.slice(1, 2));
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=x', 'limit'],
    ['offset=-1', 'offset'],
    ['start_time=yesterday', 'start_time'],
    ['start_time=10&end_time=9', 'start_time'],
  ])('refuses %s by its name', async (query, field) => {
    const { call } = setUp();
    for (const path of ['suppression/bounces', 'suppression/unsubscribes', 'asm/suppressions']) {
      const answer = await call('GET', `/v3/${path}?${query}`);
      expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
    }
  });

  it('is emptied whole, by addresses, or by one', async () => {
    const { call, add, account } = setUp();
    const all = readers(300);
    await add('bounces', all);
    await add('spam_reports', all.slice(0, 2));
    expect((await call('DELETE', `/v3/suppression/bounces/${all[0]!.toUpperCase()}`)).status).toBe(204);
    expect((await call('DELETE', `/v3/suppression/bounces/${all[0]}`)).status).toBe(404);
    const some = { emails: [all[1], all[2], 'nobody@x.example'] };
    expect((await call('DELETE', '/v3/suppression/bounces', some)).status).toBe(204);
    expect(await world.countList(account, 'bounces', { since: 0, until: AT })).toBe(297);
    expect((await call('DELETE', '/v3/suppression/bounces', { delete_all: true })).status).toBe(204);
    expect((await call('GET', '/v3/suppression/bounces')).json).toEqual([]);
    // The other list of the same addresses stands.
    expect(emailsOf((await call('GET', '/v3/suppression/spam_reports')).json)).toEqual(all.slice(0, 2));
    expect(await world.readSuppression(account, all[9]!)).toBeUndefined();
  });

  it.each([
    [undefined, null],
    [{}, null],
    [{ delete_all: true, emails: ['a@x.example'] }, 'emails'],
    [{ delete_all: 'yes' }, 'delete_all'],
    [{ emails: 'a@x.example' }, 'emails'],
    [{ emails: [1] }, 'emails'],
  ])('is not emptied by %j', async (body, field) => {
    const { call, add } = setUp();
    await add('bounces', ['a@x.example']);
    const answer = await call('DELETE', '/v3/suppression/bounces', body);
    expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
    expect((await call('GET', '/v3/suppression/bounces')).json).toHaveLength(1);
  });

  it('too long to be emptied in one call says so, and the next call goes on', async () => {
    const { account, add } = setUp();
    await add('bounces', readers(2_000));
    let steps = 0;
    const call = world.callBy(account, { now: () => NOW + 7_000 * steps++ });
    expect((await call('DELETE', '/v3/suppression/bounces', { delete_all: true })).status).toBe(503);
    const left = await world.countList(account, 'bounces', { since: 0, until: AT + 9_999 });
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(2_000);
    expect((await world.callBy(account)('DELETE', '/v3/suppression/bounces', { delete_all: true })).status).toBe(204);
  });

  it('as CSV has SendGrid’s columns, is no formula to a spreadsheet, and reads back as it was', async () => {
    const { call, account } = setUp();
    const reasons = ['=HYPERLINK("http://evil.example")', 'a, "quoted"\nreply', "'=1+1", '-1', 'plain'];
    const entries = reasons.map((reason, n) => ({
      address: `reader-${n}@x.example`,
      entry: { created: AT - 10 + n, reason, status: '5.1.1' },
    }));
    await world.addMany(account, 'bounces', entries);
    const answer = await call('GET', '/v3/suppression/bounces', undefined, { accept: 'text/csv' });
    expect(answer.headers['Content-Type']).toMatch(/^text\/csv/);
    expect(answer.body.split('\r\n')[0]).toBe('status,reason,email,created');
    const [first, ...rows] = parse(answer.body) as string[][];
    for (const row of rows) for (const cell of row) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
    const { columns } = readColumns(first!)!;
    expect(rows.map((row) => readRow(row, columns, AT))).toEqual(entries.map((one) => ({ ok: true, ...one })));
  });
});

describe('bounces by class', () => {
  it('are counted by day, the most first, and by domain within a class', async () => {
    const { call, account } = setUp();
    const day = Date.parse('2026-11-20') / 1_000;
    const put = (
      list: 'bounces' | 'blocks',
      address: string,
      created: number,
      classification?: 'Reputation' | 'Invalid Address',
    ) => world.suppress({ account, address, list, entry: { created, ...(classification && { classification }) } });
    await put('bounces', 'a@x.example', day, 'Invalid Address');
    await put('bounces', 'b@y.example', day + 1, 'Invalid Address');
    await put('blocks', 'c@x.example', day + 2, 'Reputation');
    await put('bounces', 'd@x.example', day + 86_400);
    await put('bounces', 'old@x.example', day - 1, 'Invalid Address');
    const range = '?start_date=2026-11-20&end_date=2026-11-21';
    expect((await call('GET', `/v3/suppression/bounces/classifications${range}`)).json).toEqual({
      result: [
        {
          date: '2026-11-20',
          stats: [
            { classification: 'Invalid Address', count: 2 },
            { classification: 'Reputation', count: 1 },
          ],
        },
        { date: '2026-11-21', stats: [{ classification: 'Unclassified', count: 1 }] },
      ],
    });
    const invalid = await call('GET', `/v3/suppression/bounces/classifications/Invalid%20Address${range}`);
    expect(invalid.json.result).toEqual([
      {
        date: '2026-11-20',
        stats: [
          { domain: 'x.example', count: 1 },
          { domain: 'y.example', count: 1 },
        ],
      },
    ]);
    const csv = await call('GET', `/v3/suppression/bounces/classifications${range}`, undefined, { accept: 'text/csv' });
    expect(csv.body).toBe(
      'date,classification,count\r\n2026-11-20,Invalid Address,2\r\n2026-11-20,Reputation,1\r\n2026-11-21,Unclassified,1\r\n',
    );
    for (const [query, field] of [
      ['start_date=x', 'start_date'],
      ['end_date=2026-02-30', 'end_date'],
      ['start_date=2026-11-02&end_date=2026-11-01', 'start_date'],
      ['start_date=2020-01-01', 'start_date'],
    ])
      expect((await call('GET', `/v3/suppression/bounces/classifications?${query}`)).json.errors[0].field).toBe(field);
    expect((await call('GET', '/v3/suppression/bounces/classifications/Bad')).status).toBe(400);
  });
});

describe('groups', () => {
  const group = (name: string, more = {}) => ({ name, description: `About ${name}`, ...more });

  it('have ids that are never used twice, names of their own, and one default', async () => {
    const { call } = setUp();
    const one = await call('POST', '/v3/asm/groups', group('News', { is_default: true }));
    expect([one.status, one.json]).toEqual([201, { id: 1, name: 'News', description: 'About News', is_default: true }]);
    expect((await call('POST', '/v3/asm/groups', group('news'))).json.errors[0].field).toBe('name');
    const two = await call('POST', '/v3/asm/groups', group('Offers', { is_default: true }));
    expect(two.json.id).toBe(2);
    expect((await call('GET', '/v3/asm/groups/1')).json).toMatchObject({ is_default: false, unsubscribes: 0 });
    expect((await call('DELETE', '/v3/asm/groups/2')).status).toBe(204);
    expect((await call('POST', '/v3/asm/groups', group('Third'))).json.id).toBe(3);
    expect((await call('PATCH', '/v3/asm/groups/3', { name: 'News' })).status).toBe(400);
    const changed = await call('PATCH', '/v3/asm/groups/3', { name: 'Weekly' });
    expect([changed.status, changed.json]).toMatchObject([201, { id: 3, name: 'Weekly', description: 'About Third' }]);
    const all = await call('GET', '/v3/asm/groups');
    expect(all.json.map(({ id }: { id: number }) => id)).toEqual([1, 3]);
    expect((await call('GET', '/v3/asm/groups?id=3&id=2')).json.map(({ id }: { id: number }) => id)).toEqual([3]);
  });

  it('made by many at once are all there, each with its id', async () => {
    const { call } = setUp();
    const made = await Promise.all(['a', 'b', 'c', 'd'].map((name) => call('POST', '/v3/asm/groups', group(name))));
    expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(new Set(made.map(({ json }) => json.id)).size).toBe(4);
    expect((await call('GET', '/v3/asm/groups')).json).toHaveLength(4);
  });

  it.each([
    [{}, ['name', 'description']],
    [group('x'.repeat(31)), ['name']],
    [group('x', { description: 'x'.repeat(101) }), ['description']],
    [group('x', { is_default: 1 }), ['is_default']],
    [group('a\nb'), ['name', 'description']],
    [[], [null]],
  ])('refuse %j', async (body, fields) => {
    const answer = await setUp().call('POST', '/v3/asm/groups', body);
    expect([answer.status, answer.json.errors.map(({ field }: { field: string }) => field)]).toEqual([400, fields]);
  });

  it('are left and joined again by readers, each for itself', async () => {
    const { call, account } = setUp();
    for (const name of ['One', 'Two']) await call('POST', '/v3/asm/groups', group(name));
    const emails = ['a@x.example', 'b@x.example'];
    const added = await call('POST', '/v3/asm/groups/1/suppressions', { recipient_emails: emails });
    expect([added.status, added.json]).toEqual([201, { recipient_emails: emails }]);
    await call('POST', '/v3/asm/groups/2/suppressions', { recipient_emails: ['B@x.example'] });
    expect((await call('GET', '/v3/asm/groups/1/suppressions')).json).toEqual(emails);
    const search = { recipient_emails: ['A@x.example', 'c@x.example'] };
    expect((await call('POST', '/v3/asm/groups/1/suppressions/search', search)).json).toEqual(['A@x.example']);
    expect((await call('GET', '/v3/asm/suppressions/b@x.example')).json.suppressions).toMatchObject([
      { id: 1, suppressed: true },
      { id: 2, suppressed: true },
    ]);
    expect((await call('GET', '/v3/asm/suppressions')).json).toEqual([
      { email: 'a@x.example', group_id: 1, group_name: 'One', created_at: AT },
      { email: 'b@x.example', group_id: 1, group_name: 'One', created_at: AT },
      { email: 'b@x.example', group_id: 2, group_name: 'Two', created_at: AT },
    ]);
    const paged = await call('GET', '/v3/asm/suppressions?limit=1&offset=1');
    expect(paged.json).toMatchObject([{ email: 'b@x.example', group_id: 1 }]);
    expect((await call('GET', '/v3/asm/groups/1')).json.unsubscribes).toBe(2);
    expect((await call('DELETE', '/v3/asm/groups/1/suppressions/a@x.example')).status).toBe(204);
    expect((await call('GET', '/v3/asm/groups/1/suppressions')).json).toEqual(['b@x.example']);
    // With the group its readers go from the list, and from no other.
    await call('DELETE', '/v3/asm/groups/1');
    expect(Object.keys((await world.readSuppression(account, 'b@x.example'))?.groups ?? {})).toEqual(['2']);
    expect((await call('GET', '/v3/asm/groups/1/suppressions')).status).toBe(404);
  });

  it('that are gone: who leaves them leaves it all', async () => {
    const { call } = setUp();
    const answer = await call('POST', '/v3/asm/groups/99/suppressions', { recipient_emails: ['a@x.example'] });
    expect(answer.status).toBe(201);
    expect((await call('GET', '/v3/asm/suppressions/global/a@x.example')).json).toEqual({
      recipient_email: 'a@x.example',
    });
  });

  it.each([
    [undefined, 'recipient_emails'],
    [{ recipient_emails: 'a@x.example' }, 'recipient_emails'],
    [{ recipient_emails: ['a@x.example', 'nonsense'] }, 'recipient_emails.1'],
  ])('take no %j, all or none', async (body, field) => {
    const { call } = setUp();
    const answer = await call('POST', '/v3/asm/suppressions/global', body);
    expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
    expect((await call('GET', '/v3/asm/suppressions/global/a@x.example')).json).toEqual({});
  });
});

describe('the bounce purge', () => {
  it('takes what is older off bounces and blocks, at once and for good', async () => {
    const { call, account } = setUp();
    const at = (days: number) => ({ created: AT - days * 86_400 });
    for (const list of ['bounces', 'blocks', 'spam_reports'] as const)
      for (const days of [1, 5, 50])
        await world.suppress({ account, address: `${days}@x.example`, list, entry: at(days) });
    const on = await call('PATCH', '/v3/mail_settings/bounce_purge', {
      enabled: true,
      hard_bounces: 10,
      soft_bounces: 3,
    });
    expect(on.json).toEqual({ enabled: true, hard_bounces: 10, soft_bounces: 3 });
    const lists = async () =>
      Promise.all(
        ['bounces', 'blocks', 'spam_reports'].map(async (list) =>
          emailsOf((await call('GET', `/v3/suppression/${list}`)).json),
        ),
      );
    const all = ['50@x.example', '5@x.example', '1@x.example'];
    expect(await lists()).toEqual([all.slice(1), all.slice(2), all]);
    expect((await call('GET', '/v3/suppression/bounces/50@x.example')).json).toEqual([]);
    expect((await call('GET', '/v3/suppression/spam_reports/50@x.example')).json).toHaveLength(1);
    // A day later; and it stays gone when the setting is off.
    world.clock.now = NOW + 6 * 86_400_000;
    expect((await lists())[0]).toEqual(all.slice(2));
    await call('PATCH', '/v3/mail_settings/bounce_purge', { enabled: false });
    expect((await lists())[0]).toEqual(all.slice(2));
    expect((await call('GET', '/v3/mail_settings/bounce_purge')).json).toEqual({
      enabled: false,
      hard_bounces: 10,
      soft_bounces: 3,
    });
  });

  it.each([
    [{ enabled: 1 }, 'enabled'],
    [{ hard_bounces: 0 }, 'hard_bounces'],
    [{ soft_bounces: 1.5 }, 'soft_bounces'],
    [[], null],
  ])('refuses %j', async (body, field) => {
    const answer = await setUp().call('PATCH', '/v3/mail_settings/bounce_purge', body);
    expect([answer.status, answer.json.errors[0].field]).toEqual([400, field]);
  });
});

describe('the address whitelist', () => {
  it('is replaced by a list that is given, and kept by a change that says none', async () => {
    const { call } = setUp();
    const path = '/v3/mail_settings/address_whitelist';
    expect((await call('GET', path)).json).toEqual({ enabled: false, list: [] });
    const list = ['a@x.example', 'Y.example'];
    expect((await call('PATCH', path, { enabled: true, list })).json).toEqual({ enabled: true, list });
    expect((await call('PATCH', path, { enabled: false })).json).toEqual({ enabled: false, list });
    expect((await call('PATCH', path, { list: [] })).json).toEqual({ enabled: false, list: [] });
    for (const [body, field] of [
      [{ list: 'x' }, 'list'],
      [{ list: ['ok.example', 'no one'] }, 'list.1'],
      [{ enabled: 'yes' }, 'enabled'],
    ] as const)
      expect((await call('PATCH', path, body)).json.errors[0].field).toBe(field);
  });
});
