/**
 * Every hour, report sends what is left of yesterday's TLS reports (RFC 8460). Only in a stack whose settings have
 * `tlsReports`. It is outside the VPC: it speaks to report hosts by HTTPS, and its mail goes the way of all mail.
 */
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { acknowledgeTicks, type Clock, runByClock } from './tick.ts';

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
  readonly clock: Clock;

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
    this.clock = runByClock(this, this.stage, { id: 'EveryHour', every: Duration.hours(1), silent: 3 });
    acknowledgeTicks(this.stage, this.clock, settings.tracing, {
      tick: 'Its event is a tick of the clock without content: the next hour sends what is left.',
      untraced: 'Traces cost more than the reports; the setting `tracing` turns them on for a while.',
    });
  }
}
