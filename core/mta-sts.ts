/**
 * MTA-STS (RFC 8461): the TXT record that says that a domain has a policy, the policy itself, and which hosts it allows.
 * Both texts come from strangers: what is not as the RFC writes it is no record, or an invalid policy, never half of one.
 */

/** A policy as it is published. `none`: the domain has taken its policy back (RFC 8461 8.3). */
export type PublishedPolicy = {
  mode: 'enforce' | 'testing' | 'none';
  /** Lower case: `mail.example.com`, `*.example.com`. Empty only with `none`. */
  mx: string[];
  /** Seconds. */
  maxAge: number;
};

/** Octets of a policy that are read (RFC 8461 3.3 suggests this limit). */
export const POLICY_BYTES = 65_536;
/** Host patterns of a policy; real ones have a few. */
export const PATTERNS = 50;
/** Seconds (RFC 8461 3.2: about a year). */
const LONGEST_AGE = 31_557_600;

const FIELD = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31})=([\x21-\x3a\x3c\x3e-\x7e]+)$/;
const ID = /^[A-Za-z0-9]{1,32}$/;
const HOST_PATTERN =
  /^(?=.{1,255}$)(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The id of a domain's policy, from the TXT records at `_mta-sts.<domain>` (RFC 8461 3.1). Undefined: it has none, which
 * is also what two records mean.
 */
export function readStsId(records: readonly string[]): string | undefined {
  const [record, ...others] = records.filter((one) => /^v=STSv1[ \t]*;/.test(one));
  if (record === undefined || others.length > 0) return undefined;
  const fields = record.split(';').slice(1);
  if (fields.at(-1)?.trim() === '') fields.pop();
  const pairs = fields.map((field) => FIELD.exec(field.trim()));
  if (pairs.some((pair) => pair === null)) return undefined;
  const id = pairs.find((pair) => pair?.[1] === 'id')?.[2];
  return id !== undefined && ID.test(id) ? id : undefined;
}

/** Reads a policy (RFC 8461 3.2). Unknown fields are passed over; of a field but `mx` the first counts. */
export function parseStsPolicy(text: string): PublishedPolicy | { problem: string } {
  if (Buffer.byteLength(text) > POLICY_BYTES) return { problem: 'it is too long' };
  const fields = new Map<string, string>();
  const mx = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon < 1) return { problem: 'a line is no "name: value"' };
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (name === 'mx') mx.add(value.toLowerCase().replace(/\.$/, ''));
    else if (!fields.has(name)) fields.set(name, value);
  }
  if (fields.get('version') !== 'STSv1') return { problem: 'its version is not STSv1' };
  const mode = fields.get('mode');
  if (mode !== 'enforce' && mode !== 'testing' && mode !== 'none') return { problem: 'it has no mode' };
  const age = fields.get('max_age') ?? '';
  if (!/^\d{1,10}$/.test(age)) return { problem: 'it has no max_age' };
  if (mx.size === 0 && mode !== 'none') return { problem: 'it names no mx' };
  if (mx.size > PATTERNS) return { problem: `it names more than ${PATTERNS} mx` };
  if (![...mx].every((pattern) => HOST_PATTERN.test(pattern))) return { problem: 'an mx is no host name' };
  return { mode, mx: [...mx], maxAge: Math.min(Number(age), LONGEST_AGE) };
}

/** Whether a policy allows an MX host (RFC 8461 4.1): `*` stands for exactly one label, the first. */
export function allowsHost(patterns: readonly string[], host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  const dot = name.indexOf('.');
  const wildcard = dot > 0 ? `*${name.slice(dot)}` : undefined;
  return patterns.some((pattern) => pattern === name || pattern === wildcard);
}
