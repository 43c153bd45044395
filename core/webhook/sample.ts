/** Events that never happened, one of each type, for whoever tries a webhook out: nobody's address, and ids that say so. */
import { EVENT_TYPES, type SendGridEvent } from '../event/event.ts';

/** @param now unix seconds */
export function sampleEvents(now: number): SendGridEvent[] {
  const more: Partial<Record<SendGridEvent['event'], object>> = {
    processed: { send_at: 0, pool: { name: 'default', id: '1' } },
    dropped: { reason: 'Bounced Address', status: '5.0.0' },
    deferred: { response: '400 try again later', attempt: '5', domain: 'example.com', from: 'shop@example.org' },
    delivered: { response: '250 OK', ip: '192.0.2.1', tls: 1 },
    bounce: {
      reason: '500 unknown recipient',
      status: '5.0.0',
      type: 'bounce',
      bounce_classification: 'Invalid Address',
    },
    open: { useragent: 'Mozilla/5.0', ip: '192.0.2.2', sg_machine_open: false },
    click: { useragent: 'Mozilla/5.0', ip: '192.0.2.2', url: 'https://www.example.com/', sg_machine_click: false },
    group_unsubscribe: { useragent: 'Mozilla/5.0', ip: '192.0.2.2', url: 'https://www.example.com/', asm_group_id: 10 },
    group_resubscribe: { useragent: 'Mozilla/5.0', ip: '192.0.2.2', url: 'https://www.example.com/', asm_group_id: 10 },
  };
  return EVENT_TYPES.map((event) => ({
    email: 'example@test.com',
    timestamp: now,
    event,
    sg_event_id: Buffer.from(`trial-${event}-${now}`).toString('base64url'),
    sg_message_id: 'trial.recvd-pennypost-1.0',
    'smtp-id': '<trial@example.com>',
    category: ['cat facts'],
    ...more[event],
  }));
}
