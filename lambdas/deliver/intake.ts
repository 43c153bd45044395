/**
 * What comes into a run: messages of the lane, each a job. A job enters when there is room for its content, gives its
 * copies to their sites, and is done when every copy of it is accounted for. Long content that several jobs share is read
 * once while one of them is here.
 */
import { domainOf } from '../../core/domain.ts';
import { type Job, mimeKey, parseJob, storedOf } from '../../core/job.ts';
import type { Route } from '../../io/mx.ts';
import type { ViaRoute } from '../../io/via.ts';
import type { Run } from './deliver.ts';
import { createRoom } from './gate.ts';
import { leaveForLater } from './holding.ts';
import { keepToBudget } from './overflow.ts';
import { fail, settle } from './settle.ts';
import type { Item } from './sites.ts';
import { type LaneMessage, type ReadMessage, type Task, takeJob } from './take.ts';

export type Intake = {
  /** Jobs that are not done yet. */
  open: () => number;
  /** Bytes that they came in. */
  openBytes: () => number;
  /** Waits until none is open, at most so many milliseconds; undefined: as long as it takes. */
  endedWithin: (wait: number | undefined) => Promise<'ended' | 'waited'>;
  /** Resolves when the job is done: false hands it back. Never throws. */
  take: (message: LaneMessage) => Promise<boolean>;
  /** The same for a message that this run received itself: it removes it. */
  takeOwn: (message: LaneMessage) => Promise<void>;
  /** Removes what is done and still waits for others to be removed with. */
  close: () => Promise<void>;
};

/** DeleteMessageBatch takes 10 (SQS API). */
const REMOVED = 10;

export function openIntake(run: Run): Intake {
  const { deps } = run;
  const room = createRoom(deps.settings.contentBytes);
  const contents = readOnce(deps.readContent);
  const mimes = readOnce(deps.readMime);
  const reading = { ...deps, readContent: contents.read, readMime: mimes.read };
  const seen = new Set<string>();
  let open = 0;
  let bytes = 0;
  let waiters: (() => void)[] = [];

  // Not async: what an async function was called with stays in memory until it ends, and bodies are not to.
  const take = ({ body, ...message }: LaneMessage): Promise<boolean> => {
    try {
      return takeRead(message, parseJob(body), body.length);
    } catch (error) {
      return Promise.resolve(refuse(message, error as Error));
    }
  };
  const refuse = ({ messageId }: ReadMessage, { message }: Error): false => {
    deps.report(`message ${messageId}: ${message}`);
    return false;
  };
  const takeRead = async (message: ReadMessage, job: Job, size: number): Promise<boolean> => {
    open++;
    bytes += size;
    try {
      return await work(message, job);
    } catch (error) {
      return refuse(message, error as Error);
    } finally {
      open--;
      bytes -= size;
      if (open === 0) for (const wake of waiters.splice(0)) wake();
    }
  };
  const work = async (message: ReadMessage, job: Job): Promise<boolean> => {
    const stored = storedOf(job);
    const leave = await room.enter(stored?.key ?? message.messageId, stored?.bytes ?? 0);
    try {
      return await workIn(message, job);
    } finally {
      leave();
      if (job.contentKey !== undefined) contents.forget(job.contentKey);
      if (stored) mimes.forget(mimeKey(job.account, job.requestId));
    }
  };
  const workIn = async (message: ReadMessage, job: Job): Promise<boolean> => {
    // Not even its content need be read for what this run cannot begin.
    if (!run.hasTime()) return leaveForLater(message, job, run);
    const task = await takeJob(message, job, seen, { ...run, deps: reading });
    if (task === 'done') return true;
    if (typeof task === 'string') throw new Error(task);
    const items = task.copies.map((copy): Item => ({ task, copy }));
    const dropping = items.filter(({ copy }) => isUnsent(task, copy));
    const wanted = dropping.length === 0 ? items : items.filter(({ copy }) => !isUnsent(task, copy));
    const byDomain = Map.groupBy(wanted, ({ copy }) => domainOf(copy.address));
    const bringing = [...byDomain].map(([domain, ofDomain]) => bring(domain, ofDomain));
    void Promise.all([...dropping.map(drop), ...bringing]);
    try {
      const isDone = await task.ended;
      // Of what is through, nobody else has a part.
      const isWhole = isDone && job.hop === 0 && task.deferred.length + task.postponed.length === 0 && !task.moved;
      if (!isWhole) await task.claim?.end();
      return isDone;
    } finally {
      // One of its turns may come while this run still lasts.
      seen.delete(job.id);
    }
  };
  /** Ends a copy that is not to be sent. Never throws. */
  const drop = async (item: Item): Promise<void> => {
    const { task, copy } = item;
    const bounced = task.bounced.get(copy.index);
    const dropped = whyDropped(task, copy);
    const why = bounced ? { bounced } : dropped === undefined ? { expired: task.expired! } : { dropped };
    await settle(item, { ...why, domain: domainOf(copy.address) }, run).catch((error: Error) =>
      fail(item, error.message, run),
    );
  };
  /** Brings copies to their site as soon as it is known: nobody waits for another domain's DNS. Never throws. */
  const bring = async (domain: string, items: Item[]): Promise<void> => {
    try {
      const route = await routeOf(domain, items[0]!);
      if (route.kind !== 'site') {
        const failures = route.kind === 'deferred' ? route.tlsFailures : undefined;
        if (failures) deps.tlsCounts?.count(domain, { ok: false, failures });
        for (const item of items) await settle(item, { route, domain }, run);
        return;
      }
      // Only what leaves by this address is the address's to warm up.
      const within = 'via' in route ? items : await keepToBudget(items[0]!.task, items, run);
      await run.sites.add(route, within);
    } catch (error) {
      for (const item of items) fail(item, (error as Error).message, run);
    }
  };
  /** Its MX, or the way that the pool or the job has for it instead. */
  const routeOf = async (domain: string, { task }: Item): Promise<Route | ViaRoute> => {
    const { isFixed, routeOf: viaOf } = deps.via;
    const chosen = task.job.via;
    const fixed = isFixed || chosen !== undefined ? viaOf('other', chosen) : undefined;
    if (fixed) return fixed;
    const route = await deps.resolveSite(domain);
    return (route.kind === 'site' && viaOf(route.provider)) || route;
  };

  let done: ReadMessage[] = [];
  let removing: Promise<void> = Promise.resolve();
  const removeDone = (): Promise<void> => {
    const messages = done;
    done = [];
    if (messages.length > 0)
      removing = removing
        .then(() => deps.remove(messages))
        // It comes back, and its records say that it is done.
        .catch((error: Error) => deps.report(`${messages.length} messages not removed: ${error.message}`));
    return removing;
  };
  return {
    open: () => open,
    openBytes: () => bytes,
    endedWithin: (wait) =>
      new Promise((resolve) => {
        if (open === 0) return resolve('ended');
        const wake = () => {
          clearTimeout(timer);
          resolve('ended');
        };
        const giveUp = () => {
          waiters = waiters.filter((one) => one !== wake);
          resolve('waited');
        };
        const timer = wait === undefined ? undefined : setTimeout(giveUp, wait);
        waiters.push(wake);
      }),
    take,
    takeOwn: (message) => {
      const { body: _, ...read } = message;
      return take(message).then((isDone) => {
        if (!isDone) return;
        done.push(read);
        if (done.length >= REMOVED) void removeDone();
      });
    },
    close: removeDone,
  };
}

/** Whether a copy ends without an attempt. */
function isUnsent(task: Task, copy: Item['copy']): boolean {
  return task.expired !== undefined || task.bounced.has(copy.index) || whyDropped(task, copy) !== undefined;
}

function whyDropped({ job, content, suppressed }: Task, { index }: Item['copy']): string | undefined {
  return job.dropped ?? content.dropped ?? suppressed.get(index);
}

/** Jobs of one request share its content, in memory as in the bucket. */
function readOnce<T>(read: (key: string) => Promise<T>) {
  const known = new Map<string, { users: number; content: Promise<T> }>();
  return {
    read: (key: string): Promise<T> => {
      const one = known.get(key);
      if (one) {
        one.users++;
        return one.content;
      }
      const content = read(key);
      known.set(key, { users: 1, content });
      return content;
    },
    forget: (key: string): void => {
      const one = known.get(key);
      if (one && --one.users <= 0) known.delete(key);
    },
  };
}
