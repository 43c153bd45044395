import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ListedRecord,
  type ListName,
  listedKey,
  SUPPRESSION_LISTS,
  type SuppressionRecord,
} from '../../core/records/suppressions.ts';
import { addBounce, addToList, entryOf, isEmpty, removeFromList, whySuppressed } from '../../core/suppression.ts';

const at = { account: 'customer', address: 'Reader@Example.com' };
const NOW = 1_790_000_000;
const bounce = {
  ...at,
  list: 'bounces' as const,
  entry: { created: NOW, reason: '550 5.1.1 unknown', status: '5.1.1' },
};

describe('a list of addresses', () => {
  it('gets an address once: the first entry stands', () => {
    const first = addToList(undefined, bounce)!;
    expect(first.record).toEqual({
      pk: 'customer#reader@example.com',
      sk: 'address',
      email: 'Reader@Example.com',
      version: 1,
      bounces: bounce.entry,
    });
    expect(first.listed).toEqual({
      pk: 'customer#list#bounces',
      sk: '01790000000#reader@example.com',
      email: 'Reader@Example.com',
      ...bounce.entry,
    });
    expect(addToList(first.record, { ...bounce, entry: { created: NOW + 9, reason: 'again' } })).toBeUndefined();
  });

  it('of blocks shows the last, and how many there were; an event that comes again is none', () => {
    const block = (created: number) => ({ ...at, list: 'blocks' as const, entry: { created, reason: `${created}` } });
    const first = addToList(undefined, block(NOW))!;
    const second = addToList(first.record, block(NOW + 60))!;
    expect(second.record.blocks).toEqual({ created: NOW + 60, reason: `${NOW + 60}`, times: 2 });
    expect(second.listed?.sk).toBe('01790000060#reader@example.com');
    expect(second.unlisted).toEqual({ pk: 'customer#list#blocks', sk: '01790000000#reader@example.com' });
    expect(addToList(second.record, block(NOW + 60))).toBeUndefined();
    expect(addToList(second.record, block(NOW))).toBeUndefined();
  });

  it('keeps a reason short', () => {
    const entry = { created: NOW, reason: 'x'.repeat(5_000) };
    expect(addToList(undefined, { ...bounce, entry })?.listed?.reason).toHaveLength(500);
  });

  it('forgets an address that is on none: what was added and removed, in any order, leaves nothing', () => {
    const lists: ListName[] = [
      'bounces',
      'blocks',
      'spam_reports',
      'invalid_emails',
      'unsubscribes',
      'group#7',
      'group#8',
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(lists), fc.shuffledSubarray(lists, { minLength: 7 }), (added, removed) => {
        let record: SuppressionRecord | undefined;
        for (const list of added) record = addToList(record, { ...at, list, entry: { created: NOW } })!.record;
        for (const list of lists) expect(entryOf(record, list) !== undefined).toBe(added.includes(list));
        for (const list of removed) record = removeFromList(record, { ...at, list })?.record ?? record;
        expect(record === undefined || isEmpty(record)).toBe(true);
        expect(record?.version ?? 0).toBe(2 * added.length);
      }),
    );
  });
});

describe('mail to an address', () => {
  const on = (...lists: ListName[]) =>
    lists.reduce<SuppressionRecord | undefined>(
      (record, list) => addToList(record, { ...at, list, entry: { created: NOW } })!.record,
      undefined,
    );
  const enable = { enable: true };

  it.each([
    [on(), {}, undefined],
    [on('blocks'), {}, undefined],
    [on('bounces'), {}, 'Bounced Address'],
    [on('spam_reports', 'unsubscribes'), {}, 'Spam Reporting Address'],
    [on('invalid_emails'), {}, 'Invalid'],
    [on('unsubscribes'), {}, 'Unsubscribed Address'],
    [on('group#7'), {}, undefined],
    [on('group#7'), { groupId: 8 }, undefined],
    [on('group#7'), { groupId: 7 }, 'Unsubscribed Address'],
    [on('bounces', 'spam_reports', 'group#7'), { groupId: 7, bypass: { bypass_list_management: enable } }, undefined],
    [on('bounces'), { bypass: { bypass_bounce_management: enable } }, undefined],
    [on('bounces'), { bypass: { bypass_bounce_management: { enable: false } } }, 'Bounced Address'],
    [on('bounces'), { bypass: { bypass_spam_management: enable } }, 'Bounced Address'],
    [on('spam_reports'), { bypass: { bypass_spam_management: enable } }, undefined],
    [on('unsubscribes'), { bypass: { bypass_unsubscribe_management: enable } }, undefined],
    // It ignores the global list only.
    [
      on('unsubscribes', 'group#7'),
      { groupId: 7, bypass: { bypass_unsubscribe_management: enable } },
      'Unsubscribed Address',
    ],
  ])('%j with %j: %s', (record, mail, why) => {
    expect(whySuppressed(record, mail)).toBe(why);
  });
});

/** What a table would hold after some changes, one after the other: the address's item, and its places in lists. */
function play(steps: readonly { list: ListName; created: number; remove?: boolean }[]) {
  let record: SuppressionRecord | undefined;
  const places = new Map<string, ListedRecord>();
  for (const { list, created, remove } of steps) {
    const one = { ...at, list, entry: { created, reason: `at ${created}` } };
    const change = remove ? removeFromList(record, one) : addToList(record, one);
    if (!change) continue;
    expect(change.record.version).toBe((record?.version ?? 0) + 1);
    // As a transaction does it: one key is written or removed, never both.
    expect(change.listed?.sk === undefined || change.listed.sk !== change.unlisted?.sk).toBe(true);
    if (change.unlisted) places.delete(`${change.unlisted.pk} ${change.unlisted.sk}`);
    if (change.listed) places.set(`${change.listed.pk} ${change.listed.sk}`, change.listed);
    record = isEmpty(change.record) ? undefined : change.record;
    if (record) record = { ...record, version: change.record.version };
  }
  return { record, places: [...places.values()] };
}

describe('an address and its places in lists', () => {
  const lists: ListName[] = [...SUPPRESSION_LISTS, 'group#1', 'group#2'];
  const step = fc.record({
    list: fc.constantFrom(...lists),
    created: fc.integer({ min: NOW, max: NOW + 400_000 }),
    remove: fc.boolean(),
  });

  it('say the same after whatever was done: one place for each list it is on, at the time of its entry', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { record, places } = play(steps);
        const on = lists.filter((list) => entryOf(record, list));
        const keyOf = ({ pk, sk }: { pk: string; sk: string }) => `${pk} ${sk}`;
        const expected = on.map((list) =>
          keyOf(listedKey('customer', list, entryOf(record, list)!.created, at.address)),
        );
        expect(places.map(keyOf).sort()).toEqual(expected.sort());
        for (const place of places) expect(place.reason).toBe(`at ${place.created}`);
      }),
      { numRuns: 1_000 },
    );
  });

  it('do not change when everything that was added comes again, in any order', () => {
    const adding = fc
      .array(step, { minLength: 1, maxLength: 12 })
      .map((steps) => steps.map((one) => ({ ...one, remove: false })));
    fc.assert(
      fc.property(
        adding.chain((steps) => fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length }))),
        ([steps, again]) => {
          // Once in order of time, as it happened; then whatever a queue delivers again.
          const inOrder = steps.toSorted((a, b) => a.created - b.created);
          const first = play(inOrder);
          expect(play([...inOrder, ...again])).toEqual(first);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('a bounce for a domain that DNS does not know', () => {
  const DAY = 86_400;
  const unknown = (before: SuppressionRecord | undefined, created: number) =>
    addBounce(before, { ...at, about: 'domain', entry: { created, reason: 'NXDOMAIN' } })?.record ?? before;

  it.each([
    ['once', [0], false],
    ['for a day', [0, 0.1, 1], false],
    ['for two days', [0, 1, 2], true],
    ['twice, a week and more apart', [0, 8], false],
    ['twice, some days apart', [0, 6], true],
  ])('%s: invalid is %s', (_, days, invalid) => {
    const record = days.reduce<SuppressionRecord | undefined>(
      (before, day) => unknown(before, NOW + day * DAY),
      undefined,
    );
    expect(whySuppressed(record)).toBe(invalid ? 'Invalid' : undefined);
  });

  it('counts anew after any other bounce: then the domain was there', () => {
    let record = unknown(undefined, NOW);
    record = addBounce(record, { ...at, about: 'other', entry: { created: NOW + DAY } })!.record;
    record = unknown(record, NOW + 3 * DAY)!;
    expect(whySuppressed(record)).toBeUndefined();
  });
});
