import { expect, test } from 'vitest';
import {
  COUNT_WARM_UP,
  changeRecord,
  ERASE_INBOUND,
  READ_CERTIFICATE,
  RELEASE_PARSE,
  TAKE_INBOUND,
  TRACE,
} from '../../lib/permissions/by-settings.ts';
import type { FunctionName, Permission, Target } from '../../lib/permissions/permission.ts';
import { PERMISSIONS, TASK_PERMISSIONS } from '../../lib/permissions/table.ts';
import type { SettingsInput } from '../../lib/settings.ts';
import {
  asList,
  flatten,
  functionName,
  ofType,
  type Statement,
  statementsByFunction,
  statementsByTask,
} from './flatten.ts';

const input: SettingsInput = {
  relay: { hostName: 'smtp.example.com' },
  pools: [
    { name: 'default', sourceIps: [{ name: 'a-1', ehloName: 'a1.example.com' }] },
    { name: 'bulk', sourceIps: [{ name: 'b-1', ehloName: 'b1.example.com' }] },
  ],
};
const flat = flatten(input);
const granted = statementsByFunction(flat);
const LANES = ['<Pool-default/Lane-a-1/Work/Queue.Arn>', '<Pool-bulk/Lane-b-1/Work/Queue.Arn>'];

/** What a target is in the template, for the function at a path; written down here, not taken from `lib`. */
function resourcesOf(target: Target, path: string): string[] {
  const stage = path.replace(/\/Function$/, '');
  const part = stage.replace(/\/[^/]+$/, '');
  const known: Record<Target, string[]> = {
    accounts: ['<Storage/Accounts.Arn>'],
    messages: ['<Storage/Messages.Arn>'],
    messagesIndex: ['<Storage/Messages.Arn>/index/byRecipient'],
    holds: ['<Storage/Holds.Arn>'],
    sites: ['<Storage/Sites.Arn>'],
    content: ['<Storage/Content.Arn>'],
    requests: ['<Storage/Content.Arn>/requests/*', '<Storage/Content.Arn>/scheduled/*'],
    uploads: ['<Storage/Content.Arn>/requests/*'],
    scheduled: ['<Storage/Holds.Arn>/index/bySchedule'],
    lanes: LANES,
    expandQueue: ['<Expand/Work/Queue.Arn>'],
    suppressions: ['<Storage/Suppressions.Arn>'],
    parseQueue: ['<Inbound/ParseWork/Queue.Arn>'],
    ownQueue: [stage.endsWith('/Parse') ? '<Inbound/ParseWork/Queue.Arn>' : `<${part}/Work/Queue.Arn>`],
    dkimKey: ['<Storage/DkimKey.Arn>'],
    returnPathSecret: ['<Storage/ReturnPathSecret>'],
    trackingSecret: ['<Storage/TrackingSecret>'],
    // Only with a pool's `via`: test/lib/via.test.ts.
    relaySecrets: [],
    ses: [],
    stats: ['<Storage/Stats.Arn>'],
    outbox: ['<Storage/Outbox.Arn>'],
    events: ['<Storage/Events.Arn>'],
    eventPages: ['<Storage/Events.Arn>/events/*'],
    downloads: ['<Storage/Events.Arn>/downloads/*'],
    ownStream: ['<Storage/Messages.StreamArn>'],
    ownDeadLetters: [`<${part}/Dead.Arn>`],
    notifyQueue: ['<Events/Work/Queue.Arn>'],
    validateQueue: ['<Validate/Work/Queue.Arn>'],
    validationUploads: ['<Storage/Events.Arn>/validations/*/upload'],
    validationParts: ['<Storage/Events.Arn>/validations/*/parts/*'],
    validationResults: ['<Storage/Events.Arn>/validations/*/result.csv'],
    eraseQueue: ['<Erase/Work/Queue.Arn>'],
    // Only with `relay`.
    tlsSecret: ['<Certify/Certificate>'],
    acmeSecret: ['<Certify/Account>'],
    hostedZone: ['arn:<AWS::Partition>:route53:::hostedzone/Z0123456789ABCDEFGHIJ'],
    changes: ['arn:<AWS::Partition>:route53:::change/*'],
    // Only with `senders.zones`: test/lib/senders-settings.test.ts.
    senderZones: [],
    inboundMail: ['<Inbound/Mail.Arn>/inbound/*'],
    inboundQueue: ['<Inbound/Work/Queue.Arn>'],
    ownLogs: [`<${stage}/Logs.Arn>`],
    anything: ['*'],
  };
  return known[target];
}

const asLine = (effect: string, actions: string[], resources: string[], condition: unknown) =>
  `${effect} ${[...actions].sort().join(' ')} on ${resources.join(' ')}${condition ? ` if ${JSON.stringify(condition)}` : ''}`;
const statementLine = ({ Effect, Action, Resource, Condition }: Statement) =>
  asLine(Effect, asList(Action), asList(Resource), Condition);
const rowLine = ({ effect = 'Allow', actions, on, conditions }: Permission, path: string) =>
  asLine(effect, [...actions], resourcesOf(on, path), conditions);

test.each(granted.map((one) => [one.path, one] as const))('%s may do what its rows say, and nothing else', (_, one) => {
  // Prepare
  const name = one.name as FunctionName;
  const more: Partial<Record<FunctionName, Permission>> = {
    release: RELEASE_PARSE,
    erase: ERASE_INBOUND,
    deliver: COUNT_WARM_UP,
  };
  const rows = [...PERMISSIONS[name], ...(more[name] ? [more[name]] : [])];

  // Act
  const allowed = one.statements.map(statementLine);

  // Assess
  expect(allowed.sort()).toEqual(rows.map((row) => rowLine(row, one.path)).sort());
});

test('every function has exactly one policy, and no role has a managed or inline one', () => {
  expect(granted.map(({ path }) => path).sort()).toEqual(
    ofType(flat, 'AWS::Lambda::Function')
      .map(({ path }) => path)
      .sort(),
  );
  for (const { path, properties } of ofType(flat, 'AWS::IAM::Role'))
    expect({ path, managed: properties.ManagedPolicyArns, inline: properties.Policies }).toEqual({ path });
});

test('no action is a wildcard, and a resource only where AWS knows no other', () => {
  for (const { name, statements } of granted)
    for (const { Action, Resource } of statements) {
      expect(asList(Action).filter((action) => action.includes('*'))).toEqual([]);
      if (asList(Resource).includes('*')) {
        expect(['deliver', 'tally', 'announce']).toContain(name);
        const unnamed = name === 'deliver' ? /^ec2:/ : /^dynamodb:ListStreams$/;
        expect(asList(Action).filter((action) => !unnamed.test(action))).toEqual([]);
      }
    }
});

// Attack: a function that the world can call, or one that parses what strangers send, is taken over and goes for the keys.
test('only deliver, notify and parse decrypt, each in its own context; manage encrypts; nobody administers; who may change what accounts have', () => {
  // Act
  const who = (match: RegExp) => [
    ...new Set(
      granted
        .filter(({ statements }) => statements.some((one) => asList(one.Action).some((a) => match.test(a))))
        .map(({ name }) => name),
    ),
  ];
  const decrypts = granted.flatMap(({ statements }) =>
    statements.filter((one) => asList(one.Action).includes('kms:Decrypt')),
  );

  // Assess
  expect(who(/^kms:/).sort()).toEqual(['deliver', 'manage', 'notify', 'parse']);
  expect(who(/^kms:(?!Decrypt)/)).toEqual(['manage']);
  expect(who(/^secretsmanager:/).sort()).toEqual(['deliver', 'inbound', 'track']);
  // Two lanes open keys of domains, notify secrets of webhooks, parse those of policies: none can open another's.
  expect(decrypts.map(({ Condition }) => Object.keys(Condition!.Null as object)[1]!).sort()).toEqual([
    'kms:EncryptionContext:domain',
    'kms:EncryptionContext:domain',
    'kms:EncryptionContext:policy',
    'kms:EncryptionContext:webhook',
  ]);
  expect(
    who(
      /:(Create|Put.*Policy|Tag|Update(?!Item))(?!LogStream|NetworkInterface)|Scan|Delete(?!Message|NetworkInterface|Item)|iam:|lambda:/,
    ),
  ).toEqual(['erase']);
  // Limits, which are learnt again within minutes; places in a list that an address left; what an account takes back.
  const deletes = granted.flatMap(({ path, statements }) =>
    statements
      .filter((one) => asList(one.Action).includes('dynamodb:DeleteItem'))
      .map(({ Resource, Condition }) => [
        path.replace(/.*\/(\w+)\/Function$/, '$1'),
        ...asList(Resource),
        ...(Condition ? [Condition] : []),
      ]),
  );
  // No function that reads what strangers say takes an address off a list: it may only move it within one.
  const moves = ['<Storage/Suppressions.Arn>', { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#list#*' } }];
  const inOrder = (rows: unknown[]) => rows.map((row) => JSON.stringify(row)).sort();
  expect(inOrder(deletes)).toEqual(
    inOrder([
      ['Deliver', ...moves],
      ['Deliver', '<Storage/Sites.Arn>'],
      ['Deliver', ...moves],
      ['Deliver', '<Storage/Sites.Arn>'],
      // Whoever asks to be forgotten.
      ['Erase', '<Storage/Messages.Arn>'],
      ['Erase', '<Storage/Holds.Arn>'],
      ['Erase', '<Storage/Suppressions.Arn>'],
      ['Inbound', ...moves],
      ['Manage', '<Storage/Accounts.Arn>'],
      ['Manage', '<Storage/Suppressions.Arn>'],
      // A reader takes his own address off, by the link that he was sent.
      ['Track', '<Storage/Suppressions.Arn>'],
    ]),
  );
  const onAccounts = granted.flatMap(({ name, statements }) =>
    statements
      .filter((one) => asList(one.Resource).includes('<Storage/Accounts.Arn>'))
      .flatMap((one) => asList(one.Action).map((action) => ({ name, action, condition: one.Condition }))),
  );
  // One item at a time, but for manage, whom nobody gets to without a key, for release's batches, and who looks for webhooks; counters, brakes, alerts and jobs change.
  const many = onAccounts.filter(({ action, name }) => action !== 'dynamodb:GetItem' && name !== 'manage');
  expect(many.filter(({ action }) => action === 'dynamodb:Query').map(({ name }) => name)).toEqual([
    'announce',
    'notify',
  ]);
  expect(many.filter(({ action }) => action !== 'dynamodb:Query')).toEqual([
    {
      name: 'notify',
      action: 'dynamodb:UpdateItem',
      condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#alerts' } },
    },
    {
      name: 'tally',
      action: 'dynamodb:UpdateItem',
      condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#brakes' } },
    },
    {
      name: 'inbound',
      action: 'dynamodb:UpdateItem',
      condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#parse-stats' } },
    },
    { name: 'release', action: 'dynamodb:BatchGetItem', condition: undefined },
    {
      name: 'validate',
      action: 'dynamodb:UpdateItem',
      condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': '*#validations' } },
    },
  ]);
});

const withRelay = flatten({
  ...input,
  relay: { hostName: 'smtp.example.com', acme: { hostedZone: 'Z0123456789ABCDEFGHIJ' } },
});

test("the relay's tasks may do what their rows say, and nothing else; ECS itself pulls the image and writes the log", () => {
  // Act
  const [relay] = statementsByTask(withRelay);

  // Assess
  const rows = [...TASK_PERMISSIONS.relay, READ_CERTIFICATE, ...TAKE_INBOUND];
  expect(relay!.task.map(statementLine).sort()).toEqual(rows.map((row) => rowLine(row, relay!.path)).sort());
  expect(relay!.execution.flatMap(({ Action }) => Action).sort()).toEqual([
    'ecr:BatchCheckLayerAvailability',
    'ecr:BatchGetImage',
    'ecr:GetAuthorizationToken',
    'ecr:GetDownloadUrlForLayer',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
  ]);
});

test('a relay with a certificate of its own, that takes nothing in, has neither secrets nor inbound mail', () => {
  const [relay] = statementsByTask(
    flatten({ ...input, relay: { hostName: 'smtp.example.com', internal: true, inbound: false } }),
  );
  expect(relay!.task.map(statementLine).sort()).toEqual(
    TASK_PERMISSIONS.relay.map((row) => rowLine(row, relay!.path)).sort(),
  );
});

// Attack: the relay, which the whole internet can talk to, is taken over, and goes for keys and for mail that others sent.
test('a task of the relay reads no stored mail, no DKIM key, no suppression, and deletes nothing', () => {
  const actions = statementsByTask(withRelay)[0]!.task.flatMap(({ Action }) => Action);
  expect(
    actions.filter((action) => /^(kms|iam|lambda|ecs|route53):|Delete|Scan|Query|s3:Get|List|Receive/.test(action)),
  ).toEqual([]);
});

// Attack: certify is taken over, and points the company's web site, or its mail, elsewhere.
test("certify changes one TXT record in the zone, the challenge of the relay's name, and nothing else", () => {
  const certify = statementsByFunction(withRelay).find(({ name }) => name === 'certify')!;
  const rows = [...PERMISSIONS.certify, changeRecord('_acme-challenge.smtp.example.com')];
  expect(certify.statements.map(statementLine).sort()).toEqual(rows.map((row) => rowLine(row, certify.path)).sort());
  const changing = certify.statements.filter(({ Action }) =>
    asList(Action).includes('route53:ChangeResourceRecordSets'),
  );
  expect(changing).toMatchObject([
    {
      Condition: {
        'ForAllValues:StringEquals': {
          'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_acme-challenge.smtp.example.com'],
          'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
        },
        Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
      },
    },
  ]);
  expect(ofType(withRelay, 'AWS::Lambda::Function').map(functionName)).toContain('certify');
});

test('with tracing on, each function may also send its traces', () => {
  for (const { path, statements } of statementsByFunction(flatten({ ...input, tracing: true })))
    expect(statements.map(statementLine)).toContain(rowLine(TRACE, path));
});

test('what each function may do, as text', async () => {
  const lines = granted.flatMap(({ path, statements }) =>
    statements.flatMap(({ Effect, Action, Resource, Condition }) =>
      asList(Action).flatMap((action) =>
        asList(Resource).map(
          (resource) =>
            `${path}  ${Effect === 'Deny' ? 'NOT ' : ''}${action}  ${resource}${Condition ? `  if ${JSON.stringify(Condition)}` : ''}`,
        ),
      ),
    ),
  );
  await expect(`${lines.sort().join('\n')}\n`).toMatchFileSnapshot('snapshots/permissions.snap');
});
