/**
 * A site: a set of MX hosts. Domains with the same set share one site, so its limits and its open sessions.
 * The name tells the whole set, so that two sets never share a name: a session opened for one would else carry mail that
 * the other's domain never sent there.
 */

/**
 * The name of a set of MX hosts, whatever their order and case: hosts that differ in their first label stand together,
 * `(alt1|alt2).gmail-smtp-in.l.google.com`, sets are joined by a comma.
 */
export function nameSite(hosts: readonly string[]): string {
  const groups = new Map<string, Set<string>>();
  for (const host of new Set(hosts.map((one) => one.toLowerCase().replace(/\.$/, '')))) {
    const dot = host.indexOf('.');
    const rest = dot < 0 ? host : host.slice(dot + 1);
    const firsts = groups.get(rest) ?? new Set();
    firsts.add(dot < 0 ? '' : host.slice(0, dot));
    groups.set(rest, firsts);
  }
  return [...groups]
    .map(([rest, firsts]) => {
      const [first, ...others] = [...firsts].sort();
      if (others.length === 0) return first === '' ? rest : `${first}.${rest}`;
      return `(${[first, ...others].join('|')}).${rest}`;
    })
    .sort()
    .join(',');
}
