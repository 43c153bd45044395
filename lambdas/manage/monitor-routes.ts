/**
 * `/v3/subusers/{subuser_name}/monitor`: who has samples of a subuser's mail, by its parent's word. It is written with the subuser and with
 * what its keys depend on, so that accept knows it within a minute and reads nothing more.
 */
import { readMailbox } from '../../core/address.ts';
import { fieldsOf } from '../../core/fields.ts';
import type { Monitor } from '../../core/records/subusers.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';
import { changeSubuserBy, forParents, type SubuserRouteDeps } from './subuser-routes.ts';

type Handle = (call: Call, deps: SubuserRouteDeps) => Promise<Answer>;

/** Messages of which one is copied. */
const MOST = 1_000_000_000;
const NONE = refused(null, 'No monitor settings for this user', 404);

const show = ({ email, frequency }: Monitor) => ({ email, frequency });

function readMonitor(body: unknown): { ok: true; monitor: Monitor } | { ok: false; answer: Answer } {
  const fields = fieldsOf(body);
  const email = fields.text('email', { most: 320 });
  if (email !== '' && !readMailbox(email)) fields.refuse('email', 'email must be an email address');
  const frequency = fields.whole('frequency', 1, MOST);
  if (fields.errors.length > 0) return { ok: false, answer: { status: 400, errors: fields.errors } };
  return { ok: true, monitor: { email, frequency } };
}

async function getMonitor({ account, params }: Call, deps: SubuserRouteDeps): Promise<Answer> {
  const found = await deps.readSubuser(account, params.subuser_name!);
  if (!found) return NOT_FOUND;
  return found.monitor ? { status: 200, body: show(found.monitor) } : NONE;
}

/** @param isThere whether there is one before */
const writing =
  (isThere: boolean): Handle =>
  (call, deps) =>
    changeSubuserBy(
      call,
      deps,
      async ({ monitor }) => {
        const read = readMonitor(call.body);
        if (!read.ok) return read;
        if (isThere && !monitor) return { ok: false, answer: NONE };
        if (!isThere && monitor)
          return { ok: false, answer: refused(null, 'there are monitor settings already: change them by PUT') };
        return { ok: true, change: { monitor: read.monitor } };
      },
      async ({ monitor }) => ({ status: 200, body: show(monitor!) }),
    );

const removeMonitor: Handle = (call, deps) =>
  changeSubuserBy(
    call,
    deps,
    async ({ monitor }) => (monitor ? { ok: true, change: { monitor: undefined } } : { ok: false, answer: NONE }),
    async () => ({ status: 204 }),
  );

const ALL: [Route['method'], string, Handle][] = [
  ['GET', 'read', getMonitor],
  ['POST', 'create', writing(false)],
  ['PUT', 'update', writing(true)],
  ['DELETE', 'delete', removeMonitor],
];

export const MONITOR_ROUTES: readonly Route[] = ALL.map(([method, action, handle]) => ({
  method,
  path: '/v3/subusers/{subuser_name}/monitor',
  scope: `subusers.monitor.${action}`,
  nullFields: true,
  handle: forParents(handle),
}));
