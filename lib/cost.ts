/**
 * What a million delivered messages cost at list price, as one line of metric math over AWS's own metrics: requests,
 * compute (the relay's tasks too, where there are any) and state. Not in it: NAT gateways and the load balancer, egress and
 * storage, which CloudWatch does not count per stack, and S3 requests, whose metrics cost more than they do. SQS counts
 * messages where it bills requests, so its term is an upper bound.
 */
import type { Duration } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import { type IMetric, MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { MESSAGES_INDEX } from '../core/records/messages.ts';

const MILLION = 1_000_000;

/** US dollars, us-east-1 list prices of 2026: for a million requests, request units, or GB-seconds of arm64. */
const PRICE = { api: 1, invocation: 0.2, gbSecond: 13.3334, sqs: 0.4, write: 0.625, read: 0.125 };
/** US dollars an hour, us-east-1: Fargate on arm64, and a public IPv4 address. */
export const HOURLY = { vcpu: 0.03238, gigabyte: 0.00356, address: 0.005 };

export type CostParts = {
  api: HttpApi;
  functions: { fn: LambdaFunction; memoryMb: number }[];
  queues: Queue[];
  tables: Table[];
  /** The table that has the index. */
  messages: Table;
  delivered: IMetric;
  /** Tasks of the relay, by their number at a time, and what one of them has. */
  relay?: { tasks: IMetric; vcpu: number; gigabytes: number } | undefined;
};

/** Dollars per million delivered, for each period in which anything was delivered. */
export function costPerMillion(parts: CostParts, period: Duration): MathExpression {
  const metrics: Record<string, IMetric> = {};
  const terms: string[] = [];
  /** Adds a metric at its price for a million units; absent metrics count as nothing. Metric math knows no exponents. */
  const add = (price: number, metric: IMetric) => {
    const id = `m${terms.length}`;
    metrics[id] = metric;
    terms.push(`FILL(${id},0)*${price.toFixed(6)}`);
  };
  const sum = { statistic: 'Sum', period };

  add(PRICE.api, parts.api.metricCount(sum));
  for (const { fn, memoryMb } of parts.functions) {
    add(PRICE.invocation, fn.metricInvocations(sum));
    // Duration comes in milliseconds.
    add((PRICE.gbSecond * memoryMb) / 1024 / 1000, fn.metricDuration(sum));
  }
  for (const queue of parts.queues) {
    add(PRICE.sqs, queue.metricNumberOfMessagesSent(sum));
    add(PRICE.sqs, queue.metricNumberOfMessagesReceived(sum));
    add(PRICE.sqs, queue.metricNumberOfMessagesDeleted(sum));
    add(PRICE.sqs, queue.metricNumberOfEmptyReceives(sum));
  }
  for (const table of parts.tables) {
    add(PRICE.write, table.metricConsumedWriteCapacityUnits(sum));
    add(PRICE.read, table.metricConsumedReadCapacityUnits(sum));
  }
  add(
    PRICE.write,
    new Metric({
      namespace: 'AWS/DynamoDB',
      metricName: 'ConsumedWriteCapacityUnits',
      dimensionsMap: { TableName: parts.messages.tableName, GlobalSecondaryIndexName: MESSAGES_INDEX },
      ...sum,
    }),
  );
  if (parts.relay) {
    const { tasks, vcpu, gigabytes } = parts.relay;
    const hourly = vcpu * HOURLY.vcpu + gigabytes * HOURLY.gigabyte + HOURLY.address;
    add(hourly * MILLION * period.toHours(), tasks);
  }
  metrics.delivered = parts.delivered;
  return new MathExpression({
    expression: `(${terms.join('+')})/delivered`,
    usingMetrics: metrics,
    label: '$ per million delivered',
    period,
  });
}
