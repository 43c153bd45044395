import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { NO_VALUE, resolve, type Scope } from '../../local/intrinsics.ts';
import { loadAssembly } from '../../local/template.ts';
import { smallTemplate, writeAssembly } from './small-stack.ts';

const PLACE = {
  region: 'us-east-1',
  accountId: '000000000000',
  queueUrl: (name: string) => `http://127.0.0.1:9/000000000000/${name}`,
  apiUrl: () => 'http://127.0.0.1:8080',
};
const removals: (() => void)[] = [];
afterEach(() => {
  for (const remove of removals.splice(0)) remove();
});

function load(template: object) {
  const { templateDir, remove } = writeAssembly(template);
  removals.push(remove);
  return loadAssembly(templateDir, PLACE);
}

const scope: Scope = {
  ref: (name) => ({ Name: 'mail', List: ['a', 'b'], 'AWS::NoValue': NO_VALUE })[name],
  attribute: (logicalId, attribute) => `${logicalId}!${attribute}`,
  condition: (name) => name === 'Yes',
  mapping: (...path) => path.join('/'),
  availabilityZones: ['us-east-1a', 'us-east-1b'],
};

describe('intrinsics', () => {
  const cases: [string, unknown, unknown][] = [
    ['Ref', { Ref: 'Name' }, 'mail'],
    ['GetAtt as a list', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'Queue!Arn'],
    ['GetAtt as text', { 'Fn::GetAtt': 'Stack.Outputs.Url' }, 'Stack!Outputs.Url'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Name' }, 3]] }, 'a-mail-3'],
    ['Join of a list', { 'Fn::Join': ['+', { Ref: 'List' }] }, 'a+b'],
    ['Sub', { 'Fn::Sub': `$\{Name}/$\{Queue.Arn}/$\{!Kept}` }, `mail/Queue!Arn/$\{Kept}`],
    ['Sub with its own names', { 'Fn::Sub': [`$\{own}-$\{Name}`, { own: { Ref: 'Name' } }] }, 'mail-mail'],
    ['Select', { 'Fn::Select': [1, { 'Fn::Split': ['/', 'a/b/c'] }] }, 'b'],
    ['GetAZs', { 'Fn::Select': ['0', { 'Fn::GetAZs': '' }] }, 'us-east-1a'],
    ['If, true', { 'Fn::If': ['Yes', 1, 2] }, 1],
    ['If, false', { 'Fn::If': ['No', 1, 2] }, 2],
    ['FindInMap', { 'Fn::FindInMap': ['map', 'top', { Ref: 'Name' }] }, 'map/top/mail'],
    ['Base64', { 'Fn::Base64': 'hi' }, 'aGk='],
    ['no value in an object', { a: 1, b: { Ref: 'AWS::NoValue' } }, { a: 1 }],
    ['no value in a list', [1, { Ref: 'AWS::NoValue' }], [1]],
    ['a policy keeps its Condition', { Condition: { Bool: { k: 'true' } } }, { Condition: { Bool: { k: 'true' } } }],
  ];
  it.each(cases)('%s', (_, given, expected) => expect(resolve(given, scope, 'here')).toEqual(expected));

  it('an unknown one is refused by name and place', () =>
    expect(() => resolve({ a: [{ 'Fn::ImportValue': 'x' }] }, scope, 'Stack/Queue')).toThrow(
      'Stack/Queue.a[0]: intrinsic Fn::ImportValue is not known to the local stack',
    ));
});

describe('an assembly', () => {
  it('resolves names, ARNs, URLs and code', () => {
    // Prepare, Act
    const assembly = load(smallTemplate());
    const api = assembly.ofType('AWS::Lambda::Function').find(({ logicalId }) => logicalId === 'ApiFunction')!;

    // Assess
    expect(api.properties.Environment).toEqual({
      Variables: {
        TABLE: 'Small-Notes',
        QUEUE_URL: 'http://127.0.0.1:9/000000000000/Small-Work',
        POWERTOOLS_SERVICE_NAME: 'api',
      },
    });
    expect(api.properties.Role).toBe('arn:aws:iam::000000000000:role/Small-ApiRole');
    expect(api.assetFolder).toMatch(/asset\.api$/);
    expect(assembly.outputs).toEqual({ ApiUrl: 'http://127.0.0.1:8080' });
  });

  it('leaves out what a false condition excludes', () => {
    const template = {
      Conditions: {
        Never: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-west-1'] },
        Always: { 'Fn::Not': [{ Condition: 'Never' }] },
      },
      Resources: {
        A: { Type: 'AWS::SQS::Queue', Condition: 'Never' },
        B: {
          Type: 'AWS::SQS::Queue',
          Condition: 'Always',
          Properties: { QueueName: { 'Fn::If': ['Never', 'no', 'yes'] } },
        },
      },
    };
    expect(load(template).resources.map(({ name }) => name)).toEqual(['yes']);
  });

  it.each([
    [
      'resource type',
      { Resources: { A: { Type: 'AWS::RDS::DBInstance' } } },
      'Small/A: resource type AWS::RDS::DBInstance',
    ],
    [
      'reference',
      { Resources: { A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'B' } } } } },
      'Small: B is neither',
    ],
    [
      'attribute',
      { Resources: { A: { Type: 'AWS::SQS::Queue' } }, Outputs: { O: { Value: { 'Fn::GetAtt': ['A', 'Colour'] } } } },
      'has no attribute Colour',
    ],
    [
      'dependency',
      { Resources: { A: { Type: 'AWS::SQS::Queue', DependsOn: 'B' } } },
      'it depends on B, which is not there',
    ],
    ['section', { Transform: 'AWS::Serverless-2016-10-31', Resources: {} }, 'template section Transform'],
    [
      'parameter without a value',
      { Parameters: { P: { Type: 'String' } }, Resources: {}, Outputs: { O: { Value: { Ref: 'P' } } } },
      'parameter P has no value',
    ],
  ])('refuses an unknown %s, naming it', (_, template, message) => expect(() => load(template)).toThrow(message));

  it('enters nested stacks with their parameters, and reads their outputs', () => {
    // Prepare
    const folder = mkdtempSync(join(tmpdir(), 'pennypost-'));
    removals.push(() => rmSync(folder, { recursive: true }));
    mkdirSync(folder, { recursive: true });
    const write = (name: string, value: object) => writeFileSync(join(folder, name), JSON.stringify(value));
    write('Root.template.json', {
      Resources: {
        Dead: { Type: 'AWS::SQS::Queue' },
        Pool: {
          Type: 'AWS::CloudFormation::Stack',
          Properties: {
            TemplateURL: { 'Fn::Join': ['', ['https://s3.', { Ref: 'AWS::URLSuffix' }, '/bucket/abc.json']] },
            Parameters: { deadArn: { 'Fn::GetAtt': ['Dead', 'Arn'] } },
          },
        },
      },
      Outputs: { Lane: { Value: { 'Fn::GetAtt': ['Pool', 'Outputs.Url'] } } },
    });
    write('Pool.nested.template.json', {
      Parameters: { deadArn: { Type: 'String' } },
      Resources: {
        Lane: { Type: 'AWS::SQS::Queue', Properties: { RedrivePolicy: { deadLetterTargetArn: { Ref: 'deadArn' } } } },
        Address: { Type: 'AWS::EC2::EIP' },
      },
      Outputs: { Url: { Value: { 'Fn::Join': ['@', [{ Ref: 'Lane' }, { Ref: 'Address' }]] } } },
    });
    write('Root.assets.json', {
      files: {
        abc: { source: { path: 'Pool.nested.template.json' }, destinations: { here: { objectKey: 'abc.json' } } },
      },
    });

    // Act
    const assembly = loadAssembly(folder, PLACE);

    // Assess
    const lane = assembly.resources.find(({ logicalId }) => logicalId === 'Lane')!;
    expect(lane.properties.RedrivePolicy).toEqual({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:Root-Dead',
    });
    expect(assembly.outputs.Lane).toBe(`http://127.0.0.1:9/000000000000/${lane.name}@127.0.0.1`);
  });
});
