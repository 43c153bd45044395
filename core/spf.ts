/**
 * Whether an SPF record lets an address send, as far as the record itself says (RFC 7208 4.6): mechanisms that name
 * addresses are compared, those that stand for other records (include, a, mx, exists, redirect) are left to the caller to
 * ask about. It says so instead of guessing.
 */

/** `passes`: an address range allows it. `perhaps`: another record decides; its terms are named. */
export type SpfVerdict =
  | { is: 'passes' }
  | { is: 'fails'; by: string }
  | { is: 'perhaps'; by: string[] }
  | { is: 'open'; by: string };

/**
 * @param policy a TXT record that begins with v=spf1
 * @param ip IPv4
 */
export function checkSpf(policy: string, ip: string): SpfVerdict {
  const indirect: string[] = [];
  for (const term of policy.trim().split(/\s+/).slice(1)) {
    const match = /^([+\-~?]?)([a-z0-9]+)(?::([^/]*))?(?:\/(\d+))?/i.exec(term);
    if (!match) continue;
    const [, qualifier = '', name = '', value = '', prefix] = match;
    const passes = qualifier === '' || qualifier === '+';
    switch (name.toLowerCase()) {
      case 'ip4':
        if (!covers(value, prefix === undefined ? 32 : Number(prefix), ip)) break;
        if (!passes) return { is: 'fails', by: term };
        if (indirect.some((one) => /^[-~?]/.test(one))) return { is: 'perhaps', by: indirect };
        return Number(prefix ?? 32) === 0 ? { is: 'open', by: term } : { is: 'passes' };
      case 'all':
        if (passes) return { is: 'open', by: term };
        return indirect.length > 0 ? { is: 'perhaps', by: indirect } : { is: 'fails', by: term };
      case 'include':
      case 'a':
      case 'mx':
      case 'exists':
      case 'ptr':
      case 'redirect':
        indirect.push(term);
    }
  }
  return indirect.length > 0 ? { is: 'perhaps', by: indirect } : { is: 'fails', by: 'no term names it' };
}

function covers(network: string, prefix: number, ip: string): boolean {
  const [one, other] = [toNumber(network), toNumber(ip)];
  if (one === undefined || other === undefined || prefix > 32) return false;
  const size = 2 ** (32 - prefix);
  return Math.floor(one / size) === Math.floor(other / size);
}

function toNumber(ip: string): number | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(ip)?.slice(1).map(Number);
  if (!octets || octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
