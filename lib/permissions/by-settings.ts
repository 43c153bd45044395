/** Rows that a stage has beside its own where the settings ask for what they allow. */
import type { Permission } from './permission.ts';

/** Only deliver of a pool that may go by SES: raw messages, under our configuration set. */
export const SEND_BY_SES: Permission = { actions: ['ses:SendRawEmail'], on: 'ses' };
/** Only deliver of a pool that may go by a relay with a password. */
export const READ_RELAY_SECRETS: Permission = { actions: ['secretsmanager:GetSecretValue'], on: 'relaySecrets' };

/** Only deliver of a lane with an address: while that is warming up, its budget is counted. */
export const COUNT_WARM_UP: Permission = { actions: ['dynamodb:UpdateItem'], on: 'sites' };
/** Only deliver of a stack that sends TLS reports: what sessions came to is counted. */
export const COUNT_TLS: Permission = { actions: ['dynamodb:UpdateItem'], on: 'sites' };
/** Only deliver of a lane that has others beside it: while it is warming up, what it may not send yet is theirs. */
export const OVERFLOW: Permission = { actions: ['sqs:SendMessage'], on: 'lanes' };
/** Only release of a stack that takes mail: what a customer's URL did not take is tried again. */
export const RELEASE_PARSE: Permission = { actions: ['sqs:SendMessage'], on: 'parseQueue' };
/** Only erase of a stack that takes mail: what came back about a copy goes with it. */
export const ERASE_INBOUND: Permission = { actions: ['s3:DeleteObject'], on: 'inboundMail' };
/** Only a relay with a certificate of its own: read at the start, and again when it may have been renewed. */
export const READ_CERTIFICATE: Permission = { actions: ['secretsmanager:GetSecretValue'], on: 'tlsSecret' };
/** Long messages go to a bucket part by part, and one that does not end is given up. */
const PUT_IN_PARTS = ['s3:PutObject', 's3:AbortMultipartUpload'];
/** What came part by part is never of those that are sent much later. */
export const GIVE_UP_UPLOAD: Permission = { actions: ['s3:AbortMultipartUpload'], on: 'uploads' };
/** Only a relay that takes what comes back. The return path's secret tells a bounce of ours from a forged one. */
export const TAKE_INBOUND: readonly Permission[] = [
  { actions: ['secretsmanager:GetSecretValue'], on: 'returnPathSecret' },
  { actions: PUT_IN_PARTS, on: 'inboundMail' },
  { actions: ['sqs:SendMessage'], on: 'inboundQueue' },
];
/**
 * certify's one record. Route 53 has no resource below the zone, so the condition names it: the TXT record of the challenge
 * (RFC 8555 8.4), and no other name or type in the zone ("Using IAM policy conditions for fine-grained access control").
 * @param recordName as Route 53 normalises it: lower case, without the dot at its end
 */
export const changeRecord = (recordName: string): Permission => ({
  actions: ['route53:ChangeResourceRecordSets'],
  on: 'hostedZone',
  conditions: {
    'ForAllValues:StringEquals': {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': [recordName],
      'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
      'route53:ChangeResourceRecordSetsActions': ['UPSERT', 'DELETE'],
    },
    // A condition "for all values" holds where there are none.
    Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
  },
});
/**
 * Records of senders, by manage and rotate, in the zones that the settings name, and no other names in them: nobody's website can be led away
 * by whoever takes manage over.
 * @param targets the name below which customers' CNAMEs end
 */
export const writeSenderRecords = (targets: string | undefined): Permission => ({
  actions: ['route53:ChangeResourceRecordSets'],
  on: 'senderZones',
  conditions: {
    'ForAllValues:StringLike': {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': [
        '*._domainkey.*',
        '_dmarc.*',
        'em*.*',
        ...(targets === undefined ? [] : [`*.${targets}`]),
      ],
    },
    'ForAllValues:StringEquals': {
      'route53:ChangeResourceRecordSetsRecordTypes': ['CNAME', 'MX', 'TXT'],
      'route53:ChangeResourceRecordSetsActions': ['CREATE', 'UPSERT', 'DELETE'],
    },
    // A condition "for all values" holds where there are none.
    Null: { 'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false' },
  },
});
/** Only with tracing on; X-Ray knows no resource for these. */
export const TRACE: Permission = { actions: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], on: 'anything' };
