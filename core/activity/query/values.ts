/** Numbers and times of a query: sums of them are worked out while it is read. */
import { type Reader, show } from './reader.ts';
import { QueryError, type Token } from './tokens.ts';

/** Milliseconds of each; months and years as people mean them here. */
export const UNITS: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
  month: 2_592_000_000,
  year: 31_536_000_000,
};

export function readNumber(reader: Reader): number {
  let sum = readProduct(reader);
  for (;;) {
    if (reader.sign('+')) sum += readProduct(reader);
    else if (reader.sign('-')) sum -= readProduct(reader);
    else return sum;
  }
}

function readProduct(reader: Reader): number {
  let product = readFactor(reader);
  for (;;) {
    if (reader.sign('*')) product *= readFactor(reader);
    else if (reader.sign('/')) product /= readFactor(reader);
    else return product;
  }
}

function readFactor(reader: Reader): number {
  const isNegative = reader.sign('-');
  const token = reader.next();
  if (token.kind === 'number') return isNegative ? -token.value : token.value;
  const quoted = token.kind === 'text' && /^\d{1,15}$/.test(token.value) ? Number(token.value) : undefined;
  if (quoted === undefined) throw new QueryError(`invalid syntax: expected a number, found ${show(token)}`);
  return isNegative ? -quoted : quoted;
}

/** `TIMESTAMP "…"`, a text alone, or `NOW()`, and so many intervals more or less. */
export function readTime(reader: Reader, now: number): number {
  let time: number;
  if (reader.word('now')) {
    reader.demandSign('(');
    reader.demandSign(')');
    time = now;
  } else {
    if (!reader.word('timestamp')) reader.word('date');
    time = readInstant(reader.next());
  }
  for (;;) {
    if (reader.sign('+')) time += readInterval(reader);
    else if (reader.sign('-')) time -= readInterval(reader);
    else return time;
  }
}

const INSTANT = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?$/i;

function readInstant(token: Token): number {
  const text = token.kind === 'text' ? token.value.trim() : '';
  const [, day = text, clock] = /^(\S+)[T ](\S+)$/i.exec(text) ?? [];
  // Without a zone it is UTC, as times of answers are.
  const zoned =
    clock === undefined ? `${day}T00:00Z` : `${day}T${/(?:Z|[+-]\d\d:?\d\d)$/i.test(clock) ? clock : `${clock}Z`}`;
  const time = INSTANT.test(text) ? Date.parse(zoned.toUpperCase()) : Number.NaN;
  if (Number.isNaN(time))
    throw new QueryError(`expected a time like TIMESTAMP "2018-01-01T00:00:00.000Z", found ${show(token)}`);
  return time;
}

/** `INTERVAL 2 DAY`, `INTERVAL "2 days"`. */
function readInterval(reader: Reader): number {
  reader.demandWord('interval');
  const token = reader.next();
  const quoted = token.kind === 'text' ? /^\s*(\d{1,6})\s+([a-z]+)\s*$/i.exec(token.value) : null;
  const count = quoted
    ? Number(quoted[1])
    : token.kind === 'number'
      ? token.value
      : Number(token.kind === 'text' && token.value);
  const unit = quoted ? quoted[2]! : nameOf(reader.next());
  const length = UNITS[unit.toLowerCase().replace(/s$/, '')];
  if (length === undefined || !Number.isFinite(count) || count > 1e6)
    throw new QueryError('expected an interval like INTERVAL 2 DAY');
  return count * length;
}

const nameOf = (token: Token) => (token.kind === 'name' ? token.text : '');
