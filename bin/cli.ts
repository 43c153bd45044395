#!/usr/bin/env node
/**
 * pennypost: the operator's command line. The same code works against the stack in AWS and against `npm start`; which one
 * it talks to stands in the first line of what it prints.
 */
import { parseArgs } from 'node:util';
import { CliError, connect } from './cli/connect.ts';
import { doctor } from './cli/doctor.ts';
import { activateDomain, addDomain, checkDomain, listDomains, retireDomainKey, rotateDomain } from './cli/domains.ts';
import { createKey, deleteKey, listKeys } from './cli/keys.ts';
import { checkRules, listRules, tryReply } from './cli/rules.ts';
import { makeSesIdentity } from './cli/ses.ts';
import { listSites, resumeSite } from './cli/sites.ts';
import { setTls, showTls } from './cli/tls.ts';
import { trace } from './cli/trace.ts';

const HELP = `pennypost — the operator's command line

  keys create --name NAME [--scope mail.send]…   make an API key; its secret is shown once
  keys list                                      ids, names, scopes
  keys delete ID                                 in effect within a minute
  domains add DOMAIN                             make a DKIM key, print the DNS records to publish
  domains list                                   the account's sending domains
  domains check DOMAIN                           look the records up, say what is missing and why
  domains rotate DOMAIN [--ed25519]              make the next DKIM key, print its DNS record
  domains activate DOMAIN                        sign with it, once DNS knows it
  domains retire DOMAIN SELECTOR                 drop a key that waits, or the Ed25519 key
  ses identity DOMAIN                            have SES send for a domain, with its own DKIM key
  doctor                                         DNS, blocklists, port 25, SES: what is wrong, what to do
  sites list                                     where a lane sends less than it might, why, until when
  sites resume LANE SITE                         lift a pause or a limit, after a delisting
  tls show                                       what TLS the account's mail must have
  tls set off|required|verified                  change it; in effect within a minute
  trace X-MESSAGE-ID                             the life of a message, recipient by recipient
  rules try "REPLY" [--mx HOST]…                 what a server's reply would do to its copy and its site
  rules list                                     the shaping rules, in the order in which they are tried
  rules check                                    whether the settings' own rules are sound

  --local          the stack that \`npm start\` runs (the default while one runs here)
  --stack NAME     a deployed stack (default: Pennypost), with your AWS credentials and region
  --account ID     act on another account than the operator's
  --dns IP[:PORT]  ask this DNS server (domains check, doctor)
  --provider NAME  whose reply it is, whose rules to list (rules)
  --stage STEP     what the reply answered: mail, rcpt (default), dot … (rules try)
  --config FILE    other settings than pennypost.config.ts (rules)
  --json           print one JSON value instead of text
`;

const COMMANDS = {
  'keys create': { run: createKey, arguments: 0 },
  'keys list': { run: listKeys, arguments: 0 },
  'keys delete': { run: deleteKey, arguments: 1 },
  'domains add': { run: addDomain, arguments: 1 },
  'domains list': { run: listDomains, arguments: 0 },
  'domains check': { run: checkDomain, arguments: 1 },
  'domains rotate': { run: rotateDomain, arguments: 1 },
  'domains activate': { run: activateDomain, arguments: 1 },
  'domains retire': { run: retireDomainKey, arguments: 2 },
  'ses identity': { run: makeSesIdentity, arguments: 1 },
  doctor: { run: doctor, arguments: 0 },
  'sites list': { run: listSites, arguments: 0 },
  'sites resume': { run: resumeSite, arguments: 2 },
  'tls show': { run: showTls, arguments: 0 },
  'tls set': { run: setTls, arguments: 1 },
  trace: { run: trace, arguments: 1 },
} as const;

/** Commands that need no stack. */
const STANDALONE = {
  'rules try': { run: tryReply, arguments: 1 },
  'rules list': { run: listRules, arguments: 0 },
  'rules check': { run: checkRules, arguments: 0 },
} as const;

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
      provider: { type: 'string' },
      mx: { type: 'string', multiple: true },
      stage: { type: 'string' },
      config: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const name = (
    ['doctor', 'trace'].includes(positionals[0] ?? '') ? positionals.slice(0, 1) : positionals.slice(0, 2)
  ).join(' ');
  const standalone = STANDALONE[name as keyof typeof STANDALONE];
  const command = standalone ?? COMMANDS[name as keyof typeof COMMANDS];
  if (values.help || positionals.length === 0) {
    process.stdout.write(HELP);
    return 0;
  }
  if (!command) throw new CliError(`there is no command "${name}"; --help lists them`);
  const rest = positionals.slice(name.split(' ').length);
  if (rest.length !== command.arguments)
    throw new CliError(
      `"${name}" takes ${command.arguments} argument${command.arguments === 1 ? '' : 's'}, not ${rest.length}; --help shows how`,
    );
  if (standalone) return standalone.run(rest, values);
  const connection = await connect(values);
  if (!values.json) process.stderr.write(`${connection.where}\n`);
  return COMMANDS[name as keyof typeof COMMANDS].run(connection, rest, values);
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

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`pennypost: ${explain(error)}\n`);
  process.exitCode = 1;
}
