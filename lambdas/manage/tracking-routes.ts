/** `/v3/tracking_settings`: what an account asks of all its mail, in the shapes of SendGrid's OpenAPI document. */
import {
  changeTracking,
  listTracking,
  showTracking,
  type TrackingName,
  type TrackingSettings,
} from '../../core/tracking/settings.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';

export type TrackingRouteDeps = {
  /** As they are now. */
  readTrackingNow: (account: string) => Promise<TrackingSettings>;
  writeTracking: (account: string, settings: TrackingSettings) => Promise<void>;
};

async function list({ account }: Call, deps: TrackingRouteDeps): Promise<Answer> {
  return { status: 200, body: { result: listTracking(await deps.readTrackingNow(account)) } };
}

const get =
  (name: TrackingName) =>
  async ({ account }: Call, deps: TrackingRouteDeps): Promise<Answer> => ({
    status: 200,
    body: showTracking(await deps.readTrackingNow(account), name),
  });

const update =
  (name: TrackingName) =>
  async ({ account, body }: Call, deps: TrackingRouteDeps): Promise<Answer> => {
    const changed = changeTracking(await deps.readTrackingNow(account), name, body);
    if (!changed.ok) return { status: 400, errors: changed.errors };
    await deps.writeTracking(account, changed.settings);
    return { status: 200, body: showTracking(changed.settings, name) };
  };

const PATH = '/v3/tracking_settings';
const NAMES: readonly TrackingName[] = ['click', 'google_analytics', 'machines', 'open', 'subscription'];

export const TRACKING_ROUTES: readonly Route[] = [
  { method: 'GET', path: PATH, scope: 'tracking_settings.read', handle: list },
  ...NAMES.flatMap((name): Route[] => [
    { method: 'GET', path: `${PATH}/${name}`, scope: `tracking_settings.${name}.read`, handle: get(name) },
    { method: 'PATCH', path: `${PATH}/${name}`, scope: `tracking_settings.${name}.update`, handle: update(name) },
  ]),
];
