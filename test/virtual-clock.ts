/**
 * A clock that moves only when everybody waits: days pass in a second. Inside `inVirtualTime` the timers of the process
 * are the clock's; what waits for something else (a socket, a file) must not be used there.
 */
type Timer = { at: number; nth: number; run: () => void };

export type VirtualClock = {
  /** Milliseconds since the epoch. */
  now: () => number;
  sleep: (milliseconds: number) => Promise<void>;
};

/** Runs something from a moment on. @throws Error when it waits for what no timer will bring */
export async function inVirtualTime<T>(start: number, act: (clock: VirtualClock) => Promise<T>): Promise<T> {
  const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
  const timers = createHeap();
  let now = start;
  let nth = 0;
  const set = (run: (...given: unknown[]) => void, wait = 0, ...given: unknown[]) => {
    const timer: Timer = { at: now + Math.max(0, Number(wait) || 0), nth: nth++, run: () => run(...given) };
    timers.push(timer);
    return timer;
  };
  const clear = (timer: Timer | undefined) => {
    if (timer) timer.run = () => {};
  };
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  try {
    let ended = false;
    const acting = act({ now: () => now, sleep: (wait) => new Promise((wake) => set(() => wake(), wait)) }).finally(
      () => {
        ended = true;
      },
    );
    acting.catch(() => {});
    for (;;) {
      await new Promise(setImmediate);
      if (ended) return await acting;
      const first = timers.shift();
      if (!first) {
        // Composing gives way to the network by a turn of the real loop; twice nothing is a standstill.
        for (let n = 0; n < 10 && !ended && timers.size() === 0; n++) await new Promise(setImmediate);
        if (ended || timers.size() > 0) continue;
        throw new Error('nothing will ever happen again');
      }
      now = Math.max(now, first.at);
      first.run();
      while (timers.peek()?.at === first.at) timers.shift()!.run();
    }
  } finally {
    Object.assign(globalThis, { setTimeout: realSet, clearTimeout: realClear });
  }
}

function createHeap() {
  const heap: Timer[] = [];
  const before = (a: Timer, b: Timer) => a.at < b.at || (a.at === b.at && a.nth < b.nth);
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b]!, heap[a]!];
  };
  return {
    size: () => heap.length,
    peek: () => heap[0],
    push: (timer: Timer) => {
      heap.push(timer);
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!before(heap[at]!, heap[parent]!)) break;
        swap(at, parent);
        at = parent;
      }
    },
    shift: (): Timer | undefined => {
      const first = heap[0];
      const last = heap.pop();
      if (heap.length === 0 || !last) return first;
      heap[0] = last;
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        let least = at;
        if (left < heap.length && before(heap[left]!, heap[least]!)) least = left;
        if (right < heap.length && before(heap[right]!, heap[least]!)) least = right;
        if (least === at) return first;
        swap(at, least);
        at = least;
      }
    },
  };
}
