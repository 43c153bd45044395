/** What the routes of event webhooks and of security policies need of the outside, and how an account is told of what happens to itself. */
import { tellAccountBy } from '../../io/account-events.ts';
import type { Table } from '../../io/aws.ts';
import { requireVariable } from '../../io/environment.ts';
import { outboxIn } from '../../io/outbox.ts';
import { policiesIn } from '../../io/policies.ts';
import { sendEntries } from '../../io/queue.ts';
import { sealSecretsBy, webhooksIn } from '../../io/webhooks.ts';
import type { ManageDeps } from './manage.ts';

export function openWebhooks(
  table: string,
  tables: Table,
  queues: Parameters<typeof sendEntries>[0],
  keys: Parameters<typeof sealSecretsBy>[0],
  report: (problem: string) => void,
) {
  const notifyQueue = requireVariable('NOTIFY_QUEUE_URL');
  const { readCursor, putOutboxPage } = outboxIn(requireVariable('OUTBOX_TABLE'), tables);
  const notify = (entries: Parameters<typeof sendEntries>[2]) => sendEntries(queues, notifyQueue, entries);
  return {
    ...webhooksIn(table, tables),
    readCursor,
    tellAccount: tellAccountBy({ putOutboxPage, sendEntries: notify, now: Date.now, report }),
    sealSecret: sealSecretsBy(keys, requireVariable('SECRETS_KEY_ARN')),
    ...policiesIn(table, tables),
    sealPolicySecret: sealSecretsBy(keys, requireVariable('SECRETS_KEY_ARN'), 'policy'),
    sendNotify: async (message) =>
      (await notify([{ body: JSON.stringify(message), group: message.account }]))[0] === 'sent',
  } satisfies Partial<ManageDeps>;
}
