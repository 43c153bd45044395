/**
 * A queue that is fair twice: accounts take turns, and within an account its groups do (single mail, one newsletter,
 * retries). So a password reset waits for one message of each other account, whatever they have queued.
 * Within a group the order is that of arrival.
 */

export type FairQueue<T> = {
  readonly size: number;
  push: (account: string, group: string, item: T) => void;
  /** Puts one back that was taken a moment ago: it is the next of its account and group. */
  unshift: (account: string, group: string, item: T) => void;
  shift: () => T | undefined;
  /** Takes all, in the order in which `shift` would have. */
  drain: () => T[];
};

type Line<T> = { items: T[]; from: number };

export function createFairQueue<T>(): FairQueue<T> {
  // A Map keeps the order of insertion: whoever had his turn goes to its end.
  const accounts = new Map<string, Map<string, Line<T>>>();
  let size = 0;

  const lineOf = (account: string, group: string): Line<T> => {
    let groups = accounts.get(account);
    if (!groups) {
      groups = new Map();
      accounts.set(account, groups);
    }
    let line = groups.get(group);
    if (!line) {
      line = { items: [], from: 0 };
      groups.set(group, line);
    }
    return line;
  };
  const shift = (): T | undefined => {
    for (const [account, groups] of accounts) {
      accounts.delete(account);
      for (const [group, line] of groups) {
        const item = line.items[line.from++]!;
        groups.delete(group);
        if (line.from < line.items.length) groups.set(group, compact(line));
        if (groups.size > 0) accounts.set(account, groups);
        size--;
        return item;
      }
    }
    return undefined;
  };
  return {
    get size() {
      return size;
    },
    push: (account, group, item) => {
      lineOf(account, group).items.push(item);
      size++;
    },
    unshift: (account, group, item) => {
      const line = lineOf(account, group);
      if (line.from > 0) line.items[--line.from] = item;
      else line.items.unshift(item);
      size++;
    },
    shift,
    drain: () => {
      const all: T[] = [];
      for (let item = shift(); item !== undefined; item = shift()) all.push(item);
      return all;
    },
  };
}

/** What was taken is let go before it outweighs what is left. */
function compact<T>(line: Line<T>): Line<T> {
  if (line.from < 64 || line.from * 2 < line.items.length) return line;
  return { items: line.items.slice(line.from), from: 0 };
}
