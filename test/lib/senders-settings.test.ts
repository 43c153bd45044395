/** The settings of senders: what they refuse, and what they let manage do. */
import { expect, test } from 'vitest';
import { defineSettings } from '../../lib/settings.ts';
import { asList, flatten, functionName, ofType, statementsByFunction } from './flatten.ts';

const zones = [{ hostedZone: 'Z0123456789', name: 'example.com' }];

test.each([
  [{ zones: [{ hostedZone: 'example.com', name: 'example.com' }] }, 'senders.zones[0].hostedZone'],
  [{ zones: [...zones, ...zones] }, 'senders.zones[1].name'],
  [{ targets: 'wl.example.com' }, 'senders.targets'],
  [{ zones, targets: 'wl.notexample.com' }, 'senders.targets'],
  [{ zones, rotateKeysDays: 7 }, 'senders.rotateKeysDays'],
  [{ zones, rotateKeysDays: 'never' as never }, 'senders.rotateKeysDays'],
])('%j is refused: %s', (senders, field) => {
  expect(() => defineSettings({ senders })).toThrow(field);
});

// Attack: manage, or rotate, is taken over, and leads the operator's website, or all mail of his domain, away.
test('manage and rotate write records of senders into the zones that are named, and nothing else; without zones nothing', () => {
  const changes = (input: Parameters<typeof flatten>[0]) =>
    statementsByFunction(flatten(input))
      .flatMap(({ name, statements }) => statements.map((one) => ({ name, ...one })))
      .filter(({ Action }) => asList(Action).some((action) => action.startsWith('route53:')));
  expect(changes({})).toEqual([]);
  const both = changes({ senders: { zones, targets: 'wl.example.com' } });
  expect(both.map(({ name }) => name).sort()).toEqual(['manage', 'rotate']);
  for (const one of both)
    expect(one).toMatchObject({
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

test('keys change by themselves where there are zones to write to, and it is not turned off: once a day, and a late one wakes somebody', () => {
  const of = (senders: object) => {
    const flat = flatten({ senders });
    const fn = ofType(flat, 'AWS::Lambda::Function').find((one) => functionName(one) === 'rotate');
    const alarms = ofType(flat, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties.AlarmName as string);
    return { flat, fn, alarms: alarms.filter((name) => /rotat/.test(name)).sort() };
  };
  for (const senders of [{}, { zones, rotateKeysDays: false }])
    expect(of(senders)).toMatchObject({ fn: undefined, alarms: [] });
  // SES would go on signing with a key whose record is taken away a week later.
  const bySes = {
    senders: { zones },
    pools: [{ name: 'p', withoutAddress: true, sourceIps: [], via: { default: 'ses' as const } }],
  };
  expect(ofType(flatten(bySes), 'AWS::Lambda::Function').map(functionName)).not.toContain('rotate');
  const { flat, fn, alarms } = of({ zones });
  expect(fn!.properties.Environment.Variables).toMatchObject({ ROTATE_KEYS_DAYS: '180' });
  // Zones are in its code (lib/bundle.ts): ten long names would not fit.
  expect(JSON.parse(fn!.properties.Environment.Variables.SENDING)).not.toHaveProperty('zones');
  expect(alarms).toEqual(['key-rotation-overdue', 'rotate-errors', 'rotate-silent'].map((name) => `Pennypost-${name}`));
  const rules = ofType(flat, 'AWS::Events::Rule').filter(({ path }) => path.startsWith('Rotate/'));
  expect(rules.map(({ properties }) => properties.ScheduleExpression)).toEqual(['rate(1 day)']);
});

// Attack: rotate is taken over. It makes keys; it must not be able to read one, or an account's secrets' plain text.
test('rotate makes DKIM keys and reads none', () => {
  const { statements } = statementsByFunction(flatten({ senders: { zones } })).find(({ name }) => name === 'rotate')!;
  const actions = statements.flatMap(({ Action }) => asList(Action)).filter((action) => !action.startsWith('logs:'));
  expect(actions.sort()).toEqual([
    'dynamodb:GetItem',
    'dynamodb:Scan',
    'dynamodb:UpdateItem',
    'kms:Encrypt',
    'route53:ChangeResourceRecordSets',
  ]);
});
