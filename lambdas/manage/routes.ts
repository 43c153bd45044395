/** Every route there is: method, path, the scope it asks for, and who answers. What is not here does not exist. */
import { GROUP_ROUTES } from './group-routes.ts';
import { MAIL_SETTINGS_ROUTES } from './mail-settings-routes.ts';
import type { Answer, Call, ManageDeps } from './manage.ts';
import { createSetting, deleteSetting, getSetting, listSettings, listStats, updateSetting } from './parse-routes.ts';
import { SUPPRESSION_ROUTES } from './suppression-routes.ts';
import { TRACKING_ROUTES } from './tracking-routes.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Route = {
  method: Method;
  /** `{name}` stands for one segment. */
  path: string;
  scope: string;
  /** Whether its errors say `field` also where none is at fault. */
  nullFields?: true;
  handle: (call: Call, deps: ManageDeps) => Promise<Answer>;
};

const SETTINGS = '/v3/user/webhooks/parse/settings';
const SETTINGS_SCOPE = 'user.webhooks.parse.settings';

export const ROUTES: readonly Route[] = [
  { method: 'GET', path: SETTINGS, scope: `${SETTINGS_SCOPE}.read`, handle: listSettings },
  { method: 'POST', path: SETTINGS, scope: `${SETTINGS_SCOPE}.create`, handle: createSetting },
  { method: 'GET', path: `${SETTINGS}/{hostname}`, scope: `${SETTINGS_SCOPE}.read`, handle: getSetting },
  { method: 'PATCH', path: `${SETTINGS}/{hostname}`, scope: `${SETTINGS_SCOPE}.update`, handle: updateSetting },
  { method: 'DELETE', path: `${SETTINGS}/{hostname}`, scope: `${SETTINGS_SCOPE}.delete`, handle: deleteSetting },
  { method: 'GET', path: '/v3/user/webhooks/parse/stats', scope: 'user.webhooks.parse.stats.read', handle: listStats },
  ...SUPPRESSION_ROUTES,
  ...GROUP_ROUTES,
  ...MAIL_SETTINGS_ROUTES,
  ...TRACKING_ROUTES,
];

export type FoundRoute = { route: Route; params: Record<string, string> };

/** The route of a request; `path`: there is no such path; `method`: the path has other methods. */
export function findRoute(method: string, path: string): FoundRoute | 'path' | 'method' {
  let hasPath = false;
  for (const route of ROUTES) {
    const params = matchPath(route.path, path);
    if (!params) continue;
    hasPath = true;
    if (route.method === method) return { route, params };
  }
  return hasPath ? 'method' : 'path';
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [n, segment] of wanted.entries()) {
    const value = given[n]!;
    if (!segment.startsWith('{')) {
      if (segment !== value) return undefined;
      continue;
    }
    const decoded = decode(value);
    if (decoded === undefined || decoded === '') return undefined;
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
