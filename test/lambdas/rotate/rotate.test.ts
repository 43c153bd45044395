/**
 * DKIM keys that change by themselves, day by day on a clock of the test's own: real tables (the emulator's), a real name server, Route 53's
 * protocol. What must never be, on no day: that the key that signs, or one that signed in the last seven days, is not in DNS.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RETIRED_LIFE, signingKeys } from '../../../core/domain-keys.ts';
import { OPERATOR } from '../../../core/records/accounts.ts';
import type { DomainRecord } from '../../../core/records/domains.ts';
import { type RotateDeps, rotate } from '../../../lambdas/rotate/rotate.ts';
import { startSenders } from '../manage/senders.ts';

const DAY = 86_400_000;
const at = (time: string) => Date.parse(time);
const BEGUN = at('2026-11-25T12:00:00Z');

let world: Awaited<ReturnType<typeof startSenders>>;
beforeAll(async () => {
  world = await startSenders();
});
afterAll(() => world.stop());

let overdue: number[] = [];
let told: string[] = [];
let serial = 0;
beforeEach(() => {
  world.clock.now = BEGUN;
  [overdue, told] = [[], []];
});

/** Only the domain of the test: others of this table have their own. */
function depsFor(account: string, changes: Partial<RotateDeps> = {}): RotateDeps {
  const { makeDkimKey, writeRecords, removeRecords, lookUp, sending } = world.deps as Required<typeof world.deps>;
  return {
    ...{ makeDkimKey, writeRecords, removeRecords, lookUp, sending },
    days: 180,
    now: () => world.clock.now,
    remainingMs: () => 60_000,
    eachDomain: async function* () {
      for await (const one of world.eachDomain()) if (one.pk === account) yield one;
    },
    readOwnDomain: world.readOwnDomain,
    changeDomain: world.changeDomain,
    publishOverdue: (domains) => void overdue.push(domains),
    report: (problem) => void told.push(problem),
    ...changes,
  };
}

type Made = { id: number; domain: string; dns: Record<string, { type: string; host: string; data: string }> };

/** A domain that is authenticated, its records published as its owner would. */
async function givenDomain(account: string, body: object = {}): Promise<Made> {
  const call = world.callBy(account);
  const domain = `shop${++serial}.example`;
  const made = (await call('POST', '/v3/whitelabel/domains', { domain, ...body })).json as Made;
  world.publish(made);
  expect((await call('POST', `/v3/whitelabel/domains/${made.id}/validate`)).json.valid).toBe(true);
  return made;
}

const read = (account: string, domain: string) => world.readOwnDomain(account, domain) as Promise<DomainRecord>;
const textAt = (name: string): string | undefined => {
  const said = world.dns.zone[`TXT ${name}`] as { data: Buffer[] }[] | undefined;
  return said?.[0] && Buffer.concat(said[0].data).toString();
};
/** Where a key's record is. */
const nameOf = ({ domain, authentication }: DomainRecord, selector: string) =>
  authentication!.automatic ? `${selector}.domainkey.${authentication!.target}` : `${selector}._domainkey.${domain}`;

/** Days pass, with a run in each. @returns on which day (from 0) which selector signed first, and which records were there last */
async function pass(account: string, domain: string, days: number, deps = depsFor(account), mayFail = false) {
  const signed: [string, number][] = [];
  const lastSigned = new Map<string, { until: number; selector: string }>();
  const gone: [string, number][] = [];
  for (let day = 0; day < days; day++) {
    world.clock.now += DAY;
    await rotate(deps).catch((error: unknown) => {
      if (!mayFail) throw error;
    });
    const record = await read(account, domain);
    const [key] = signingKeys(record);
    if (signed.at(-1)?.[0] !== key!.selector) signed.push([key!.selector, day]);
    lastSigned.set(key!.publicKey, { until: world.clock.now, selector: key!.selector });
    for (const [publicKey, { until, selector }] of lastSigned) {
      if (world.clock.now - until < RETIRED_LIFE)
        expect({ day, selector, text: textAt(nameOf(record, selector)) }).toMatchObject({
          text: expect.stringContaining(`p=${publicKey}`),
        });
      else if (!textAt(nameOf(record, selector)) && !gone.some(([one]) => one === selector)) gone.push([selector, day]);
    }
  }
  return { signed, gone };
}

describe('automatic security', () => {
  it('two selectors take turns every 180 days; the old record stays a week, and no mail is ever without a key', async () => {
    const { domain } = await givenDomain('turns222', { automatic_security: true });
    const first = (await read('turns222', domain)).publicKey;
    const { signed, gone } = await pass('turns222', domain, 560);
    expect(signed).toEqual([
      ['s1', 0],
      // It has been in DNS since the domain was made.
      ['s2', 179],
      // Made on the 358th day, in DNS for a day and more, and then its turn.
      ['s1', 359],
      ['s2', 539],
    ]);
    expect(gone).toEqual([
      ['s1', 186],
      ['s2', 366],
    ]);
    const record = await read('turns222', domain);
    expect(record.keys!.map(({ selector, state }) => [selector, state])).toEqual([
      ['s1', 'retired'],
      ['s2', 'active'],
    ]);
    expect(record.keys!.map(({ publicKey }) => publicKey)).not.toContain(first);
    expect(record.keys!.filter(({ state }) => state === 'retired').map(({ privateKey }) => privateKey)).toEqual(['']);
    expect([...new Set(overdue)]).toEqual([0]);
    expect(told).toEqual([]);
  }, 120_000);

  it('a turn that somebody took by hand begins the 180 days anew', async () => {
    const { id, domain } = await givenDomain('byhand22', { automatic_security: true });
    await pass('byhand22', domain, 100);
    expect((await world.callBy('byhand22')('POST', `/v3/whitelabel/domains/${id}/rotate`)).status).toBe(200);
    expect((await pass('byhand22', domain, 190)).signed).toEqual([
      ['s2', 0],
      ['s1', 179],
    ]);
  }, 60_000);

  // A CNAME is gone: what signs then would verify nowhere.
  it('a key that DNS does not have does not sign: the old one goes on, somebody is told after a week, and it changes when DNS has it', async () => {
    const { domain, dns } = await givenDomain('cname222', { automatic_security: true });
    const { host, data } = dns.dkim2!;
    for (const type of ['CNAME', 'TXT']) delete world.dns.zone[`${type} ${host}`];
    expect((await pass('cname222', domain, 200)).signed).toEqual([['s1', 0]]);
    expect(overdue.slice(0, 186).every((count) => count === 0)).toBe(true);
    expect(overdue.slice(187)).toEqual(Array.from({ length: 13 }, () => 1));
    expect(told.at(-1)).toMatch(new RegExp(`${host} is not in DNS: there is no such record.*old key goes on signing`));
    world.publish({ dns: { dkim2: { type: 'cname', host, data } } });
    expect((await pass('cname222', domain, 2)).signed).toEqual([['s2', 0]]);
    expect(overdue.at(-1)).toBe(0);
  }, 60_000);

  it('what fails at one domain is no matter to another, fails the run, and is done the next day', async () => {
    const account = 'failing2';
    const [broken, whole] = [
      await givenDomain(account, { automatic_security: true }),
      await givenDomain(account, { automatic_security: true }),
    ];
    world.clock.now += 179 * DAY;
    const fails = depsFor(account, {
      changeDomain: async (before, after) => {
        if (before.domain === broken.domain) throw new Error('throttled');
        return world.changeDomain(before, after);
      },
    });
    world.clock.now += DAY;
    await expect(rotate(fails)).rejects.toThrow(`keys could not be changed: ${broken.domain}`);
    expect([(await read(account, broken.domain)).selector, (await read(account, whole.domain)).selector]).toEqual([
      's1',
      's2',
    ]);
    await rotate(depsFor(account));
    expect((await read(account, broken.domain)).selector).toBe('s2');
  }, 60_000);

  it('a run that dies after any call is gone on with: every key that signs is in DNS, and the turn is taken in the end', async () => {
    const account = 'dying222';
    const { domain } = await givenDomain(account, { automatic_security: true });
    let calls = 0;
    const whole = depsFor(account);
    /** Every third call is made, and its answer lost. */
    const dying =
      <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
      async (...args: A): Promise<T> => {
        const done = await call(...args);
        if (++calls % 3 === 0) throw new Error('died');
        return done;
      };
    const deps = {
      ...whole,
      changeDomain: dying(whole.changeDomain),
      makeDkimKey: dying(whole.makeDkimKey),
      writeRecords: dying(whole.writeRecords),
      removeRecords: dying(whole.removeRecords),
    };
    const { signed } = await pass(account, domain, 400, deps, true);
    expect(signed.map(([selector]) => selector)).toEqual(['s1', 's2', 's1']);
    expect(signed[1]![1]).toBeLessThan(183);
    expect(signed[2]![1]).toBeLessThan(370);
  }, 120_000);

  it('of a change that comes between, neither is lost', async () => {
    const account = 'between2';
    const { domain } = await givenDomain(account, { automatic_security: true });
    world.clock.now += 181 * DAY;
    let meanwhile = 0;
    await rotate(
      depsFor(account, {
        changeDomain: async (before, after) => {
          if (meanwhile++ === 0) {
            const { authentication } = before;
            const other = { ...authentication!, customSpf: true, revision: authentication!.revision + 1 };
            expect(await world.changeDomain(before, { ...before, authentication: other })).toBe(true);
          }
          return world.changeDomain(before, after);
        },
      }),
    );
    expect(await read(account, domain)).toMatchObject({ selector: 's2', authentication: { customSpf: true } });
  });

  it('a run without time does what it can, and says so', async () => {
    const account = 'notime22';
    const { domain } = await givenDomain(account, { automatic_security: true });
    world.clock.now += 181 * DAY;
    await expect(rotate(depsFor(account, { remainingMs: () => 1_000 }))).rejects.toThrow('no time left');
    expect((await read(account, domain)).selector).toBe('s1');
  });
});

describe('records in a zone of the settings', () => {
  it('the operator’s own domain there gets its next key, its record, its turn; the old record goes after a week', async () => {
    const call = world.callBy(OPERATOR);
    const made = (await call('POST', '/v3/whitelabel/domains', { domain: 'own.example', automatic_security: false }))
      .json as Made;
    expect((await call('POST', `/v3/whitelabel/domains/${made.id}/validate`)).json.valid).toBe(true);
    const { signed, gone } = await pass(OPERATOR, 'own.example', 200);
    expect(signed).toEqual([
      ['m1', 0],
      // Made two days before.
      ['m2', 179],
    ]);
    expect(gone).toEqual([['m1', 186]]);
    expect(textAt('m1._domainkey.own.example')).toBeUndefined();
  }, 60_000);
});

describe('whose records are not ours', () => {
  it('who publishes them himself keeps his key; so does who was never proven', async () => {
    const { domain } = await givenDomain('himself2', { automatic_security: false });
    const call = world.callBy('himself2');
    const unproven = `shop${++serial}.example`;
    await call('POST', '/v3/whitelabel/domains', { domain: unproven, automatic_security: true });
    expect((await pass('himself2', domain, 400)).signed).toEqual([['m1', 0]]);
    expect((await read('himself2', unproven)).selector).toBe('s1');
    expect((await read('himself2', domain)).keys).toBeUndefined();
  }, 60_000);
});
