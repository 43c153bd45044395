#!/usr/bin/env node
/**
 * pennypost: the operator's command line. The same code works against the stack in AWS and against `npm start`; which one
 * it talks to stands in the first line of what it prints.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CliError } from './cli/cli-error.ts';
import { explainArguments, explainUnknown, helpOf } from './cli/help.ts';
import { clean } from './cli/print.ts';

const HELP = `pennypost — the operator's command line

In the checkout: npx pennypost COMMAND, or npm run pennypost -- COMMAND. COMMAND --help shows one command alone.

  keys create --name NAME [--scope mail.send]…   make an API key; its secret is shown once
                                                 (--scope all: every scope; docs/routes.md)
  keys list                                      ids, names, scopes
  keys delete ID                                 in effect within a minute
  access list                                    from which addresses the account's keys may be used
  access add RANGE                               an address, 192.0.2.0/24, 192.0.2.*; the first one shuts out all others
  access remove ID                               take a rule away
  access clear                                   take all away: calls may come from anywhere
  access activity [--limit N]                    who came in with a key of it, and who was refused
  domains add DOMAIN                             make a DKIM key, print the DNS records to publish
  domains list                                   the account's sending domains
  domains check DOMAIN                           look the records up, say what is missing and why
  domains rotate DOMAIN [--ed25519]              make the next DKIM key, print its DNS record
  domains activate DOMAIN                        sign with it, once DNS knows it
  domains retire DOMAIN SELECTOR                 drop a key that waits, or the Ed25519 key
  domains remove DOMAIN                          send no more for it, refuse what bounces
  ses identity DOMAIN [--replace]                have SES send for a domain, with its own DKIM key
  doctor                                         DNS, blocklists, port 25, SES: what is wrong, what to do
  sites list                                     where a lane sends less than it might, why, until when
  sites resume LANE SITE                         lift a pause or a limit, after a delisting
  tls show                                       what TLS the account's mail must have
  tls set off|required|verified                  change it; in effect within a minute
  parse add HOSTNAME URL [--raw] [--spam-check]  post mail for a host name to a URL (inbound parse)
  parse list                                     the account's parse settings
  parse remove HOSTNAME                          take no more mail for it
  forward set bounces|complaints ADDRESS         send on what comes back
  forward off bounces|complaints                 no longer
  suppressions import FILE --list LIST           put the addresses of a CSV file (SendGrid's, or any) on a list
  suppressions export --list LIST                the list as CSV, to the standard output
  suppressions purge                             delete what the account's bounce purge has taken off its lists
  import sendgrid --key SG.… [--from URL]        move in: copy templates, suppressions, settings … (docs/moving-in.md)
  links add DOMAIN HOST                          have links of a domain's mail at a host of its own
  links list                                     the account's link hosts, and which track
  links check DOMAIN                             ask the host whether it answers; then it tracks
  links default DOMAIN                           for domains without one
  links remove DOMAIN                            track no more
  events webhooks                                the account's event webhooks
  events log WEBHOOK                             what it was told lately, and what it answered
  events replay WEBHOOK FROM TO                  tell it a range of time again (2026-11-25T12:00:00Z)
  brakes show ACCOUNT                            its daily cap, whether its bulk is paused and why
  brakes list                                    accounts that are paused, or have a cap of their own
  brakes cap ACCOUNT NUMBER|none|default         copies that it may send in a day
  brakes pause ACCOUNT                           hold its bulk; single mail goes on
  brakes resume ACCOUNT                          let its bulk go on
  messages [QUERY] [--limit N]                   what became of mail: 'to_email = "a@example.com"' (docs/activity.md)
  transcripts failures|all                       of which mail the SMTP conversation is kept
  erase address ADDRESS                          erase all that the account has of a recipient (docs/erasure.md)
  erase show JOB                                 how far that is, and when it is certain
  trace X-MESSAGE-ID                             the life of a message, recipient by recipient
  rules try "REPLY" [--mx HOST]…                 what a server's reply would do to its copy and its site
  rules list                                     the shaping rules, in the order in which they are tried
  rules check                                    whether the settings' own rules are sound
  bounces read FILE|-                            what a mail that came back says, and whether it suppresses

  --local          the stack that \`npm start\` runs (the default while one runs here)
  --stack NAME     a deployed stack (default: Pennypost), with your AWS credentials and region
  --account NAME   act on another account than the operator's: a subuser's username, or its id
  --dns IP[:PORT]  ask this DNS server (domains check, doctor)
  --provider NAME  whose reply it is, whose rules to list (rules)
  --stage STEP     what the reply answered: mail, rcpt (default), dot … (rules try)
  --config FILE    other settings than pennypost.config.ts (rules, bounces)
  --list LIST      bounces, blocks, spam_reports, invalid_emails, unsubscribes, or group:ID (suppressions)
  --limit N        how many (messages, access activity)
  --key KEY        of the account that is left; or in SENDGRID_API_KEY, which other users cannot see (import)
  --from URL       where its API is: https://api.sendgrid.com (default), https://api.eu.sendgrid.com … (import)
  --only LIST      suppressions,groups,templates,webhooks,parse,mail_settings,tracking_settings,tls,senders (import)
  --dry-run        read and check, write nothing (import)
  --json           print one JSON value instead of text
`;

// Each is loaded when it is called: the AWS clients alone take longer than most commands do.
const keys = () => import('./cli/keys.ts');
const domains = () => import('./cli/domains.ts');
const sites = () => import('./cli/sites.ts');
const tls = () => import('./cli/tls.ts');
const parse = () => import('./cli/parse.ts');
const suppressions = () => import('./cli/suppressions.ts');
const links = () => import('./cli/links.ts');
const events = () => import('./cli/events.ts');
const brakes = () => import('./cli/brakes.ts');
const access = () => import('./cli/access.ts');
const erasure = () => import('./cli/erasure.ts');
const rules = () => import('./cli/rules.ts');

const COMMANDS = {
  'keys create': { load: async () => (await keys()).createKey, arguments: 0 },
  'keys list': { load: async () => (await keys()).listKeys, arguments: 0 },
  'keys delete': { load: async () => (await keys()).deleteKey, arguments: 1 },
  'access list': { load: async () => (await access()).listAccess, arguments: 0 },
  'access add': { load: async () => (await access()).addAccess, arguments: 1 },
  'access remove': { load: async () => (await access()).removeAccess, arguments: 1 },
  'access clear': { load: async () => (await access()).clearAccess, arguments: 0 },
  'access activity': { load: async () => (await access()).showActivity, arguments: 0 },
  'domains add': { load: async () => (await domains()).addDomain, arguments: 1 },
  'domains list': { load: async () => (await domains()).listDomains, arguments: 0 },
  'domains check': { load: async () => (await domains()).checkDomain, arguments: 1 },
  'domains rotate': { load: async () => (await domains()).rotateDomain, arguments: 1 },
  'domains activate': { load: async () => (await domains()).activateDomain, arguments: 1 },
  'domains retire': { load: async () => (await domains()).retireDomainKey, arguments: 2 },
  'domains remove': { load: async () => (await domains()).removeDomain, arguments: 1 },
  'ses identity': { load: async () => (await import('./cli/ses.ts')).makeSesIdentity, arguments: 1 },
  'sites list': { load: async () => (await sites()).listSites, arguments: 0 },
  'sites resume': { load: async () => (await sites()).resumeSite, arguments: 2 },
  'tls show': { load: async () => (await tls()).showTls, arguments: 0 },
  'tls set': { load: async () => (await tls()).setTls, arguments: 1 },
  'parse add': { load: async () => (await parse()).addParse, arguments: 2 },
  'parse list': { load: async () => (await parse()).listParse, arguments: 0 },
  'parse remove': { load: async () => (await parse()).removeParse, arguments: 1 },
  'forward set': { load: async () => (await parse()).setForward, arguments: 2 },
  'forward off': { load: async () => (await parse()).endForward, arguments: 1 },
  'suppressions import': { load: async () => (await suppressions()).importList, arguments: 1 },
  'suppressions export': { load: async () => (await suppressions()).exportList, arguments: 0 },
  'suppressions purge': { load: async () => (await suppressions()).purgeLists, arguments: 0 },
  'import sendgrid': { load: async () => (await import('./cli/import.ts')).importSendgrid, arguments: 0 },
  'links add': { load: async () => (await links()).addLink, arguments: 2 },
  'links list': { load: async () => (await links()).listLinks, arguments: 0 },
  'links check': { load: async () => (await links()).checkLink, arguments: 1 },
  'links default': { load: async () => (await links()).defaultLink, arguments: 1 },
  'links remove': { load: async () => (await links()).removeLink, arguments: 1 },
  'events webhooks': { load: async () => (await events()).listWebhooks, arguments: 0 },
  'events log': { load: async () => (await events()).showLog, arguments: 1 },
  'events replay': { load: async () => (await events()).replayEvents, arguments: 3 },
  'brakes show': { load: async () => (await brakes()).showBrakes, arguments: 1 },
  'brakes list': { load: async () => (await brakes()).listBrakes, arguments: 0 },
  'brakes cap': { load: async () => (await brakes()).setCap, arguments: 2 },
  'brakes pause': { load: async () => (await brakes()).pauseBulk, arguments: 1 },
  'brakes resume': { load: async () => (await brakes()).resume, arguments: 1 },
  'erase address': { load: async () => (await erasure()).eraseAddress, arguments: 1 },
  'erase show': { load: async () => (await erasure()).showJob, arguments: 1 },
  doctor: { load: async () => (await import('./cli/doctor.ts')).doctor, arguments: 0 },
  messages: { load: async () => (await import('./cli/messages.ts')).listMessages, arguments: 1, optional: true },
  transcripts: { load: async () => (await import('./cli/messages.ts')).setTranscripts, arguments: 1 },
  trace: { load: async () => (await import('./cli/trace.ts')).trace, arguments: 1 },
} as const;

/** Commands that need no stack. */
const STANDALONE = {
  'rules try': { load: async () => (await rules()).tryReply, arguments: 1 },
  'rules list': { load: async () => (await rules()).listRules, arguments: 0 },
  'rules check': { load: async () => (await rules()).checkRules, arguments: 0 },
  'bounces read': { load: async () => (await import('./cli/bounces.ts')).readBounce, arguments: 1 },
} as const;

// What commands load is compiled once: that is most of what they take. Not in the machine's temporary folder, where others write too.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compiled'));

export async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      local: { type: 'boolean' },
      stack: { type: 'string' },
      account: { type: 'string' },
      dns: { type: 'string' },
      json: { type: 'boolean' },
      name: { type: 'string' },
      scope: { type: 'string', multiple: true },
      ed25519: { type: 'boolean' },
      replace: { type: 'boolean' },
      list: { type: 'string' },
      raw: { type: 'boolean' },
      'spam-check': { type: 'boolean' },
      limit: { type: 'string' },
      provider: { type: 'string' },
      mx: { type: 'string', multiple: true },
      stage: { type: 'string' },
      config: { type: 'string' },
      key: { type: 'string' },
      from: { type: 'string' },
      only: { type: 'string' },
      'dry-run': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const name = (
    ['doctor', 'trace', 'messages', 'transcripts'].includes(positionals[0] ?? '')
      ? positionals.slice(0, 1)
      : positionals.slice(0, 2)
  ).join(' ');
  const standalone = Object.hasOwn(STANDALONE, name) ? STANDALONE[name as keyof typeof STANDALONE] : undefined;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name as keyof typeof COMMANDS] : standalone;
  if (positionals.length === 0) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = () =>
    new CliError(explainUnknown([...Object.keys(COMMANDS), ...Object.keys(STANDALONE)], positionals));
  if (values.help) {
    const help = helpOf(HELP, name);
    if (help === undefined) throw unknown();
    process.stdout.write(help);
    return 0;
  }
  if (!command) throw unknown();
  const rest = positionals.slice(name.split(' ').length);
  const isLeftOut = rest.length === 0 && 'optional' in command;
  if (rest.length !== command.arguments && !isLeftOut) throw new CliError(explainArguments(HELP, name, rest));
  if (standalone) return (await standalone.load())(rest, values);
  const { connect } = await import('./cli/connect.ts');
  const connection = await connect(values);
  if (!values.json) process.stderr.write(`${connection.where}\n`);
  const run = await COMMANDS[name as keyof typeof COMMANDS].load();
  return run(connection, rest, values);
}

/** What went wrong, for a person: a sentence for what he can put right, the stack only for our own mistakes. */
function explain(error: unknown): string {
  const { name, message, code, $metadata, stack } = error as NodeJS.ErrnoException & { $metadata?: object };
  if (error instanceof CliError || code?.startsWith('ERR_PARSE_ARGS')) return message;
  if ($metadata && code === undefined) return `AWS refused: ${message.split('\n')[0] || name} (${name})`;
  if (/^(E[A-Z]+|EAI_AGAIN)$/.test(code ?? '') || name === 'TimeoutError')
    return `AWS cannot be reached: ${message || code}`;
  return stack ?? String(error);
}

// Who has read enough (`| head`) closes the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`pennypost: ${clean(explain(error))}\n`);
  process.exitCode = 1;
}
