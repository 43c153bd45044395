/** Every route of the API but `mail/send`: one function, which may read and write what accounts have, and nothing else. */
import { Aws } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { DOWNLOADS_PREFIX } from '../core/activity/download.ts';
import { PAGES_PREFIX } from '../core/event/page.ts';
import { MESSAGES_INDEX } from '../core/records/messages.ts';
import { SCHEDULED_INDEX } from '../core/records/schedule.ts';
import type { Events } from './events.ts';
import type { Lane } from './lane.ts';
import { writeSenderRecords } from './permissions/by-settings.ts';
import { PERMISSIONS } from './permissions/table.ts';
import { sendingJson } from './sending.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { capEnvironment } from './submission.ts';
import { type Validate, validationObjects } from './validate.ts';

/** API Gateway waits 30. */
const TIMEOUT_SECONDS = 20;
const MEMORY_MB = 256;

export type ManageProps = {
  settings: Settings;
  storage: Storage;
  events: Events;
  validate: Validate;
  lanes: readonly Lane[];
  /** Who takes what comes back, if somebody does. */
  inboundHost: string | undefined;
  code: CodeOf;
};

export class Manage extends Construct {
  readonly stage: Stage;

  constructor(
    scope: Construct,
    id: string,
    { settings, storage, events, validate, lanes, inboundHost, code }: ManageProps,
  ) {
    const notifyQueue = events.work.queue;
    const { senders, delivery } = settings;
    const { uploads, results } = validationObjects(storage);
    super(scope, id);
    this.stage = new Stage(this, 'Manage', {
      name: 'manage',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        SUPPRESSIONS_TABLE: storage.suppressions.tableName,
        MESSAGES_TABLE: storage.messages.tableName,
        STATS_TABLE: storage.stats.tableName,
        HOLDS_TABLE: storage.holds.tableName,
        OUTBOX_TABLE: storage.outbox.tableName,
        SITES_TABLE: storage.sites.tableName,
        EVENTS_BUCKET: storage.events.bucketName,
        MESSAGES_DAYS: String(settings.retention.messagesDays),
        NOTIFY_QUEUE_URL: notifyQueue.queueUrl,
        VALIDATE_QUEUE_URL: validate.work.queue.queueUrl,
        SECRETS_KEY_ARN: storage.dkimKey.keyArn,
        SENDING: sendingJson(this, { settings, lanes, inboundHost }),
        ALLOW_PRIVATE_HOSTS: String(delivery.allowPrivateHosts),
        ...capEnvironment(settings),
        ...(delivery.dnsServers && { DNS_SERVERS: delivery.dnsServers.join(',') }),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        suppressions: [storage.suppressions.tableArn],
        messages: [storage.messages.tableArn],
        messagesIndex: [`${storage.messages.tableArn}/index/${MESSAGES_INDEX}`],
        events: [storage.events.bucketArn],
        eventPages: [storage.events.arnForObjects(`${PAGES_PREFIX}*`)],
        downloads: [storage.events.arnForObjects(`${DOWNLOADS_PREFIX}*`)],
        stats: [storage.stats.tableArn],
        holds: [storage.holds.tableArn],
        outbox: [storage.outbox.tableArn],
        sites: [storage.sites.tableArn],
        scheduled: [`${storage.holds.tableArn}/index/${SCHEDULED_INDEX}`],
        notifyQueue: [notifyQueue.queueArn],
        validateQueue: [validate.work.queue.queueArn],
        validationUploads: [uploads],
        validationResults: [results],
        dkimKey: [storage.dkimKey.keyArn],
        senderZones: senders.zones.map(({ hostedZone }) => `arn:${Aws.PARTITION}:route53:::hostedzone/${hostedZone}`),
      },
      rows: [...PERMISSIONS.manage, ...(senders.zones.length > 0 ? [writeSenderRecords(senders.targets)] : [])],
    });
  }

  /** What link hosts lead to: a name, or a URL. Known only when what answers for them is there, and that stands behind accept. */
  leadLinksTo(target: string): void {
    this.stage.fn.addEnvironment('LINK_TARGET', target);
  }
}
