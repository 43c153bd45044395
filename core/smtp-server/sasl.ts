/**
 * AUTH PLAIN (RFC 4616) and LOGIN: what was sent, as user and password. It refuses what is no base64 (RFC 4648 4) or no
 * UTF-8, and acting as somebody else.
 */
export type Credentials = { user: string; password: string };

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The text that a line of AUTH stands for; undefined where it is none. `=` is the empty initial response (RFC 4954 4). */
export function readResponse(line: string): string | undefined {
  if (line === '=') return '';
  if (!BASE64.test(line)) return undefined;
  try {
    return utf8.decode(Buffer.from(line, 'base64'));
  } catch {
    return undefined;
  }
}

/** `authzid NUL authcid NUL passwd`. An authorization identity other than the user's own is refused. */
export function readPlain(response: string): Credentials | undefined {
  const [identity, user, password, ...more] = response.split('\0');
  if (!user || !password || more.length > 0) return undefined;
  return identity === '' || identity === user ? { user, password } : undefined;
}
