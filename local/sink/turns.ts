/** So many at once, the others in their order: what people and mail servers do by themselves, and one process for all of them must see to. */

/** @param most at work at once @returns does a piece of work when its turn has come */
export function takeTurns(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let busy = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (busy < most) busy++;
    else await new Promise<void>((begin) => waiting.push(begin));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else busy--;
    }
  };
}
