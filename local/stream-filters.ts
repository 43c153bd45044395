/**
 * Filters of event source mappings (Lambda Developer Guide, "Event filtering"): a record is wanted when any pattern fits. It knows
 * literal strings and numbers, `exists`, `prefix` and `anything-but`, and refuses what else a pattern may hold.
 */

export type Filter = Record<string, unknown>;

/** @throws Error naming the mapping */
export function readFilters(criteria: unknown, path: string): Filter[] {
  const { Filters: filters = [] } = (criteria ?? {}) as { Filters?: { Pattern?: string }[] };
  return filters.map(({ Pattern }) => {
    const filter = JSON.parse(String(Pattern)) as Filter;
    check(filter, path);
    return filter;
  });
}

function check(pattern: unknown, path: string): void {
  if (Array.isArray(pattern)) {
    for (const one of pattern) {
      if (typeof one === 'string' || typeof one === 'number' || one === null) continue;
      const [rule, ...more] = Object.keys(one as object);
      if (more.length > 0 || !['exists', 'prefix', 'anything-but'].includes(String(rule)))
        throw new Error(`${path}: the filter rule ${JSON.stringify(one)} is not known to the local stack`);
    }
    return;
  }
  if (typeof pattern !== 'object' || pattern === null)
    throw new Error(`${path}: a filter holds ${JSON.stringify(pattern)}`);
  for (const one of Object.values(pattern)) check(one, path);
}

export function matches(record: object, filters: readonly Filter[]): boolean {
  return filters.length === 0 || filters.some((filter) => fits(record, filter));
}

function fits(value: unknown, pattern: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.some((rule) => fitsRule(value, rule));
  const object = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return Object.entries(pattern as Filter).every(([name, one]) => fits(object[name], one));
}

function fitsRule(value: unknown, rule: unknown): boolean {
  if (typeof rule !== 'object' || rule === null) return value === rule;
  const {
    exists,
    prefix,
    'anything-but': not,
  } = rule as {
    exists?: boolean;
    prefix?: string;
    'anything-but'?: unknown[];
  };
  if (exists !== undefined) return (value !== undefined) === exists;
  if (prefix !== undefined) return typeof value === 'string' && value.startsWith(prefix);
  return value !== undefined && ![not].flat().includes(value as never);
}
