import fc from 'fast-check';
import { expect, it } from 'vitest';
import { forgetDetails, listsOf } from '../../../core/erasure/lists.ts';
import {
  type ListEntry,
  type ListName,
  SUPPRESSION_LISTS,
  type SuppressionRecord,
} from '../../../core/records/suppressions.ts';
import { addToList, whySuppressed } from '../../../core/suppression.ts';

const ADDRESS = 'ada@example.net';
const UNTIL = 1_795_000_000;
const lists = fc.uniqueArray(fc.constantFrom<ListName>(...SUPPRESSION_LISTS, 'group#1', 'group#77'), { minLength: 1 });
const entry = fc.record<ListEntry>(
  {
    created: fc.integer({ min: UNTIL - 1_000, max: UNTIL + 10 }),
    reason: fc.string(),
    status: fc.constant('5.1.1'),
    ip: fc.constant('192.0.2.7'),
    copy: fc.constant('R#0'),
  },
  { requiredKeys: ['created'] },
);

it('whoever was not to be mailed is not, and nothing else is kept of him; what was listed later stays', () => {
  fc.assert(
    fc.property(lists, fc.array(entry, { minLength: 7, maxLength: 7 }), (names, entries) => {
      // Prepare
      let before: SuppressionRecord | undefined;
      for (const [n, list] of names.entries())
        before = addToList(before, {
          account: 'operator',
          address: 'Ada@Example.net',
          list,
          entry: entries[n]!,
        })!.record;

      // Act
      let after = before;
      const listed: unknown[] = [];
      let changes = 0;
      for (
        let change = forgetDetails(after, 'operator', ADDRESS, UNTIL);
        change;
        change = forgetDetails(after, 'operator', ADDRESS, UNTIL)
      ) {
        after = change.record;
        changes++;
        listed.push(...(change.listed ? [change.listed] : []));
      }

      // Assess
      for (const groupId of [undefined, 1, 77])
        expect(whySuppressed(after, { groupId })).toBe(whySuppressed(before, { groupId }));
      const old = names.filter((_, n) => entries[n]!.created <= UNTIL);
      expect(listsOf(after!)).toEqual(listsOf(before!).filter((list) => list !== 'blocks' || !old.includes(list)));
      for (const one of listed) expect(Object.keys(one as object).sort()).toEqual(['created', 'email', 'pk', 'sk']);
      if (old.length === names.length) expect(JSON.stringify(after)).not.toMatch(/reason|status|"ip"|copy|Ada@/);
      // What says nothing more than when is not written again.
      expect(changes).toBeLessThanOrEqual(old.length);
      expect(after!.version).toBe(before!.version + changes);
    }),
  );
  expect(forgetDetails(undefined, 'operator', ADDRESS, UNTIL)).toBeUndefined();
});
