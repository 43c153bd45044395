import { describe, expect, test } from 'vitest';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';
import { asList, type Flat, flatten, ofType, statementsByFunction } from './flatten.ts';

const SECRET = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:relay-AbCdEf';
const relays = [{ name: 'office', host: 'smtp.example.com', secretArn: SECRET }];
const ip = { name: 'a-1', ehloName: 'a1.example.com' };

const at = (flat: Flat, path: string) => flat.resources.find((one) => one.path === path)?.properties;
const actionsOf = (flat: Flat, path: string) =>
  statementsByFunction(flat)
    .filter((one) => one.path.startsWith(path))
    .flatMap(({ statements }) => statements.flatMap(({ Action }) => asList(Action)));

test('a stack whose mail goes direct has none of it', () => {
  const flat = flatten();
  expect(ofType(flat, 'AWS::SES::ConfigurationSet')).toEqual([]);
  const { Variables } = ofType(flat, 'AWS::Lambda::Function').find(({ path }) => path.includes('Deliver'))!.properties
    .Environment;
  for (const name of ['VIA', 'RELAYS', 'SES_CONFIGURATION_SET']) expect(Variables).not.toHaveProperty(name);
  expect(actionsOf(flat, 'Pool-').filter((action) => action.startsWith('ses:'))).toEqual([]);
  expect(JSON.parse(flat.outputs.Lanes!)[0]).not.toHaveProperty('via');
});

test('a pool on its way from SES to its own address: deliver knows both, and may use both', () => {
  // Act
  const via = { default: 'ses', providers: { google: 'direct' } };
  const flat = flatten({ pools: [{ name: 'p', sourceIps: [ip], via }] });

  // Assess
  const { Environment, VpcConfig } = at(flat, 'Pool-p/Lane-a-1/Deliver/Function');
  expect(JSON.parse(Environment.Variables.VIA)).toEqual(via);
  expect(Environment.Variables.SES_CONFIGURATION_SET).toBe('<Hear/ConfigurationSet>');
  expect(VpcConfig).toBeDefined();
  const bySes = statementsByFunction(flat)
    .flatMap(({ path, statements }) => statements.map((one) => ({ path, ...one })))
    .filter(({ Action }) => asList(Action).some((action) => action.startsWith('ses:')));
  expect(bySes).toMatchObject([{ path: 'Pool-p/Lane-a-1/Deliver/Function', Action: 'ses:SendRawEmail' }]);
  expect(asList(bySes[0]!.Resource).map((arn) => arn.replace(/^arn:[^/]*:/, ''))).toEqual([
    'identity/*',
    'configuration-set/<Hear/ConfigurationSet>',
  ]);
  expect(JSON.parse(flat.outputs.Lanes!)[0]).toMatchObject({ name: 'a-1', via });
});

test('a pool without an address costs no NAT gateway, is in no VPC, and may not join one', () => {
  // Act
  const flat = flatten({ pools: [{ name: 'p', withoutAddress: true, via: { default: 'ses' } }] });

  // Assess
  for (const type of ['AWS::EC2::EIP', 'AWS::EC2::NatGateway', 'AWS::EC2::Subnet', 'AWS::EC2::SecurityGroup'])
    expect({ type, found: ofType(flat, type) }).toEqual({ type, found: [] });
  expect(at(flat, 'Pool-p/Lane-p/Deliver/Function').VpcConfig).toBeUndefined();
  expect(actionsOf(flat, 'Pool-p').filter((action) => action.startsWith('ec2:'))).toEqual([]);
  const [lane] = JSON.parse(flat.outputs.Lanes!);
  expect(lane).toMatchObject({ name: 'p', pool: 'p' });
  expect(lane).not.toHaveProperty('ip');
});

// Attack: deliver of one pool is taken over, and reads the password of a relay that another pool uses.
test("a relay's secret is read by the deliver of its own pools only, and only their ports are open", () => {
  // Act
  const flat = flatten({
    relays: [...relays, { name: 'other', host: 'mx.example.net', port: 2525 }],
    pools: [
      { name: 'p', sourceIps: [ip], via: { default: 'relay:office' } },
      { name: 'q', sourceIps: [{ name: 'b-1', ehloName: 'b1.example.com' }], failOver: 'relay:other' },
    ],
  });

  // Assess
  const readers = statementsByFunction(flat).filter(({ statements }) =>
    statements.some(({ Resource }) => asList(Resource).includes(SECRET)),
  );
  expect(readers.map(({ path }) => path)).toEqual(['Pool-p/Lane-a-1/Deliver/Function']);
  const ports = (name: string) =>
    at(flat, `Pool-${name}/SecurityGroup`)
      .SecurityGroupEgress.filter(({ Description }: { Description: string }) => Description === 'SMTP')
      .map(({ FromPort }: { FromPort: number }) => FromPort);
  expect([ports('p'), ports('q')]).toEqual([
    [25, 587],
    [25, 2525],
  ]);
  const relaysOf = (path: string) => JSON.parse(at(flat, path).Environment.Variables.RELAYS);
  expect(relaysOf('Pool-p/Lane-a-1/Deliver/Function')).toEqual([
    { name: 'office', host: 'smtp.example.com', port: 587, tls: 'verified', secretArn: SECRET },
  ]);
  expect(relaysOf('Pool-q/Lane-b-1/Deliver/Function')).toMatchObject([{ name: 'other', port: 2525 }]);
});

describe("SES's events", () => {
  const flat = flatten({ pools: [{ name: 'p', withoutAddress: true, via: { default: 'ses' } }] });

  // Attack: somebody else's SES, or anybody's SNS, says that our mail bounced.
  test('only our configuration set publishes to the topic, and only the topic sends to the queue', () => {
    const said = at(flat, 'Hear/Topic/Policy').PolicyDocument.Statement as { Sid: string; Condition: object }[];
    expect(said.find(({ Sid }) => Sid === 'SesPublishes')).toMatchObject({
      Principal: { Service: 'ses.amazonaws.com' },
      Action: 'sns:Publish',
      Condition: {
        StringEquals: {
          'aws:SourceAccount': '<AWS::AccountId>',
          'aws:SourceArn': expect.stringMatching(/:configuration-set\/<Hear\/ConfigurationSet>$/),
        },
      },
    });
    const queue = at(flat, 'Hear/Work/Queue/Policy').PolicyDocument.Statement as { Effect: string }[];
    expect(queue.filter(({ Effect }) => Effect === 'Allow')).toMatchObject([
      { Action: 'sqs:SendMessage', Condition: { ArnEquals: { 'aws:SourceArn': '<Hear/Topic>' } } },
    ]);
  });

  test('the topic is encrypted, events come as SES writes them, and what cannot be taken is a dead letter', () => {
    expect(at(flat, 'Hear/Topic').KmsMasterKeyId).toBe('<Hear/Key.Arn>');
    expect(flat.resources.find(({ path }) => path === 'Hear/Key')?.deletionPolicy).toBe('Delete');
    const [subscription, ...others] = ofType(flat, 'AWS::SNS::Subscription').filter(({ path }) => /Hear/.test(path));
    expect(others).toEqual([]);
    expect(subscription!.properties).toMatchObject({ Protocol: 'sqs', RawMessageDelivery: true });
    expect(at(flat, 'Hear/Events').EventDestination).toMatchObject({
      Enabled: true,
      MatchingEventTypes: ['delivery', 'bounce', 'complaint', 'deliveryDelay', 'reject', 'renderingFailure'],
    });
    expect(at(flat, 'Hear/Work/Queue').RedrivePolicy.deadLetterTargetArn).toBe('<Hear/Work/Dead.Arn>');
  });

  test('hear may write outcomes and put addresses on lists, and nothing else', () => {
    expect(actionsOf(flat, 'Hear/').sort()).toEqual(
      [
        'dynamodb:Query',
        'dynamodb:PutItem',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:DeleteItem',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'sqs:ChangeMessageVisibility',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ReceiveMessage',
      ].sort(),
    );
  });
});

const pool = (change: object, more: object = {}): SettingsInput =>
  ({ pools: [{ name: 'p', sourceIps: [ip], ...change }], ...more }) as SettingsInput;
const bare = (change: object, more: object = {}) => pool({ sourceIps: [], withoutAddress: true, ...change }, more);

test.each([
  ['pools[0].via.default: must be "direct", "ses" or', pool({ via: { default: 'smtp' } })],
  ['pools[0].via: "relay:office" is not among relays', pool({ via: { default: 'relay:office' } })],
  ['pools[0].via.providers.gogle: is no provider', pool({ via: { default: 'ses', providers: { gogle: 'direct' } } })],
  ['pools[0].failOver: must be "ses"', pool({ failOver: 'direct' })],
  [
    'pools[0].failOver: is for mail that goes direct',
    pool({ via: { default: 'ses' }, failOver: 'relay:office' }, { relays }),
  ],
  ['pools[0].via: a pool withoutAddress cannot deliver direct', bare({})],
  ['pools[0].via: a pool withoutAddress cannot', bare({ via: { default: 'ses', providers: { other: 'direct' } } })],
  ['pools[0].sourceIps: must be empty', bare({ sourceIps: [ip], via: { default: 'ses' } })],
  ['pools[0].ehloName: is needed', bare({ via: { default: 'relay:office' } }, { relays })],
  ['pools[0].ehloName: belongs to each of its sourceIps', pool({ ehloName: 'mta.example.com' })],
  // Attack: somebody between us and the relay answers for it, with a certificate of his own, and is told the password.
  ["relays[0].secretArn: needs tls: 'verified'", { relays: [{ ...relays[0]!, tls: 'encrypted' as const }] }],
  ["relays[0].secretArn: needs tls: 'verified'", { relays: [{ ...relays[0]!, tls: 'off' as const }] }],
  ...['hunter2', SECRET.slice(0, -7), `${SECRET}:password::`, SECRET.replace('123456789012', '')].map(
    (secretArn): [string, unknown] => [
      'relays[0].secretArn: must be the whole ARN of a secret',
      { relays: [{ ...relays[0]!, secretArn }] },
    ],
  ),
  ['relays[1].name: "office" names two relays', { relays: [...relays, ...relays] }],
  [
    'pools[1].name: "a-1" names two lanes',
    {
      pools: [
        { name: 'p', sourceIps: [ip] },
        { name: 'a-1', withoutAddress: true, via: { default: 'ses' } },
      ],
    },
  ],
])('%s', (message, input) => {
  expect(() => defineSettings(input as SettingsInput)).toThrow(message);
});
