/** The settings of senders: what they refuse, and what they let manage do. */
import { expect, test } from 'vitest';
import { defineSettings } from '../../lib/settings.ts';
import { asList, flatten, statementsByFunction } from './flatten.ts';

const zones = [{ hostedZone: 'Z0123456789', name: 'example.com' }];

test.each([
  [{ zones: [{ hostedZone: 'example.com', name: 'example.com' }] }, 'senders.zones[0].hostedZone'],
  [{ zones: [...zones, ...zones] }, 'senders.zones[1].name'],
  [{ targets: 'wl.example.com' }, 'senders.targets'],
  [{ zones, targets: 'wl.notexample.com' }, 'senders.targets'],
])('%j is refused: %s', (senders, field) => {
  expect(() => defineSettings({ senders })).toThrow(field);
});

// Attack: manage is taken over, and leads the operator's website, or all mail of his domain, away.
test('manage writes records of senders into the zones that are named, and nothing else; without zones nothing', () => {
  const changes = (input: Parameters<typeof flatten>[0]) =>
    statementsByFunction(flatten(input))
      .flatMap(({ name, statements }) => statements.map((one) => ({ name, ...one })))
      .filter(({ Action }) => asList(Action).some((action) => action.startsWith('route53:')));
  expect(changes({})).toEqual([]);
  const [only, ...others] = changes({ senders: { zones, targets: 'wl.example.com' } });
  expect(others).toEqual([]);
  expect(only).toMatchObject({
    name: 'manage',
    Action: 'route53:ChangeResourceRecordSets',
    Resource: 'arn:<AWS::Partition>:route53:::hostedzone/Z0123456789',
    Condition: {
      'ForAllValues:StringLike': {
        'route53:ChangeResourceRecordSetsNormalizedRecordNames': [
          '*._domainkey.*',
          '_dmarc.*',
          'em*.*',
          '*.wl.example.com',
        ],
      },
      'ForAllValues:StringEquals': {
        'route53:ChangeResourceRecordSetsRecordTypes': ['CNAME', 'MX', 'TXT'],
      },
      Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
    },
  });
});
