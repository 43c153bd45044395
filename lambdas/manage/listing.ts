/**
 * A page of a list as an answer: JSON or CSV, with the links to the other pages. It promises to end in time and to fit into an
 * answer of Lambda, however long the list is: what does not fit is on the page that `next` names.
 */
import type { ListedRecord, ListName } from '../../core/records/suppressions.ts';
import { type ListQuery, linkHeader } from '../../core/suppressions/query.ts';
import { columnsOf, csvLine } from '../../core/suppressions/rows.ts';
import type { Range } from '../../io/suppression-lists.ts';
import type { Answer, Call } from './manage.ts';

export type ListingDeps = {
  /** From the oldest entry on, some at a time. */
  readList: (
    account: string,
    list: ListName,
    range: Range,
    options?: { skip?: number; page?: number },
  ) => AsyncIterable<ListedRecord[]>;
  /** How many there are; undefined: more than `most`. */
  countList: (account: string, list: ListName, range: Range, most?: number) => Promise<number | undefined>;
};

/** Bytes of an answer: Lambda's 6 MB, less what JSON in JSON takes. */
const ANSWER_BYTES = 4_000_000;
/** Entries that are counted, for the link to the last page. */
const COUNTED = 10_000;

export const wantsCsv = ({ headers }: Pick<Call, 'headers'>) => /\btext\/csv\b/i.test(headers.accept ?? '');

/** What is looked for: of one list, or of several one after the other. */
export type Wanted = { list: ListName; range: Range };

/**
 * @param show an entry in the answer's JSON
 * @param csv the list whose columns a CSV has; undefined: it is JSON, whatever is asked for
 */
export async function answerPage(
  call: Call,
  wanted: readonly Wanted[],
  query: ListQuery,
  show: (record: ListedRecord, list: ListName) => unknown,
  deps: ListingDeps,
  csv?: ListName,
): Promise<Answer> {
  const asCsv = csv !== undefined && wantsCsv(call);
  const { records, more } = await readPage(
    call.account,
    wanted,
    query,
    deps,
    asCsv ? (one) => csvRow(csv, one) : jsonOf,
  );
  const limit = query.limit ?? Math.max(1, records.length);
  const total = more ? await totalOf(call.account, wanted, query, deps) : undefined;
  const page = { limit, offset: query.offset, shown: records.length, more, total };
  const headers = { Link: linkHeader(call.url, call.query, page) };
  if (!asCsv) return { status: 200, headers, body: records.map(({ record, list }) => show(record, list)) };
  const lines = records.map(({ record }) => csvRow(csv, record));
  return { status: 200, headers, csv: `${csvLine(columnsOf(csv))}${lines.join('')}` };

  function jsonOf(record: ListedRecord, list: ListName): string {
    return JSON.stringify(show(record, list));
  }
}

type Found = { record: ListedRecord; list: ListName };

async function readPage(
  account: string,
  wanted: readonly Wanted[],
  { limit, offset, fits }: ListQuery,
  { readList }: ListingDeps,
  textOf: (record: ListedRecord, list: ListName) => string,
): Promise<{ records: Found[]; more: boolean }> {
  // Only where every entry counts can the table pass over them for us.
  const skip = fits || wanted.length !== 1 ? 0 : offset;
  const page = limit === undefined || fits ? {} : { page: limit + 1 };
  let left = offset - skip;
  let bytes = 0;
  const records: Found[] = [];
  for (const { list, range } of wanted)
    for await (const some of readList(account, list, range, { skip, ...page }))
      for (const record of some) {
        if (fits && !fits(record.email)) continue;
        if (left-- > 0) continue;
        bytes += Buffer.byteLength(textOf(record, list)) + 1;
        if (records.length === limit || (bytes > ANSWER_BYTES && records.length > 0)) return { records, more: true };
        records.push({ record, list });
      }
  return { records, more: false };
}

/** How many entries there are, where that is quickly known. */
async function totalOf(
  account: string,
  wanted: readonly Wanted[],
  { fits }: ListQuery,
  { countList }: ListingDeps,
): Promise<number | undefined> {
  const [one] = wanted;
  return fits || wanted.length !== 1 || !one ? undefined : countList(account, one.list, one.range, COUNTED);
}

function csvRow(list: ListName, record: ListedRecord): string {
  return csvLine(columnsOf(list).map((name) => record[name] ?? ''));
}
