/**
 * An address of a list as the API and CSV files show it (SendGrid's shapes and columns), and as it is read back from a file.
 * What a stranger's server said stands in these files, so nothing in them is a formula to a spreadsheet: such a cell gets an
 * apostrophe, which reading takes away again.
 */
import { asciiAddress, readMailbox } from '../address.ts';
import type { ListEntry, ListedRecord, ListName, SuppressionList } from '../records/suppressions.ts';
import { CLASSIFICATIONS } from './classifications.ts';

/** Columns in SendGrid's order. A group's list has those of unsubscribes. */
export const COLUMNS = {
  bounces: ['status', 'reason', 'email', 'created'],
  blocks: ['status', 'reason', 'email', 'created'],
  invalid_emails: ['reason', 'email', 'created'],
  spam_reports: ['ip', 'email', 'created'],
  unsubscribes: ['email', 'created'],
} as const satisfies Record<SuppressionList, readonly (keyof ListedRecord)[]>;

export function columnsOf(list: ListName): readonly ('status' | 'reason' | 'email' | 'created' | 'ip')[] {
  return list.startsWith('group#') ? COLUMNS.unsubscribes : COLUMNS[list as SuppressionList];
}

export function showListed(list: ListName, record: ListEntry & { email: string }): Record<string, string | number> {
  return Object.fromEntries(columnsOf(list).map((name) => [name, record[name] ?? '']));
}

// CSV (RFC 4180) ------------------------------------------------------------------------------------------------------

/** What a spreadsheet may take for a formula, apostrophes before it included. */
const FORMULA = /^'*[=+\-@\t\r]/;

export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: string | number): string {
  const text = typeof cell === 'number' ? String(cell) : FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A cell as it was before `csvLine` wrote it. */
export function readCell(text: string): string {
  return text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
}

// reading back --------------------------------------------------------------------------------------------------------

export type ReadRow = { ok: true; address: string; entry: ListEntry } | { ok: false; problem: string };

/** Which cell is what: the names of the file's first row, lower case; unknown ones are passed over. */
export type Columns = Partial<Record<'email' | 'created' | 'reason' | 'status' | 'ip' | 'classification', number>>;

const NAMES: Record<string, keyof Columns> = {
  email: 'email',
  'email address': 'email',
  email_address: 'email',
  recipient: 'email',
  created: 'created',
  created_at: 'created',
  'created at': 'created',
  date: 'created',
  timestamp: 'created',
  reason: 'reason',
  status: 'status',
  ip: 'ip',
  classification: 'classification',
};

/** The columns of a file by its first row; undefined: no column says `email`. A first row that has an address itself names none. */
export function readColumns(first: readonly string[]): { columns: Columns; named: boolean } | undefined {
  const columns: Columns = {};
  for (const [n, cell] of first.entries()) {
    const name = NAMES[cell.trim().toLowerCase()];
    if (name !== undefined) columns[name] ??= n;
  }
  if (columns.email !== undefined) return { columns, named: true };
  const address = first.findIndex((cell) => readMailbox(cell.trim()));
  return address < 0 ? undefined : { columns: { email: address }, named: false };
}

/**
 * @param columns which cell is what
 * @param now unix seconds: the time of a row that says none
 */
export function readRow(cells: readonly string[], columns: Columns, now: number): ReadRow {
  const cell = (name: keyof Columns) => readCell((cells[columns[name] ?? -1] ?? '').trim());
  return readEntry(
    { ...ABSENT, ...Object.fromEntries((Object.keys(columns) as (keyof Columns)[]).map((name) => [name, cell(name)])) },
    now,
  );
}

const ABSENT = { email: '', created: '', reason: '', status: '', ip: '', classification: '' };

/**
 * What a list elsewhere says of an address; absent is ''.
 * @param now unix seconds: the time of one that says none
 */
export function readEntry(given: Readonly<Record<keyof Columns, string>>, now: number): ReadRow {
  const { email, reason, status, ip } = given;
  const mailbox = readMailbox(email);
  if (!mailbox) return { ok: false, problem: email === '' ? 'no address' : `not an address: ${email.slice(0, 100)}` };
  const created = readTime(given.created, now);
  if (created === undefined) return { ok: false, problem: `not a time: ${given.created.slice(0, 100)}` };
  const classification = CLASSIFICATIONS.find((one) => one === given.classification);
  const entry: ListEntry = {
    created,
    ...(reason === '' ? {} : { reason }),
    ...(status === '' ? {} : { status: status.slice(0, 20) }),
    ...(ip === '' ? {} : { ip: ip.slice(0, 50) }),
    ...(classification === undefined ? {} : { classification }),
  };
  return { ok: true, address: asciiAddress(mailbox), entry };
}

/** Unix seconds, or a date (UTC where it says no zone); undefined: neither, or in the future. */
function readTime(text: string, now: number): number | undefined {
  if (text === '') return now;
  let seconds = Number.NaN;
  if (/^\d{1,10}$/.test(text)) seconds = Number(text);
  else if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const hasZone = /(Z|UTC|[+-]\d\d:?\d\d)$/i.test(text);
    seconds = Math.floor(Date.parse(hasZone || text.length === 10 ? text : `${text}Z`) / 1_000);
  }
  return seconds >= 0 && seconds <= now + 86_400 ? seconds : undefined;
}
