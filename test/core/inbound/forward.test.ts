/** The mail that tells an account's people of what came back: its own, the same whenever it is made again, and nothing in their statistics. */
import { expect, it } from 'vitest';
import { forwardHold } from '../../../core/inbound/forward.ts';

const forwarding = {
  email: 'desk@example.net',
  what: 'complaint' as const,
  copy: { account: 'acct2222', requestId: 'AZqB3xLmNkWSOqRbdvOpR3', index: 4 },
  address: 'reader@example.net',
  returnPathDomain: 'em.shop.example',
  reason: 'abuse',
  inboundId: 'mail-1',
  receivedAt: Date.UTC(2026, 10, 25, 12),
  raw: Buffer.from('Subject: x\r\n\r\nspam'),
};

it('is of no category: a word of ours among the account’s own would be one of its statistics', () => {
  for (const what of ['bounce', 'complaint'] as const) {
    const hold = forwardHold({ ...forwarding, what });
    expect(hold.kind === 'job' && hold.job.content?.categories).toEqual([]);
  }
});

it('is the same when it is made again', () => {
  expect(forwardHold(forwarding)).toEqual(forwardHold(forwarding));
});
