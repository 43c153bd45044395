/** notify with a clock of its own, an outbox in the emulator, and servers whose answers a function gives. */
import { expect } from 'vitest';
import type { SendGridEvent } from '../../../core/event/event.ts';
import { padSequence } from '../../../core/event/page.ts';
import type { Hold } from '../../../core/records/holds.ts';
import type { NotifyMessage } from '../../../core/webhook/message.ts';
import { cutPages, toLine } from '../../../core/webhook/outbox.ts';
import { SWITCHES, type WebhookRecord, webhookKey } from '../../../core/webhook/setting.ts';
import type { outboxIn } from '../../../io/outbox.ts';
import type { Post, Posted } from '../../../io/webhook-post.ts';
import { comingAgain, type NotifyDeps, notify } from '../../../lambdas/notify/notify.ts';

export const START = Date.UTC(2026, 10, 23, 12);

/** What a server says to events, and when. */
export type Answer = (url: string, events: SendGridEvent[], now: number) => Posted | Promise<Posted>;

let accounts = 0;

/** An account with webhooks, a clock, and servers whose answers a function gives. */
export function makeWorld(outbox: ReturnType<typeof outboxIn>, answer: Answer, urls = ['https://a.example/']) {
  const account = `acc-${++accounts}`;
  const world = {
    account,
    now: START,
    sequence: 0,
    got: new Map<string, { at: number; ids: string[]; bytes: number; post: Post }[]>(urls.map((url) => [url, []])),
    attempts: [] as { url: string; at: number }[],
    holds: new Map<string, Hold>(),
    problems: [] as string[],
    counts: {} as Record<string, number>,
    remaining: 60_000,
  };
  const webhooks = urls.map(
    (url, n): WebhookRecord => ({
      ...webhookKey(account, `w${n}`),
      id: `w${n}`,
      url,
      enabled: true,
      friendlyName: '',
      switches: Object.keys(SWITCHES),
      createdAt: START,
      updatedAt: START,
      since: START,
    }),
  );
  const deps: NotifyDeps = {
    ...outbox,
    now: () => world.now,
    random: () => 0.5,
    randomId: () => `fence-${Math.random()}`,
    remainingMs: () => world.remaining,
    listWebhooks: async () => webhooks,
    readWebhook: async (_, id) => webhooks.find((one) => one.id === id),
    post: async (url, post) => {
      const body = Buffer.concat(post.pieces);
      const events = JSON.parse(body.toString()) as SendGridEvent[];
      world.attempts.push({ url, at: world.now });
      const posted = await answer(url, events, world.now);
      if ('status' in posted && posted.status < 300)
        world.got
          .get(url)!
          .push({ at: world.now, ids: events.map(({ sg_event_id }) => sg_event_id), bytes: body.length, post });
      return posted;
    },
    askToken: async () => ({ token: 'token', seconds: 300 }),
    openSecret: async (_, __, ciphertext) => Buffer.from(ciphertext, 'base64'),
    tokens: new Map(),
    readAlert: async () => undefined,
    moveAlert: async () => false,
    readAccount: async () => undefined,
    readContact: async () => undefined,
    readHours: async function* () {},
    readBrakes: async () => undefined,
    readCredits: async () => undefined,
    readDefaultDomain: async () => undefined,
    listOwnDomains: async () => [],
    randomBytes: (count) => Buffer.alloc(count, 7),
    listPages: async () => ({ keys: [], more: false }),
    readPage: async () => [],
    comeAgain: comingAgain(async (hold) => void world.holds.set(`${hold.pk} ${hold.sk}`, hold)),
    publish: (counts) => {
      for (const [name, count] of Object.entries(counts)) world.counts[name] = (world.counts[name] ?? 0) + count;
    },
    report: (problem) => void world.problems.push(problem),
  };
  const send = (message: NotifyMessage) => notify([{ messageId: 'm', body: JSON.stringify(message) }], deps);
  const event = (id: string, more: object = {}): SendGridEvent => ({
    email: `${id}@example.net`,
    timestamp: Math.floor(world.now / 1_000),
    event: 'delivered',
    sg_event_id: id,
    sg_message_id: id,
    ...more,
  });
  /** announce's work: pages of one shard, and the ring. */
  const announce = async (events: SendGridEvent[], shard = 's1') => {
    const lines = events.map((one) => toLine(padSequence(String(++world.sequence)), one));
    for (const page of cutPages(account, shard, lines, world.now)) await outbox.putOutboxPage(page);
    return { v: 1, account, kind: 'ring', shards: [shard] } satisfies NotifyMessage as NotifyMessage;
  };
  /** release's work: what is due by then, in the order of time. */
  const passTime = async (until: number) => {
    for (;;) {
      const [next] = [...world.holds].sort(([, a], [, b]) => a.due - b.due);
      if (!next || next[1].due > until) break;
      world.holds.delete(next[0]);
      world.now = Math.max(world.now, next[1].due);
      if (next[1].kind === 'notify') expect(await send(next[1].notify)).toEqual([]);
    }
    world.now = until;
  };
  return {
    world,
    webhooks,
    deps,
    send,
    event,
    announce,
    passTime,
    ids: (url = urls[0]!) => world.got.get(url)!.flatMap(({ ids }) => ids),
  };
}

export const names = (count: number, prefix = 'e') => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
