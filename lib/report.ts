/**
 * Every hour, report sends what is left of yesterday's TLS reports (RFC 8460). Only in a stack whose settings have
 * `tlsReports`. It is outside the VPC: it speaks to report hosts by HTTPS, and its mail goes the way of all mail.
 */
import { Duration, Validations } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { IConstruct } from 'constructs';
import { Construct } from 'constructs';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';

const TIMEOUT_SECONDS = 300;
/** A day's counters are in memory at once. */
const MEMORY_MB = 512;

export type ReportProps = {
  settings: Settings;
  /** Who reports. */
  reports: NonNullable<Settings['tlsReports']>;
  storage: Storage;
  code: CodeOf;
};

export class Report extends Construct {
  readonly stage: Stage;
  readonly rule: Rule;

  constructor(scope: Construct, id: string, { settings, reports, storage, code }: ReportProps) {
    super(scope, id);
    const { delivery } = settings;
    this.stage = new Stage(this, 'Report', {
      name: 'report',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        SITES_TABLE: storage.sites.tableName,
        HOLDS_TABLE: storage.holds.tableName,
        REPORT_FROM: reports.from,
        REPORT_ORGANIZATION: reports.organization,
        REPORT_CONTACT: reports.contact,
        ALLOW_PRIVATE_HOSTS: String(delivery.allowPrivateHosts),
        ...(delivery.dnsServers && { DNS_SERVERS: delivery.dnsServers.join(',') }),
      },
      targets: { sites: [storage.sites.tableArn], holds: [storage.holds.tableArn] },
    });
    // A run that fails is not repeated: the next hour's run does what it left. Two runs must not send one report twice.
    const once = { retryAttempts: 0, maxEventAge: Duration.minutes(10) };
    this.stage.fn.configureAsyncInvoke(once);
    this.rule = new Rule(this, 'EveryHour', {
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [new LambdaFunction(this.stage.fn, once)],
    });
    this.#acknowledge(settings);
  }

  /** The findings of cdk-nag that stay (lib/acknowledgements.ts has the others). */
  #acknowledge({ tracing }: Settings): void {
    const { fn } = this.stage;
    const acknowledge = (on: IConstruct, id: string, reason: string) => Validations.of(on).acknowledge({ id, reason });
    const tick = 'Its event is a tick of the clock without content: the next hour sends what is left.';
    acknowledge(fn, 'Serverless-LambdaDLQ', tick);
    acknowledge(fn, 'Serverless-LambdaAsyncFailureDestination', tick);
    acknowledge(this.rule, 'Serverless-EventBusDLQ', tick);
    if (tracing)
      acknowledge(
        fn.role!,
        'AwsSolutions-IAM5[Resource::*]',
        'With tracing on, two named X-Ray actions are allowed, and X-Ray knows no resource for them.',
      );
    else
      acknowledge(
        fn,
        'Serverless-LambdaTracing',
        'Traces cost more than the reports; the setting `tracing` turns them on for a while.',
      );
  }
}
