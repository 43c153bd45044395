import { expect, test } from 'vitest';
import { flatten, ofType } from './flatten.ts';

const flat = flatten();
const tables = Object.fromEntries(
  ofType(flat, 'AWS::DynamoDB::Table').map(({ path, properties }) => [path.replace('Storage/', ''), properties]),
);
const keys = [
  { AttributeName: 'pk', KeyType: 'HASH' },
  { AttributeName: 'sk', KeyType: 'RANGE' },
];

test('B3: each table is encrypted, on demand, and has the keys of core/records', () => {
  expect(Object.keys(tables).sort()).toEqual([
    'Accounts',
    'Holds',
    'Messages',
    'Outbox',
    'Sites',
    'Stats',
    'Suppressions',
  ]);
  for (const { SSESpecification, BillingMode, KeySchema } of Object.values(tables))
    expect({ SSESpecification, BillingMode, KeySchema }).toEqual({
      SSESpecification: { SSEEnabled: true },
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys,
    });
});

test('what could not be learnt again has point-in-time recovery', () => {
  const recoverable = Object.keys(tables).filter(
    (name) => tables[name].PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled,
  );
  expect(recoverable.sort()).toEqual(['Accounts', 'Holds', 'Stats', 'Suppressions']);
});

test('messages are streamed, expire, and are found by recipient', () => {
  expect(tables.Messages.StreamSpecification).toEqual({ StreamViewType: 'NEW_IMAGE' });
  expect(tables.Messages.TimeToLiveSpecification).toEqual({ AttributeName: 'expiresAt', Enabled: true });
  expect(tables.Messages.GlobalSecondaryIndexes).toEqual([
    {
      IndexName: 'byRecipient',
      KeySchema: [
        { AttributeName: 'indexedRecipient', KeyType: 'HASH' },
        { AttributeName: 'at', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ]);
  expect(tables.Messages.AttributeDefinitions).toContainEqual({ AttributeName: 'at', AttributeType: 'N' });
});

/** Requests that are sent in so many times 31 days: kept until then, and as long again as others. */
const LATER = Array.from({ length: 12 }, (_, n) => ({
  Prefix: `scheduled/${n + 1}/`,
  ExpirationInDays: (n + 1) * 31 + 21,
}));

test.each([
  ['Content', 21, LATER],
  // Files that accounts asked for, or put to have their addresses judged, are gone before the pages are.
  [
    'Events',
    90,
    [
      { Prefix: 'downloads/', ExpirationInDays: 3 },
      { Prefix: 'validations/', ExpirationInDays: 7 },
    ],
  ],
])('B3: the bucket %s is encrypted, private, for TLS only, and empties itself', (name, days, more) => {
  const buckets = ofType(flat, 'AWS::S3::Bucket');
  expect(buckets.map(({ path }) => path).sort()).toEqual(['Storage/Content', 'Storage/Events']);
  const bucket = buckets.find(({ path }) => path.endsWith(name));
  const policy = ofType(flat, 'AWS::S3::BucketPolicy').find(
    ({ properties }) => properties.Bucket === `<${bucket?.path}>`,
  );
  expect(bucket?.properties).toMatchObject({
    BucketEncryption: {
      ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
    },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
    LifecycleConfiguration: {
      Rules: [
        { Status: 'Enabled', ExpirationInDays: days, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
        ...more.map((rule) => ({ Status: 'Enabled', ...rule })),
      ],
    },
  });
  expect(policy?.properties.PolicyDocument.Statement).toContainEqual(
    expect.objectContaining({
      Effect: 'Deny',
      Action: 's3:*',
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    }),
  );
});

test('the DKIM key rotates; the secret of return paths is made by AWS and has 64 characters', () => {
  expect(ofType(flat, 'AWS::KMS::Key')[0]?.properties.EnableKeyRotation).toBe(true);
  expect(ofType(flat, 'AWS::SecretsManager::Secret')[0]?.properties.GenerateSecretString.PasswordLength).toBe(64);
});
