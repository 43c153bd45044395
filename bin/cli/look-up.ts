/** DNS questions of the command line: one answer each, where "there is none" and "could not ask" are kept apart. */
import { Resolver } from 'node:dns/promises';
import type { Answer } from '../../core/doctor.ts';
import { CliError } from './connect.ts';

/** MX as `preference host`, the strings of a TXT record joined. */
export type LookUp = (name: string, type: 'A' | 'MX' | 'PTR' | 'TXT') => Promise<Answer>;

/** @throws CliError when a server is no IP address */
export function openLookUp(servers: string[] | undefined): LookUp {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  try {
    if (servers) resolver.setServers(servers);
  } catch {
    throw new CliError(`"${servers}" is not a DNS server: --dns takes an IP address, or IP:PORT`);
  }
  const ask = {
    A: (name: string) => resolver.resolve4(name),
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
