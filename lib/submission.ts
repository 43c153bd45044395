/** What the two ways in have in common, accept (HTTPS) and the relay (SMTP): what they learn of the stack, and what they use of it. */
import type { Expand } from './expand.ts';
import type { Lane } from './lane.ts';
import type { Target } from './permissions/permission.ts';
import type { Settings } from './settings.ts';
import type { Storage } from './storage.ts';

export type Submitting = {
  settings: Settings;
  storage: Storage;
  expand: Expand;
  lanes: Lane[];
  /** `LANES`, as JSON. */
  lanesJson: string;
};

export function submissionEnvironment({ settings, storage, expand, lanesJson }: Submitting): Record<string, string> {
  return {
    ACCOUNTS_TABLE: storage.accounts.tableName,
    MESSAGES_TABLE: storage.messages.tableName,
    HOLDS_TABLE: storage.holds.tableName,
    CONTENT_BUCKET: storage.content.bucketName,
    EXPAND_QUEUE_URL: expand.work.queue.queueUrl,
    LANES: lanesJson,
    MESSAGES_DAYS: String(settings.retention.messagesDays),
    DELIVER_TIMEOUT_SECONDS: String(settings.delivery.timeoutSeconds),
    ...capEnvironment(settings),
  };
}

export function submissionTargets({ storage, expand, lanes }: Submitting): Partial<Record<Target, readonly string[]>> {
  return {
    accounts: [storage.accounts.tableArn],
    messages: [storage.messages.tableArn],
    holds: [storage.holds.tableArn],
    requests: storage.requestArns,
    lanes: lanes.map(({ work }) => work.queue.queueArn),
    expandQueue: [expand.work.queue.queueArn],
  };
}

/** What an account may send in a day, where nothing else is said of it. */
export function capEnvironment({ brakes }: Settings): Record<string, string> {
  return brakes.dailyCap === undefined ? {} : { DAILY_CAP: String(brakes.dailyCap) };
}
