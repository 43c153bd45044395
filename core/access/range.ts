/**
 * IP addresses and ranges of them, as an IP access list has them: an address, a range in CIDR notation (RFC 4632, RFC 4291 2.3), or an IPv4
 * address whose last parts are `*` (SendGrid). A range contains an address exactly when they are of one family and agree in the bits of
 * the prefix. An IPv4 address in the clothes of IPv6 (`::ffff:192.0.2.1`, RFC 4291 2.5.5.2) is that IPv4 address everywhere.
 * It refuses whatever can be read in two ways: leading zeros, zones, parts that are left out, a `*` before a number.
 */

export type Address = { family: 4 | 6; bits: bigint };
/** `prefix`: how many of the first bits count; the others of `bits` are zero. */
export type Range = Address & { prefix: number };

const WIDTH = { 4: 32, 6: 128 } as const;
/** The first 96 bits of a mapped IPv4 address. */
const MAPPED = 0xffffn;
const PART = String.raw`(0|[1-9]\d{0,2})`;
const IPV4 = new RegExp(String.raw`^${PART}\.${PART}\.${PART}\.${PART}$`);
const WILDCARD = /^((?:\d{1,3}\.){0,3})(\*(?:\.\*){0,3})$/;
const PREFIX = /^(0|[1-9]\d{0,2})$/;
/** Characters of the longest text of an address. */
const LONGEST = 45;

/** Undefined: it is no address. */
export function readAddress(text: string): Address | undefined {
  const ipv4 = readIpv4(text);
  if (ipv4 !== undefined) return { family: 4, bits: ipv4 };
  const ipv6 = readIpv6(text);
  if (ipv6 === undefined) return undefined;
  return ipv6 >> 32n === MAPPED ? { family: 4, bits: ipv6 & 0xffff_ffffn } : { family: 6, bits: ipv6 };
}

/** Undefined: it is no range. Bits behind the prefix are dropped: `192.0.2.7/24` is `192.0.2.0/24`. */
export function readRange(text: string): Range | undefined {
  const wild = readWildcard(text);
  if (wild) return wild;
  const [before = '', prefix, ...more] = text.split('/');
  const address = readAddress(before);
  if (!address || more.length > 0) return undefined;
  if (prefix === undefined) return { ...address, prefix: WIDTH[address.family] };
  if (!PREFIX.test(prefix)) return undefined;
  // A mapped address counts its prefix from the front of all 128 bits; one that reaches before them is no range of IPv4.
  const bits = address.family === 4 && before.includes(':') ? Number(prefix) - 96 : Number(prefix);
  if (bits < 0 || bits > WIDTH[address.family]) return undefined;
  const behind = BigInt(WIDTH[address.family] - bits);
  return { ...address, bits: (address.bits >> behind) << behind, prefix: bits };
}

export function contains(range: Range, { family, bits }: Address): boolean {
  const behind = BigInt(WIDTH[range.family] - range.prefix);
  return range.family === family && range.bits >> behind === bits >> behind;
}

/** `192.0.2.0/24`; IPv6 as RFC 5952 has it. */
export const writeRange = (range: Range): string => `${writeAddress(range)}/${range.prefix}`;

export function writeAddress({ family, bits }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((behind) => (bits >> behind) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, n) => ((bits >> BigInt(112 - 16 * n)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function readIpv4(text: string): bigint | undefined {
  const parts = IPV4.exec(text)?.slice(1).map(Number);
  if (!parts || parts.some((part) => part > 255)) return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

/** URLs know how IPv6 is written (WHATWG, "host parsing"), and write it back in one way. */
function readIpv6(text: string): bigint | undefined {
  if (text.length > LONGEST || !text.includes(':') || !/^[0-9a-f:.]+$/i.test(text)) return undefined;
  const url = `http://[${text}]`;
  if (!URL.canParse(url)) return undefined;
  const [head = '', tail] = new URL(url).hostname.slice(1, -1).split('::');
  const groupsOf = (part: string) => (part === '' ? [] : part.split(':'));
  const [before, after] = [groupsOf(head), groupsOf(tail ?? '')];
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function readWildcard(text: string): Range | undefined {
  const [, numbers = '', stars = ''] = WILDCARD.exec(text) ?? [];
  const known = numbers.split('.').length - 1;
  if (stars === '' || known + stars.split('.').length !== 4) return undefined;
  const bits = readIpv4(
    `${numbers}${Array(4 - known)
      .fill('0')
      .join('.')}`,
  );
  return bits === undefined ? undefined : { family: 4, bits, prefix: 8 * known };
}
