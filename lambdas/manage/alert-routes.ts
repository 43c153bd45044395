/** `/v3/alerts`: mails that say how an account does (docs/alerts.md). notify sends them; what is changed here is looked at anew. */
import {
  ALERTS,
  type AlertRecord,
  alertKey,
  lookHold,
  nextLook,
  readAlert,
  showAlert,
} from '../../core/alerts/alert.ts';
import type { Hold } from '../../core/records/holds.ts';
import { freeNumber } from '../../core/senders/names.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';
import { numberIn } from './sender-deps.ts';

export type AlertRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomId: () => string;
  listAlerts: (account: string) => Promise<AlertRecord[]>;
  readAlert: (account: string, id: number) => Promise<AlertRecord | undefined>;
  createAlert: (record: AlertRecord) => Promise<boolean>;
  changeAlert: (before: AlertRecord, after: AlertRecord) => Promise<boolean>;
  removeAlert: (account: string, id: number) => Promise<boolean>;
  hold: (hold: Hold) => Promise<void>;
  /** The account's own address; undefined: it has none. */
  readContact: (account: string) => Promise<string | undefined>;
};

const MEANWHILE = refused(null, 'the alert was changed at the same time: send it again', 409);

/** Null is the account's own address, so there must be one; it can be changed, and not be taken away. */
const NOWHERE = refused('email_to', 'email_to is required: the account has no address of its own (PUT /v3/user/email)');
const isNowhere = async ({ emailTo }: Pick<AlertRecord, 'emailTo'>, account: string, deps: AlertRouteDeps) =>
  emailTo === '' && (await deps.readContact(account)) === undefined;

async function create({ account, body }: Call, deps: AlertRouteDeps): Promise<Answer> {
  const read = readAlert(body);
  if (!read.ok) return { status: 400, errors: read.errors };
  if (await isNowhere(read.alert, account, deps)) return NOWHERE;
  const all = await deps.listAlerts(account);
  if (all.length >= ALERTS) return refused(null, `an account has ${ALERTS} alerts at most`);
  const id = freeNumber(new Set(all.map((one) => one.id)), 'alert', account, deps.randomId());
  const now = deps.now();
  const at = Math.floor(now / 1_000);
  const nextAt = nextLook(read.alert, now);
  const record: AlertRecord = { ...alertKey(account, id), id, ...read.alert, createdAt: at, updatedAt: at, nextAt };
  // First: a look at what is not there does nothing, and an alert that nobody looks at would be none.
  await deps.hold(lookHold(account, id, nextAt));
  return (await deps.createAlert(record)) ? { status: 201, body: showAlert(record) } : MEANWHILE;
}

async function list({ account }: Call, deps: AlertRouteDeps): Promise<Answer> {
  return { status: 200, body: (await deps.listAlerts(account)).map(showAlert) };
}

async function find({ account, params }: Call, deps: AlertRouteDeps): Promise<AlertRecord | undefined> {
  const id = numberIn(params.alert_id);
  return id === undefined ? undefined : deps.readAlert(account, id);
}

async function get(call: Call, deps: AlertRouteDeps): Promise<Answer> {
  const alert = await find(call, deps);
  return alert ? { status: 200, body: showAlert(alert) } : NOT_FOUND;
}

async function change(call: Call, deps: AlertRouteDeps): Promise<Answer> {
  const before = await find(call, deps);
  if (!before) return NOT_FOUND;
  const read = readAlert(call.body, before);
  if (!read.ok) return { status: 400, errors: read.errors };
  if (await isNowhere(read.alert, call.account, deps)) return NOWHERE;
  const now = deps.now();
  const { pk, sk, id, createdAt } = before;
  // Another percentage is told anew; another address is not.
  const told =
    before.type === 'usage_limit' && read.alert.type === 'usage_limit' && before.percentage === read.alert.percentage
      ? before.told
      : undefined;
  // Of two changes within a second one is refused or both are seen: the time never stands still.
  const updatedAt = Math.max(Math.floor(now / 1_000), before.updatedAt + 1);
  const nextAt = nextLook(read.alert, now);
  const common = { pk, sk, id, createdAt, updatedAt, nextAt };
  const after: AlertRecord =
    read.alert.type === 'usage_limit'
      ? { ...common, ...read.alert, ...(told === undefined ? {} : { told }) }
      : { ...common, ...read.alert };
  if (nextAt !== before.nextAt) await deps.hold(lookHold(call.account, id, nextAt));
  return (await deps.changeAlert(before, after)) ? { status: 200, body: showAlert(after) } : MEANWHILE;
}

async function remove({ account, params }: Call, deps: AlertRouteDeps): Promise<Answer> {
  const id = numberIn(params.alert_id);
  return id !== undefined && (await deps.removeAlert(account, id)) ? { status: 204 } : NOT_FOUND;
}

const PATH = '/v3/alerts';

export const ALERT_ROUTES: readonly Route[] = [
  { method: 'POST', path: PATH, scope: 'alerts.create', nullFields: true, handle: create },
  { method: 'GET', path: PATH, scope: 'alerts.read', nullFields: true, handle: list },
  { method: 'GET', path: `${PATH}/{alert_id}`, scope: 'alerts.read', nullFields: true, handle: get },
  { method: 'PATCH', path: `${PATH}/{alert_id}`, scope: 'alerts.update', nullFields: true, handle: change },
  { method: 'DELETE', path: `${PATH}/{alert_id}`, scope: 'alerts.delete', nullFields: true, handle: remove },
];
