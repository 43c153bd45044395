/** domains add | list | check: sending domains and their DNS records. */
import { Resolver } from 'node:dns/promises';
import { type DnsRecord, dnsRecordsOf, findFault } from '../../core/dns-records.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine, printTable } from './print.ts';

const DOMAIN = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i;

export async function addDomain(
  { operator, account, lanes }: Connection,
  [domain = '']: string[],
  { json }: Options,
): Promise<number> {
  if (!DOMAIN.test(domain)) throw new CliError(`"${domain}" is not a domain name`);
  const records = dnsRecordsOf(await operator.addDomain(account, domain), lanes);
  if (json) printJson(records);
  else {
    printLine(`Publish these records, then run: domains check ${domain}\n`);
    for (const { purpose, name, type, value } of records) printLine(`${purpose}\n  ${name}  ${type}\n  ${value}\n`);
  }
  return 0;
}

export async function listDomains(
  { operator, account }: Connection,
  _rest: string[],
  { json }: Options,
): Promise<number> {
  const domains = await operator.listDomains(account);
  if (json)
    printJson(
      domains.map(({ domain, selector, createdAt, validAt }) => ({
        domain,
        selector,
        created: createdAt,
        valid: validAt ?? null,
      })),
    );
  else if (domains.length === 0) printLine('No domains yet. Add one: domains add DOMAIN');
  else
    printTable(
      ['DOMAIN', 'SELECTOR', 'ADDED (UTC)', 'CHECKED (UTC)'],
      domains.map(({ domain, selector, createdAt, validAt }) => [
        domain,
        selector,
        formatTime(createdAt),
        validAt ? formatTime(validAt) : 'not yet',
      ]),
    );
  return 0;
}

/** Exit code 1 when something is missing, so that a script can wait for DNS. */
export async function checkDomain(
  { operator, account, lanes, dnsServers }: Connection,
  [name = '']: string[],
  { json }: Options,
): Promise<number> {
  const domain = (await operator.listDomains(account)).find((one) => one.domain === name.toLowerCase());
  if (!domain) throw new CliError(`${name} is not a domain of this account; add it: domains add ${name}`);
  const resolver = openResolver(dnsServers);
  const checked = await Promise.all(
    dnsRecordsOf(domain, lanes).map(async (record) => ({ ...record, fault: await checkRecord(record, resolver) })),
  );
  const valid = checked.every(({ fault }) => fault === undefined);
  if (valid) await operator.validateDomain(domain);
  if (json)
    printJson({
      domain: domain.domain,
      valid,
      records: checked.map(({ fault, ...record }) => ({
        ...record,
        valid: fault === undefined,
        reason: fault ?? null,
      })),
    });
  else {
    for (const { purpose, name: host, type, value, fault } of checked) {
      printLine(`${fault === undefined ? 'ok     ' : 'missing'}  ${purpose.padEnd(11)}  ${host}  ${type}`);
      if (fault !== undefined) printLine(`         ${fault}. Publish:\n         ${value}`);
    }
    printLine(
      valid
        ? `\n${domain.domain} is ready to send.`
        : `\n${domain.domain} is not ready. DNS changes can take as long as the old record's TTL to be seen.`,
    );
  }
  return valid ? 0 : 1;
}

function openResolver(servers: string[] | undefined): Resolver {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  try {
    if (servers) resolver.setServers(servers);
  } catch {
    throw new CliError(`"${servers}" is not a DNS server: --dns takes an IP address, or IP:PORT`);
  }
  return resolver;
}

async function checkRecord(record: DnsRecord, resolver: Resolver): Promise<string | undefined> {
  try {
    const found =
      record.type === 'TXT'
        ? (await resolver.resolveTxt(record.name)).map((strings) => strings.join(''))
        : (await resolver.resolveMx(record.name)).map(({ priority, exchange }) => `${priority} ${exchange}`);
    return findFault(record, found);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENODATA' || code === 'ENOTFOUND'
      ? findFault(record, [])
      : `the look-up failed (${code}): try again`;
  }
}
