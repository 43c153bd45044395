/** Alerts at their times, on real tables: one mail for each period, however often and late their looks come. */
import { QueryCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AlertRecord, alertKey, nextLook } from '../../../core/alerts/alert.ts';
import type { BrakesRecord } from '../../../core/brakes/brakes.ts';
import { OPERATOR } from '../../../core/records/accounts.ts';
import type { DomainRecord } from '../../../core/records/domains.ts';
import type { Hold } from '../../../core/records/holds.ts';
import type { AccountRecord } from '../../../core/records/subusers.ts';
import { alertsIn } from '../../../io/alerts.ts';
import { type AlertDeps, lookAtAlert } from '../../../lambdas/notify/alert.ts';
import { startDynamodb } from '../../io/dynamodb.ts';

const START = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let alerts: ReturnType<typeof alertsIn>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts', 'Holds']);
  alerts = alertsIn({ accounts: 'Accounts', holds: 'Holds' }, dynamodb.client);
});
afterAll(() => dynamodb.stop());

const world = {
  now: START,
  account: '',
  counts: {} as Record<string, Record<string, number>>,
  claimed: {} as Record<string, number>,
  brakes: undefined as BrakesRecord | undefined,
  parented: undefined as AccountRecord | undefined,
  contact: undefined as string | undefined,
  domain: true,
  problems: [] as string[],
};
let accounts = 0;
beforeEach(() => {
  Object.assign(world, {
    now: START,
    account: `acc-${++accounts}`,
    counts: {},
    claimed: {},
    brakes: undefined,
    parented: undefined,
    contact: undefined,
    domain: true,
    problems: [],
  });
});

const deps = (): AlertDeps => ({
  ...alerts,
  now: () => world.now,
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  readAccount: async () => world.parented,
  readContact: async () => world.contact,
  readBrakes: async () => world.brakes,
  readCredits: async (_, day) => ({ pk: '', sk: day, claimed: world.claimed[day] ?? 0, expiresAt: 0 }),
  readHours: async function* (_account, _kind, from, to) {
    for (const [hour, counts] of Object.entries(world.counts))
      if (hour >= from && hour <= to) yield { hour, name: '', counts };
  },
  readDefaultDomain: async () => undefined,
  listOwnDomains: async (account) =>
    world.domain && account === OPERATOR
      ? [{ pk: OPERATOR, sk: 'domain#ours.example', domain: 'ours.example', createdAt: 1 } as DomainRecord]
      : [],
  report: (problem) => void world.problems.push(problem),
});

async function made(
  own: { type: 'stats_notification'; frequency: 'daily' } | { type: 'usage_limit'; percentage: number },
  emailTo = 'boss@example.com',
) {
  const record: AlertRecord = {
    ...alertKey(world.account, 7),
    id: 7,
    emailTo,
    createdAt: START / 1_000,
    updatedAt: START / 1_000,
    nextAt: nextLook(own, START),
    ...own,
  };
  expect(await alerts.createAlert(record)).toBe(true);
  return record;
}

/** All mails that went out for the account, by subject, and the looks that wait. */
async function held() {
  const { Items = [] } = await dynamodb.client.send(new ScanCommand({ TableName: 'Holds', ConsistentRead: true }));
  const holds = (Items as Hold[]).sort((a, b) => a.due - b.due);
  const looks = holds.flatMap((one) =>
    one.kind === 'notify' && one.account === world.account && one.notify.kind === 'alert' ? [one.notify] : [],
  );
  const mails = holds.flatMap((one) => (one.kind === 'job' && one.due >= START ? [one.job] : []));
  return { looks, mails };
}
const isoOf = (at: number) => new Date(at).toISOString();

describe('stats_notification', () => {
  it('is mailed once for its day, though its look comes three times and late, and goes on', async () => {
    const { nextAt } = await made({ type: 'stats_notification', frequency: 'daily' });
    world.counts = {
      '2026-11-24T23': { requests: 1_000 },
      '2026-11-25T00': { requests: 3, delivered: 2, bounces: 1, 'provider|google|delivered': 2 },
      '2026-11-25T23': { requests: 4, delivered: 4 },
      '2026-11-26T00': { requests: 500 },
    };
    const before = (await held()).mails.length;
    world.now = nextAt + 5 * HOUR;
    await Promise.all([1, 2, 3].map(() => lookAtAlert(world.account, 7, nextAt, deps()).catch(() => undefined)));
    await lookAtAlert(world.account, 7, nextAt, deps());
    const { looks, mails } = await held();
    expect(mails).toHaveLength(before + 1);
    const mail = mails.find(({ content }) => content?.subject?.includes('2026-11-25'))!;
    expect(mail).toMatchObject({
      account: OPERATOR,
      copies: [{ address: 'boss@example.com' }],
      content: { from: { email: 'no-reply@ours.example' }, subject: 'Your mail of the day: 2026-11-25' },
    });
    expect(mail.content!.parts[0]!.value).toMatch(/Requests +7\n/);
    expect(mail.content!.parts[0]!.value).toMatch(/Delivered +6\n/);
    expect(looks.map(({ due }) => isoOf(due))).toEqual(['2026-11-27T01:00:00.000Z']);
  });

  it('of an alert that was changed or removed meanwhile tells nothing', async () => {
    const record = await made({ type: 'stats_notification', frequency: 'daily' });
    await alerts.changeAlert(record, { ...record, updatedAt: record.updatedAt + 1, nextAt: record.nextAt + HOUR });
    await lookAtAlert(world.account, 7, record.nextAt, deps());
    await alerts.removeAlert(world.account, 7);
    await lookAtAlert(world.account, 7, record.nextAt + HOUR, deps());
    expect((await held()).looks).toEqual([]);
  });

  it('without a domain to send it from reports that, and goes on', async () => {
    const { nextAt } = await made({ type: 'stats_notification', frequency: 'daily' });
    world.domain = false;
    world.now = nextAt;
    await lookAtAlert(world.account, 7, nextAt, deps());
    expect(world.problems).toEqual([`alert 7 of ${world.account}: there is no authenticated domain to send it from`]);
    expect((await held()).looks).toHaveLength(1);
  });
});

it('an alert without an address of its own goes where the account is reached at that time, or nowhere', async () => {
  const { nextAt } = await made({ type: 'stats_notification', frequency: 'daily' }, '');
  const mailsTo = async () => (await held()).mails.flatMap(({ copies }) => copies.map(({ address }) => address));
  world.now = nextAt;
  await lookAtAlert(world.account, 7, nextAt, deps());
  expect(world.problems).toEqual([`alert 7 of ${world.account}: the account has no address of its own to send it to`]);
  world.contact = 'Ada@Bücher.example';
  world.now = nextAt + 24 * HOUR;
  await lookAtAlert(world.account, 7, world.now, deps());
  expect(await mailsTo()).toContain('Ada@xn--bcher-kva.example');
});

describe('usage_limit', () => {
  /** Looks for some hours, one after the other. @returns subjects, by the hour in which they went out */
  async function hours(count: number): Promise<string[]> {
    const told: string[] = [];
    for (let n = 0; n < count; n++) {
      const { nextAt } = (await alerts.readAlert(world.account, 7))!;
      world.now = nextAt;
      const before = new Set((await held()).mails.map(({ id }) => id));
      await lookAtAlert(world.account, 7, nextAt, deps());
      for (const { id, content } of (await held()).mails)
        if (!before.has(id)) told.push(`${isoOf(nextAt).slice(0, 13)} ${content!.subject}`);
    }
    return told;
  }

  it('is mailed once a day when so much of the daily cap is claimed, and not before', async () => {
    await made({ type: 'usage_limit', percentage: 90 });
    world.brakes = { pk: '', sk: 'state', operatorCap: 1_000 };
    world.claimed = { '2026-11-25': 899 };
    expect(await hours(2)).toEqual([]);
    world.claimed = { '2026-11-25': 900, '2026-11-26': 950 };
    expect(await hours(24)).toEqual([
      '2026-11-25T15 90 % of your daily cap are used',
      '2026-11-26T00 90 % of your daily cap are used',
    ]);
  });

  it('is mailed once in the period of a subuser’s credits, and to nobody once he is gone', async () => {
    await made({ type: 'usage_limit', percentage: 50 });
    const credits = {
      type: 'recurring',
      resetFrequency: 'weekly',
      total: 100,
      since: 0,
      adjusted: 0,
      adjustedAt: 0,
    } as const;
    world.parented = { credits } as unknown as AccountRecord;
    world.claimed = { 'credits#0#2026-11-16': 90, 'credits#0#2026-11-23': 49 };
    expect(await hours(1)).toEqual([]);
    world.claimed['credits#0#2026-11-23'] = 50;
    expect(await hours(30)).toEqual(['2026-11-25T14 50 % of your credits are used']);
    world.parented = { ...world.parented!, deleted: true };
    const { nextAt } = (await alerts.readAlert(world.account, 7))!;
    await lookAtAlert(world.account, 7, nextAt, deps());
    expect((await alerts.readAlert(world.account, 7))!.nextAt).toBe(nextAt);
  });

  it('has nothing to tell where there is no limit', async () => {
    await made({ type: 'usage_limit', percentage: 1 });
    world.claimed = { '2026-11-25': 1_000_000 };
    expect(await hours(3)).toEqual([]);
  });
});

it('alerts are under their account alone', async () => {
  await made({ type: 'usage_limit', percentage: 1 });
  const { Items } = await dynamodb.client.send(
    new QueryCommand({
      TableName: 'Accounts',
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': `${world.account}#alerts` },
    }),
  );
  expect(Items).toHaveLength(1);
});
