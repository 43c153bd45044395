/** An arrival for tests: what matters is given, the rest is plain. */
import { randomUUID } from 'node:crypto';
import type { Arrival } from '../../../local/inbox/store.ts';

export function makeArrival(given: Partial<Arrival> = {}): Arrival {
  return {
    id: randomUUID(),
    receivedAt: Date.UTC(2026, 10, 23, 12),
    repliedAt: null,
    mailFrom: 'return@em.shop.test',
    to: 'reader@x.test',
    from: 'ann@shop.test',
    fromName: '',
    subject: 'Hello',
    messageId: '<1@shop.test>',
    raw: Buffer.from('From: ann@shop.test\r\nSubject: Hello\r\n\r\nhi\r\n'),
    transcript: 'S: 220 hello\nC: EHLO me',
    tls: 'TLSv1.3',
    sessionId: 'session',
    accepted: true,
    ...given,
  };
}
