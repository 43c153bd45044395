/**
 * The replies of one session on their way out: in order, each not before its time, those that are due in one write.
 * A delay is a remote peer's round trip: bursts overlap, as they do on a real line; order always holds.
 */

export type Outbox = {
  /**
   * @param text a whole reply with its CRLF, may be empty
   * @param delay milliseconds from now @param sent called once it has been written
   */
  put(text: string, delay: number, sent?: () => void): void;
  /** Writes what is due; the rest follows by itself. */
  drain(): void;
  /** Forgets what has not been written. */
  discard(): void;
};

type Waiting = { text: string; due: number; sent: (() => void) | undefined };

/** @param write gets everything that is due at once; never called with an empty string */
export function createOutbox(write: (text: string) => void): Outbox {
  let queue: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  const drain = () => {
    clearTimeout(timer);
    timer = undefined;
    const now = performance.now();
    const later = queue.findIndex(({ due }) => due > now);
    const due = queue.splice(0, later === -1 ? queue.length : later);
    const text = due.map((one) => one.text).join('');
    if (text !== '') write(text);
    for (const { sent } of due) sent?.();
    const next = queue[0];
    if (next) timer = setTimeout(drain, Math.max(1, Math.ceil(next.due - now)));
  };
  return {
    put(text, delay, sent) {
      const due = delay > 0 ? performance.now() + delay : 0;
      queue.push({ text, due: Math.max(due, queue.at(-1)?.due ?? 0), sent });
    },
    drain,
    discard() {
      clearTimeout(timer);
      queue = [];
    },
  };
}
