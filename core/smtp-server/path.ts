/**
 * The arguments of MAIL and RCPT (RFC 5321 4.1.1.2 and .3): a path in angle brackets and its parameters. It refuses source
 * routes (`<@a,@b:c@d>`, RFC 5321 appendix C: the oldest way to make somebody else's server relay) and whatever could be read
 * as two addresses. What an address means is for others to say; here it is only cut out, whole.
 */
export type Parameters = ReadonlyMap<string, string>;
export type Path = { ok: true; address: string; parameters: Parameters };
export type PathFault = { ok: false; fault: 'syntax' | 'source-route' | 'parameter'; detail?: string };

/** Octets of a path with its brackets: RFC 5321 4.5.3.1.3 says 256, senders of bounces write longer return paths. */
const PATH_BYTES = 512;
const QUOTED = '"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|[^\\x00-\\x7f]|\\\\[\\x20-\\x7e])*"';
/** A quoted string may hold anything, `>` and `@` among it; outside of one neither brackets nor spaces. */
const ARGUMENT = new RegExp(`^ *<((?:${QUOTED}|[^"<>\\s\\\\])*)>((?: +\\S+)*)$`);
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?$/;

/**
 * @param keyword `FROM` or `TO`
 * @param allowed the parameters that may follow, in upper case
 */
export function readPath(argument: string, keyword: 'FROM' | 'TO', allowed: ReadonlySet<string>): Path | PathFault {
  const start = `${keyword}:`;
  if (argument.slice(0, start.length).toUpperCase() !== start) return { ok: false, fault: 'syntax' };
  if (Buffer.byteLength(argument) > 4 * PATH_BYTES) return { ok: false, fault: 'syntax' };
  const match = ARGUMENT.exec(argument.slice(start.length));
  const address = match?.[1];
  if (address === undefined || Buffer.byteLength(address) > PATH_BYTES - 2) return { ok: false, fault: 'syntax' };
  if (address.startsWith('@')) return { ok: false, fault: 'source-route' };
  const parameters = new Map<string, string>();
  for (const given of match![2]!.split(' ').filter(Boolean)) {
    const [, name = '', value = ''] = PARAMETER.exec(given) ?? [];
    const key = name.toUpperCase();
    if (!allowed.has(key) || parameters.has(key)) return { ok: false, fault: 'parameter', detail: given.slice(0, 60) };
    parameters.set(key, value);
  }
  return { ok: true, address, parameters };
}

/** Whether a local part asks us to relay: `user%host`, `host!user`, `user@host` in quotes, `user:host`. */
export function asksToRelay(address: string): boolean {
  return /[%!@:,\\]/.test(address.slice(0, address.lastIndexOf('@')));
}
