/**
 * Who may come in, and how often: connections and messages per address and per API key, and failed logins per address. Counted
 * in this process's memory, which is bounded: the least recent give way.
 * A key is never locked by failed logins: it has 256 random bits, so guessing is hopeless, and a lock would let a stranger shut
 * a customer out.
 */
import { isIPv6 } from 'node:net';
import type { Limits } from './limits.ts';

export type GateLimits = Pick<
  Limits,
  | 'connections'
  | 'connectionsOfAddress'
  | 'strangersOfAddress'
  | 'inboundOfAddress'
  | 'connectionsOfKey'
  | 'messagesOfKey'
  | 'inboundMessagesOfAddress'
  | 'loginsOfAddress'
  | 'loginsMs'
  | 'remembered'
>;

/** A way in that was granted: leave it once. */
export type Pass = {
  /** It has logged in with this key. False: too many have. */
  known: (keyId: string) => boolean;
  leave: () => void;
};

export type Gate = ReturnType<typeof createGate>;

const MINUTE = 60_000;

/** @param now milliseconds since the epoch */
export function createGate(limits: GateLimits, now: () => number) {
  const open = createCounter();
  const strangers = createCounter();
  const inbound = createCounter();
  const keys = createCounter();
  const messages = createWindows(MINUTE, limits.remembered, now);
  const mails = createWindows(MINUTE, limits.remembered, now);
  const logins = createWindows(limits.loginsMs, limits.remembered, now);

  return {
    /** Lets a connection in, or says what there are too many of. @param kind `inbound`: port 25, where nobody logs in */
    enter: (address: string, kind: 'customer' | 'inbound'): Pass | 'address' | 'process' => {
      const from = network(address);
      if (open.total() >= limits.connections) return 'process';
      if (open.of(from) >= limits.connectionsOfAddress) return 'address';
      const kindly = kind === 'inbound' ? inbound : strangers;
      if (kindly.of(from) >= (kind === 'inbound' ? limits.inboundOfAddress : limits.strangersOfAddress))
        return 'address';
      open.add(from);
      kindly.add(from);
      let key: string | undefined;
      let left = false;
      return {
        known: (keyId) => {
          if (keys.of(keyId) >= limits.connectionsOfKey) return false;
          if (key === undefined) strangers.remove(from);
          else keys.remove(key);
          key = keyId;
          keys.add(keyId);
          return true;
        },
        leave: () => {
          if (left) return;
          left = true;
          open.remove(from);
          if (key !== undefined) keys.remove(key);
          else kindly.remove(from);
        },
      };
    },
    connections: open.total,
    /** Counts a message. @returns milliseconds to wait when it is one too many, else 0 */
    message: (keyId: string): number => messages.count(keyId, limits.messagesOfKey),
    /** The same for a mail that comes in. */
    mail: (address: string): number => mails.count(network(address), limits.inboundMessagesOfAddress),
    /** Milliseconds until this address may try to log in again; 0: now. */
    loginWait: (address: string): number => logins.wait(network(address), limits.loginsOfAddress),
    loginFailed: (address: string): void => void logins.count(network(address), limits.loginsOfAddress),
  };
}

/** What belongs to one customer of a network: an IPv4 address, or an IPv6 /64. */
export function network(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped) return mapped[1]!;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.toLowerCase().split('%')[0]!.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const groups =
    tail === undefined ? before : [...before, ...Array(8 - before.length - after.length).fill('0'), ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** How many of each there are at this moment; what there is none of is forgotten. */
function createCounter() {
  const counts = new Map<string, number>();
  let total = 0;
  return {
    of: (name: string) => counts.get(name) ?? 0,
    total: () => total,
    add: (name: string) => {
      total++;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    },
    remove: (name: string) => {
      total--;
      const left = counts.get(name)! - 1;
      if (left > 0) counts.set(name, left);
      else counts.delete(name);
    },
  };
}

/** How many of each there were in a window of time, which begins with the first. */
function createWindows(length: number, remembered: number, now: () => number) {
  const windows = new Map<string, { until: number; count: number }>();
  const current = (name: string) => {
    const window = windows.get(name);
    return window && window.until > now() ? window : undefined;
  };
  const wait = (name: string, most: number): number => {
    const window = current(name);
    return window && window.count >= most ? window.until - now() : 0;
  };
  return {
    wait,
    count: (name: string, most: number): number => {
      const left = wait(name, most);
      if (left > 0) return left;
      const window = current(name) ?? { until: now() + length, count: 0 };
      window.count++;
      windows.delete(name);
      windows.set(name, window);
      if (windows.size > remembered) windows.delete(windows.keys().next().value!);
      return 0;
    },
  };
}
