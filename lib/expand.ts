/** Large requests: a queue of stored requests, and expand, which makes their jobs. */
import { Construct } from 'constructs';
import type { Lane } from './lane.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { WorkQueue, workOff } from './work-queue.ts';

export type ExpandProps = { settings: Settings; storage: Storage; lanes: Lane[]; lanesJson: string; code: CodeOf };

export class Expand extends Construct {
  readonly work: WorkQueue;
  readonly stage: Stage;

  constructor(scope: Construct, id: string, { settings, storage, lanes, lanesJson, code }: ExpandProps) {
    super(scope, id);
    const { memoryMb, timeoutSeconds, maximumConcurrency } = settings.expand;
    this.work = new WorkQueue(this, 'Work', { timeoutSeconds, batchingWindowSeconds: 0 });
    // expand sends to lanes and holds only, never to its own queue: no loop, so Lambda's loop detection stays on.
    this.stage = new Stage(this, 'Expand', {
      name: 'expand',
      settings,
      code,
      memoryMb,
      timeoutSeconds,
      environment: {
        CONTENT_BUCKET: storage.content.bucketName,
        HOLDS_TABLE: storage.holds.tableName,
        LANES: lanesJson,
      },
      targets: {
        ownQueue: [this.work.queue.queueArn],
        holds: [storage.holds.tableArn],
        requests: storage.requestArns,
        lanes: lanes.map(({ work }) => work.queue.queueArn),
      },
    });
    // One request at a time: an expansion may take its whole timeout.
    workOff({ work: this.work, stage: this.stage, batchSize: 1, batchingWindowSeconds: 0, maximumConcurrency });
  }
}
