/**
 * AWS list prices, US dollars, us-east-1, arm64, without free tiers or volume steps; and what a metered run would have
 * cost. Each row names its pricing page (read in 2026). NAT, the relay's load balancer, egress, storage and the monthly floor are
 * not metered; the relay's task is, for the time that the stack has run.
 */
import { type Snapshot, total, type Unit, type Usage } from './meter.ts';

type Row = { term: string; per: string; price: number; unit: Unit; of: Partial<Omit<Usage, 'counts'>> };

const MILLION = 1_000_000;
const GB = 1024 ** 3;

export const PRICES: Row[] = [
  // aws.amazon.com/api-gateway/pricing: HTTP API, first 300 million; metered by 512 KB.
  {
    term: 'API Gateway requests',
    per: 'million',
    price: 1 / MILLION,
    unit: 'units512k',
    of: { service: 'apigateway' },
  },
  // aws.amazon.com/lambda/pricing: arm64; initialisation is billed too.
  { term: 'Lambda requests', per: 'million', price: 0.2 / MILLION, unit: 'requests', of: { service: 'lambda' } },
  { term: 'Lambda GB-seconds', per: 'GB-second', price: 0.0000133334, unit: 'gbSeconds', of: { service: 'lambda' } },
  // aws.amazon.com/fargate/pricing: Linux on arm64; one task here, where AWS runs two at least.
  { term: 'Fargate vCPU', per: 'hour', price: 0.03238, unit: 'vcpuHours', of: { service: 'fargate' } },
  { term: 'Fargate memory', per: 'GB-hour', price: 0.00356, unit: 'gbHours', of: { service: 'fargate' } },
  // aws.amazon.com/sqs/pricing: standard queues; every 64 KB chunk is a request. Fair queues are a surcharge.
  { term: 'SQS requests', per: 'million', price: 0.4 / MILLION, unit: 'chunks', of: { service: 'sqs' } },
  { term: 'SQS fair queues', per: 'million', price: 0.1 / MILLION, unit: 'fairChunks', of: { service: 'sqs' } },
  { term: 'SQS empty receives', per: 'million', price: 0.4 / MILLION, unit: 'emptyReceives', of: { service: 'sqs' } },
  // aws.amazon.com/dynamodb/pricing/on-demand: since November 2024.
  { term: 'DynamoDB writes', per: 'million', price: 0.625 / MILLION, unit: 'writeUnits', of: { service: 'dynamodb' } },
  { term: 'DynamoDB reads', per: 'million', price: 0.125 / MILLION, unit: 'readUnits', of: { service: 'dynamodb' } },
  // aws.amazon.com/s3/pricing: S3 Standard; PUT, COPY, POST, LIST and GET, others.
  ...['PutObject', 'CopyObject', 'UploadPart', 'ListObjectsV2'].map(
    (action): Row => ({
      term: `S3 ${action}`,
      per: 'thousand',
      price: 0.005 / 1000,
      unit: 'requests',
      of: { service: 's3', action },
    }),
  ),
  ...['GetObject', 'HeadObject', 'HeadBucket'].map(
    (action): Row => ({
      term: `S3 ${action}`,
      per: 'thousand',
      price: 0.0004 / 1000,
      unit: 'requests',
      of: { service: 's3', action },
    }),
  ),
  // aws.amazon.com/kms/pricing
  { term: 'KMS requests', per: 'ten thousand', price: 0.03 / 10_000, unit: 'requests', of: { service: 'kms' } },
  // aws.amazon.com/secrets-manager/pricing
  {
    term: 'Secrets Manager requests',
    per: 'ten thousand',
    price: 0.05 / 10_000,
    unit: 'requests',
    of: { service: 'secretsmanager' },
  },
  // aws.amazon.com/cloudwatch/pricing: log data ingested, standard class.
  { term: 'CloudWatch log bytes', per: 'GB', price: 0.5 / GB, unit: 'bytesIn', of: { service: 'logs' } },
];

export type Term = { term: string; quantity: number; price: number; per: string; usd: number };

/** What a run used, at list price: dearest term first. `operator` and its calls are left out: they are not the stack's. */
export function priceOf(snapshot: Snapshot): { total: number; terms: Term[] } {
  const metered = { ...snapshot, usages: snapshot.usages.filter((usage) => usage.function !== 'operator') };
  const terms = PRICES.map(({ term, per, price, unit, of }) => {
    const quantity = total(metered, unit, of);
    return { term, quantity, price, per, usd: quantity * price };
  })
    .filter(({ quantity }) => quantity > 0)
    .sort((a, b) => b.usd - a.usd);
  return { total: terms.reduce((sum, { usd }) => sum + usd, 0), terms };
}
