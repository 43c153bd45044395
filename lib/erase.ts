/**
 * Recipients' data erasure: a queue of passes that are due, which release fills from the holds, and erase, which goes through all that an account
 * has of some addresses. It may read and rewrite what names people, so it does nothing else, and nobody but release and the
 * operator can call on it.
 */
import { Construct } from 'constructs';
import { DOWNLOADS_PREFIX } from '../core/activity/download.ts';
import { PAGES_PREFIX } from '../core/event/page.ts';
import { INBOUND_PREFIX } from '../core/inbound/message.ts';
import { MESSAGES_INDEX } from '../core/records/messages.ts';
import type { Inbound } from './inbound.ts';
import { ERASE_INBOUND } from './permissions/by-settings.ts';
import { PERMISSIONS } from './permissions/table.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { WorkQueue, workOff } from './work-queue.ts';

/** A run goes on where the one before was. One job at a time; a second, so that a long one keeps nobody else's waiting. */
const ERASE = { timeoutSeconds: 180, batchSize: 1, batchingWindowSeconds: 0, maximumConcurrency: 2 };
/** Some stored requests at once, of up to 30 MB, read, and written anew. */
const MEMORY_MB = 2_048;

export type EraseProps = {
  settings: Settings;
  storage: Storage;
  /** Only in a stack that takes mail. */
  inbound: Inbound | undefined;
  code: CodeOf;
};

export class Erase extends Construct {
  readonly work: WorkQueue;
  readonly stage: Stage;

  constructor(scope: Construct, id: string, { settings, storage, inbound, code }: EraseProps) {
    super(scope, id);
    const { messages, holds, outbox, suppressions, content, events } = storage;
    const { retention } = settings;
    this.work = new WorkQueue(this, 'Work', ERASE);
    this.stage = new Stage(this, 'Erase', {
      name: 'erase',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: ERASE.timeoutSeconds,
      environment: {
        MESSAGES_TABLE: messages.tableName,
        HOLDS_TABLE: holds.tableName,
        OUTBOX_TABLE: outbox.tableName,
        SUPPRESSIONS_TABLE: suppressions.tableName,
        CONTENT_BUCKET: content.bucketName,
        EVENTS_BUCKET: events.bucketName,
        MESSAGES_DAYS: String(retention.messagesDays),
        CONTENT_DAYS: String(retention.contentDays),
        ...(inbound && { INBOUND_BUCKET: inbound.mail.bucketName }),
      },
      targets: {
        messages: [messages.tableArn],
        messagesIndex: [`${messages.tableArn}/index/${MESSAGES_INDEX}`],
        holds: [holds.tableArn],
        outbox: [outbox.tableArn],
        suppressions: [suppressions.tableArn],
        content: [content.bucketArn],
        requests: storage.requestArns,
        events: [events.bucketArn],
        eventPages: [events.arnForObjects(`${PAGES_PREFIX}*`)],
        downloads: [events.arnForObjects(`${DOWNLOADS_PREFIX}*`)],
        ownQueue: [this.work.queue.queueArn],
        ...(inbound && { inboundMail: [inbound.mail.arnForObjects(`${INBOUND_PREFIX}*`)] }),
      },
      rows: [...PERMISSIONS.erase, ...(inbound ? [ERASE_INBOUND] : [])],
    });
    workOff({ work: this.work, stage: this.stage, ...ERASE });
  }
}
