/**
 * `<data folder>/local.json`: where the running local stack tells scripts and the command line how to reach it. It is there
 * while the stack runs; after a crash it may be left over, so a reader looks whether its process answers.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What `local.json` holds, for scripts and the command line. */
export type LocalFile = {
  apiUrl: string;
  apiKey: string;
  /** An address that the operator's account may send from. */
  from: string;
  inboxUrl: string;
  /** What links in mail lead to: the link host of `example.com`. */
  trackUrl: string;
  pid: number;
  awsUrl: string;
  stackName: string;
  /** `ip:port` of the DNS server that answers for all mail of this stack. */
  dnsServer: string;
  smtpSink: string;
  /** Where customers send through, when the stack has a relay: STARTTLS at `port`, TLS from the first octet at `securePort`. */
  smtp?: { host: string; port: number; securePort?: number; user: 'apikey'; password: string };
  /** Where mail comes back to, when the relay takes it: what port 25 is in AWS. */
  inbound?: { host: string; port: number };
  /** `POST /v3/mail/send` up to 30 MB, with a certificate that nobody has signed. */
  bigDoorUrl?: string;
  outputs: Record<string, string>;
};

export const localFile = (folder: string) => join(folder, 'local.json');

/** @throws Error when another process serves this folder */
export async function refuseSecond(folder: string): Promise<void> {
  const file = localFile(folder);
  if (!existsSync(file)) return;
  let other: Partial<LocalFile>;
  try {
    other = JSON.parse(readFileSync(file, 'utf8')) as Partial<LocalFile>;
    process.kill(other.pid!, 0);
    // A process id is given out again: only one that answers is a stack.
    await fetch(other.awsUrl!, { signal: AbortSignal.timeout(1_000) });
  } catch {
    return;
  }
  throw new Error(
    `A local stack runs already on ${folder} (process ${other.pid}, API at ${other.apiUrl}). Stop it first, or start this one with another --folder.`,
  );
}
