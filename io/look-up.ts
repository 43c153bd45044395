/** DNS questions about what somebody has published: one answer each, where "there is none" and "could not ask" are kept apart. */
import { Resolver } from 'node:dns/promises';
import type { Answer } from '../core/doctor.ts';

/** MX as `preference host`, the strings of a TXT record joined. */
export type LookUp = (name: string, type: 'A' | 'AAAA' | 'CNAME' | 'MX' | 'PTR' | 'TXT') => Promise<Answer>;

/** @param servers IP addresses, or IP:PORT; absent: the system's. @throws Error when one is none */
export function openLookUp(servers: string[] | undefined): LookUp {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (servers) resolver.setServers(servers);
  const ask = {
    A: (name: string) => resolver.resolve4(name),
    AAAA: (name: string) => resolver.resolve6(name),
    CNAME: (name: string) => resolver.resolveCname(name),
    MX: async (name: string) =>
      (await resolver.resolveMx(name)).map(({ priority, exchange }) => `${priority} ${exchange}`),
    PTR: (name: string) => resolver.resolvePtr(name),
    TXT: async (name: string) => (await resolver.resolveTxt(name)).map((strings) => strings.join('')),
  };
  return async (name, type) => {
    try {
      return { values: await ask[type](name) };
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      return code === 'ENODATA' || code === 'ENOTFOUND' ? { values: [] } : { error: code };
    }
  };
}
