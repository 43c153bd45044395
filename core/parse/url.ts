/**
 * The URL that a customer has his inbound mail posted to. What cannot be posted to safely is refused when it is set: another
 * scheme, another port than those of the web, a fragment. Which address its host has is looked at when it is posted to, each time.
 */

/** Ports that a customer may name; any other could be a service of ours, or of whoever he wants to annoy. */
const PORTS: Record<string, readonly string[]> = { 'https:': ['', '443', '8443'], 'http:': ['', '80', '8080'] };
const CHARACTERS = 2_048;

export type ParseUrl = { plain: boolean; host: string; port: number; path: string; authorization?: string };

/** @param anyPort for stacks whose settings let mail go to private hosts: to try things out */
export function readParseUrl(
  text: string,
  anyPort = false,
): { ok: true; url: ParseUrl } | { ok: false; message: string } {
  if (text.length > CHARACTERS) return refuse(`must not be longer than ${CHARACTERS} characters`);
  // What the URL Standard would take out without a word hides what the rest says.
  if (/[\x00-\x20\x7f\\]/.test(text)) return refuse('must not hold spaces, control characters or backslashes');
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refuse('is not a URL');
  }
  const ports = PORTS[url.protocol];
  if (!ports) return refuse('must begin with https:// or http://');
  if (!anyPort && !ports.includes(url.port)) return refuse('must use port 443 or 8443, or 80 or 8080 without TLS');
  if (url.hash !== '') return refuse('must not hold a fragment');
  const plain = url.protocol === 'http:';
  const { username, password } = url;
  const user = username === '' && password === '' ? undefined : `${decode(username)}:${decode(password)}`;
  return {
    ok: true,
    url: {
      plain,
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: Number(url.port) || (plain ? 80 : 443),
      path: `${url.pathname}${url.search}`,
      ...(user === undefined ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` }),
    },
  };
}

function refuse(message: string): { ok: false; message: string } {
  return { ok: false, message };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
