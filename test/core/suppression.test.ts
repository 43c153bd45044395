import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListName, SuppressionRecord } from '../../core/records.ts';
import { addToList, entryOf, isEmpty, removeFromList, whySuppressed } from '../../core/suppression.ts';

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
