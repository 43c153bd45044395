/** Every route of the API but `mail/send`: one function, which may read and write what accounts have, and nothing else. */
import { Construct } from 'constructs';
import { SCHEDULED_INDEX } from '../core/records/schedule.ts';
import type { Events } from './events.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';

/** API Gateway waits 30. */
const TIMEOUT_SECONDS = 20;
const MEMORY_MB = 256;

export type ManageProps = { settings: Settings; storage: Storage; events: Events; code: CodeOf };

export class Manage extends Construct {
  readonly stage: Stage;

  constructor(scope: Construct, id: string, { settings, storage, events, code }: ManageProps) {
    const notifyQueue = events.work.queue;
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
        OUTBOX_TABLE: storage.outbox.tableName,
        HOLDS_TABLE: storage.holds.tableName,
        NOTIFY_QUEUE_URL: notifyQueue.queueUrl,
        SECRETS_KEY_ARN: storage.dkimKey.keyArn,
        ALLOW_PRIVATE_HOSTS: String(settings.delivery.allowPrivateHosts),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        suppressions: [storage.suppressions.tableArn],
        messages: [storage.messages.tableArn],
        stats: [storage.stats.tableArn],
        outbox: [storage.outbox.tableArn],
        holds: [storage.holds.tableArn],
        scheduled: [`${storage.holds.tableArn}/index/${SCHEDULED_INDEX}`],
        notifyQueue: [notifyQueue.queueArn],
        dkimKey: [storage.dkimKey.keyArn],
      },
    });
  }
}
