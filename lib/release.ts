/** Every minute, release moves what is due from holds to its lane, or to expand. */
import { Duration } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import type { Erase } from './erase.ts';
import type { Events } from './events.ts';
import type { Expand } from './expand.ts';
import type { Inbound } from './inbound.ts';
import type { Lane } from './lane.ts';
import { RELEASE_PARSE } from './permissions/by-settings.ts';
import { PERMISSIONS } from './permissions/table.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { type Clock, runByClock } from './tick.ts';
import type { Validate } from './validate.ts';

/** Below the minute to the next run, so that two runs seldom read the same holds. */
const TIMEOUT_SECONDS = 55;
const MEMORY_MB = 512;

export type ReleaseProps = {
  settings: Settings;
  storage: Storage;
  expand: Expand;
  events: Events;
  validate: Validate;
  erase: Erase;
  lanes: Lane[];
  lanesJson: string;
  /** Only in a stack that takes mail. */
  inbound: Inbound | undefined;
  code: CodeOf;
};

export class Release extends Construct {
  readonly stage: Stage;
  readonly clock: Clock;

  constructor(scope: Construct, id: string, props: ReleaseProps) {
    super(scope, id);
    const { settings, storage, expand, events, validate, erase, lanes, lanesJson, inbound, code } = props;
    this.stage = new Stage(this, 'Release', {
      name: 'release',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        HOLDS_TABLE: storage.holds.tableName,
        ACCOUNTS_TABLE: storage.accounts.tableName,
        EXPAND_QUEUE_URL: expand.work.queue.queueUrl,
        NOTIFY_QUEUE_URL: events.work.queue.queueUrl,
        VALIDATE_QUEUE_URL: validate.work.queue.queueUrl,
        ERASE_QUEUE_URL: erase.work.queue.queueUrl,
        LANES: lanesJson,
        ...(inbound && { PARSE_QUEUE_URL: inbound.parseWork.queue.queueUrl }),
      },
      targets: {
        holds: [storage.holds.tableArn],
        accounts: [storage.accounts.tableArn],
        lanes: lanes.map(({ work }) => work.queue.queueArn),
        expandQueue: [expand.work.queue.queueArn],
        notifyQueue: [events.work.queue.queueArn],
        validateQueue: [validate.work.queue.queueArn],
        eraseQueue: [erase.work.queue.queueArn],
        ...(inbound && { parseQueue: [inbound.parseWork.queue.queueArn] }),
      },
      rows: [...PERMISSIONS.release, ...(inbound ? [RELEASE_PARSE] : [])],
    });
    // A run that fails is not repeated: what it left is due in the next minute's run as well.
    this.clock = runByClock(this, this.stage, {
      id: 'EveryMinute',
      every: Duration.minutes(1),
      silent: 5,
      lateMinutes: 1,
    });
  }
}
