/**
 * `/v3/recipients/erasejob` (SendGrid: Recipients' Data Erasure), and ours beyond it: how far a job is. The work is the stage erase's
 * (docs/erasure.md). A job is of one account: a parent's does not reach its subusers' recipients.
 */
import { readErasure } from '../../core/erasure/request.ts';
import { showErasure } from '../../core/erasure/show.ts';
import type { ErasureRecord } from '../../core/records/erasure.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND } from './recipients.ts';
import type { Route } from './routes.ts';

export type ErasureRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomId: () => string;
  /** Makes a job whose first pass is due now. @param addresses lower case, each once */
  createErasure: (account: string, id: string, addresses: string[], now: number) => Promise<void>;
  readErasure: (account: string, id: string) => Promise<ErasureRecord | undefined>;
};

/** Calls in a minute (SendGrid). */
const CALLS = 100;

async function createJob({ account, body }: Call, deps: ErasureRouteDeps): Promise<Answer> {
  const read = readErasure(body);
  if (!read.ok) return { status: 400, errors: read.errors };
  const id = deps.randomId();
  await deps.createErasure(account, id, read.addresses, deps.now());
  return { status: 202, body: { job_id: id } };
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function getJob({ account, params }: Call, deps: ErasureRouteDeps): Promise<Answer> {
  const id = (params.job_id ?? '').toLowerCase();
  const job = UUID.test(id) ? await deps.readErasure(account, id) : undefined;
  return job ? { status: 200, body: showErasure(job, deps.now()) } : NOT_FOUND;
}

const PATH = '/v3/recipients/erasejob';

export const ERASURE_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: PATH,
    scope: 'recipients.create',
    nullFields: true,
    callsPerMinute: CALLS,
    handle: createJob,
  },
  { method: 'GET', path: `${PATH}/{job_id}`, scope: 'recipients.read', nullFields: true, handle: getJob },
];
