/** What inbound has around it in tests: mails, the records of one copy, and what it writes. */

import type { EngagementRecord } from '../../../core/event/engagement.ts';
import { makeRequestId } from '../../../core/ids.ts';
import { type InboundMessage, inboundKey } from '../../../core/inbound/message.ts';
import { hostKey } from '../../../core/records/domains.ts';
import type { Hold } from '../../../core/records/holds.ts';
import type { LateRecord } from '../../../core/records/messages.ts';
import { readReport } from '../../../core/report/index.ts';
import { makeReturnPath } from '../../../core/return-path.ts';
import type { Suppressing } from '../../../core/suppression.ts';
import { type InboundDeps, inbound } from '../../../lambdas/inbound/inbound.ts';

export const secret = Buffer.alloc(32, 7);
export const NOW = Date.parse('2026-11-25T12:00:00Z');
export const requestId = makeRequestId(NOW - 60_000, Buffer.alloc(10, 1));
export const copy = { account: 'customer', requestId, index: 3 };
export const DOMAIN = 'em.shop.example';
export const returnPath = makeReturnPath({ ...copy, secret, domain: DOMAIN });
export const ADDRESS = 'reader@example.net';
export const HOSTS = new Map([
  [DOMAIN, { ...hostKey(DOMAIN), account: 'customer', kind: 'return-path' as const }],
  ['in.shop.example', { ...hostKey('in.shop.example'), account: 'customer', kind: 'parse' as const }],
]);

export function setUp(overrides: Partial<InboundDeps> = {}) {
  const mails = new Map<string, Buffer>();
  const world = {
    late: new Map<string, LateRecord>(),
    engagements: new Map<string, EngagementRecord>(),
    suppressed: new Map<string, Suppressing>(),
    /** Where mails lie that came back, by the place of their record. */
    returned: new Map<string, string>(),
    held: new Map<string, Hold>(),
    queued: [] as { body: string; group: string | undefined }[],
    received: new Set<string>(),
    counts: {} as Record<string, number>,
    problems: [] as string[],
  };
  const deps: InboundDeps = {
    secret,
    readReport: (raw, mailFrom) => readReport(raw, { mailFrom }),
    readHost: async (name) => HOSTS.get(name),
    readInbound: async (key, most) => {
      const mail = mails.get(key);
      if (!mail) throw new Error(`no object ${key}`);
      return mail.length > most ? undefined : mail;
    },
    readCopy: async (account, id, index) =>
      account === copy.account && id === requestId && index === copy.index
        ? { address: ADDRESS, site: 'example.net', lane: 'default-1' }
        : undefined,
    suppress: async (one) => {
      const key = `${one.account} ${one.list} ${one.address}`;
      if (world.suppressed.has(key)) return false;
      world.suppressed.set(key, one);
      return true;
    },
    recordReturnedMail: async (record) => void world.returned.set(`${record.pk} ${record.sk}`, record.mailKey),
    recordLate: async (record) => {
      const key = `${record.pk} ${record.sk}`;
      if (world.late.has(key)) return false;
      world.late.set(key, record);
      return true;
    },
    recordEngagement: async (record) => {
      const key = `${record.pk} ${record.sk}`;
      const isNew = !world.engagements.has(key);
      if (isNew) world.engagements.set(key, record);
      return isNew;
    },
    readForward: async () => undefined,
    hold: async (hold) => void world.held.set(`${hold.pk} ${hold.sk}`, hold),
    sendEntries: async (_, entries) => {
      world.queued.push(...entries);
      return entries.map(() => 'sent');
    },
    countReceived: async (account, id) => {
      const fresh = !world.received.has(`${account} ${id}`);
      world.received.add(`${account} ${id}`);
      return fresh;
    },
    parseQueueUrl: 'parse',
    messagesDays: 30,
    now: () => NOW,
    wait: async () => {},
    publish: (counts) => Object.assign(world.counts, counts),
    report: (problem) => void world.problems.push(problem),
    ...overrides,
  };
  let count = 0;
  const put = (raw: Buffer, rcptTo: string[], more: Partial<InboundMessage> = {}) => {
    const id = `mail-${count++}`;
    mails.set(inboundKey(id), raw);
    const message: InboundMessage = { v: 1, id, key: inboundKey(id), receivedAt: NOW, mailFrom: '', rcptTo, ...more };
    return { messageId: id, body: JSON.stringify(message) };
  };
  return { ...world, world, deps, put, take: (raw: Buffer, to: string) => inbound([put(raw, [to])], deps) };
}
