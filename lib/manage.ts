/** Every route of the API but `mail/send`: one function, which may read and write what accounts have, and nothing else. */
import { Construct } from 'constructs';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';

/** API Gateway waits 30. */
const TIMEOUT_SECONDS = 20;
const MEMORY_MB = 256;

export type ManageProps = { settings: Settings; storage: Storage; code: CodeOf };

export class Manage extends Construct {
  readonly stage: Stage;

  constructor(scope: Construct, id: string, { settings, storage, code }: ManageProps) {
    super(scope, id);
    this.stage = new Stage(this, 'Manage', {
      name: 'manage',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        SUPPRESSIONS_TABLE: storage.suppressions.tableName,
        ALLOW_PRIVATE_HOSTS: String(settings.delivery.allowPrivateHosts),
      },
      targets: { accounts: [storage.accounts.tableArn], suppressions: [storage.suppressions.tableArn] },
    });
  }
}
