/** erase address | show: has everything that an account has of an address erased, and says how far that is (docs/erasure.md). */
import { randomUUID } from 'node:crypto';
import { readErasure } from '../../core/erasure/request.ts';
import { showErasure } from '../../core/erasure/show.ts';
import { erasuresIn } from '../../io/erasures.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine } from './print.ts';

const open = ({ messagesTable: messages, holdsTable: holds, tables }: Connection) =>
  erasuresIn({ messages, holds }, tables);

export async function eraseAddress(
  connection: Connection,
  [address = '']: string[],
  { json }: Options,
): Promise<number> {
  const read = readErasure({ email_addresses: [address] });
  if (!read.ok) throw new CliError(`"${address}" is not an address`);
  const id = randomUUID();
  await open(connection).createErasure(connection.account, id, read.addresses, Date.now());
  if (json) printJson({ job_id: id });
  else printLine(`job ${id}: begins within a minute or two, certain after 96 hours (erase show ${id})`);
  return 0;
}

export async function showJob(connection: Connection, [id = '']: string[], { json }: Options): Promise<number> {
  const job = await open(connection).readErasure(connection.account, id);
  if (!job) throw new CliError(`there is no job ${id} in this account`);
  const shown = showErasure(job, Date.now());
  if (json) {
    printJson(shown);
    return 0;
  }
  const { state, passes, email_addresses, certain_at, erased, left, kept } = shown;
  const at = (seconds: number) => formatTime(seconds * 1_000);
  printLine(`${state}: ${passes} ${passes === 1 ? 'pass' : 'passes'} for ${email_addresses} addresses`);
  if (shown.next_pass_at !== undefined) printLine(`next pass  ${at(shown.next_pass_at)}`);
  printLine(`certain    ${at(certain_at)}`);
  for (const [kind, count] of Object.entries(erased)) printLine(`erased     ${count} ${kind.replaceAll('_', ' ')}`);
  if (left > 0) printLine(`left       ${left} places that others wait for`);
  for (const [list, count] of Object.entries(kept.suppressions)) printLine(`kept       ${count} on the list ${list}`);
  return 0;
}
