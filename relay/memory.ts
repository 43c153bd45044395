/**
 * A budget of memory that many share: whoever needs some waits for his turn, in order, and after a while is told that there is
 * none. Nobody holds some and waits for more of the same budget, so nobody waits for ever.
 */
export type Budget = {
  /**
   * Takes so many octets, or waits for them.
   * @param wait milliseconds
   * @returns how to give them back (once; more often does nothing), or undefined: there were none in time
   */
  take: (octets: number, wait: number) => Promise<(() => void) | undefined>;
  /** Octets in use. */
  used: () => number;
};

/** @param total octets; a single taker gets what he asks for even beyond it, when nobody else has any */
export function createBudget(total: number): Budget {
  let used = 0;
  const waiting = new Set<{ octets: number; go: (release: () => void) => void }>();
  const fits = (octets: number) => used === 0 || used + octets <= total;
  const grant = (octets: number): (() => void) => {
    used += octets;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      used -= octets;
      for (const one of waiting) {
        if (!fits(one.octets)) break;
        waiting.delete(one);
        one.go(grant(one.octets));
      }
    };
  };
  return {
    take: async (octets, wait) => {
      if (waiting.size === 0 && fits(octets)) return grant(octets);
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(one);
          resolve(undefined);
        }, wait);
        const one = {
          octets,
          go: (release: () => void) => {
            clearTimeout(timer);
            resolve(release);
          },
        };
        waiting.add(one);
      });
    },
    used: () => used,
  };
}
