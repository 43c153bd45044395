/**
 * Once a day, rotate takes the next step of each domain whose DKIM key is to change. Only where the settings name zones that it may write
 * to (`senders.zones`), and not where they say `rotateKeysDays: false` or a pool goes by SES.
 */
import { Aws, Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { writeSenderRecords } from './permissions/by-settings.ts';
import { PERMISSIONS } from './permissions/table.ts';
import { type SendingProps, sendingJson } from './sending.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { acknowledgeTicks, type Clock, runByClock } from './tick.ts';

/** Route 53 takes five changes a second, and a key is made in some hundred milliseconds: some thousand domains. */
const TIMEOUT_SECONDS = 600;
const MEMORY_MB = 512;

export type RotateProps = SendingProps & {
  /** Days after which a key is replaced. */
  days: number;
  storage: Storage;
  code: CodeOf;
};

export class Rotate extends Construct {
  readonly stage: Stage;
  readonly clock: Clock;

  constructor(scope: Construct, id: string, { days, storage, code, ...props }: RotateProps) {
    super(scope, id);
    const { delivery, senders, tracing } = props.settings;
    this.stage = new Stage(this, 'Rotate', {
      name: 'rotate',
      settings: props.settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        SECRETS_KEY_ARN: storage.dkimKey.keyArn,
        SENDING: sendingJson(this, props),
        ROTATE_KEYS_DAYS: String(days),
        ...(delivery.dnsServers && { DNS_SERVERS: delivery.dnsServers.join(',') }),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        dkimKey: [storage.dkimKey.keyArn],
        senderZones: senders.zones.map(({ hostedZone }) => `arn:${Aws.PARTITION}:route53:::hostedzone/${hostedZone}`),
      },
      rows: [...PERMISSIONS.rotate, writeSenderRecords(senders.targets)],
    });
    // A run that fails is not repeated: tomorrow's takes the steps that it left.
    this.clock = runByClock(this, this.stage, { id: 'EveryDay', every: Duration.days(1), silent: 2 });
    acknowledgeTicks(this.stage, this.clock, tracing, {
      tick: 'Its event is a tick of the clock without content: the next day takes the steps that are left.',
      untraced: 'It runs once a day, and its log says what it did; the setting `tracing` turns traces on for a while.',
    });
  }
}
