/** DNS questions of the command line. */
import { type LookUp, openLookUp as open } from '../../io/look-up.ts';
import { CliError } from './connect.ts';

export type { LookUp };

/** @throws CliError when a server is no IP address */
export function openLookUp(servers: string[] | undefined): LookUp {
  try {
    return open(servers);
  } catch {
    throw new CliError(`"${servers}" is not a DNS server: --dns takes an IP address, or IP:PORT`);
  }
}
