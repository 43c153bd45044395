/** Tells an account's webhooks what was done to the account: by the outbox, and the bell of notify. */
import type { BrakeEvent } from '../core/brakes/brakes.ts';
import { announceAccountEvent } from '../core/webhook/account-event.ts';
import type { OutboxPage } from '../core/webhook/outbox.ts';
import type { Entry, Sent } from './queue.ts';

export type AccountEventDeps = {
  putOutboxPage: (page: OutboxPage) => Promise<void>;
  sendEntries: (entries: Entry[]) => Promise<Sent[]>;
  /** Milliseconds since the epoch. */
  now: () => number;
  report: (problem: string) => void;
};

/** It never throws: the event stands with the account's brakes, whoever is told of it. */
export function tellAccountBy({ putOutboxPage, sendEntries, now, report }: AccountEventDeps) {
  return async (account: string, event: BrakeEvent): Promise<void> => {
    const { pages, ring } = announceAccountEvent(account, event, now());
    try {
      for (const page of pages) await putOutboxPage(page);
      const [sent] = await sendEntries([{ body: JSON.stringify(ring), group: account }]);
      if (sent !== 'sent') throw new Error('the notify queue did not take the ring');
    } catch (error) {
      report(`webhooks of ${account} are not told of ${event.event}: ${(error as Error).message}`);
    }
  };
}
