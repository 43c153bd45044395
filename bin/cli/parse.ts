/** parse add | list | remove, forward set | off: where mail that comes in goes (SendGrid: Inbound Parse, forward_bounce, forward_spam). */
import { readMailbox } from '../../core/address.ts';
import { readParseSetting, showParseSetting } from '../../core/parse/setting.ts';
import { parseSettingKey } from '../../core/records/inbound.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { printJson, printLine, printTable } from './print.ts';

/** Makes a setting, and tells the MX record that brings mail to it. */
export async function addParse(
  { operator, account, inboundHost, local }: Connection,
  [hostname = '', url = '']: string[],
  { json, raw = false, 'spam-check': spamCheck = false }: Options,
): Promise<number> {
  const domains = await operator.listDomains(account);
  const body = { hostname, url, spam_check: spamCheck, send_raw: raw };
  const read = readParseSetting(body, domains, { anyPort: local });
  if (!read.ok) throw new CliError(read.errors.map(({ message }) => message).join('; '));
  const { setting } = read;
  const record = { ...parseSettingKey(account, setting.hostname), ...setting, createdAt: Date.now() };
  try {
    if (!(await operator.createParseSetting(account, record)))
      throw new CliError(`${setting.hostname} has a parse setting already; parse list shows it`);
  } catch (error) {
    if ((error as Error).name !== 'HostTakenError') throw error;
    throw new CliError((error as Error).message);
  }
  if (json) printJson(showParseSetting(setting));
  else {
    printLine(`Mail for ${setting.hostname} goes to ${setting.url} within a minute. Publish this record:\n`);
    printLine(`  ${setting.hostname}  MX\n  10 ${inboundHost ?? '(no host: the settings have no `inbound`)'}`);
  }
  return 0;
}

export async function listParse(
  { operator, account }: Connection,
  _rest: string[],
  { json }: Options,
): Promise<number> {
  const settings = await operator.listParseSettings(account);
  if (json) printJson(settings.map(showParseSetting));
  else if (settings.length === 0) printLine('No parse settings yet. Add one: parse add HOSTNAME URL');
  else
    printTable(
      ['HOSTNAME', 'URL', 'AS'],
      settings.map(({ hostname, url, sendRaw }) => [hostname, url, sendRaw ? 'raw' : 'parts']),
    );
  return 0;
}

export async function removeParse(
  { operator, account }: Connection,
  [hostname = '']: string[],
  { json }: Options,
): Promise<number> {
  if (!(await operator.removeParseSetting(account, hostname)))
    throw new CliError(`${hostname} has no parse setting in this account`);
  if (json) printJson({ removed: hostname.toLowerCase() });
  else printLine(`Mail for ${hostname} is refused within a minute; what is on its way to the URL is let go.`);
  return 0;
}

const KINDS = { bounces: 'forward_bounce', complaints: 'forward_spam' } as const;

function kindOf(kind: string): (typeof KINDS)[keyof typeof KINDS] {
  if (!Object.hasOwn(KINDS, kind)) throw new CliError(`"${kind}" is not forwarded: bounces or complaints`);
  return KINDS[kind as keyof typeof KINDS];
}

export async function setForward(
  { operator, account }: Connection,
  [kind = '', email = '']: string[],
  { json }: Options,
): Promise<number> {
  const which = kindOf(kind);
  if (!readMailbox(email)) throw new CliError(`"${email}" is not an address`);
  await operator.setForward(account, which, email);
  if (json) printJson({ enabled: true, email });
  else printLine(`${kind} are sent on to ${email} within a minute.`);
  return 0;
}

export async function endForward(
  { operator, account }: Connection,
  [kind = '']: string[],
  { json }: Options,
): Promise<number> {
  await operator.setForward(account, kindOf(kind), undefined);
  if (json) printJson({ enabled: false, email: '' });
  else printLine(`${kind} are sent on to nobody within a minute.`);
  return 0;
}
