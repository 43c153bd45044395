/**
 * domains add | list | check | rotate | activate | retire | remove: sending domains, their DNS records and DKIM keys. A key signs
 * only after DNS has been seen to know it; one that is retired signs no more, and its record stays for a week.
 */
import { Resolver } from 'node:dns/promises';
import type { DkimAlgorithm } from '../../core/dkim.ts';
import { type DnsRecord, dkimRecordOf, dnsRecordsOf, findFault } from '../../core/dns-records.ts';
import { activateKey, keysOf, pendingKey, publishedKeys, RETIRED_LIFE, retireKey } from '../../core/domain-keys.ts';
import type { DomainKey, DomainRecord } from '../../core/records/domains.ts';
import { usesSes } from '../../core/via.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine, printTable } from './print.ts';

const DOMAIN = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$/i;

export async function addDomain(
  { operator, account, lanes, inboundHost }: Connection,
  [domain = '']: string[],
  { json }: Options,
): Promise<number> {
  if (!DOMAIN.test(domain)) throw new CliError(`"${domain}" is not a domain name`);
  const records = dnsRecordsOf(await operator.addDomain(account, domain), lanes, { inboundHost });
  if (json) printJson(records);
  else {
    printLine(`Publish these records, then run: npx pennypost domains check ${domain}\n`);
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
  else if (domains.length === 0) printLine('No domains yet. Add one: npx pennypost domains add DOMAIN');
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

/** Exit code 1 when something is missing, so that a script can wait for DNS; a key that is being introduced counts too. */
export async function checkDomain(
  { operator, account, lanes, dnsServers, inboundHost }: Connection,
  [name = '']: string[],
  { json }: Options,
): Promise<number> {
  const domain = await findDomain(operator, account, name);
  const resolver = openResolver(dnsServers);
  const keys = publishedKeys(domain, Date.now());
  const states = new Map(keys.map((key) => [dkimRecordOf(domain.domain, key).name, key.state]));
  const checked = await Promise.all(
    dnsRecordsOf(domain, lanes, { keys, inboundHost }).map(async (record) => ({
      ...record,
      state: states.get(record.name),
      fault: await checkRecord(record, resolver),
    })),
  );
  const missing = checked.filter(({ fault }) => fault !== undefined);
  const valid = missing.every(({ state }) => state === 'pending' || state === 'retired');
  if (valid) await operator.validateDomain(domain);
  if (json)
    printJson({
      domain: domain.domain,
      valid,
      records: checked.map(({ fault, state, ...record }) => ({
        ...record,
        ...(state === undefined || state === 'active' ? {} : { state }),
        valid: fault === undefined,
        reason: fault ?? null,
      })),
    });
  else {
    for (const { purpose, name: host, type, value, fault, state } of checked) {
      const note = state === undefined || state === 'active' ? '' : `  (${state})`;
      printLine(`${fault === undefined ? 'ok     ' : 'missing'}  ${purpose.padEnd(11)}  ${host}  ${type}${note}`);
      if (fault !== undefined) printLine(`         ${fault}. Publish:\n         ${value}`);
    }
    printLine(
      valid
        ? `\n${domain.domain} is ready to send.`
        : `\n${domain.domain} is not ready. DNS changes can take as long as the old record's TTL to be seen.`,
    );
    if (keys.some(({ state }) => state === 'pending'))
      printLine(`A new key waits. When its record is ok: npx pennypost domains activate ${domain.domain}`);
  }
  return missing.length === 0 ? 0 : 1;
}

/** Makes the next key; while one waits, prints its record again. */
export async function rotateDomain(
  { operator, account }: Connection,
  [name = '']: string[],
  { json, ed25519 = false }: Options,
): Promise<number> {
  const algorithm: DkimAlgorithm = ed25519 ? 'ed25519' : 'rsa';
  const found = await findDomain(operator, account, name);
  const domain = pendingKey(found, algorithm) ? found : await operator.addDomainKey(account, found, algorithm);
  const key = pendingKey(domain, algorithm);
  if (!key) throw new Error(`the new key of ${domain.domain} is not there`);
  const record = dkimRecordOf(domain.domain, key);
  if (json) printJson({ domain: domain.domain, selector: key.selector, algorithm, record });
  else {
    printLine(`Publish this record beside those that are there:\n`);
    printLine(`${record.name}  ${record.type}\n  ${record.value}\n`);
    printLine(`Mail is signed as before until you run: npx pennypost domains activate ${domain.domain}`);
  }
  return 0;
}

/** Lets the keys that wait sign, if DNS knows them. SES has a copy of the key that signed until now: it must be given the new one. */
export async function activateDomain(
  { operator, account, lanes, dnsServers }: Pick<Connection, 'operator' | 'account' | 'lanes' | 'dnsServers'>,
  [name = '']: string[],
  { json }: Options,
): Promise<number> {
  const domain = await findDomain(operator, account, name);
  const pending = keysOf(domain).filter(({ state }) => state === 'pending');
  if (pending.length === 0)
    throw new CliError(`no key of ${domain.domain} waits; make one: npx pennypost domains rotate ${name}`);
  const resolver = openResolver(dnsServers);
  for (const key of pending) {
    const record = dkimRecordOf(domain.domain, key);
    const fault = await checkRecord(record, resolver);
    if (fault !== undefined)
      throw new CliError(
        `${record.name} is not published: ${fault}. Nothing was changed; see: npx pennypost domains check ${name}`,
      );
  }
  const now = Date.now();
  const after = pending.reduce((one, { selector }) => activateKey(one, selector, now), domain);
  await operator.changeDomainKeys(domain, after);
  const retired = keysOf(after).filter(({ retiredAt }) => retiredAt === now);
  if (json)
    printJson({
      domain: domain.domain,
      activated: pending.map(({ selector }) => selector),
      retired: retired.map(({ selector }) => ({ selector, keep_record_until: now + RETIRED_LIFE })),
    });
  else {
    printLine(
      `${domain.domain} is signed with ${pending.map(({ selector }) => selector).join(', ')} within five minutes.`,
    );
    for (const key of retired) printRetired(after, key);
    if (pending.some(({ algorithm }) => algorithm === 'rsa') && lanes.some(({ via }) => usesSes(via)))
      printLine(`SES still signs with the old key. Give it the new one: ses identity ${domain.domain}`);
  }
  return 0;
}

/** Takes a key out of use: one that waits, or the Ed25519 key. The RSA key that signs is replaced by rotating. */
export async function retireDomainKey(
  { operator, account }: Connection,
  [name = '', selector = '']: string[],
  { json }: Options,
): Promise<number> {
  const domain = await findDomain(operator, account, name);
  const key = keysOf(domain).find((one) => one.selector === selector);
  if (!key) throw new CliError(`${domain.domain} has no key with the selector ${selector}`);
  const now = Date.now();
  const after = retireKey(domain, selector, now);
  if (!after)
    throw new CliError(`${selector} is the key that signs: replace it with npx pennypost domains rotate ${name}`);
  await operator.changeDomainKeys(domain, after);
  const retired = keysOf(after).find((one) => one.selector === selector)!;
  if (json)
    printJson({
      domain: domain.domain,
      retired: [{ selector, keep_record_until: (retired.retiredAt ?? now) + RETIRED_LIFE }],
    });
  else printRetired(after, retired);
  return 0;
}

/** Its keys go with it: added again, it gets new ones. */
export async function removeDomain(
  { operator, account }: Connection,
  [name = '']: string[],
  { json }: Options,
): Promise<number> {
  const { domain } = await findDomain(operator, account, name);
  await operator.removeDomain(account, domain);
  if (json) printJson({ removed: domain });
  else {
    printLine(`${domain} is removed, and its DKIM keys with it. Within five minutes its mail that waits is dropped,`);
    printLine('and bounces of what it has sent are refused.');
  }
  return 0;
}

function printRetired({ domain }: DomainRecord, { selector, retiredAt = 0 }: DomainKey): void {
  const until = formatTime(retiredAt + RETIRED_LIFE).slice(0, 16);
  printLine(`${selector} signs no more. Leave ${selector}._domainkey.${domain} in DNS until ${until} UTC:`);
  printLine('mail that it signed is still on its way until then.');
}

async function findDomain(operator: Connection['operator'], account: string, name: string): Promise<DomainRecord> {
  const domain = (await operator.listDomains(account)).find((one) => one.domain === name.toLowerCase());
  if (!domain)
    throw new CliError(`${name} is not a domain of this account; npx pennypost domains list shows those there are`);
  return domain;
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
