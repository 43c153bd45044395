import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { suppressionListsIn } from '../../io/suppression-lists.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { startDynamodb } from './dynamodb.ts';

const NOW = 1_790_000_000;
const ALL = { since: 0, until: NOW + 9_999 };
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
let lists: ReturnType<typeof suppressionListsIn>;
let single: ReturnType<typeof suppressionsIn>;

beforeAll(async () => {
  dynamodb = await startDynamodb(['Suppressions']);
  lists = suppressionListsIn('Suppressions', dynamodb.client);
  single = suppressionsIn('Suppressions', dynamodb.client);
});
afterAll(() => dynamodb.stop());

const entries = (count: number, created = NOW) =>
  Array.from({ length: count }, (_, n) => ({ address: `reader-${n}@x.example`, entry: { created: created + n } }));
const read = async (account: string, options = {}) => {
  const emails: string[] = [];
  for await (const page of lists.readList(account, 'bounces', ALL, options))
    emails.push(...page.map(({ email }) => email));
  return emails;
};

describe('many addresses at once', () => {
  it('are counted to the last one, by as many writers as there are', async () => {
    expect(await lists.addMany('manyadds', 'bounces', entries(1_000))).toBe(1_000);
    expect(await lists.addMany('manyadds', 'bounces', entries(1_100))).toBe(100);
    expect(await lists.countList('manyadds', 'bounces', ALL)).toBe(1_100);
    expect(await read('manyadds')).toEqual(entries(1_100).map(({ address }) => address));
    expect(await read('manyadds', { skip: 1_090, page: 3 })).toEqual(
      entries(1_100)
        .slice(1_090)
        .map(({ address }) => address),
    );
    expect(await lists.countList('manyadds', 'bounces', ALL, 500)).toBeUndefined();
    expect(
      await lists.removeMany('manyadds', 'bounces', ['READER-5@x.example', 'reader-5@x.example', 'no@x.example']),
    ).toBe(1);
    expect(await lists.clearList('manyadds', 'bounces', ALL, () => true)).toBe(true);
    expect(await read('manyadds')).toEqual([]);
  });

  it('of which some are there twice are written once: the first of them', async () => {
    const twice = [...entries(2, 5), ...entries(2, 50)];
    expect(await lists.addMany('twicetwo', 'bounces', twice)).toBe(2);
    expect((await single.readSuppression('twicetwo', 'reader-0@x.example'))?.bounces?.created).toBe(5);
  });

  it('while somebody else writes the same addresses: nobody’s write is lost', async () => {
    const some = entries(60);
    const work = await Promise.all([
      lists.addMany('racingaa', 'bounces', some),
      lists.addMany('racingaa', 'unsubscribes', some),
      ...some.slice(0, 20).map((one) => single.suppress({ account: 'racingaa', list: 'spam_reports', ...one })),
    ]);
    expect(work.slice(0, 2)).toEqual([60, 60]);
    const records = await single.readSuppressions(
      'racingaa',
      some.map(({ address }) => address),
    );
    for (const [n, { address }] of some.entries())
      expect(records.get(address)).toMatchObject({
        bounces: {},
        unsubscribes: {},
        ...(n < 20 ? { spam_reports: {} } : {}),
      });
  });
});

describe('reads of one moment', () => {
  it('are one call, whoever asks, and each gets its own', async () => {
    let calls = 0;
    const send = (command: object) => {
      calls++;
      return dynamodb.client.send(command as never);
    };
    const counting = { send };
    const together = suppressionsIn('Suppressions', counting as never);
    await single.suppress({ account: 'together', address: 'a@x.example', list: 'bounces', entry: { created: NOW } });
    const found = await Promise.all([
      together.readSuppressions('together', ['a@x.example', 'b@x.example']),
      together.readSuppressions('another2', ['a@x.example']),
      together.readSuppressions('together', ['A@x.example']),
      together.readSuppressions('together', []),
    ]);
    expect(found.map((one) => [...one.keys()])).toEqual([['a@x.example'], [], ['a@x.example'], []]);
    expect(calls).toBe(1);
  });

  // A throttled table leaves keys out; taking them for "not listed" would send mail to who wants none.
  it('that a throttled table answers in part are asked again, and fail when it stays so', async () => {
    const { pk, sk } = { pk: 'throttle#a@x.example', sk: 'address' };
    let left = 2;
    const partly = {
      send: async () =>
        left-- > 0
          ? { Responses: { Suppressions: [] }, UnprocessedKeys: { Suppressions: { Keys: [{ pk, sk }] } } }
          : { Responses: { Suppressions: [{ pk, sk, email: 'a@x.example', version: 1, bounces: { created: 1 } }] } },
    };
    const slow = suppressionsIn('Suppressions', partly as never);
    expect([...(await slow.readSuppressions('throttle', ['a@x.example'])).keys()]).toEqual(['a@x.example']);
    left = 1_000;
    await expect(slow.readSuppressions('throttle', ['a@x.example'])).rejects.toThrow(
      '1 of 1 addresses could not be read',
    );
  }, 10_000);
});
