/** What the relay's variables say of its listeners. A malformed one stops the start, by name. */
import type { SmtpListener } from './server.ts';

export type Listener = SmtpListener | { port: number; kind: 'https' };

const KINDS = new Set<string>(['submission', 'submissions', 'inbound', 'https']);

/** @param text `LISTEN`: JSON `[{"port":587,"kind":"submission"},…]` @throws Error naming the variable */
export function readListeners(text: string): Listener[] {
  const wrong = (why: string) => new Error(`environment variable LISTEN ${why}`);
  let listeners: unknown;
  try {
    listeners = JSON.parse(text);
  } catch {
    throw wrong('is not JSON');
  }
  if (!Array.isArray(listeners) || listeners.length === 0) throw wrong('names no listener');
  for (const one of listeners as Partial<Listener>[]) {
    if (!Number.isInteger(one?.port) || one.port! < 0 || one.port! > 65_535)
      throw wrong('has a listener without a port');
    if (!KINDS.has(one.kind ?? '')) throw wrong(`has a listener of the kind ${one.kind}`);
  }
  return listeners as Listener[];
}

/** @param text `AUTH_WITHOUT_TLS`: ports with commas between, or nothing @throws Error naming the variable */
export function readPorts(text: string): Set<number> {
  const ports = text === '' ? [] : text.split(',').map((port) => Number(port.trim()));
  if (ports.some((port) => !Number.isInteger(port) || port < 0 || port > 65_535))
    throw new Error(`environment variable AUTH_WITHOUT_TLS is "${text}", which is no list of ports`);
  return new Set(ports);
}
