/**
 * manage: every route of the API but `mail/send`. Which there are, and which scope each asks for, is one table (routes.ts); what
 * is not in it is refused. It promises that a route's handler only sees an account whose key has the scope and may be used from where it is, or a subuser of that
 * account where `on-behalf-of` names one, and gives every answer the headers of the rate limit.
 */
import { type ApiKey, readAuthorization, secretMatches } from '../../core/api-key.ts';
import { type ApiError, type ApiFailure, addressNotAllowed, apiErrors } from '../../core/errors.ts';
import { countCall, RATE_LIMIT, type RateWindow, rateHeaders } from '../../core/rate-window.ts';
import type { UsableKey } from '../../core/records/subusers.ts';
import { ANY_KEY } from '../../core/scopes.ts';
import { isThrottle } from '../../io/queue.ts';
import { type AccessDeps, mayComeFrom } from '../../submission/access.ts';
import type { RouteDeps } from './route-deps.ts';
import { type FoundRoute, findRoute, methodsOf, type Route } from './routes.ts';
import { answerLink } from './verified-sender-routes.ts';

/** An HTTP request, header names in lower case, the body as it came. */
export type HttpRequest = {
  method: string;
  path: string;
  query: Partial<Record<string, string | undefined>>;
  /** The query as it came, for parameters that are repeated. */
  rawQuery?: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
  /** Who calls, as the connection has it, where that is known: what headers say of it is anybody's. */
  ip?: string;
};
export type HttpResponse = { status: number; headers: Record<string, string>; body: string };

export type ManageDeps = RouteDeps &
  AccessDeps & {
    readKey: (key: ApiKey) => Promise<UsableKey | undefined>;
    /** Calls by account, for the life of the environment. */
    windows: Map<string, RateWindow>;
    report: (problem: string) => void;
  };

/** What a route's handler gets: whose call it is, and what it says. */
export type Call = {
  account: string;
  /** Whose key it is, and what that may: another account than the call's where a parent calls for a subuser. */
  caller: { account: string; scopes: readonly string[] };
  /** Values of the path's `{names}`, decoded. */
  params: Record<string, string>;
  query: HttpRequest['query'];
  /** All values of a parameter that may be repeated. */
  repeated: (parameter: string) => string[];
  /** Parsed JSON; undefined where there is no body. */
  body: unknown;
  headers: HttpRequest['headers'];
  /** Of the request, without its query: where links to other pages lead. */
  url: string;
  /** Of who calls, where that is known. */
  ip?: string;
};
/** `body` undefined: an empty answer. `csv`: a file instead of JSON. */
export type Answer =
  | { status: number; body?: unknown; csv?: string; headers?: Record<string, string> }
  | { status: number; errors: readonly ApiError[] };

/** Bytes of a body: no setting is as long. */
const BODY_BYTES = 262_144;
/** Characters of a subuser's name. */
const USERNAME = 64;
/** Accounts whose calls are counted. */
const WINDOWS = 10_000;

export async function manage(http: HttpRequest, deps: ManageDeps): Promise<HttpResponse> {
  const answered = await answerTo(http, deps);
  return http.method === 'HEAD' ? { ...answered, body: '' } : answered;
}

async function answerTo(http: HttpRequest, deps: ManageDeps): Promise<HttpResponse> {
  const opened = await answerLink(http, deps);
  if (opened) return opened;
  if (http.method === 'OPTIONS') return tellMethods(http.path);
  const found = findRoute(http.method === 'HEAD' ? 'GET' : http.method, http.path);
  if (found === 'path') return refuse(apiErrors.notFound);
  if (found === 'method')
    return refuse({ ...apiErrors.methodNotAllowed, message: 'method not allowed' }, { Allow: allowed(http.path) });
  return serve(http, found, deps);
}

async function serve(http: HttpRequest, { route, params }: FoundRoute, deps: ManageDeps): Promise<HttpResponse> {
  let headers: Record<string, string> = {};
  try {
    if (!http.headers.authorization) return refuse(apiErrors.authorizationRequired, headers, route);
    const key = readAuthorization(http.headers.authorization);
    const record = key && (await deps.readKey(key));
    if (!key || !secretMatches(key.secret, record?.secretHash)) return refuse(apiErrors.unauthorized, headers, route);
    if (!(await mayComeFrom(record!, key.account, http.ip, 'API', deps)))
      return refuse(addressNotAllowed(http.ip), headers, route);
    const { callsPerMinute: limit = RATE_LIMIT } = route;
    // A route with a limit of its own is counted by itself.
    const counted = route.callsPerMinute === undefined ? key.account : `${key.account} ${route.path}`;
    const window = countIn(deps.windows, counted, deps.now());
    headers = rateHeaders(window, limit);
    if (window.calls > limit) return refuse(apiErrors.tooManyRequests, headers, route);
    const scopes = record!.scopes;
    if (route.scope !== ANY_KEY && !scopes.includes(route.scope)) return refuse(apiErrors.forbidden, headers, route);
    const account = await accountOf(key.account, http.headers['on-behalf-of'], deps);
    if (account === undefined) return refuse(apiErrors.forbidden, headers, route);
    return await answer(route, { account, caller: { account: key.account, scopes } }, params, http, headers, deps);
  } catch (error) {
    deps.report(`${http.method} ${route.path}: ${(error as Error).stack}`);
    const failure = isThrottle((error as Error).name) ? apiErrors.tooManyRequests : apiErrors.internalError;
    return refuse(failure, headers, route);
  }
}

/**
 * Whose call it is: the key's own account's, or a subuser's of it that it names. Undefined: there is none of that name, or the caller is
 * a subuser himself; both look alike.
 */
async function accountOf(
  caller: string,
  onBehalfOf: string | undefined,
  { readAccount, readSubuser }: ManageDeps,
): Promise<string | undefined> {
  const name = onBehalfOf?.trim() ?? '';
  if (name === '') return caller;
  if (name.length > USERNAME || (await readAccount(caller))) return undefined;
  return (await readSubuser(caller, name))?.account;
}

/** What may be done at a path. No origin is let in (SendGrid: "no CORS"): a key in a web page is everybody's. */
function tellMethods(path: string): HttpResponse {
  const methods = allowed(path);
  return methods === '' ? refuse(apiErrors.notFound) : { status: 204, headers: { Allow: methods }, body: '' };
}

function allowed(path: string): string {
  const methods = methodsOf(path);
  if (methods.length === 0) return '';
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}

async function answer(
  route: Route,
  whose: Pick<Call, 'account' | 'caller'>,
  params: Record<string, string>,
  { path, query, rawQuery = '', headers: asked, body: bytes, ip }: HttpRequest,
  headers: Record<string, string>,
  deps: ManageDeps,
): Promise<HttpResponse> {
  const { bodyBytes = BODY_BYTES } = route;
  if (bytes.length > bodyBytes)
    return refuse(
      { ...apiErrors.payloadTooLarge, message: `The request body must not be larger than ${bodyBytes} bytes.` },
      headers,
      route,
    );
  const body = parseBody(bytes);
  if (!body.ok) return refuse({ ...apiErrors.badRequest, message: 'the body is not JSON' }, headers, route);
  const url = `${originOf(asked)}${path}`;
  const repeated = (parameter: string) => new URLSearchParams(rawQuery).getAll(parameter);
  const from = ip === undefined ? {} : { ip };
  const call = { ...whose, params, query, repeated, body: body.value, headers: asked, url, ...from };
  const answered = await route.handle(call, deps);
  if ('errors' in answered) return answerErrors(answered.status, answered.errors, headers, route);
  const { status, body: shown, csv } = answered;
  const all = { ...headers, ...answered.headers };
  if (csv !== undefined) return { status, headers: { ...all, 'Content-Type': 'text/csv; charset=utf-8' }, body: csv };
  if (shown === undefined) return { status, headers: all, body: '' };
  return { status, headers: { ...all, 'Content-Type': 'application/json' }, body: JSON.stringify(shown) };
}

function parseBody(bytes: Buffer): { ok: true; value: unknown } | { ok: false } {
  if (bytes.length === 0) return { ok: true, value: undefined };
  try {
    return { ok: true, value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes), readText) };
  } catch {
    return { ok: false };
  }
}

/** Half of a surrogate pair (`\ud800`) is no Unicode: no table takes it as a key, and nobody could read it. */
function readText(name: string, value: unknown): unknown {
  if (!name.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) throw new SyntaxError('no Unicode');
  return value;
}

function countIn(windows: Map<string, RateWindow>, account: string, now: number): RateWindow {
  const window = countCall(windows.get(account), now);
  windows.delete(account);
  windows.set(account, window);
  if (windows.size > WINDOWS) windows.delete(windows.keys().next().value!);
  return window;
}

function refuse(failure: ApiFailure, headers: Record<string, string> = {}, route?: Route): HttpResponse {
  return answerErrors(failure.status, [failure], headers, route);
}

const ERROR_IDS: Record<number, string> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  413: 'payload_too_large',
  429: 'too_many_requests',
  503: 'unavailable',
};

/** SendGrid's families of errors: most say `field` always, and be it null; some routes only where one is at fault. */
function answerErrors(
  status: number,
  errors: readonly ApiError[],
  headers: Record<string, string>,
  route: Route | undefined,
): HttpResponse {
  const fieldOf = (field: string | null) => (field === null && route && !route.nullFields ? {} : { field });
  const id = route?.errorIds ? { error_id: ERROR_IDS[status] ?? 'error' } : {};
  const body = { errors: errors.map(({ message, field }) => ({ ...fieldOf(field), message, ...id })) };
  return { status, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

/** Where we were asked, for links of ours: what a caller wrote into these headers is a name and a port, or is not taken. */
function originOf({ host = '', 'x-forwarded-proto': proto }: HttpRequest['headers']): string {
  return `${proto === 'http' ? 'http' : 'https'}://${/^[A-Za-z0-9.-]+(:\d{1,5})?$/.test(host) ? host : 'localhost'}`;
}
