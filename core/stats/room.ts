/**
 * What fits into one item of statistics. Its counters are named by values (pools, countries …), some of which an account makes up or a reader's
 * request says; DynamoDB takes 400 KB. So each dimension has its own room, and a value has a place in it for all that may
 * ever be counted of it, or none: then it is counted as `other`. Nothing is lost, and no dimension takes another's room.
 */
import { counterOf, DIMENSIONS, type Dimension, METRICS, type Metric } from './count.ts';

/** Who came when the room was full; of providers also who is nobody's that we know. */
export const OTHER = 'other';

/** What is counted of a reader alone. */
const READ: readonly Metric[] = METRICS.filter((metric) => /opens|clicks/.test(metric));

/** Bytes of a dimension's values, and what is counted of them. Together they leave some of an item's 409,600 for all else. */
const ROOMS: Readonly<Record<Dimension, { bytes: number; metrics: readonly Metric[] }>> = {
  provider: { bytes: 60_000, metrics: METRICS },
  pool: { bytes: 90_000, metrics: METRICS },
  ip: { bytes: 80_000, metrics: METRICS },
  country: { bytes: 75_000, metrics: READ },
  province: { bytes: 30_000, metrics: READ },
  device: { bytes: 2_000, metrics: READ },
  client: { bytes: 35_000, metrics: READ },
  browser: { bytes: 10_000, metrics: READ },
};

/** A number below 10^16, with what DynamoDB adds to a number and to an entry of a map. */
const NUMBER_BYTES = 11;

/** Of all of a value's counters. */
function bytesOf(dimension: Dimension, value: string): number {
  const { metrics } = ROOMS[dimension];
  const each = Buffer.byteLength(counterOf('opens', dimension, value)) - 'opens'.length + NUMBER_BYTES;
  return metrics.length * each + metrics.join('').length;
}

/**
 * @param counts what the item has already; its values keep their places
 * @returns the counter that a counter is added to
 */
export function placing(counts: Record<string, number>): (counter: string) => string {
  const placed = new Set<string>();
  const left = new Map(DIMENSIONS.map((dimension) => [dimension, ROOMS[dimension].bytes]));
  const place = ({ dimension, value }: Split): boolean => {
    const name = `${dimension}|${value}`;
    if (value === OTHER || placed.has(name)) return true;
    const after = left.get(dimension)! - bytesOf(dimension, value);
    if (after < 0) return false;
    left.set(dimension, after);
    placed.add(name);
    return true;
  };
  for (const counter of Object.keys(counts)) {
    const split = splitOf(counter);
    if (split) place(split);
  }
  return (counter) => {
    const split = splitOf(counter);
    return !split || place(split) ? counter : counterOf(split.metric, split.dimension, OTHER);
  };
}

type Split = { dimension: Dimension; value: string; metric: Metric };

function splitOf(counter: string): Split | undefined {
  const first = counter.indexOf('|');
  if (first < 0) return undefined;
  const last = counter.lastIndexOf('|');
  return {
    dimension: counter.slice(0, first) as Dimension,
    value: counter.slice(first + 1, last),
    metric: counter.slice(last + 1) as Metric,
  };
}
