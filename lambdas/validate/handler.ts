/** validate's handler: a job to look at in, the ids of what is handed back out. */
import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { openBucket, openTables } from '../../io/aws.ts';
import { bundledDisposableDomains } from '../../io/bundled-lists.ts';
import { requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { openLookUp } from '../../io/look-up.ts';
import { openMailDomains } from '../../io/mail-domains.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { validationFilesIn } from '../../io/validation-files.ts';
import { validationJobsIn } from '../../io/validation-jobs.ts';
import { type ValidateDeps, validate } from './validate.ts';

/** Questions of DNS a second, by each of the two environments that there are at most. */
const QUESTIONS = 100;
/** Milliseconds for which an answer is kept, and how many are: about 10 MB. */
const DOMAIN_LIFE = 3_600_000;
const DOMAINS = 50_000;

const { DNS_SERVERS } = process.env;
const tables = openTables();
const deps: Omit<ValidateDeps, 'remainingMs'> = {
  ...validationJobsIn(requireVariable('ACCOUNTS_TABLE'), tables),
  ...validationFilesIn(requireVariable('EVENTS_BUCKET'), openBucket()),
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  readSuppressions: suppressionsIn(requireVariable('SUPPRESSIONS_TABLE'), tables).readSuppressions,
  lookAtDomains: openMailDomains({
    lookUp: openLookUp(DNS_SERVERS?.split(',')),
    now: Date.now,
    rate: QUESTIONS,
    life: DOMAIN_LIFE,
    size: DOMAINS,
  }),
  disposableDomains: bundledDisposableDomains(),
  now: Date.now,
  randomId: randomUUID,
  report: (problem) => console.error(JSON.stringify({ level: 'ERROR', stage: 'validate', problem })),
};

export const handler = middy<SQSEvent, SQSBatchResponse>().handler(async ({ Records }, context: Context) => {
  const remainingMs = () => context.getRemainingTimeInMillis();
  const handedBack = await validate(Records, { ...deps, remainingMs });
  return { batchItemFailures: handedBack.map((itemIdentifier) => ({ itemIdentifier })) };
});
