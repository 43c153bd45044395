/**
 * The relay's log, one JSON object a line: what went wrong inside, and what was refused to whom. Never a password, an address
 * of a recipient, or anything of a message. Strangers cannot fill it: of each kind so many lines a minute, then their number.
 */
export type Level = 'INFO' | 'WARN' | 'ERROR';
export type Log = (level: Level, event: string, fields?: Record<string, unknown>) => void;

const LINES = 100;
const MINUTE = 60_000;

/** @param now milliseconds since the epoch */
export function makeLog(write: (line: string) => void, now: () => number): Log {
  const kinds = new Map<string, { until: number; lines: number; left: number }>();
  const put = (level: Level, event: string, fields: Record<string, unknown>) =>
    write(JSON.stringify({ level, timestamp: new Date(now()).toISOString(), service: 'relay', event, ...fields }));
  return (level, event, fields = {}) => {
    let kind = kinds.get(event);
    if (!kind || kind.until <= now()) {
      if (kind && kind.left > 0) put(level, event, { notLogged: kind.left });
      kind = { until: now() + MINUTE, lines: 0, left: 0 };
      // Events are names in our own code: few.
      kinds.set(event, kind);
    }
    if (kind.lines < LINES) {
      kind.lines++;
      put(level, event, fields);
    } else kind.left++;
  };
}

/** What an error says, without what it carries along (requests of the SDK, for one). */
export function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error) };
  return { error: error.name, message: error.message.slice(0, 500), stack: error.stack?.split('\n').slice(1, 6) };
}
