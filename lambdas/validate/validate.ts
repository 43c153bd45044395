/**
 * validate: a file of addresses that a customer has put is read through, and each address judged as `POST /v3/validations/email` judges one,
 * a segment after the other. What is done of a segment is written before it is counted, so that a run that dies costs one segment's
 * work and nothing else; a run whose time is nearly over holds the rest for the next. A file that is none ends its job in words.
 *
 * One run is at work on a job at a time. A message that finds another at it is done with: that one's own message comes again if it dies.
 */
import { asciiAddress } from '../../core/address.ts';
import { type Hold, holdKey } from '../../core/records/holds.ts';
import type { SuppressionRecord } from '../../core/records/suppressions.ts';
import {
  AWAIT_MS,
  hasEnded,
  LOOK_MS,
  MOST_OCTETS,
  parseValidationMessage,
  SEGMENT,
  type ValidationJobRecord,
  type ValidationMessage,
} from '../../core/validation/job.ts';
import { resultHeader, resultLine } from '../../core/validation/result.ts';
import { type Domain, judge, readJudged } from '../../core/validation/validate.ts';
import { BadFileError, countAddresses, readSegments } from '../../io/address-file.ts';
import type { JobChange } from '../../io/validation-jobs.ts';

type Job = ValidationJobRecord;

export type ValidateDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Milliseconds left of this run. */
  remainingMs: () => number;
  randomId: () => string;
  readValidationJob: (account: string, id: string) => Promise<Job | undefined>;
  /** Undefined: it has ended, or another run is at work on it. */
  takeValidationJob: (job: Job, runId: string, now: number, until: number) => Promise<Job | undefined>;
  /** Undefined: it is another run's by now. */
  changeValidationJob: (job: Job, change: JobChange, ends?: boolean) => Promise<Job | undefined>;
  findUpload: (job: Job) => Promise<{ octets: number; etag: string } | undefined>;
  /** Undefined: it is not the one that was found, or is gone. */
  readUpload: (job: Job, etag: string) => Promise<Buffer | undefined>;
  putPart: (job: Job, segment: number, csv: string) => Promise<void>;
  joinParts: (job: Job, header: string, segments: number) => Promise<void>;
  /** What is not known `until` then is unknown. */
  lookAtDomains: (names: Iterable<string>, until: number) => Promise<Map<string, Domain>>;
  /** By address in lower case. */
  readSuppressions: (account: string, addresses: readonly string[]) => Promise<Map<string, SuppressionRecord>>;
  disposableDomains?: readonly string[] | undefined;
  hold: (hold: Hold) => Promise<void>;
  report: (problem: string) => void;
};

/** Milliseconds for the domains of a segment. */
const DOMAINS_MS = 40_000;
/** Milliseconds that must be left for a segment, and for putting the result together. */
const RESERVE_MS = 60_000;
/** Milliseconds behind a run's end at which another may have its job. */
const MARGIN_MS = 5_000;

/** Looks at jobs, one after the other. Returns the ids of the messages to hand back. */
export async function validate(
  messages: readonly { messageId: string; body: string }[],
  deps: ValidateDeps,
): Promise<string[]> {
  const handedBack: string[] = [];
  for (const { messageId, body } of messages) {
    try {
      await look(parseValidationMessage(body), deps);
    } catch (error) {
      deps.report(`validation message ${messageId}: ${(error as Error).stack}`);
      handedBack.push(messageId);
    }
  }
  return handedBack;
}

async function look(message: ValidationMessage, deps: ValidateDeps): Promise<void> {
  const job = await deps.readValidationJob(message.account, message.id);
  if (!job || hasEnded(job)) return;
  const now = deps.now();
  const upload = job.etag === undefined ? await deps.findUpload(job) : undefined;
  const isAwaited = job.etag === undefined && !upload;
  if (isAwaited && now < job.createdAt + AWAIT_MS) {
    if (message.waits) await comeAgain(message, now + LOOK_MS, deps);
    return;
  }
  const taken = await deps.takeValidationJob(job, deps.randomId(), now, now + deps.remainingMs() + MARGIN_MS);
  if (!taken) return;
  const ended = isAwaited ? failure('no file was put in time') : await run(taken, upload, deps);
  if (ended === 'time') {
    await deps.changeValidationJob(taken, { status: 'Processing' }, true);
    await comeAgain(message, deps.now(), deps);
  } else if (ended !== 'taken') await deps.changeValidationJob(taken, { ...ended, finishedAt: deps.now() }, true);
}

const failure = (message: string): JobChange => ({ status: 'Error', errors: [message] });
const CHANGED = 'the file was changed, or is gone';

/** @returns what the job has come to; or its time is over, or another has taken it */
async function run(
  job: Job,
  upload: { octets: number; etag: string } | undefined,
  deps: ValidateDeps,
): Promise<JobChange | 'time' | 'taken'> {
  const etag = job.etag ?? upload!.etag;
  if (job.etag === undefined) {
    if (upload!.octets > MOST_OCTETS) return failure(`the file has more than ${MOST_OCTETS} octets`);
    if (!(await deps.changeValidationJob(job, { status: 'Queued', etag }))) return 'taken';
  }
  const file = await deps.readUpload(job, etag);
  if (!file) return failure(CHANGED);
  try {
    return await readThrough(job, file, deps);
  } catch (error) {
    if (error instanceof BadFileError) return failure(error.message);
    throw error;
  }
}

async function readThrough(job: Job, file: Buffer, deps: ValidateDeps): Promise<JobChange | 'time' | 'taken'> {
  let { segments, processed } = job;
  if (segments === 0) {
    // Whole, before anything is asked of anybody: what is no file costs no question.
    const addresses = await countAddresses(file);
    segments = Math.ceil(addresses / SEGMENT);
    if (!(await deps.changeValidationJob(job, { status: 'Processing', addresses, segments }))) return 'taken';
  }
  let segment = 0;
  for await (const addresses of readSegments(file)) {
    if (segment++ < processed) continue;
    if (deps.remainingMs() < RESERVE_MS) return 'time';
    await deps.putPart(job, processed, await judgeAll(job.account, addresses, deps));
    processed++;
    if (!(await deps.changeValidationJob(job, { processed }))) return 'taken';
  }
  if (deps.remainingMs() < RESERVE_MS) return 'time';
  await deps.joinParts(job, resultHeader(), segments);
  return { status: 'Done' };
}

/** The lines of a segment. */
async function judgeAll(account: string, addresses: readonly string[], deps: ValidateDeps): Promise<string> {
  const judged = addresses.map((email) => {
    const mailbox = readJudged(email);
    return { email, mailbox, key: mailbox ? asciiAddress(mailbox).toLowerCase() : '' };
  });
  const names = judged.flatMap(({ mailbox }) => mailbox?.asciiDomain ?? []);
  const [domains, records] = await Promise.all([
    deps.lookAtDomains(names, deps.now() + DOMAINS_MS),
    deps.readSuppressions(
      account,
      judged.flatMap(({ key }) => (key === '' ? [] : [key])),
    ),
  ]);
  return judged
    .map(({ email, mailbox, key }) =>
      resultLine(
        judge(email, mailbox, mailbox && domains.get(mailbox.asciiDomain), records.get(key), deps.disposableDomains),
      ),
    )
    .join('');
}

/** By way of the holds: what a queue's stage sends to its own queue looks to Lambda like a loop. */
async function comeAgain(message: ValidationMessage, due: number, { hold }: ValidateDeps): Promise<void> {
  const { account, id } = message;
  const key = holdKey(`validate.${id}`, due);
  await hold({ ...key, due, account, copies: 0, kind: 'validate', validate: { ...message, waits: true } });
}
