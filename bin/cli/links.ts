/** links add | list | check | default | remove | rotate: the hosts that links in mail lead to (SendGrid: link branding). */

import { isLinkHost, isLoopback, linkHostWithin } from '../../core/tracking/link-host.ts';
import { openLinkProbe } from '../../io/link-probe.ts';
import { openMx } from '../../io/mx.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { printJson, printLine, printTable } from './print.ts';

/** Names a host for the links of a domain's mail, and tells what is to be done until it answers. */
export async function addLink(
  connection: Connection,
  [domain = '', host = '']: string[],
  { json }: Options,
): Promise<number> {
  const { operator, account, local } = connection;
  const name = host.toLowerCase();
  const domains = await operator.listDomains(account);
  if (!domains.some((one) => one.domain === domain.toLowerCase()))
    throw new CliError(`${domain} is no sending domain of this account; npx pennypost domains list shows them`);
  if (!isLinkHost(name) || (isLoopback(name) && !local)) throw new CliError(`"${host}" is no host name`);
  if (!isLoopback(name) && !linkHostWithin(name, domain))
    throw new CliError(`${name} must be a subdomain of ${domain}: links at another name look like somebody else's`);
  const link = await operator.writeLink(account, domain, name).catch((error: Error) => {
    throw error.name === 'HostTakenError' ? new CliError(error.message) : error;
  });
  if (json) printJson({ domain: link.domain, host: link.host, valid: false });
  else printSteps(connection, name, link.domain);
  return 0;
}

function printSteps({ linkFront }: Connection, host: string, domain: string): void {
  if (linkFront) {
    printLine(`1. Publish this record:\n\n  ${host}  CNAME\n  ${linkFront.target}\n`);
    printLine(
      `2. Make the host a tenant of the distribution; CloudFront has its certificate issued, and renews it:\n\n  aws cloudfront create-distribution-tenant --distribution-id ${linkFront.distributionId} --connection-group-id ${linkFront.groupId} \\\n    --name ${host.replaceAll('.', '-')} --domains Domain=${host} \\\n    --managed-certificate-request PrimaryDomainName=${host},ValidationTokenHost=cloudfront\n`,
    );
    printLine(`3. Some minutes later: npx pennypost links check ${domain}`);
  } else
    printLine(
      `The settings have no \`tracking.cloudFront\`: have ${host} answered by what you have in front of the stack's TrackUrl\n(docs/tracking.md), then: npx pennypost links check ${domain}`,
    );
}

export async function listLinks({ operator, account }: Connection, _: string[], { json }: Options): Promise<number> {
  const [links, fallback] = await Promise.all([operator.listLinks(account), operator.readLinkDefault(account)]);
  const rows = links.map(({ domain, host, validAt }) => ({
    domain,
    host,
    valid: validAt !== undefined,
    default: domain === fallback,
  }));
  if (json) printJson(rows);
  else if (rows.length === 0)
    printLine('No link hosts yet, so nothing is tracked. Add one: npx pennypost links add DOMAIN HOST');
  else
    printTable(
      ['DOMAIN', 'HOST', 'TRACKS', 'DEFAULT'],
      rows.map(({ domain, host, valid, default: isDefault }) => [
        domain,
        host,
        valid ? 'yes' : 'not yet: npx pennypost links check',
        isDefault ? 'yes' : '',
      ]),
    );
  return 0;
}

/** Asks the host over HTTPS whether it is ours; what it says is remembered, and deliver knows it within a minute. */
export async function checkLink(
  { operator, account, local, dnsServers }: Connection,
  [domain = '']: string[],
  { json }: Options,
): Promise<number> {
  const link = await operator.readLink(account, domain);
  if (!link) throw new CliError(`${domain} has no link host; add one: npx pennypost links add DOMAIN HOST`);
  const { resolveHost } = openMx({
    ...(dnsServers && { servers: dnsServers }),
    allowPrivateHosts: local,
    now: Date.now,
    random: Math.random,
    mtaSts: false,
  });
  const problem = await openLinkProbe({ resolveHost })(link.host);
  await operator.setLinkValid(link, problem === undefined);
  if (json) printJson({ host: link.host, valid: problem === undefined, ...(problem && { reason: problem }) });
  else if (problem === undefined) printLine(`${link.host} answers for this stack: mail from ${domain} can be tracked.`);
  else printLine(`${link.host} does not answer for this stack: ${problem}\nMail from ${domain} is not tracked.`);
  return problem === undefined ? 0 : 1;
}

export async function defaultLink(
  { operator, account }: Connection,
  [domain = '']: string[],
  { json }: Options,
): Promise<number> {
  const link = await operator.readLink(account, domain);
  if (!link) throw new CliError(`${domain} has no link host; add one: npx pennypost links add DOMAIN HOST`);
  await operator.setLinkDefault(account, domain);
  if (json) printJson({ default: link.host });
  else printLine(`Mail from domains without a link host of their own has its links at ${link.host}, within a minute.`);
  return 0;
}

export async function removeLink(
  { operator, account }: Connection,
  [domain = '']: string[],
  { json }: Options,
): Promise<number> {
  if (!(await operator.removeLink(account, domain))) throw new CliError(`${domain} has no link host`);
  if (json) printJson({ removed: domain.toLowerCase() });
  else
    printLine(
      `Mail from ${domain} is tracked no more, within a minute. Keep the host answering for as long as mail with its links is read.`,
    );
  return 0;
}
