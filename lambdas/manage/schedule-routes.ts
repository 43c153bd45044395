/**
 * Batches and scheduled mail: `/v3/mail/batch` and `/v3/user/scheduled_sends` in the shapes of SendGrid's OpenAPI documents, and, beyond it, a
 * list of what is scheduled. What is said of a batch holds for all of its mail that is not due yet when it is said.
 */

import { toldCopies } from '../../core/copies.ts';
import type { Hold } from '../../core/records/holds.ts';
import { wakeHold } from '../../core/records/holds.ts';
import type { BatchRecord, BatchStatus, ScheduledSendRecord, Wake } from '../../core/records/schedule.ts';
import { placeOf, type ScheduledPlace } from '../../io/holds.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';

export type ScheduleRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomBytes: (count: number) => Buffer;
  createBatch: (account: string, id: string, now: number) => Promise<void>;
  readBatch: (account: string, id: string) => Promise<BatchRecord | undefined>;
  readScheduledSend: (account: string, batchId: string) => Promise<ScheduledSendRecord | undefined>;
  listScheduledSends: (account: string) => Promise<ScheduledSendRecord[]>;
  writeScheduledSend: (
    account: string,
    send: { batchId: string; status: BatchStatus },
    now: number,
    change: boolean,
  ) => Promise<boolean>;
  removeScheduledSend: (account: string, batchId: string) => Promise<ScheduledSendRecord | undefined>;
  readBatchStates: (batches: Wake[]) => Promise<{ batch: Wake; status: BatchStatus }[]>;
  listScheduled: (account: string, after: ScheduledPlace | undefined, count: number) => Promise<Hold[]>;
  hold: (hold: Hold) => Promise<void>;
};

const NO_STATE: Answer = {
  status: 404,
  errors: [{ message: 'the batch is neither paused nor cancelled', field: null, help: null }],
};
const INVALID: Answer = {
  status: 400,
  errors: [{ message: 'invalid batch id', field: 'batch_id', help: null }],
};
/** Milliseconds after which a batch is looked at again: a run of release that read the old state is over by then. */
const AGAIN_MS = 120_000;
const MOST_LISTED = 500;
const TOKEN = /^\d{1,15}\.[A-Za-z0-9_-]{1,40}$/;

async function createBatch({ account }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  const id = deps.randomBytes(24).toString('base64url');
  await deps.createBatch(account, id, deps.now());
  return { status: 201, body: { batch_id: id } };
}

async function getBatch({ account, params }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  const { batch_id: id = '' } = params;
  return (await deps.readBatch(account, id)) ? { status: 200, body: { batch_id: id } } : INVALID;
}

async function createState({ account, body }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  const { batch_id: batchId } = asObject(body);
  const status = statusOf(body);
  if (typeof batchId !== 'string' || batchId.length > 200 || !(await deps.readBatch(account, batchId))) return INVALID;
  if (!status) return refuse('status', 'status must be pause or cancel');
  if (!(await deps.writeScheduledSend(account, { batchId, status }, deps.now(), false)))
    return refuse('batch_id', 'the batch is paused or cancelled already: change that with PATCH');
  return { status: 201, body: { batch_id: batchId, status } };
}

async function listStates({ account }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  return { status: 200, body: (await deps.listScheduledSends(account)).map(show) };
}

async function getState({ account, params }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  const { batch_id: batchId = '' } = params;
  const state = await deps.readScheduledSend(account, batchId);
  if (state) return { status: 200, body: [show(state)] };
  return (await deps.readBatch(account, batchId)) ? { status: 200, body: [] } : NO_STATE;
}

async function changeState({ account, params, body }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  const { batch_id: batchId = '' } = params;
  const status = statusOf(body);
  if (!status) return refuse('status', 'status must be pause or cancel');
  if (!(await deps.writeScheduledSend(account, { batchId, status }, deps.now(), true))) return NO_STATE;
  await wake({ account, batchId }, deps);
  return { status: 204 };
}

async function deleteState({ account, params }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  const { batch_id: batchId = '' } = params;
  if (!(await deps.removeScheduledSend(account, batchId))) return NO_STATE;
  await wake({ account, batchId }, deps);
  return { status: 204 };
}

/** Has what was put aside looked at: at once, and again when no run can be at work that knows the old state. */
async function wake(batch: Wake, { hold, now }: ScheduleRouteDeps): Promise<void> {
  for (const due of [now(), now() + AGAIN_MS]) await hold(wakeHold(batch, due));
}

const show = ({ batchId, status }: ScheduledSendRecord) => ({ batch_id: batchId, status });

/** What is scheduled, the next first. */
async function listScheduled({ account, query, url }: Call, deps: ScheduleRouteDeps): Promise<Answer> {
  const limit = query.limit === undefined ? 100 : Number(query.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_LISTED)
    return refuse('limit', `limit must be from 1 to ${MOST_LISTED}`);
  const { page_token: token } = query;
  if (token !== undefined && !TOKEN.test(token))
    return refuse('page_token', 'page_token must be one that an answer gave you');
  const [due, requestId = ''] = token?.split('.') ?? [];
  const after = due === undefined ? undefined : { due: Number(due), requestId };
  const found = await deps.listScheduled(account, after, limit + 1);
  const page = found.slice(0, limit);
  const batches = new Set(page.flatMap((hold) => (hold.kind === 'request' ? (hold.expansion.batchId ?? []) : [])));
  const states = await deps.readBatchStates([...batches].map((batchId) => ({ account, batchId })));
  const statuses = new Map(states.map(({ batch, status }) => [batch.batchId, status]));
  const last = page.at(-1);
  const next = new URL(url);
  if (last && found.length > limit) {
    const place = placeOf(last);
    next.searchParams.set('limit', String(limit));
    next.searchParams.set('page_token', `${place.due}.${place.requestId}`);
  }
  return {
    status: 200,
    body: {
      result: page.map((hold) => showScheduled(hold, statuses)),
      _metadata: { count: page.length, ...(next.search === '' ? {} : { next: next.href }) },
    },
  };
}

const STATES = { pause: 'paused', cancel: 'cancelled' } as const;

function showScheduled(hold: Hold, statuses: ReadonlyMap<string, BatchStatus>): unknown {
  const { requestId, batchId } = hold.kind === 'request' ? hold.expansion : { requestId: '', batchId: undefined };
  const status = batchId === undefined ? undefined : statuses.get(batchId);
  return {
    message_id: requestId,
    send_at: Math.floor(hold.due / 1_000),
    recipients: toldCopies(hold),
    batch_id: batchId ?? null,
    status: status ? STATES[status] : 'scheduled',
  };
}

function asObject(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : {};
}

function statusOf(body: unknown): BatchStatus | undefined {
  const { status } = asObject(body);
  return status === 'pause' || status === 'cancel' ? status : undefined;
}

function refuse(field: string, message: string): Answer {
  return { status: 400, errors: [{ message, field, help: null }] };
}

const BATCH = '/v3/mail/batch';
const SENDS = '/v3/user/scheduled_sends';
const SCOPE = 'user.scheduled_sends';

export const SCHEDULE_ROUTES: readonly Route[] = (
  [
    ['POST', BATCH, 'mail.batch.create', createBatch],
    ['GET', `${BATCH}/{batch_id}`, 'mail.batch.read', getBatch],
    ['GET', '/v3/mail/scheduled', `${SCOPE}.read`, listScheduled],
    ['POST', SENDS, `${SCOPE}.create`, createState],
    ['GET', SENDS, `${SCOPE}.read`, listStates],
    ['GET', `${SENDS}/{batch_id}`, `${SCOPE}.read`, getState],
    ['PATCH', `${SENDS}/{batch_id}`, `${SCOPE}.update`, changeState],
    ['DELETE', `${SENDS}/{batch_id}`, `${SCOPE}.delete`, deleteState],
  ] as const
).map(([method, path, scope, handle]) => ({ method, path, scope, nullFields: true, handle }));
