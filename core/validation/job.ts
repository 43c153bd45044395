/**
 * A job that judges a whole file of addresses (SendGrid: `/v3/validations/email/jobs`): what is kept of it, where its files lie, what its
 * queue carries, and how the API shows it. Its addresses are read and judged in segments, in the order of the file; what is done is
 * counted by segments, so that whoever goes on with it begins at the next.
 */

export const FILE_TYPES = ['csv', 'zip'] as const;
export type FileType = (typeof FILE_TYPES)[number];
/** SendGrid's words. `Initiated`: a file is awaited; `Queued`: it is there, and is read through; then `Processing`. */
export type JobStatus = 'Initiated' | 'Queued' | 'Processing' | 'Done' | 'Error';

export type ValidationJobRecord = {
  /** `<account>#validations` */
  pk: string;
  /** `job#id` */
  sk: string;
  id: string;
  account: string;
  fileType: FileType;
  status: JobStatus;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Until when its file may be put. */
  uploadUntil: number;
  /** Of what is done, or given up. */
  finishedAt?: number;
  /** Of the file that was found: another one put in its place is not read. */
  etag?: string;
  /** What the file holds; known from `Processing` on. */
  addresses?: number;
  segments: number;
  processed: number;
  errors: string[];
  /** Who is at work on it, and until when nobody else may be, in milliseconds since the epoch. */
  runId?: string;
  runUntil?: number;
  /** Unix seconds. */
  expiresAt: number;
};

/** Addresses of a segment (SendGrid). */
export const SEGMENT = 1_500;
/** Addresses of a file, and octets of it as it is put (SendGrid). */
export const MOST_ADDRESSES = 1_000_000;
export const MOST_OCTETS = 50_000_000;
/** Jobs of an account that have not ended. */
export const MOST_JOBS = 10;
/** Days for which its files are kept, and for which the job is shown. */
export const FILE_DAYS = 7;
export const JOB_DAYS = 30;
/** Milliseconds for which a file may be put, and for which one is awaited: what was begun in time may end late. */
export const UPLOAD_MS = 600_000;
export const AWAIT_MS = 1_800_000;

export const validationsKey = (account: string) => `${account}#validations`;
export const validationJobKey = (account: string, id: string) => ({ pk: validationsKey(account), sk: `job#${id}` });

export const VALIDATIONS_PREFIX = 'validations/';
const folderOf = ({ account, id }: JobName) => `${VALIDATIONS_PREFIX}${account}/${id}`;
export const uploadKey = (job: JobName) => `${folderOf(job)}/upload`;
export const partKey = (job: JobName, segment: number) =>
  `${folderOf(job)}/parts/${String(segment).padStart(4, '0')}.csv`;
export const resultKey = (job: JobName) => `${folderOf(job)}/result.csv`;

type JobName = Pick<ValidationJobRecord, 'account' | 'id'>;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const JOB_ID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
export const isJobId = (text: string): boolean => JOB_ID.test(text);

/**
 * A ULID: ids of one account stand in the order of their time.
 * @param now milliseconds since the epoch
 * @param random at least 10 random bytes
 */
export function makeJobId(now: number, random: Uint8Array): string {
  let bits = BigInt(now);
  for (const byte of random.subarray(0, 10)) bits = (bits << 8n) | BigInt(byte);
  return Array.from({ length: 26 }, (_, n) => ALPHABET[Number((bits >> BigInt(125 - 5 * n)) & 31n)]).join('');
}

export function newJob(account: string, id: string, fileType: FileType, now: number): ValidationJobRecord {
  return {
    ...validationJobKey(account, id),
    ...{ id, account, fileType, status: 'Initiated', createdAt: now, uploadUntil: now + UPLOAD_MS },
    ...{ segments: 0, processed: 0, errors: [], expiresAt: Math.floor(now / 1_000) + JOB_DAYS * 86_400 },
  };
}

export const hasEnded = ({ status }: Pick<ValidationJobRecord, 'status'>): boolean =>
  status === 'Done' || status === 'Error';

// its queue -----------------------------------------------------------------------------------------------------------

/** Somebody is to look at a job. `waits`: where there is no file yet, the look is held until the next; of each job one does. */
export type ValidationMessage = { v: 1; account: string; id: string; waits: boolean };

/** Seconds after which a new job is looked at; the last look is the one that waits. */
export const FIRST_LOOKS = [2, 10, 20] as const;
/** Milliseconds between two looks of the one that waits. */
export const LOOK_MS = 30_000;

/** @throws Error naming what is wrong; such a message can never succeed */
export function parseValidationMessage(body: string): ValidationMessage {
  const message = JSON.parse(body) as Partial<ValidationMessage> | null;
  if (typeof message !== 'object' || message === null || message.v !== 1)
    throw new Error('not a validation message of version 1');
  const { account, id, waits } = message;
  if (typeof account !== 'string' || typeof id !== 'string' || !isJobId(id))
    throw new Error('validation message without its job');
  return { v: 1, account, id, waits: waits === true };
}

// the API -------------------------------------------------------------------------------------------------------------

const seconds = (at: number | undefined) => (at === undefined ? 0 : Math.floor(at / 1_000));

/** As a list has it. */
export function showListedJob({ id, status, createdAt, finishedAt }: ValidationJobRecord) {
  return { id, status, started_at: seconds(createdAt), finished_at: seconds(finishedAt) };
}

/** @param now milliseconds since the epoch: a result is not kept for ever */
export function showJob(job: ValidationJobRecord, now: number) {
  const { segments, processed, errors } = job;
  return {
    ...showListedJob(job),
    segments,
    segments_processed: processed,
    is_download_available: hasResult(job, now),
    errors: errors.map((message) => ({ message })),
  };
}

export const hasResult = ({ status, finishedAt = 0 }: ValidationJobRecord, now: number): boolean =>
  status === 'Done' && now < finishedAt + FILE_DAYS * 86_400_000;
