/** Lets so many in at once, in the order in which they came. */
export type Gate = { enter: () => Promise<void>; leave: () => void };

export function createGate(places: number): Gate {
  let free = places;
  const waiting: (() => void)[] = [];
  return {
    enter: async () => {
      if (free > 0) free--;
      else await new Promise<void>((enter) => waiting.push(enter));
    },
    leave: () => {
      const next = waiting.shift();
      if (next) next();
      else free++;
    },
  };
}

/** A gate by weight, for what several share by name: one that is inside already lets the same name in for nothing. */
export type Room = { enter: (name: string, weight: number) => Promise<() => void> };

/** @param size in the unit of the weights; what is larger by itself enters alone */
export function createRoom(size: number): Room {
  let used = 0;
  const inside = new Map<string, { users: number; weight: number }>();
  const waiting: (() => void)[] = [];
  const leave = (name: string) => {
    const one = inside.get(name)!;
    if (--one.users > 0) return;
    inside.delete(name);
    used -= one.weight;
    for (const tryAgain of waiting.splice(0)) tryAgain();
  };
  return {
    enter: async (name, weight) => {
      while (!inside.has(name) && used > 0 && used + weight > size)
        await new Promise<void>((tryAgain) => waiting.push(tryAgain));
      const known = inside.get(name);
      if (known) known.users++;
      else {
        inside.set(name, { users: 1, weight });
        used += weight;
      }
      return () => leave(name);
    },
  };
}
