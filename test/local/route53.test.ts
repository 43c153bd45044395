/** Route 53 as the local stack runs it: what a request asks for, what it touches, and what becomes of the local DNS. */
import { describe, expect, test } from 'vitest';
import { readCall } from '../../local/calls.ts';
import { evaluate, readPolicy } from '../../local/iam.ts';
import { accessOfRoute53, answerRoute53, type Route53Call, readRoute53 } from '../../local/route53.ts';

const change = (action: string, name: string, type = 'TXT', value = '&quot;proof&quot;') =>
  `<Change><Action>${action}</Action><ResourceRecordSet><Name>${name}</Name><Type>${type}</Type><TTL>60</TTL>` +
  `<ResourceRecords><ResourceRecord><Value>${value}</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change>`;
const asked = (...changes: string[]) => ({
  method: 'POST',
  url: '/2013-04-01/hostedzone/Z1/rrset',
  body: Buffer.from(
    `<ChangeResourceRecordSetsRequest><ChangeBatch><Changes>${changes.join('')}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`,
  ),
});
const read = (...changes: string[]) => readRoute53(asked(...changes)) as Route53Call;

/** A name server that only remembers. */
function zone() {
  const records = new Map<string, readonly unknown[]>();
  return { records, setRecord: (name: string, _: string, data: readonly unknown[]) => void records.set(name, data) };
}

describe('a change', () => {
  test('of a TXT record is in the DNS at once, and gone when it is deleted', () => {
    const { records, setRecord } = zone();
    expect(answerRoute53(read(change('UPSERT', '_acme-challenge.SMTP.example.com.')), { setRecord }).status).toBe(200);
    expect([...records]).toEqual([['_acme-challenge.smtp.example.com', ['proof']]]);
    answerRoute53(read(change('DELETE', '_acme-challenge.smtp.example.com')), { setRecord });
    expect([...records]).toEqual([['_acme-challenge.smtp.example.com', []]]);
  });

  // Attack: a template, or what runs by it, sends the mail of this machine to a server of its own.
  test.each(['MX', 'A', 'CNAME'])('of a record of type %s is refused, and so is what comes with it', (type) => {
    const { records, setRecord } = zone();
    const both = read(change('UPSERT', 'a.example.com'), change('UPSERT', 'b.example.com', type, 'evil.test'));
    const answer = answerRoute53(both, { setRecord });
    expect(answer.status).toBe(400);
    expect(answer.body.toString()).toContain('InvalidChangeBatch');
    expect(records.size).toBe(0);
  });

  test('of a sender’s MX or CNAME is taken under the names that senders alone have; twice the same is not made', () => {
    const { records, setRecord } = zone();
    const at = { setRecord };
    const mail = read(
      change('CREATE', 'em1234.example.com', 'CNAME', 'd0123456789abcdef.wl.example.net'),
      change('UPSERT', 'd0123456789abcdef.wl.example.net', 'MX', '10 smtp.example.net'),
      change(
        'UPSERT',
        's1.domainkey.d0123456789abcdef.wl.example.net',
        'TXT',
        '&quot;v=DKIM1; &quot; &quot;p=AB&quot;',
      ),
    );
    expect(answerRoute53(mail, at).status).toBe(200);
    expect(Object.fromEntries(records)).toEqual({
      'em1234.example.com': ['d0123456789abcdef.wl.example.net'],
      'd0123456789abcdef.wl.example.net': [{ preference: 10, exchange: 'smtp.example.net' }],
      's1.domainkey.d0123456789abcdef.wl.example.net': ['v=DKIM1; p=AB'],
    });
    expect(answerRoute53(mail, at).status).toBe(400);
  });

  test('is refused where the stack has no DNS', () => {
    expect(answerRoute53(read(change('UPSERT', 'a.example.com')), undefined).status).toBe(404);
  });
});

test('a policy that names one record lets no other through, not even beside it', () => {
  // Prepare
  const statements = readPolicy(
    {
      Statement: {
        Effect: 'Allow',
        Action: 'route53:ChangeResourceRecordSets',
        Resource: 'arn:aws:route53:::hostedzone/Z1',
        Condition: {
          'ForAllValues:StringEquals': {
            'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_acme-challenge.smtp.example.com'],
            'route53:ChangeResourceRecordSetsRecordTypes': ['TXT'],
            'route53:ChangeResourceRecordSetsActions': ['UPSERT', 'DELETE'],
          },
        },
      },
    },
    'policy',
  );
  const allowed = (...changes: string[]) => evaluate(accessOfRoute53(read(...changes)), statements).allowed;
  const own = change('UPSERT', '_ACME-challenge.smtp.example.com.');

  // Assess
  expect(allowed(own)).toBe(true);
  expect(allowed(own, change('DELETE', '_acme-challenge.smtp.example.com'))).toBe(true);
  expect(allowed(change('UPSERT', 'www.example.com'))).toBe(false);
  expect(allowed(own, change('UPSERT', 'www.example.com'))).toBe(false);
  expect(allowed(change('UPSERT', '_acme-challenge.smtp.example.com', 'MX'))).toBe(false);
  expect(allowed(change('CREATE', '_acme-challenge.smtp.example.com'))).toBe(false);
});

test('a path of Route 53 is a bucket of S3 unless the signature says Route 53', () => {
  const naming = {
    region: 'us-east-1',
    accountId: '000000000000',
    keyArn: () => undefined,
    keyOfCiphertext: () => undefined,
    secretArn: () => undefined,
    hashKey: () => undefined,
  };
  const signed = (service: string) => ({
    method: 'GET',
    url: '/2013-04-01/change/C1',
    headers: { authorization: `AWS4-HMAC-SHA256 Credential=K/20261125/us-east-1/${service}/aws4_request, Signature=0` },
    body: Buffer.alloc(0),
  });
  expect(readCall(signed('route53'), naming)).toMatchObject({ service: 'route53', operation: 'GetChange' });
  expect(readCall(signed('s3'), naming)).toMatchObject({ service: 's3', operation: 'GetObject' });
  expect(readCall({ ...signed('route53'), url: '/2013-04-01/hostedzone' }, naming)).toBeUndefined();
});
