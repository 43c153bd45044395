/** Every route there is: method, path, the scope it asks for, and who answers. What is not here does not exist. */
import { ACCESS_ROUTES } from './access-routes.ts';
import { ACCOUNT_ROUTES } from './account-routes.ts';
import { ACTIVITY_ROUTES } from './activity-routes.ts';
import { ALERT_ROUTES } from './alert-routes.ts';
import { BRAKE_ROUTES } from './brake-routes.ts';
import { DNS_EMAIL_ROUTES } from './dns-email-routes.ts';
import { DOMAIN_ROUTES } from './domain-routes.ts';
import { ERASURE_ROUTES } from './erasure-routes.ts';
import { GROUP_ROUTES } from './group-routes.ts';
import { IP_ROUTES } from './ip-routes.ts';
import { IP_SUBUSER_ROUTES } from './ip-subuser-routes.ts';
import { KEY_ROUTES } from './key-routes.ts';
import { LINK_ROUTES } from './link-routes.ts';
import { MAIL_DEFAULTS_ROUTES } from './mail-defaults-routes.ts';
import { MAIL_SETTINGS_ROUTES } from './mail-settings-routes.ts';
import type { Answer, Call, ManageDeps } from './manage.ts';
import { MONITOR_ROUTES } from './monitor-routes.ts';
import { createSetting, deleteSetting, getSetting, listSettings, listStats, updateSetting } from './parse-routes.ts';
import { POLICY_ROUTES } from './policy-routes.ts';
import { POOL_ROUTES } from './pool-routes.ts';
import { REVERSE_DNS_ROUTES } from './reverse-dns-routes.ts';
import { SCHEDULE_ROUTES } from './schedule-routes.ts';
import { SEQ_ROUTES } from './seq-routes.ts';
import {
  browserStats,
  categoryStats,
  categorySums,
  changeTimeZone,
  clientStats,
  deviceStats,
  geoStats,
  getTimeZone,
  globalStats,
  listCategories,
  poolStats,
  providerStats,
  sourceIpStats,
  templateStats,
} from './stats-routes.ts';
import { SUBUSER_ROUTES } from './subuser-routes.ts';
import { SUPPRESSION_ROUTES } from './suppression-routes.ts';
import { TEMPLATE_ROUTES } from './template-routes.ts';
import { TRACKING_ROUTES } from './tracking-routes.ts';
import { USER_ROUTES } from './user-routes.ts';
import { VALIDATION_JOB_ROUTES } from './validation-job-routes.ts';
import { VALIDATION_ROUTES } from './validation-routes.ts';
import { VERIFIED_SENDER_ROUTES } from './verified-sender-routes.ts';
import { WARM_UP_ROUTES } from './warm-up-routes.ts';
import {
  changeSigned,
  changeWebhook,
  createWebhook,
  deleteWebhook,
  getLog,
  getSigned,
  getWebhook,
  listWebhooks,
  replayWebhook,
  testWebhook,
} from './webhook-routes.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Route = {
  method: Method;
  /** `{name}` stands for one segment. */
  path: string;
  /** Of core/scopes.ts. */
  scope: string;
  /** Whether its errors say `field` also where none is at fault. */
  nullFields?: true;
  /** Whether its errors have an `error_id` (SendGrid: templates). */
  errorIds?: true;
  /** Bytes that its body may have, where that is not what settings may. */
  bodyBytes?: number;
  /** Calls of one account in a minute, where SendGrid has another limit for it than for the API. */
  callsPerMinute?: number;
  handle: (call: Call, deps: ManageDeps) => Promise<Answer>;
};

const SETTINGS = '/v3/user/webhooks/parse/settings';
const SETTINGS_SCOPE = 'user.webhooks.parse.settings';

const WEBHOOKS = '/v3/user/webhooks/event/settings';
const WEBHOOKS_SCOPE = 'user.webhooks.event.settings';

/** Literal segments stand before `{names}` of the same place. */
const EVENT_WEBHOOKS: readonly Route[] = [
  { method: 'GET', path: `${WEBHOOKS}/all`, scope: `${WEBHOOKS_SCOPE}.read`, handle: listWebhooks },
  { method: 'GET', path: `${WEBHOOKS}/signed`, scope: `${WEBHOOKS_SCOPE}.read`, handle: getSigned },
  { method: 'PATCH', path: `${WEBHOOKS}/signed`, scope: `${WEBHOOKS_SCOPE}.update`, handle: changeSigned },
  { method: 'GET', path: `${WEBHOOKS}/signed/{id}`, scope: `${WEBHOOKS_SCOPE}.read`, handle: getSigned },
  { method: 'PATCH', path: `${WEBHOOKS}/signed/{id}`, scope: `${WEBHOOKS_SCOPE}.update`, handle: changeSigned },
  { method: 'GET', path: WEBHOOKS, scope: `${WEBHOOKS_SCOPE}.read`, handle: getWebhook },
  { method: 'POST', path: WEBHOOKS, scope: `${WEBHOOKS_SCOPE}.create`, handle: createWebhook },
  { method: 'PATCH', path: WEBHOOKS, scope: `${WEBHOOKS_SCOPE}.update`, handle: changeWebhook },
  { method: 'GET', path: `${WEBHOOKS}/{id}`, scope: `${WEBHOOKS_SCOPE}.read`, handle: getWebhook },
  { method: 'PATCH', path: `${WEBHOOKS}/{id}`, scope: `${WEBHOOKS_SCOPE}.update`, handle: changeWebhook },
  { method: 'DELETE', path: `${WEBHOOKS}/{id}`, scope: `${WEBHOOKS_SCOPE}.delete`, handle: deleteWebhook },
  { method: 'GET', path: `${WEBHOOKS}/{id}/log`, scope: `${WEBHOOKS_SCOPE}.read`, handle: getLog },
  { method: 'POST', path: `${WEBHOOKS}/{id}/replay`, scope: `${WEBHOOKS_SCOPE}.update`, handle: replayWebhook },
  {
    method: 'POST',
    path: '/v3/user/webhooks/event/test',
    scope: 'user.webhooks.event.test.create',
    handle: testWebhook,
  },
];

const STATS: readonly Route[] = [
  { method: 'GET', path: '/v3/stats', scope: 'stats.global.read', handle: globalStats },
  { method: 'GET', path: '/v3/stats/ip_pools', scope: 'stats.read', handle: poolStats },
  { method: 'GET', path: '/v3/stats/source_ips', scope: 'stats.read', handle: sourceIpStats },
  { method: 'GET', path: '/v3/stats/templates', scope: 'stats.read', handle: templateStats },
  { method: 'GET', path: '/v3/categories', scope: 'categories.read', handle: listCategories },
  { method: 'GET', path: '/v3/categories/stats', scope: 'categories.stats.read', handle: categoryStats },
  { method: 'GET', path: '/v3/categories/stats/sums', scope: 'categories.stats.sums.read', handle: categorySums },
  { method: 'GET', path: '/v3/mailbox_providers/stats', scope: 'mailbox_providers.stats.read', handle: providerStats },
  { method: 'GET', path: '/v3/geo/stats', scope: 'geo.stats.read', handle: geoStats },
  { method: 'GET', path: '/v3/devices/stats', scope: 'devices.stats.read', handle: deviceStats },
  { method: 'GET', path: '/v3/clients/stats', scope: 'clients.stats.read', handle: clientStats },
  { method: 'GET', path: '/v3/clients/{client_type}/stats', scope: 'clients.stats.read', handle: clientStats },
  { method: 'GET', path: '/v3/browsers/stats', scope: 'browsers.stats.read', handle: browserStats },
  { method: 'GET', path: '/v3/user/timezone', scope: 'user.timezone.read', handle: getTimeZone },
  { method: 'PATCH', path: '/v3/user/timezone', scope: 'user.timezone.update', handle: changeTimeZone },
];

export const ROUTES: readonly Route[] = [
  ...EVENT_WEBHOOKS,
  ...ACTIVITY_ROUTES,
  ...STATS,
  { method: 'GET', path: SETTINGS, scope: `${SETTINGS_SCOPE}.read`, handle: listSettings },
  { method: 'POST', path: SETTINGS, scope: `${SETTINGS_SCOPE}.create`, handle: createSetting },
  { method: 'GET', path: `${SETTINGS}/{hostname}`, scope: `${SETTINGS_SCOPE}.read`, handle: getSetting },
  { method: 'PATCH', path: `${SETTINGS}/{hostname}`, scope: `${SETTINGS_SCOPE}.update`, handle: updateSetting },
  { method: 'DELETE', path: `${SETTINGS}/{hostname}`, scope: `${SETTINGS_SCOPE}.delete`, handle: deleteSetting },
  { method: 'GET', path: '/v3/user/webhooks/parse/stats', scope: 'user.webhooks.parse.stats.read', handle: listStats },
  ...POLICY_ROUTES,
  ...SUPPRESSION_ROUTES,
  ...GROUP_ROUTES,
  ...MAIL_SETTINGS_ROUTES,
  ...MAIL_DEFAULTS_ROUTES,
  ...DOMAIN_ROUTES,
  ...DNS_EMAIL_ROUTES,
  ...WARM_UP_ROUTES,
  ...POOL_ROUTES,
  ...IP_ROUTES,
  ...IP_SUBUSER_ROUTES,
  ...LINK_ROUTES,
  ...REVERSE_DNS_ROUTES,
  ...VERIFIED_SENDER_ROUTES,
  ...TRACKING_ROUTES,
  ...KEY_ROUTES,
  ...ACCESS_ROUTES,
  ...ACCOUNT_ROUTES,
  ...USER_ROUTES,
  ...SUBUSER_ROUTES,
  ...MONITOR_ROUTES,
  ...TEMPLATE_ROUTES,
  ...BRAKE_ROUTES,
  ...SCHEDULE_ROUTES,
  ...ALERT_ROUTES,
  ...VALIDATION_ROUTES,
  ...VALIDATION_JOB_ROUTES,
  ...SEQ_ROUTES,
  ...ERASURE_ROUTES,
];

export type FoundRoute = { route: Route; params: Record<string, string> };

/** Bytes of a name in a path: nothing has a longer one, and a table's key has 1,024 in all. */
const NAME_BYTES = 700;

/** By the number of segments, each with its pattern's: what a call is looked up in. */
const BY_LENGTH = Map.groupBy(
  ROUTES.map((route) => ({ route, wanted: route.path.split('/') })),
  ({ wanted }) => wanted.length,
);

/** The route of a request; `path`: there is no such path; `method`: the path has other methods. */
export function findRoute(method: string, path: string): FoundRoute | 'path' | 'method' {
  const given = path.split('/');
  let hasPath = false;
  for (const { route, wanted } of BY_LENGTH.get(given.length) ?? []) {
    const params = match(wanted, given);
    if (!params) continue;
    hasPath = true;
    if (route.method === method) return { route, params };
  }
  return hasPath ? 'method' : 'path';
}

/** The methods of a path. */
export function methodsOf(path: string): Method[] {
  const given = path.split('/');
  const fitting = (BY_LENGTH.get(given.length) ?? []).filter(({ wanted }) => match(wanted, given));
  return [...new Set(fitting.map(({ route }) => route.method))];
}

function match(wanted: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  for (const [n, segment] of wanted.entries()) if (segment !== given[n] && !segment.startsWith('{')) return undefined;
  const params: Record<string, string> = {};
  for (const [n, segment] of wanted.entries()) {
    if (!segment.startsWith('{')) continue;
    const decoded = decode(given[n]!);
    if (decoded === undefined || decoded === '' || Buffer.byteLength(decoded) > NAME_BYTES) return undefined;
    params[segment.slice(1, -1)] = decoded;
  }
  return params;
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
