/**
 * doctor: looks at everything outside the stack that mail needs, and says what to publish or whom to ask. It changes
 * nothing. Exit code 1 when something is wrong; what could not be asked is shown, and is no failure.
 * The stack of `npm start` sends nothing to the world, so of it only the domains' records are looked at.
 */
import { GetAccountCommand, GetEmailIdentityCommand, SESv2Client } from '@aws-sdk/client-sesv2';
import { BLOCKLISTS, judgeListing, nameAt, reversed } from '../../core/blocklists.ts';
import {
  type Answer,
  type DomainNames,
  type Finding,
  judgeDomain,
  judgePtr,
  judgeTls,
  recordsOf,
  requestPort25,
  type Sender,
} from '../../core/doctor.ts';
import { judgeSesAccount, judgeSesIdentity, type SesAccount, type SesIdentity } from '../../core/ses-account.ts';
import { usesSes } from '../../core/via.ts';
import type { Connection, Options } from './connect.ts';
import { type LookUp, openLookUp } from './look-up.ts';
import { printJson, printLine } from './print.ts';

type Examined = Pick<Connection, 'where' | 'operator' | 'account' | 'lanes' | 'dnsServers' | 'inboundHost'>;

export async function doctor(connection: Examined, _rest: string[], { json }: Options): Promise<number> {
  const findings = await examine(connection);
  const ok = !findings.some(({ state }) => state === 'wrong');
  if (json) printJson({ ok, findings });
  else print(findings, isLocal(connection));
  return ok ? 0 : 1;
}

/** Asks everything, and says what came of it. */
export async function examine(connection: Examined): Promise<Finding[]> {
  const { operator, account, lanes, dnsServers, inboundHost } = connection;
  const lookUp = openLookUp(dnsServers);
  const senders = lanes.flatMap(({ name, ip, ehloName }) => (ip === undefined ? [] : [{ name, ip, ehloName }]));
  const domains = await operator.listDomains(account);
  const local = isLocal(connection);
  const found = await Promise.all([
    ...(local
      ? []
      : [
          checkAddresses(senders, domains, lookUp),
          checkSes(lanes.some(({ via }) => usesSes(via)) ? domains : undefined),
        ]),
    ...domains.map((domain) => checkDomain(domain, senders, { lookUp, local, inboundHost })),
  ]);
  return found.flat();
}

const isLocal = ({ where }: Examined): boolean => where.startsWith('local stack');

async function checkAddresses(
  senders: readonly Sender[],
  domains: readonly DomainNames[],
  lookUp: LookUp,
): Promise<Finding[]> {
  const port25 = requestPort25(senders, regionName());
  const ptr = senders.map(async (sender) =>
    judgePtr(sender, await lookUp(`${reversed(sender.ip)}.in-addr.arpa`, 'PTR'), await lookUp(sender.ehloName, 'A')),
  );
  const names = domains.map(({ domain }) => domain);
  const listings = BLOCKLISTS.flatMap((list) => {
    const about = list.lists === 'address' ? [...new Set(senders.map(({ ip }) => ip))] : names;
    if (about.length === 0) return [];
    const listed = lookUp(`${list.listed}.${list.zone}`, 'A');
    const unlisted = lookUp(`${list.unlisted}.${list.zone}`, 'A');
    return about.map(async (one) =>
      judgeListing(list, one, {
        it: await lookUp(nameAt(list, one), 'A'),
        listed: await listed,
        unlisted: await unlisted,
      }),
    );
  });
  return [...(port25 ? [port25] : []), ...(await Promise.all([...ptr, ...listings]))];
}

async function checkDomain(
  domain: DomainNames,
  senders: readonly Sender[],
  { lookUp, local, inboundHost }: { lookUp: LookUp; local: boolean; inboundHost: string | undefined },
): Promise<Finding[]> {
  const records = recordsOf(domain, senders, inboundHost);
  const [answers, parents, reports, sts] = await Promise.all([
    Promise.all(records.map(({ name, type }) => lookUp(name, type))),
    Promise.all(parentsOf(domain.domain).map((parent) => lookUp(`_dmarc.${parent}`, 'TXT'))),
    lookUp(`_smtp._tls.${domain.returnPath}`, 'TXT'),
    lookUp(`_mta-sts.${domain.returnPath}`, 'TXT'),
  ]);
  const mx = records.findIndex(({ type }) => type === 'MX');
  const found: Answer | undefined = answers[mx];
  const hosts = new Map<string, Answer>();
  for (const value of found && 'values' in found ? found.values : []) {
    const host = value.split(' ').at(-1)!.toLowerCase().replace(/\.$/, '');
    if (host !== '') hosts.set(host, await lookUp(host, 'A'));
  }
  const judged = judgeDomain(domain, senders, answers, parents, hosts, inboundHost);
  return local || mx < 0 ? judged : [...judged, ...judgeTls(domain, reports, sts)];
}

/** The domains above, down to two labels: where DMARC looks when the domain itself says nothing (RFC 7489 6.6.3). */
function parentsOf(domain: string): string[] {
  const labels = domain.split('.');
  return labels.slice(1, -1).map((_, n) => labels.slice(n + 1).join('.'));
}

/** @param domains undefined: no pool goes by SES */
async function checkSes(domains: readonly DomainNames[] | undefined): Promise<Finding[]> {
  if (!domains) return [];
  const client = new SESv2Client({ maxAttempts: 2 });
  const region = await client.config.region();
  const account = judgeSesAccount(await readSesAccount(client), region);
  const identities = domains.map(async ({ domain, selector }) => {
    const identity = await readSesIdentity(client, domain);
    const token = identity && 'token' in identity ? identity.token : undefined;
    const finding = judgeSesIdentity(domain, identity, region);
    return finding.state === 'ok' && token !== undefined && token !== selector
      ? keyIsOld(finding, token, selector)
      : finding;
  });
  return [...account, ...(await Promise.all(identities))];
}

/** After a rotation SES goes on with the key that it was given, until that one's record goes from DNS. */
const keyIsOld = (finding: Finding, token: string, selector: string): Finding => ({
  ...finding,
  state: 'wrong',
  found: `SES signs with the key ${token}, and the domain with ${selector}: its record will go`,
  todo: [`npx pennypost ses identity ${finding.about}`],
});

/** `token`: the selector of the key that SES was given; absent where it signs with keys of its own. */
async function readSesIdentity(
  client: SESv2Client,
  domain: string,
): Promise<(SesIdentity & { token?: string }) | { error: string } | undefined> {
  try {
    const answer = await client.send(new GetEmailIdentityCommand({ EmailIdentity: domain }));
    const { DkimAttributes, MailFromAttributes } = answer;
    const token = DkimAttributes?.Tokens?.[0];
    return {
      dkim: DkimAttributes?.Status ?? 'NOT_STARTED',
      mailFrom: MailFromAttributes?.MailFromDomainStatus ?? 'NOT_STARTED',
      ...(DkimAttributes?.SigningAttributesOrigin === 'EXTERNAL' && token !== undefined && { token }),
    };
  } catch (error) {
    const { name, message } = error as Error;
    return name === 'NotFoundException' ? undefined : { error: message || name };
  }
}

async function readSesAccount(client: SESv2Client): Promise<SesAccount | { error: string }> {
  try {
    const answer = await client.send(new GetAccountCommand({}));
    const { ProductionAccessEnabled, SendingEnabled, EnforcementStatus, SendQuota } = answer;
    return {
      production: ProductionAccessEnabled === true,
      sending: SendingEnabled === true,
      ...(EnforcementStatus === undefined ? {} : { enforcement: EnforcementStatus }),
      ...(SendQuota
        ? {
            quota: {
              day: SendQuota.Max24HourSend ?? 0,
              second: SendQuota.MaxSendRate ?? 0,
              sent: SendQuota.SentLast24Hours ?? 0,
            },
          }
        : {}),
    };
  } catch (error) {
    return { error: (error as Error).message || (error as Error).name };
  }
}

const regionName = (): string => process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'your region';

function print(findings: readonly Finding[], local: boolean): void {
  const signs = { ok: 'ok     ', wrong: 'WRONG  ', unknown: 'unknown', note: 'note   ' };
  for (const { check, about, state, found, todo } of findings) {
    printLine(`${signs[state]}  ${check.padEnd(11)}  ${about}: ${found}`);
    for (const line of todo) printLine(`         ${line}`);
  }
  const wrong = findings.filter(({ state }) => state === 'wrong').length;
  const unknown = findings.filter(({ state }) => state === 'unknown').length;
  if (local)
    printLine('\nA local stack sends nothing to the world: port 25, names of addresses and blocklists are not asked.');
  printLine(
    `\n${wrong} wrong, ${unknown} could not be told.${wrong === 0 ? '' : ' Mend these first, then run it again.'}`,
  );
}
