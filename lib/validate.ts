/** Files of addresses that customers put: a queue of jobs, and validate, which judges what is in them. */
import { Construct } from 'constructs';
import { VALIDATIONS_PREFIX } from '../core/validation/job.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { WorkQueue, workOff } from './work-queue.ts';

/** One job at a time, for two minutes, then another's turn. Two at once are the fewest that Lambda allows, and bound the questions of DNS. */
const VALIDATE = { timeoutSeconds: 180, batchSize: 1, batchingWindowSeconds: 0, maximumConcurrency: 2 };
/** A file of 50 MB, some of it unpacked, and the processor that goes with it. */
const MEMORY_MB = 1_024;

export type ValidateProps = { settings: Settings; storage: Storage; code: CodeOf };

/** What lies where in a job's folder, of any account. */
export const validationObjects = ({ events }: Storage) => {
  const of = (name: string) => events.arnForObjects(`${VALIDATIONS_PREFIX}*/${name}`);
  return { uploads: of('upload'), parts: of('parts/*'), results: of('result.csv') };
};

export class Validate extends Construct {
  readonly work: WorkQueue;
  readonly stage: Stage;

  constructor(scope: Construct, id: string, { settings, storage, code }: ValidateProps) {
    super(scope, id);
    const { delivery } = settings;
    const { uploads, parts, results } = validationObjects(storage);
    this.work = new WorkQueue(this, 'Work', VALIDATE);
    this.stage = new Stage(this, 'Validate', {
      name: 'validate',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: VALIDATE.timeoutSeconds,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        SUPPRESSIONS_TABLE: storage.suppressions.tableName,
        HOLDS_TABLE: storage.holds.tableName,
        EVENTS_BUCKET: storage.events.bucketName,
        ...(delivery.dnsServers && { DNS_SERVERS: delivery.dnsServers.join(',') }),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        suppressions: [storage.suppressions.tableArn],
        holds: [storage.holds.tableArn],
        events: [storage.events.bucketArn],
        validationUploads: [uploads],
        validationParts: [parts],
        validationResults: [results],
        ownQueue: [this.work.queue.queueArn],
      },
    });
    workOff({ work: this.work, stage: this.stage, ...VALIDATE });
  }
}
