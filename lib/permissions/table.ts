/**
 * What each function may do, and the relay’s tasks: this table, and nothing else. A role has one statement for each row; a test compares the
 * synthesized policies with it, and the local stack lets nothing else through.
 */
import { ACCOUNTS } from './accounts.ts';
import { GIVE_UP_UPLOAD, READ_RELAY_SECRETS, SEND_BY_SES } from './by-settings.ts';
import type { FunctionName, Permission, TaskName } from './permission.ts';
import { RECEIVING } from './receiving.ts';
import { JOIN_VPC, LEAVE_VPC_ALONE, OWN_LOGS } from './rows.ts';
import { SENDING } from './sending.ts';
import { UPKEEP } from './upkeep.ts';

/** Each function’s rows. */
export const PERMISSIONS: Record<FunctionName, readonly Permission[]> = {
  ...SENDING,
  ...RECEIVING,
  ...ACCOUNTS,
  ...UPKEEP,
};

/** What a task may do; the relay's submission is accept's, by SMTP. Settings add READ_CERTIFICATE and TAKE_INBOUND. */
export const TASK_PERMISSIONS: Record<TaskName, readonly Permission[]> = {
  relay: PERMISSIONS.accept
    .filter((row) => row !== OWN_LOGS)
    .flatMap((row) => (row.on === 'requests' ? [row, GIVE_UP_UPLOAD] : [row])),
};

/** The rows of a pool's deliver: only what its ways need. Without an address of its own it is in no VPC. */
export function deliverRows(ways: { address: boolean; ses: boolean; relaySecrets: boolean }): readonly Permission[] {
  return [
    ...PERMISSIONS.deliver.filter((row) => ways.address || (row !== JOIN_VPC && row !== LEAVE_VPC_ALONE)),
    ...(ways.ses ? [SEND_BY_SES] : []),
    ...(ways.relaySecrets ? [READ_RELAY_SECRETS] : []),
  ];
}
