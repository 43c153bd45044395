/**
 * Who loads a pixel or follows a link: a reader, with what; or a machine, and why we think so. Machines are marked, never left out:
 * the sender decides what to count. When in doubt it is a reader.
 *
 * It cannot know everything: a scanner that behaves as a browser in all it sends is counted as a reader (docs/tracking.md).
 */
import {
  BROWSER_RULES,
  CLIENT_RULES,
  DEVICE_RULES,
  type Device,
  type FamilyRule,
  HELD,
  MACHINE_RULES,
  type Machine,
  NAME_RULES,
} from './agent-rules.ts';

/** What is looked at of a request; header names in lower case. */
export type Visit = { method: string; headers: Partial<Record<string, string | undefined>> };

/** Characters of a user agent that are looked at, and kept. */
export const AGENT_CHARACTERS = 512;

/** Why a visit is taken for a machine's; undefined: it is a reader's. */
export function machineOf(visit: Visit, what: 'open' | 'click'): Machine | undefined {
  const { method, headers } = visit;
  const agent = (headers['user-agent'] ?? '').slice(0, AGENT_CHARACTERS);
  // Readers' programs load; only machines ask whether something is there.
  if (method === 'HEAD') return 'program';
  if (isAhead(headers)) return 'prefetch';
  const named = machineByAgent(agent);
  if (named !== undefined) return named;
  return what === 'click' && isDisguised(agent, headers) ? 'disguised' : undefined;
}

/** What a user agent alone says. */
export function machineByAgent(agent: string): Machine | undefined {
  if (agent.trim() === '') return 'program';
  // A webmail's proxy that loads when its reader looks.
  if (CLIENT_RULES.some(({ webmail, pattern }) => webmail && pattern.test(agent))) return undefined;
  const found = MACHINE_RULES.find(({ pattern }) => pattern.test(agent))?.machine;
  if (found !== undefined || HELD.test(agent)) return found;
  return NAME_RULES.find(({ pattern }) => pattern.test(agent))?.machine;
}

/** Browsers say when they load what nobody has asked for yet (Fetch: Sec-Purpose; Firefox: X-Moz). */
function isAhead(headers: Visit['headers']): boolean {
  return ['sec-purpose', 'purpose', 'x-purpose', 'x-moz'].some((name) =>
    /prefetch|prerender|preview/i.test(headers[name] ?? ''),
  );
}

/**
 * Chromium has sent Sec-Fetch-* to every HTTPS site since version 80, Firefox since 90; and every browser tells its reader's language
 * when it opens a page. Who claims to be one of these and sends neither is none.
 */
function isDisguised(agent: string, headers: Visit['headers']): boolean {
  if (headers['accept-language'] !== undefined || headers['sec-fetch-mode'] !== undefined) return false;
  const chromium = /\bChrome\/(\d+)/.exec(agent);
  const firefox = /\bFirefox\/(\d+)/.exec(agent);
  return Number(chromium?.[1] ?? 0) >= 80 || Number(firefox?.[1] ?? 0) >= 90;
}

/** What a reader uses, for statistics: `Other` where his program does not tell. */
export type Reader = { browser: string; device: Device; client: string };

export function readerOf(agent: string): Reader {
  const text = agent.slice(0, AGENT_CHARACTERS);
  const client = CLIENT_RULES.find(({ pattern }) => pattern.test(text));
  const browser = client?.webmail ? 'Other' : familyOf(text, BROWSER_RULES);
  const device = client?.webmail
    ? 'Webmail'
    : (DEVICE_RULES.find(({ pattern }) => pattern.test(text))?.device ?? 'Other');
  return { browser, device, client: client?.family ?? clientOf(text, device, browser) };
}

/** Who reads in a browser, and on Apple's devices, whose Mail names only the system. */
function clientOf(agent: string, device: Device, browser: string): string {
  if (/AppleWebKit\/[\d.]+ \(KHTML, like Gecko\)( Mobile\/\w+)?$/.test(agent)) {
    if (/iPad/.test(agent)) return 'Apple iPad';
    if (/iPhone|iPod/.test(agent)) return 'Apple iPhone';
    if (/Macintosh/.test(agent)) return 'Apple Mail';
  }
  if (/Android/.test(agent) && device === 'Phone' && browser === 'Android Browser') return 'Google Android';
  return browser === 'Other' ? 'Other' : 'Webmail';
}

function familyOf(text: string, rules: readonly FamilyRule[]): string {
  return rules.find(({ pattern }) => pattern.test(text))?.family ?? 'Other';
}
