/** tls show | set: what TLS an account's mail must have (SendGrid: enforced TLS). */
import { CliError, type Connection, type Options } from './connect.ts';
import { printJson, printLine } from './print.ts';

const LEVELS = {
  off: { requireTls: false, requireValidCert: false },
  required: { requireTls: true, requireValidCert: false },
  verified: { requireTls: true, requireValidCert: true },
} as const;
const MEANS: Record<keyof typeof LEVELS, string> = {
  off: 'TLS where it is offered; a domain with MTA-STS gets what it asks for.',
  required: 'never in clear: where there is no TLS, the copy is blocked.',
  verified: 'never in clear, and only to hosts with a valid certificate: elsewhere the copy is blocked.',
};

export async function showTls({ operator, account }: Connection, _rest: string[], { json }: Options): Promise<number> {
  const { requireTls = false, requireValidCert = false } = (await operator.readEnforcedTls(account)) ?? {};
  if (json) printJson({ require_tls: requireTls, require_valid_cert: requireValidCert });
  else {
    const level = requireValidCert ? 'verified' : requireTls ? 'required' : 'off';
    printLine(`${level}: ${MEANS[level]}`);
  }
  return 0;
}

export async function setTls(
  { operator, account }: Connection,
  [level = '']: string[],
  { json }: Options,
): Promise<number> {
  if (!Object.hasOwn(LEVELS, level)) throw new CliError(`"${level}" is not a level: off, required or verified`);
  const { requireTls, requireValidCert } = LEVELS[level as keyof typeof LEVELS];
  await operator.setEnforcedTls(account, { requireTls, requireValidCert });
  if (json) printJson({ require_tls: requireTls, require_valid_cert: requireValidCert });
  else printLine(`${level}: ${MEANS[level as keyof typeof LEVELS]} In effect within a minute.`);
  return 0;
}
