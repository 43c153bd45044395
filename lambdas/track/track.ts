/**
 * track: what readers load, follow and ask for, without a key; so it may do almost nothing. It believes nothing but tokens of ours,
 * and where a link leads only stands in its token. A redirect is given whether or not the table takes the click.
 */

import { PROBE_ANSWER, PROBE_PATH } from '../../core/tracking/link-host.ts';
import { PAGE_HEADERS, unknownPage } from '../../core/tracking/page.ts';
import { readClickToken, readOpenToken, type TrackingKey } from '../../core/tracking/token.ts';
import { type EngageDeps, engage } from './engage.ts';
import { type UnsubscribeDeps, unsubscribe } from './unsubscribe.ts';

/** A request as it came in; header names in lower case. */
export type TrackRequest = {
  method: string;
  path: string;
  /** The host that the reader's browser asked, lower case. */
  host: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
  ip: string;
  country?: string | undefined;
  province?: string | undefined;
};
/** `body` of `image/gif` is base64. */
export type TrackAnswer = { status: number; headers: Record<string, string>; body: string; isBase64?: true };

export type TrackDeps = EngageDeps &
  UnsubscribeDeps & {
    /** The live keys. @param again a token was none of theirs: there may be a new one */
    keys: (again: boolean) => Promise<readonly TrackingKey[]>;
  };

/** One transparent pixel. */
const PIXEL = 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7';
const COMMON = {
  'Cache-Control': 'no-store, max-age=0',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Robots-Tag': 'noindex, nofollow',
  'Strict-Transport-Security': 'max-age=31536000',
};
const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' };

const answer = (status: number, headers: Record<string, string>, body: string): TrackAnswer => ({
  status,
  headers: { ...COMMON, ...headers },
  body,
});

export async function track(http: TrackRequest, deps: TrackDeps): Promise<TrackAnswer> {
  const { method, path } = http;
  if (path === PROBE_PATH) return answer(200, TEXT, PROBE_ANSWER);
  if (path === '/robots.txt') return answer(200, TEXT, 'User-agent: *\nDisallow: /\n');
  const [, kind, token] = /^(?:\/uni(?=\/c\/))?\/([ocu])\/([A-Za-z0-9_-]+)$/.exec(path) ?? [];
  if (kind === undefined || token === undefined) return notFound();
  const reads = method === 'GET' || method === 'HEAD';
  if (!reads && !(kind === 'u' && method === 'POST')) return answer(405, { ...TEXT, Allow: 'GET, HEAD' }, '');
  if (kind === 'u') {
    const { status, body } = await unsubscribe(token, http, deps);
    return answer(status, PAGE_HEADERS, body);
  }
  return kind === 'o' ? opened(token, http, deps) : clicked(token, http, deps);
}

async function opened(token: string, http: TrackRequest, deps: TrackDeps): Promise<TrackAnswer> {
  const copy = await read(deps, (keys) => readOpenToken(token, http.host, keys));
  if (!copy) return notFound();
  await engage('open', copy, http, deps);
  return { ...answer(200, { 'Content-Type': 'image/gif' }, PIXEL), isBase64: true };
}

async function clicked(token: string, http: TrackRequest, deps: TrackDeps): Promise<TrackAnswer> {
  const click = await read(deps, (keys) => readClickToken(token, http.host, keys));
  if (!click) return notFound();
  await engage('click', click, http, deps);
  return answer(302, { ...TEXT, Location: click.link.url }, '');
}

/** What a token says, with the keys that are known; with those that there are by now, where it says nothing. */
export async function read<T>(
  { keys }: Pick<TrackDeps, 'keys'>,
  readWith: (keys: readonly TrackingKey[]) => T | undefined,
): Promise<T | undefined> {
  return readWith(await keys(false)) ?? readWith(await keys(true));
}

function notFound(): TrackAnswer {
  return answer(404, PAGE_HEADERS, unknownPage());
}
