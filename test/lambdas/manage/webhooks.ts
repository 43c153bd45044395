/** What the routes of webhooks and statistics call, in memory. */
import { NOTHING } from '../../../core/tracking/settings.ts';
import type { NotifyMessage } from '../../../core/webhook/message.ts';
import type { WebhookRecord } from '../../../core/webhook/setting.ts';
import type { StatsOfHour } from '../../../io/stats.ts';
import type { ActivityRouteDeps } from '../../../lambdas/manage/activity-routes.ts';
import type { StatsRouteDeps } from '../../../lambdas/manage/stats-routes.ts';
import type { WebhookRouteDeps } from '../../../lambdas/manage/webhook-routes.ts';

export function inMemory() {
  const webhooks = new Map<string, WebhookRecord>();
  const zones = new Map<string, string>();
  const withoutMachines = new Set<string>();
  const sent: NotifyMessage[] = [];
  const hours: (StatsOfHour & { account: string; kind: string })[] = [];
  let ids = 0;
  const traces = new Map<string, Record<string, unknown>[]>();
  const deps: Omit<WebhookRouteDeps & StatsRouteDeps & ActivityRouteDeps, 'now' | 'anyPort'> = {
    messagesDays: 30,
    readItems: async (account, requestId, index, most) => {
      const own = (sk: unknown) => index === undefined || sk === 'request' || Number.parseInt(String(sk), 10) === index;
      const items = (traces.get(`${account}#${requestId}`) ?? []).filter(({ sk }) => own(sk));
      return { items: items.slice(0, most), more: items.length > most };
    },
    // Nothing was told of in these tests.
    findByRecipient: () => [],
    listHours: async function* () {},
    listPagesOf: async function* () {},
    readPage: async () => [],
    readTranscripts: async () => 'failures',
    writeTranscripts: async () => undefined,
    putDownload: async () => undefined,
    linkDownload: async () => undefined,
    randomId: () => `id-${++ids}`,
    randomBytes: (count) => Buffer.alloc(count, 7),
    listWebhooks: async (account) =>
      [...webhooks.values()].filter(({ pk }) => pk === account).sort((a, b) => a.createdAt - b.createdAt),
    readWebhook: async (account, id) => webhooks.get(`${account} ${id}`),
    createWebhook: async (record) => {
      webhooks.set(`${record.pk} ${record.id}`, record);
      return true;
    },
    changeWebhook: async (record, before) => {
      const key = `${record.pk} ${record.id}`;
      if (webhooks.get(key)?.updatedAt !== before.updatedAt) return false;
      webhooks.set(key, record);
      return true;
    },
    removeWebhook: async (account, id) => webhooks.delete(`${account} ${id}`),
    sealSecret: async (account, webhook, secret) =>
      Buffer.from(`${account} ${webhook} ${secret.toString('base64')}`).toString('base64'),
    readCursor: async () => undefined,
    sendNotify: async (message) => {
      sent.push(message);
      return true;
    },
    readHours: async function* (account, kind, from, to) {
      for (const one of hours)
        if (one.account === account && one.kind === kind && one.hour >= from && one.hour <= to) yield one;
    },
    readTimeZone: async (account) => zones.get(account) ?? 'UTC',
    writeTimeZone: async (account, zone) => void zones.set(account, zone),
    readTrackingNow: async (account) => ({ ...NOTHING, machines: { enabled: !withoutMachines.has(account) } }),
  };
  return { deps, traces, webhooks, sent, hours, zones, withoutMachines };
}
