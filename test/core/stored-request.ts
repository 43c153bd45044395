/** Stored requests as accept makes them, and where their jobs are cut from. */
import type { StoredRequest } from '../../core/job.ts';
import type { Content, Copy, Personalization } from '../../core/mail.ts';

export const content: Content = {
  from: { email: 'shop@example.com' },
  replyTo: [],
  subject: 'Hello',
  parts: [{ type: 'text/plain', value: 'Hi' }],
  attachments: [],
  headers: {},
  sections: {},
  categories: [],
  customArgs: {},
};
export const cut = { account: 'operator', requestId: 'AZr_zzzzzzzzzzzzzzzzzz', acceptedAt: Date.UTC(2026, 10, 23) };

/** One personalization: addresses, how long it is, and when it is sent (unix seconds; 0: now). */
export type Message = {
  to: string[];
  cc?: string[];
  bcc?: string[];
  /** It came as MIME and names nobody: its header does. */
  inHeader?: boolean;
  pad?: number;
  sendAt?: number;
};

/** @param name of every reader */
export function makeRequest(messages: readonly Message[], name?: string): StoredRequest {
  const personalizations: Personalization[] = [];
  const copies: Copy[] = [];
  const sendAt: Record<number, number> = {};
  const named = (some: string[]) => some.map((email) => (name === undefined ? { email } : { email, name }));
  for (const [index, { to, cc = [], bcc = [], inHeader = false, pad, sendAt: at }] of messages.entries()) {
    const long = pad === undefined ? {} : { customArgs: { pad: 'x'.repeat(pad) } };
    personalizations.push(inHeader ? { index, to: [], cc: [] } : { index, to: named(to), cc: named(cc), ...long });
    for (const [role, some] of Object.entries({ to, cc, bcc }))
      for (const address of some)
        copies.push({ personalization: index, role: role as 'to', address, index: copies.length });
    if (at) sendAt[index] = at;
  }
  return { content, personalizations, copies, sendAt };
}
