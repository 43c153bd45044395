import { describe, expect, it } from 'vitest';
import { inboundOf } from '../../lib/inbound-settings.ts';
import { defineSettings } from '../../lib/settings.ts';
import { flatten, functionName, ofType } from './flatten.ts';

const RELAY = { hostName: 'smtp.example.com' };
const TYPES = ['AWS::SES::ReceiptRule', 'AWS::SES::ReceiptRuleSet', 'AWS::SNS::Subscription'];

describe('mail that comes in', () => {
  it('costs nothing while nobody asks for it', () => {
    const flat = flatten();
    const names = ofType(flat, 'AWS::Lambda::Function').map(functionName);
    expect(names).not.toContain('inbound');
    expect(names).not.toContain('parse');
    expect(flat.resources.filter(({ path }) => path.startsWith('Inbound'))).toEqual([]);
    expect(JSON.stringify(flat.resources.find(({ path }) => path === 'Release/Release/Function'))).not.toContain(
      'PARSE',
    );
  });

  it('by a relay is a bucket that empties itself, two queues with their dead letters, and two functions', () => {
    const flat = flatten({ relay: RELAY });
    const inbound = flat.resources.filter(({ path }) => path.startsWith('Inbound/'));
    const count = (type: string) => inbound.filter((one) => one.type === type).length;
    expect([count('AWS::S3::Bucket'), count('AWS::SQS::Queue'), count('AWS::Lambda::Function')]).toEqual([1, 4, 2]);
    for (const type of TYPES) expect(ofType(flat, type)).toEqual([]);
    const [bucket] = inbound.filter(({ type }) => type === 'AWS::S3::Bucket');
    expect(bucket!.properties.LifecycleConfiguration.Rules).toMatchObject([
      { ExpirationInDays: 18, Status: 'Enabled' },
    ]);
    expect(flat.outputs).toMatchObject({ InboundBucket: '<Inbound/Mail>', InboundQueueUrl: '<Inbound/Work/Queue>' });
    expect(flat.outputs.InboundHost).toBe('smtp.example.com');
  });

  it('through SES is stored before it is told, by one rule, over TLS where that is asked for', () => {
    const flat = flatten({ inbound: { by: 'ses', requireTls: true } });
    const [rule] = ofType(flat, 'AWS::SES::ReceiptRule');
    expect(rule!.properties).toEqual({
      RuleSetName: '<Inbound/Receiving/RuleSet>',
      Rule: {
        Enabled: true,
        ScanEnabled: true,
        TlsPolicy: 'Require',
        Actions: [
          {
            S3Action: {
              BucketName: '<Inbound/Mail>',
              ObjectKeyPrefix: 'inbound/',
              TopicArn: '<Inbound/Receiving/Topic>',
            },
          },
        ],
      },
    });
    expect(ofType(flat, 'AWS::SNS::Subscription').map(({ properties }) => properties)).toMatchObject([
      { Protocol: 'sqs', RawMessageDelivery: true, Endpoint: '<Inbound/Work/Queue.Arn>' },
    ]);
    expect(flat.outputs).toMatchObject({
      InboundHost: expect.stringMatching(/^inbound-smtp\..+\.amazonaws\.com$/),
      ReceiptRuleSet: '<Inbound/Receiving/RuleSet>',
    });
  });

  // Attack: somebody's rule in another account puts mail into our bucket, or tells our topic of mail that never came.
  it('is taken from our own account’s SES alone', () => {
    const flat = flatten({ inbound: { by: 'ses' } });
    const statements = [...ofType(flat, 'AWS::S3::BucketPolicy'), ...ofType(flat, 'AWS::SNS::TopicPolicy')]
      .flatMap(({ properties }) => properties.PolicyDocument.Statement)
      .filter(({ Sid = '' }: { Sid?: string }) => Sid.startsWith('Ses'));
    expect(statements).toHaveLength(2);
    for (const { Condition, Principal } of statements) {
      expect(Principal).toEqual({ Service: 'ses.amazonaws.com' });
      expect(Condition.StringEquals).toHaveProperty('aws:SourceAccount');
    }
  });

  it('refuses to forget mails before the dead letters about them', () => {
    expect(() => defineSettings({ inbound: { by: 'ses', mailDays: 14 } })).toThrow(/inbound\.mailDays/);
    expect(() => defineSettings({ inbound: { by: 'fax' as never } })).toThrow(/inbound\.by/);
  });

  it('comes one way: by the relay, which needs no word about it, or through SES', () => {
    expect(() => defineSettings({ inbound: { by: 'relay' } })).toThrow(/inbound\.by: needs a `relay`/);
    expect(() => defineSettings({ inbound: { by: 'ses' }, relay: RELAY })).toThrow(/two ways in/);
    const both = { inbound: { by: 'ses' as const }, relay: { ...RELAY, inbound: false } };
    expect(inboundOf(defineSettings(both))?.by).toBe('ses');
    expect(inboundOf(defineSettings({ relay: RELAY }))).toEqual({ by: 'relay', requireTls: false, mailDays: 18 });
    expect(inboundOf(defineSettings({ relay: { ...RELAY, inbound: false } }))).toBeUndefined();
    expect(inboundOf(defineSettings())).toBeUndefined();
  });
});
