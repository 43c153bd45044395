/**
 * Posts to a URL of a customer's. The address is looked up for each post, looked at, and then it is the one spoken to, so that a
 * name that changes its mind gains nothing; no redirect is followed; the whole takes a bounded time, and of the answer nothing
 * but the status is kept. It never throws.
 */
import { type ParseUrl, readParseUrl } from '../core/parse/url.ts';
import { askHttps } from './https.ts';

export type WebhookPostSettings = {
  /** A host's addresses, those alone that may be spoken to (io/mx.ts). */
  resolveHost: (host: string) => Promise<{ addresses: string[]; error?: string }>;
  /** Any port: only where private hosts are let through too. */
  anyPort?: boolean;
  /** Milliseconds for one post, from the look for its address to the status. */
  timeoutMs: number;
  /** For tests only: who signs certificates. */
  ca?: string;
};

/** Octets and milliseconds of an answer that nobody reads. */
const ANSWER_BYTES = 65_536;
const ANSWER_MS = 1_000;
const USER_AGENT = 'Pennypost';

export type Posted = { status: number } | { error: string };
export type Post = {
  contentType: string;
  pieces: Buffer[];
  bytes: number;
  /** Of ours, beside those of the content. */
  headers?: Record<string, string>;
};

export function openWebhookPost({ resolveHost, anyPort = false, timeoutMs, ca }: WebhookPostSettings) {
  return async (text: string, { contentType, pieces, bytes, headers = {} }: Post): Promise<Posted> => {
    const read = readParseUrl(text, anyPort);
    if (!read.ok) return { error: `the URL ${read.message}` };
    const { url } = read;
    const signal = AbortSignal.timeout(timeoutMs);
    const found = await within(signal, resolveHost(url.host));
    const [address] = found.addresses;
    if (address === undefined) return { error: found.error ?? 'its host has no address' };
    const answer = await askHttps({
      host: url.host,
      address,
      port: url.port,
      path: url.path,
      plain: url.plain,
      headers: { ...headersOf(url, contentType, bytes), ...headers },
      post: pieces,
      most: ANSWER_BYTES,
      restMs: ANSWER_MS,
      signal,
      ...(ca === undefined ? {} : { ca }),
    });
    return 'error' in answer ? { error: answer.error } : { status: answer.status };
  };
}

/** Octets of a token's answer. */
const TOKEN_BYTES = 16_384;

/**
 * Client credentials (RFC 6749 4.4): asks a customer's server for a token, under the same guard.
 * @returns the token and its life in seconds, or why there is none
 */
export function openTokenRequest({ resolveHost, anyPort = false, timeoutMs, ca }: WebhookPostSettings) {
  return async (
    text: string,
    clientId: string,
    secret: string,
    scopes: readonly string[] = [],
  ): Promise<{ token: string; seconds: number } | { error: string }> => {
    const read = readParseUrl(text, anyPort);
    if (!read.ok) return { error: `the token URL ${read.message}` };
    const { url } = read;
    const signal = AbortSignal.timeout(timeoutMs);
    const found = await within(signal, resolveHost(url.host));
    const [address] = found.addresses;
    if (address === undefined) return { error: found.error ?? 'the token host has no address' };
    const asked = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret };
    const scope = scopes.length === 0 ? {} : { scope: scopes.join(' ') };
    const form = Buffer.from(new URLSearchParams({ ...asked, ...scope }).toString());
    const answer = await askHttps({
      host: url.host,
      address,
      port: url.port,
      path: url.path,
      plain: url.plain,
      headers: { ...headersOf(url, 'application/x-www-form-urlencoded', form.length), accept: 'application/json' },
      post: form,
      most: TOKEN_BYTES,
      signal,
      ...(ca === undefined ? {} : { ca }),
    });
    if ('error' in answer) return { error: `token: ${answer.error}` };
    if (answer.status !== 200) return { error: `token: HTTP ${answer.status}` };
    return readToken(answer.body);
  };
}

function readToken(body: Buffer): { token: string; seconds: number } | { error: string } {
  try {
    const { access_token: token, expires_in: life } = JSON.parse(body.toString()) as Record<string, unknown>;
    // It goes into a header field.
    if (typeof token !== 'string' || !/^[!-~]{1,8000}$/.test(token)) return { error: 'token: the answer has none' };
    return { token, seconds: Number.isFinite(Number(life)) ? Math.max(0, Number(life ?? 300)) : 300 };
  } catch {
    return { error: 'token: the answer is no JSON' };
  }
}

function headersOf({ authorization }: ParseUrl, contentType: string, bytes: number): Record<string, string> {
  return {
    'content-type': contentType,
    'content-length': String(bytes),
    'user-agent': USER_AGENT,
    ...(authorization === undefined ? {} : { authorization }),
  };
}

type Addresses = { addresses: string[]; error?: string };

function within(signal: AbortSignal, looking: Promise<Addresses>): Promise<Addresses> {
  const late = new Promise<Addresses>((resolve) => {
    signal.addEventListener('abort', () => resolve({ addresses: [], error: 'timeout' }), { once: true });
  });
  return Promise.race([looking, late]);
}
