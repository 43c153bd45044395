/**
 * notify: tells webhooks. A ring says that there is news in an account's outbox; each of its webhooks is then told what it has not been
 * told yet, in order, by one at a time (tell.ts). Replays and trials come by the same queue, and go the same guarded way; so does
 * an alert that is due (alert.ts), which goes out as mail.
 *
 * A webhook that does not answer keeps no other waiting: all of a batch are told at the same time, a POST has a bounded time, and one
 * that failed is left alone until its next attempt is due, by a hold.
 */
import { type Hold, holdKey } from '../../core/records/holds.ts';
import { type NotifyMessage, parseNotifyMessage } from '../../core/webhook/message.ts';
import type { WebhookRecord } from '../../core/webhook/setting.ts';
import { type AlertDeps, lookAtAlert } from './alert.ts';
import type { PostDeps } from './post.ts';
import { type ReplayDeps, replay, tryOut } from './replay.ts';
import { type TellDeps, tell } from './tell.ts';

export type NotifyDeps = PostDeps &
  AlertDeps &
  TellDeps &
  ReplayDeps & {
    listWebhooks: (account: string) => Promise<WebhookRecord[]>;
    readWebhook: (account: string, id: string) => Promise<WebhookRecord | undefined>;
    publish: (counts: Partial<Counts>) => void;
  };

/** Events that were told; attempts that failed; events that were let go. */
export type Counts = { webhookPosted: number; webhookFailed: number; webhookDropped: number };

/** Takes messages, all at the same time. Returns the ids of those to hand back. */
export async function notify(
  messages: readonly { messageId: string; body: string }[],
  deps: NotifyDeps,
): Promise<string[]> {
  const counts = { webhookPosted: 0, webhookFailed: 0, webhookDropped: 0 };
  const handedBack = await Promise.all(
    messages.map(async ({ messageId, body }) => {
      try {
        await take(parseNotifyMessage(body), deps, counts);
        return [];
      } catch (error) {
        deps.report(`message ${messageId}: ${(error as Error).message}`);
        return [messageId];
      }
    }),
  );
  const some = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  if (Object.keys(some).length > 0) deps.publish(some);
  return handedBack.flat();
}

async function take(message: NotifyMessage, deps: NotifyDeps, counts: Counts): Promise<void> {
  const { account } = message;
  if (message.kind === 'alert') return lookAtAlert(account, message.alert, message.due, deps);
  if (message.kind === 'trial') return tryOut(account, message, deps);
  if (message.kind === 'ring') {
    const webhooks = (await deps.listWebhooks(account)).filter(({ enabled }) => enabled);
    await Promise.all(webhooks.map((webhook) => tell(webhook, message.shards, deps, counts)));
    return;
  }
  const webhook = await deps.readWebhook(account, message.webhook);
  // Removed or switched off meanwhile: there is nobody to tell.
  if (!webhook?.enabled) return;
  if (message.kind === 'retry') await tell(webhook, [], deps, counts);
  else await replay(webhook, message, deps, counts);
}

/**
 * How a message comes again: from a hold, also where it is due at once. To its own queue it could not send it: Lambda ends a function
 * that starts itself over a queue after some turns.
 */
export function comingAgain(hold: (hold: Hold) => Promise<void>) {
  return async (message: NotifyMessage, due: number): Promise<void> => {
    const { account } = message;
    const name = message.kind === 'replay' ? message.id : message.kind === 'retry' ? message.webhook : message.kind;
    const key = holdKey(`notify.${message.kind}.${account}.${name}`, due);
    await hold({ ...key, due, account, copies: 0, kind: 'notify', notify: message });
  };
}
