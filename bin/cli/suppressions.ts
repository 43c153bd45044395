/**
 * suppressions import | export | purge: a whole list as a CSV file. A file may have millions of rows: it is read and written as
 * a stream, a few hundred addresses at a time. The same file again changes nothing, so an import that broke is simply run again.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream, type ReadStream, type WriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { parse } from 'csv-parse';
import { type ListName, SUPPRESSION_LISTS, type SuppressionList } from '../../core/records/suppressions.ts';
import type { Suppressing } from '../../core/suppression.ts';
import { type Columns, columnsOf, csvLine, readColumns, readRow } from '../../core/suppressions/rows.ts';
import { listedSince, purgedBy } from '../../core/suppressions/settings.ts';
import { groupsIn } from '../../io/groups.ts';
import { listSettingsIn } from '../../io/list-settings.ts';
import { suppressionListsIn } from '../../io/suppression-lists.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { printJson, printLine } from './print.ts';

/** Addresses that are written before the next are read. */
export const TOGETHER = 528;
/** Tries to write them, and the first wait between two, in milliseconds: twice as long each time. */
const TRIES = 9;
const FIRST_WAIT = 100;
/** Refused rows that are printed; all of them are in the file. */
const PRINTED = 10;
/** Characters of a row: no address and reply together are as long. */
const ROW = 100_000;
const FOREVER = 99_999_999_999;

export type Imported = { rows: number; added: number; refused: number };
export type ImportDeps = {
  /** Unix seconds. */
  now: number;
  /** @returns how many were not on the list */
  add: (entries: Pick<Suppressing, 'address' | 'entry'>[]) => Promise<number>;
  /** A row that is none, by its line in the file. */
  refuse: (line: number, problem: string) => Promise<void> | void;
  /** Called after each write. */
  progress: (soFar: Imported) => void;
};

export async function importList(connection: Connection, [file = '']: string[], options: Options): Promise<number> {
  const { account, tables, suppressionsTable } = connection;
  const list = await findList(connection, options);
  const { addMany } = suppressionListsIn(suppressionsTable, tables);
  const { size } = await stat(file).catch(() => {
    throw new CliError(`there is no file ${file}`);
  });
  const input = createReadStream(file);
  const refusals = openRefusals(`${file}.refused.csv`);
  const imported = await importRows(input, {
    now: Math.floor(Date.now() / 1_000),
    add: (entries) => patiently(() => addMany(account, list, entries)),
    refuse: refusals.add,
    progress: ({ rows }) => showProgress(input, size, rows),
  });
  const written = await refusals.end();
  const { rows, added, refused } = imported;
  const already = rows - refused - added;
  if (options.json)
    printJson({ list, rows, added, already_listed: already, refused, ...(written && { refused_file: written }) });
  else {
    printLine(
      `${rows} rows: ${added} addresses added to ${list}, ${already} were on it already, ${refused} rows refused.`,
    );
    for (const { line, problem } of refusals.first) printLine(`  line ${line}: ${problem}`);
    if (written) printLine(`All refused rows: ${written}`);
  }
  return 0;
}

/** Reads a CSV file to its end. @throws CliError when it has no column of addresses */
export async function importRows(
  input: AsyncIterable<Buffer> & NodeJS.ReadableStream,
  deps: ImportDeps,
): Promise<Imported> {
  const soFar: Imported = { rows: 0, added: 0, refused: 0 };
  const refuse = async (line: number, problem: string) => {
    soFar.refused++;
    await deps.refuse(line, problem);
  };
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: ROW,
  });
  input.on('error', (error) => parser.destroy(error));
  input.pipe(parser);
  let columns: Columns | undefined;
  let waiting: Pick<Suppressing, 'address' | 'entry'>[] = [];
  const write = async () => {
    soFar.added += await deps.add(waiting);
    waiting = [];
    deps.progress(soFar);
  };
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: { lines: number } }>) {
      if (!columns) {
        const first = readColumns(record);
        if (!first) throw new CliError('the first row names no column "email", and has no address itself');
        columns = first.columns;
        if (first.named) continue;
      }
      soFar.rows++;
      const row = readRow(record, columns, deps.now);
      if (!row.ok) await refuse(info.lines, row.problem);
      else if (waiting.push(row) >= TOGETHER) await write();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('CSV_')) throw new CliError(`the file is not CSV: ${message}`);
    throw error;
  }
  if (waiting.length > 0) await write();
  return soFar;
}

export async function exportList(connection: Connection, _rest: string[], options: Options): Promise<number> {
  const { account, tables, suppressionsTable } = connection;
  const list = await findList(connection, options);
  const { readList } = suppressionListsIn(suppressionsTable, tables);
  const names = columnsOf(list);
  const write = async (text: string) => {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain');
  };
  const range = { since: listedSince(list, await purgedNow(connection)), until: FOREVER };
  if (!options.json) await write(csvLine(names));
  for await (const records of readList(account, list, range))
    await write(
      records
        .map((record) =>
          options.json
            ? `${JSON.stringify(Object.fromEntries(names.map((name) => [name, record[name] ?? ''])))}\n`
            : csvLine(names.map((name) => record[name] ?? '')),
        )
        .join(''),
    );
  return 0;
}

/** Deletes what is not on bounces and blocks any more (docs/suppressions.md): nobody sees it, but it is still stored. */
export async function purgeLists(connection: Connection, _rest: string[], { json }: Options): Promise<number> {
  const { account, tables, suppressionsTable } = connection;
  const { clearList, countList } = suppressionListsIn(suppressionsTable, tables);
  const purged = await purgedNow(connection);
  const deleted: Record<string, number> = {};
  for (const list of ['bounces', 'blocks'] as const) {
    const range = { since: 0, until: purged[list] - 1 };
    deleted[list] = range.until < 0 ? 0 : ((await countList(account, list, range)) ?? 0);
    if (deleted[list] > 0) await patiently(() => clearList(account, list, range, () => true));
  }
  if (json) printJson(deleted);
  else
    printLine(
      `Deleted ${deleted.bounces} bounces and ${deleted.blocks} blocks that the bounce purge had taken off their lists.`,
    );
  return 0;
}

async function purgedNow({ account, tables, accountsTable }: Connection) {
  const setting = await listSettingsIn(accountsTable, tables).readBouncePurge(account);
  return purgedBy(setting, Math.floor(Date.now() / 1_000));
}

async function findList({ account, tables, accountsTable }: Connection, { list }: Options): Promise<ListName> {
  const known = `${SUPPRESSION_LISTS.join(', ')} or group:ID`;
  if (list === undefined) throw new CliError(`--list says which list: ${known}`);
  if (SUPPRESSION_LISTS.includes(list as SuppressionList)) return list as SuppressionList;
  const [, id] = /^group:([1-9]\d{0,8})$/.exec(list) ?? [];
  if (id === undefined) throw new CliError(`"${list}" is no list: ${known}`);
  if (!(await groupsIn(accountsTable, tables).readGroup(account, Number(id))))
    throw new CliError(`this account has no unsubscribe group ${id}`);
  return `group#${Number(id)}`;
}

/** What a busy table refuses is tried again, for about a minute in all: what was written stays written. */
export async function patiently<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write();
    } catch (error) {
      const { name, $metadata, code } = error as Error & { $metadata?: { httpStatusCode?: number }; code?: string };
      const passes =
        /Throttl|ProvisionedThroughput|RequestLimit|TransactionCanceled|Timeout/.test(name) ||
        ($metadata?.httpStatusCode ?? 0) >= 500 ||
        code !== undefined;
      if (!passes || tries === TRIES) throw error;
      await wait(FIRST_WAIT * 2 ** (tries - 1));
    }
  }
}

/** Refused rows: the first for the screen, all for a file that is only made when there are any. */
function openRefusals(path: string) {
  const first: { line: number; problem: string }[] = [];
  let file: WriteStream | undefined;
  return {
    first,
    add: async (line: number, problem: string): Promise<void> => {
      if (first.length < PRINTED) first.push({ line, problem });
      if (!file) {
        file = createWriteStream(path);
        await once(file, 'open');
        file.write(csvLine(['line', 'problem']));
      }
      if (!file.write(csvLine([line, problem]))) await once(file, 'drain');
    },
    /** @returns its name, if there is one */
    end: async (): Promise<string | undefined> => {
      if (!file) return undefined;
      file.end();
      await once(file, 'finish');
      return path;
    },
  };
}

function showProgress(input: ReadStream, size: number, rows: number): void {
  if (!process.stderr.isTTY) return;
  const width = 30;
  const share = size === 0 ? 1 : Math.min(1, input.bytesRead / size);
  const full = Math.round(share * width);
  process.stderr.write(
    `\r\x1b[2K${'█'.repeat(full)}${'░'.repeat(width - full)} ${Math.floor(share * 100)} %  ${rows} rows`,
  );
  if (share === 1) process.stderr.write('\n');
}
