/**
 * What functions print: each line goes to `<data folder>/logs/<function>.log` (the one before is kept when it grows too
 * long), and lines in embedded metric format are summed up in memory, as CloudWatch would do it.
 * A line that is no metric, or a malformed one, is only a line.
 */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROTATE_BYTES = 20_000_000;
/** Values kept of one metric, for percentiles. */
const KEPT_VALUES = 200_000;

/** Appends lines, at most every 100 ms. */
export function openLog(folder: string, name: string) {
  const file = join(folder, 'logs', `${name.replace(/[^\w.-]/g, '_')}.log`);
  let pending = '';
  let timer: NodeJS.Timeout | undefined;
  let size = sizeOf(file);
  const flush = () => {
    timer = undefined;
    if (pending === '') return;
    if (size > ROTATE_BYTES) {
      renameSync(file, `${file}.1`);
      size = 0;
    }
    appendFileSync(file, pending);
    size += Buffer.byteLength(pending);
    pending = '';
  };
  return {
    file,
    write(line: string) {
      pending += `${line}\n`;
      timer ??= setTimeout(flush, 100);
    },
    close() {
      clearTimeout(timer);
      flush();
    },
  };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

export type Metric = { count: number; sum: number; min: number; max: number; p50: number; p95: number; p99: number };
export type Metrics = {
  /** Reads one line; false when it is no metric. */
  read(line: string): boolean;
  /** A metric over all functions; with dimensions, only what was said with these. Undefined: never said. */
  get(name: string, dimensions?: Record<string, string>): Metric | undefined;
  /** Names of all metrics. */
  names(): string[];
  reset(): void;
};

type Series = { dimensions: Record<string, string>; values: number[]; count: number; sum: number };
type Embedded = { _aws?: { CloudWatchMetrics?: { Dimensions?: string[][]; Metrics?: { Name: string }[] }[] } };

/** Opens an empty store of metrics (CloudWatch User Guide, "Embedded metric format specification"). */
export function openMetrics(): Metrics {
  let byName = new Map<string, Map<string, Series>>();

  function record(name: string, dimensions: Record<string, string>, values: number[]) {
    let bySet = byName.get(name);
    if (!bySet) {
      bySet = new Map();
      byName.set(name, bySet);
    }
    const key = JSON.stringify(Object.entries(dimensions).sort());
    let series = bySet.get(key);
    if (!series) {
      series = { dimensions, values: [], count: 0, sum: 0 };
      bySet.set(key, series);
    }
    for (const value of values) {
      series.count++;
      series.sum += value;
      if (series.values.length < KEPT_VALUES) series.values.push(value);
    }
  }

  return {
    read(line) {
      if (!line.startsWith('{') || !line.includes('"_aws"')) return false;
      let told: Embedded & Record<string, unknown>;
      try {
        told = JSON.parse(line);
      } catch {
        return false;
      }
      for (const { Dimensions: sets = [], Metrics: metrics = [] } of told._aws?.CloudWatchMetrics ?? [])
        for (const { Name: name } of metrics) {
          const values = [told[name] ?? []].flat().filter((value) => typeof value === 'number');
          // Each line counts once here, by its fullest set of dimensions; CloudWatch would count it under every set.
          const set = sets.reduce((widest, one) => (one.length > widest.length ? one : widest), [] as string[]);
          record(name, Object.fromEntries(set.map((dimension) => [dimension, String(told[dimension])])), values);
        }
      return true;
    },
    get(name, wanted = {}) {
      const fitting = [...(byName.get(name)?.values() ?? [])].filter(({ dimensions }) =>
        Object.entries(wanted).every(([key, value]) => dimensions[key] === value),
      );
      const values = fitting.flatMap((series) => series.values).sort((a, b) => a - b);
      if (values.length === 0) return undefined;
      const at = (share: number) => values[Math.min(values.length - 1, Math.ceil(share * values.length) - 1)]!;
      return {
        count: fitting.reduce((total, { count }) => total + count, 0),
        sum: fitting.reduce((total, { sum }) => total + sum, 0),
        min: values[0]!,
        max: values.at(-1)!,
        p50: at(0.5),
        p95: at(0.95),
        p99: at(0.99),
      };
    },
    names: () => [...byName.keys()],
    reset: () => {
      byName = new Map();
    },
  };
}
