/**
 * `/v3/validations/email/jobs`: files of addresses, judged in the background (docs/validation.md). Where to put one, how far its job is, and,
 * beyond SendGrid, who mails a link, where the result is.
 */
import { apiErrors } from '../../core/errors.ts';
import { fieldsOf } from '../../core/fields.ts';
import {
  FILE_TYPES,
  FIRST_LOOKS,
  type FileType,
  hasEnded,
  hasResult,
  isJobId,
  MOST_JOBS,
  makeJobId,
  newJob,
  showJob,
  showListedJob,
  type ValidationJobRecord,
  type ValidationMessage,
} from '../../core/validation/job.ts';
import { CONTENT_TYPE } from '../../io/validation-files.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';

export type ValidationJobRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomBytes: (count: number) => Buffer;
  createValidationJob: (job: ValidationJobRecord) => Promise<void>;
  readValidationJob: (account: string, id: string) => Promise<ValidationJobRecord | undefined>;
  removeValidationJob: (account: string, id: string) => Promise<void>;
  /** The newest first. */
  listValidationJobs: (account: string) => Promise<ValidationJobRecord[]>;
  linkUpload: (job: ValidationJobRecord, fileType: FileType) => Promise<string>;
  linkResult: (job: ValidationJobRecord) => Promise<string>;
  /** Each look after its seconds. False: the queue has not taken them all. */
  sendLooks: (looks: readonly { message: ValidationMessage; seconds: number }[]) => Promise<boolean>;
};

const BUSY: Answer = { status: 503, errors: [apiErrors.unavailable] };

async function request({ account, body }: Call, deps: ValidationJobRouteDeps): Promise<Answer> {
  const fields = fieldsOf(body);
  const fileType = fields.oneOf('file_type', FILE_TYPES);
  if (fields.errors.length > 0) return { status: 400, errors: fields.errors };
  const open = (await deps.listValidationJobs(account)).filter((job) => !hasEnded(job));
  if (open.length >= MOST_JOBS) return refused(null, `${MOST_JOBS} jobs are at work or await their file`, 429);
  const now = deps.now();
  const job = newJob(account, makeJobId(now, deps.randomBytes(10)), fileType, now);
  await deps.createValidationJob(job);
  const looks = FIRST_LOOKS.map((seconds, n) => ({
    message: { v: 1 as const, account, id: job.id, waits: n === FIRST_LOOKS.length - 1 },
    seconds,
  }));
  if (!(await deps.sendLooks(looks))) {
    await deps.removeValidationJob(account, job.id);
    return BUSY;
  }
  return {
    status: 200,
    body: {
      job_id: job.id,
      upload_uri: await deps.linkUpload(job, fileType),
      upload_headers: [{ header: 'content-type', value: CONTENT_TYPE[fileType] }],
    },
  };
}

async function list({ account }: Call, deps: ValidationJobRouteDeps): Promise<Answer> {
  return { status: 200, body: { result: (await deps.listValidationJobs(account)).map(showListedJob) } };
}

const find = async ({ account, params }: Call, deps: ValidationJobRouteDeps) =>
  isJobId(params.job_id!) ? deps.readValidationJob(account, params.job_id!) : undefined;

/** Whoever asks has put his file by now, or is about to: it is looked for at once. */
async function get(call: Call, deps: ValidationJobRouteDeps): Promise<Answer> {
  const job = await find(call, deps);
  if (!job) return NOT_FOUND;
  const { account, id } = job;
  if (job.status === 'Initiated') await deps.sendLooks([{ message: { v: 1, account, id, waits: false }, seconds: 0 }]);
  return { status: 200, body: { result: showJob(job, deps.now()) } };
}

async function download(call: Call, deps: ValidationJobRouteDeps): Promise<Answer> {
  const job = await find(call, deps);
  if (!job || !hasResult(job, deps.now())) return NOT_FOUND;
  return { status: 200, body: { presigned_url: await deps.linkResult(job) } };
}

const JOBS = '/v3/validations/email/jobs';
const READ = 'validations.email.read';

export const VALIDATION_JOB_ROUTES: readonly Route[] = (
  [
    ['PUT', JOBS, 'validations.email.create', request],
    ['GET', JOBS, READ, list],
    ['GET', `${JOBS}/{job_id}`, READ, get],
    ['GET', `${JOBS}/{job_id}/download`, READ, download],
  ] as const
).map(([method, path, scope, handle]) => ({ method, path, scope, nullFields: true, handle }));
