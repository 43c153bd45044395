/**
 * The account that is left: SendGrid's API, read and never written. There is one way to ask, and it is GET: an import cannot change what it
 * copies. The key goes to the one origin that was named, over TLS (in clear to this machine alone), into no message and into no
 * file; a redirect is refused, and addresses that an answer holds are never followed.
 */
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../cli-error.ts';
import { jsonItems } from './json-items.ts';

export type Source = {
  origin: string;
  /** What a path answers. @throws SourceError, or CliError when the host does not answer the first of all questions */
  get: (path: string, query?: Record<string, string | number>) => Promise<unknown>;
  /** The objects of a list, as they arrive: one that is not paged may be of any length. @throws SourceError */
  items: (path: string, query?: Record<string, string | number>) => AsyncGenerator<unknown>;
};

export type SourceDeps = {
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** Milliseconds. */
  wait?: (time: number) => Promise<unknown>;
  /** Told when it waits for long. */
  onWait?: (seconds: number, why: string) => void;
  /** Milliseconds for an answer to begin, and between two parts of it. */
  timeout?: number;
};

/** An answer that is no 200. `status` 0: there was none. */
export class SourceError extends Error {
  override name = 'SourceError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export type Fields = Record<string, unknown>;

/** @throws SourceError when it is none, or holds anything but objects */
export function listIn(answer: unknown, path: string): Fields[] {
  if (Array.isArray(answer) && answer.every((one) => fieldsIn(one, path))) return answer as Fields[];
  throw new SourceError(200, `${path}: the answer is not a list of objects`);
}

/** @throws SourceError */
export function fieldsIn(answer: unknown, path: string): Fields {
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as Fields;
  throw new SourceError(200, `${path}: the answer is not an object`);
}

/** Tries of one question, and milliseconds before the second: twice as long each time. */
const TRIES = 6;
const FIRST_WAIT = 500;
/** Times in a row that a source may say "too many calls". */
const PUT_OFF = 20;
/** Seconds that a source may ask to be left alone, each time. */
const MOST_WAIT = 300;
const TIMEOUT = 30_000;
/** Bytes of an answer that is read whole: a template with two contents of 1 MB, in which JSON may write a character as six. */
const ANSWER_BYTES = 32_000_000;

export function readOrigin(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new CliError(`--from "${text}" is not a URL`);
  }
  if (url.username !== '' || url.password !== '') throw new CliError('--from must not hold a user or a password');
  if (url.pathname.replace(/^\/v3\/?$/, '/') !== '/' || url.search !== '' || url.hash !== '')
    throw new CliError('--from must be an origin: https://host, without a path');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isHere = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere))
    throw new CliError('--from must begin with https://: the key would be sent in clear');
  return url.origin;
}

export function openSource(origin: string, key: string, deps: SourceDeps = {}): Source {
  const { now = Date.now, wait = sleep, onWait = () => {}, timeout = TIMEOUT } = deps;
  let quietUntil = 0;
  let hasAnswered = false;

  const putOff = async (why: string) => {
    const time = Math.min(MOST_WAIT * 1_000, quietUntil - now());
    if (time <= 0) return;
    if (time >= 2_000) onWait(Math.ceil(time / 1_000), why);
    await wait(time);
  };

  /** One GET that was answered with 200. The rest of what can come is a wait, or an error that says what to do. */
  const ask = async (path: string, query: Record<string, string | number>, signal: AbortSignal): Promise<Response> => {
    const url = new URL(path, origin);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    for (let tries = 1, waits = 0; ; ) {
      await putOff('its limit of calls is used up');
      let problem: SourceError;
      try {
        const answer = await fetch(url, {
          method: 'GET',
          headers: { authorization: `Bearer ${key}`, accept: 'application/json' },
          redirect: 'manual',
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
        });
        hasAnswered = true;
        quietUntil = quietFor(answer, now());
        if (answer.status === 200) return answer;
        problem = await problemOf(answer, path);
      } catch (error) {
        // Who has never answered is not busy: a mistyped host, or no way out from here. Whatever else was asked would fail as well.
        if (!hasAnswered) throw new CliError(`cannot reach ${url.host}: ${whyNot(error)}. Nothing was copied`);
        problem = new SourceError(0, `${path}: no answer (${reasonOf(error)})`);
      }
      const { status } = problem;
      if (status === 429 && ++waits <= PUT_OFF) {
        if (quietUntil <= now()) quietUntil = now() + FIRST_WAIT * 2 ** Math.min(waits, 6);
        continue;
      }
      if ((status !== 0 && status < 500) || tries === TRIES) throw problem;
      await wait(FIRST_WAIT * 2 ** (tries - 1));
      tries++;
    }
  };

  /** Reads a body to its end; a source that stops in its midst is asked anew by whoever called. */
  async function* read(answer: Response, end: AbortController): AsyncGenerator<Buffer> {
    let timer = setTimeout(() => end.abort(), timeout);
    try {
      for await (const part of answer.body ?? []) {
        clearTimeout(timer);
        yield Buffer.from(part);
        timer = setTimeout(() => end.abort(), timeout);
      }
    } catch (error) {
      throw new SourceError(0, `${new URL(answer.url).pathname}: the answer broke off (${reasonOf(error)})`);
    } finally {
      clearTimeout(timer);
      end.abort();
    }
  }

  const whole = async (path: string, query: Record<string, string | number>): Promise<unknown> => {
    const end = new AbortController();
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of read(await ask(path, query, end.signal), end)) {
      bytes += part.length;
      if (bytes > ANSWER_BYTES) throw new SourceError(200, `${path}: the answer is larger than ${ANSWER_BYTES} bytes`);
      parts.push(part);
    }
    try {
      return JSON.parse(Buffer.concat(parts).toString('utf8'));
    } catch {
      throw new SourceError(200, `${path}: the answer is not JSON`);
    }
  };

  return {
    origin,
    get: async (path, query = {}) => {
      for (let tries = 1; ; tries++)
        try {
          return await whole(path, query);
        } catch (error) {
          if (!isBroken(error) || tries === TRIES) throw error;
          await wait(FIRST_WAIT * 2 ** (tries - 1));
        }
    },
    async *items(path, query = {}) {
      for (let tries = 1, given = 0; ; tries++) {
        const end = new AbortController();
        let place = 0;
        try {
          for await (const item of jsonItems(read(await ask(path, query, end.signal), end), path)) {
            if (place++ < given) continue;
            given++;
            yield item;
          }
          return;
        } catch (error) {
          if (!isBroken(error) || tries === TRIES) throw error;
          await wait(FIRST_WAIT * 2 ** (tries - 1));
        }
      }
    },
  };
}

const isBroken = (error: unknown) => error instanceof SourceError && /the answer broke off/.test(error.message);

/** Until when a source wants to be left alone, in milliseconds since the epoch. */
function quietFor({ status, headers }: Response, now: number): number {
  const after = seconds(headers.get('retry-after'), now);
  if (status === 429 && after !== undefined) return now + after * 1_000;
  const left = headers.get('x-ratelimit-remaining');
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  if ((status !== 429 && left !== '0') || !(reset > 0)) return 0;
  return Math.max(now, reset * 1_000);
}

/** RFC 9110, 10.2.3: seconds, or a date. */
function seconds(text: string | null, now: number): number | undefined {
  if (text === null || text.trim() === '') return undefined;
  if (/^\d{1,6}$/.test(text.trim())) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now) / 1_000));
}

async function problemOf(answer: Response, path: string): Promise<SourceError> {
  const { status } = answer;
  if (status >= 300 && status < 400) {
    await answer.body?.cancel();
    return new SourceError(status, `${path}: ${status}, which leads elsewhere: the key goes nowhere but to --from`);
  }
  const text = (await answer.text().catch(() => '')).slice(0, 10_000);
  let said = '';
  try {
    said = String((JSON.parse(text) as { errors: { message: unknown }[] }).errors[0]?.message ?? '').slice(0, 200);
  } catch {
    // Whoever stands in between answers with a page; its status says enough.
  }
  return new SourceError(status, `${path}: ${status}${said === '' ? '' : ` ${said}`}`);
}

const whyNot = (error: unknown) => ((error as Error).name === 'TimeoutError' ? 'no answer in time' : reasonOf(error));

function reasonOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError' || name === 'AbortError') return 'in time';
  return cause?.code ?? cause?.message ?? message;
}
