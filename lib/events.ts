/**
 * What became of mail, told on: the messages table's stream has two followers. tally keeps the books once a minute (statistics, event
 * pages), and brakes accounts whose books are bad; announce puts the news of accounts with webhooks into their outbox within seconds and rings, and notify tells them.
 */
import { Construct } from 'constructs';
import { PAGES_PREFIX } from '../core/event/page.ts';
import { Follower } from './follower.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { capEnvironment } from './submission.ts';
import { WorkQueue, workOff } from './work-queue.ts';

const TALLY = { timeoutSeconds: 60, memoryMb: 512 };
const ANNOUNCE = { timeoutSeconds: 30, memoryMb: 256 };
/** Most of a run is waiting for customers, ten webhooks at a time. */
const NOTIFY = { timeoutSeconds: 90, batchSize: 10, batchingWindowSeconds: 0, maximumConcurrency: 50 };
const NOTIFY_MB = 256;

export type EventsProps = { settings: Settings; storage: Storage; code: CodeOf };

export class Events extends Construct {
  readonly tally: Follower;
  readonly announce: Follower;
  readonly work: WorkQueue;
  readonly notify: Stage;

  constructor(scope: Construct, id: string, { settings, storage, code }: EventsProps) {
    super(scope, id);
    const { accounts, messages, holds, stats, outbox, events, dkimKey } = storage;
    const { announceSeconds, tallySeconds } = settings.events;
    const pages = events.arnForObjects(`${PAGES_PREFIX}*`);
    const shared = { settings, storage, code };
    this.work = new WorkQueue(this, 'Work', NOTIFY);
    this.tally = new Follower(this, 'Tally', {
      ...shared,
      ...TALLY,
      name: 'tally',
      batchingWindowSeconds: tallySeconds,
      environment: {
        MESSAGES_TABLE: messages.tableName,
        STATS_TABLE: stats.tableName,
        EVENTS_BUCKET: events.bucketName,
        STATS_DAYS: String(settings.retention.statsDays),
        ACCOUNTS_TABLE: accounts.tableName,
        BRAKE_BOUNCE_PERCENT: String(settings.brakes.bouncePercent),
        BRAKE_COMPLAINT_PERCENT: String(settings.brakes.complaintPercent),
        OUTBOX_TABLE: outbox.tableName,
        NOTIFY_QUEUE_URL: this.work.queue.queueUrl,
      },
      targets: {
        accounts: [accounts.tableArn],
        messages: [messages.tableArn],
        stats: [stats.tableArn],
        eventPages: [pages],
        outbox: [outbox.tableArn],
        notifyQueue: [this.work.queue.queueArn],
      },
    });
    this.announce = new Follower(this, 'Announce', {
      ...shared,
      ...ANNOUNCE,
      name: 'announce',
      batchingWindowSeconds: announceSeconds,
      environment: {
        ACCOUNTS_TABLE: accounts.tableName,
        MESSAGES_TABLE: messages.tableName,
        OUTBOX_TABLE: outbox.tableName,
        NOTIFY_QUEUE_URL: this.work.queue.queueUrl,
      },
      targets: {
        accounts: [accounts.tableArn],
        messages: [messages.tableArn],
        outbox: [outbox.tableArn],
        notifyQueue: [this.work.queue.queueArn],
      },
    });
    const { allowPrivateHosts, dnsServers } = settings.delivery;
    this.notify = new Stage(this, 'Notify', {
      settings,
      code,
      name: 'notify',
      memoryMb: NOTIFY_MB,
      timeoutSeconds: NOTIFY.timeoutSeconds,
      environment: {
        ACCOUNTS_TABLE: accounts.tableName,
        OUTBOX_TABLE: outbox.tableName,
        HOLDS_TABLE: holds.tableName,
        MESSAGES_TABLE: messages.tableName,
        STATS_TABLE: stats.tableName,
        ...capEnvironment(settings),
        EVENTS_BUCKET: events.bucketName,
        ALLOW_PRIVATE_HOSTS: String(allowPrivateHosts),
        ...(dnsServers && { DNS_SERVERS: dnsServers.join(',') }),
      },
      targets: {
        accounts: [accounts.tableArn],
        outbox: [outbox.tableArn],
        holds: [holds.tableArn],
        messages: [messages.tableArn],
        stats: [stats.tableArn],
        events: [events.bucketArn],
        eventPages: [pages],
        dkimKey: [dkimKey.keyArn],
        ownQueue: [this.work.queue.queueArn],
      },
    });
    workOff({ work: this.work, stage: this.notify, ...NOTIFY });
  }
}
