/**
 * Where the command line finds a stack: the one that `npm start` runs here (`.pennypost/local.json`), or a deployed one.
 * Names of tables and keys are read from the stack's outputs in both.
 */
import { readFile } from 'node:fs/promises';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { OPERATOR } from '../../core/records/accounts.ts';
import type { PoolVia } from '../../core/via.ts';
import { operatorOf } from '../../io/accounts.ts';
import { openKeys, openTables, type Table } from '../../io/aws.ts';
import { findAccount } from './account.ts';
import { CliError } from './cli-error.ts';

export { CliError };

export type Options = {
  local?: boolean | undefined;
  stack?: string | undefined;
  account?: string | undefined;
  dns?: string | undefined;
  json?: boolean | undefined;
  name?: string | undefined;
  scope?: string[] | undefined;
  ed25519?: boolean | undefined;
  replace?: boolean | undefined;
  list?: string | undefined;
  raw?: boolean | undefined;
  'spam-check'?: boolean | undefined;
  limit?: string | undefined;
  key?: string | undefined;
  from?: string | undefined;
  only?: string | undefined;
  'dry-run'?: boolean | undefined;
};

/**
 * A lane as the stack's outputs tell it: the address its mail comes from, and what it calls itself. Without `ip`: all its
 * mail goes by SES or a relay. `via` is there when its pool has another way than straight to the MX.
 */
export type LaneOutput = { name: string; pool: string; ip?: string; ehloName: string; via?: PoolVia };

export type Connection = {
  /** One line for the user: which stack this is. */
  where: string;
  account: string;
  operator: ReturnType<typeof operatorOf>;
  tables: Table;
  messagesTable: string;
  holdsTable: string;
  sitesTable: string;
  accountsTable: string;
  suppressionsTable: string;
  outboxTable: string;
  statsTable: string;
  eventsBucket: string;
  notifyQueueUrl: string;
  lanes: LaneOutput[];
  /** Who takes what comes back, where the stack has somebody for it. */
  inboundHost?: string;
  /** What stands in front of link hosts; undefined: something of the operator's own. */
  linkFront?: { distributionId: string; groupId: string; target: string };
  /** The stack of this machine, whose functions may reach loopback. */
  local: boolean;
  dnsServers?: string[];
};

const LOCAL = '.pennypost/local.json';

export async function connect({ local, stack, account = OPERATOR, dns }: Options): Promise<Connection> {
  const here = stack === undefined ? await findLocal() : undefined;
  if (local && !here) throw new CliError(`no local stack runs here: ${LOCAL} is not there. Start one with: npm start`);
  if (here) pointTo(here.awsUrl);
  const stackName = here?.stackName ?? stack ?? 'Pennypost';
  const outputs = await readOutputs(stackName);
  const tables = openTables();
  const accountsTable = need(outputs, 'AccountsTable');
  const servers = dns ?? here?.dnsServer;
  const inboundHost = outputs.get('InboundHost');
  return {
    where: here ? `local stack at ${here.apiUrl}` : `stack ${stackName} in AWS`,
    account: await findAccount(account, { accountsTable, tables }),
    tables,
    operator: operatorOf(accountsTable, tables, openKeys(), need(outputs, 'DkimKeyArn'), Date.now),
    messagesTable: need(outputs, 'MessagesTable'),
    holdsTable: need(outputs, 'HoldsTable'),
    sitesTable: need(outputs, 'SitesTable'),
    accountsTable,
    suppressionsTable: need(outputs, 'SuppressionsTable'),
    outboxTable: need(outputs, 'OutboxTable'),
    statsTable: need(outputs, 'StatsTable'),
    eventsBucket: need(outputs, 'EventsBucket'),
    notifyQueueUrl: need(outputs, 'NotifyQueueUrl'),
    lanes: JSON.parse(need(outputs, 'Lanes')) as LaneOutput[],
    local: here !== undefined,
    ...(inboundHost ? { inboundHost } : {}),
    ...(outputs.has('LinkTarget')
      ? {
          linkFront: {
            distributionId: need(outputs, 'LinkDistributionId'),
            groupId: need(outputs, 'LinkConnectionGroupId'),
            target: need(outputs, 'LinkTarget'),
          },
        }
      : {}),
    ...(servers ? { dnsServers: [servers] } : {}),
  };
}

type Local = { apiUrl: string; awsUrl: string; stackName: string; dnsServer: string; pid: number };

async function findLocal(): Promise<Local | undefined> {
  const text = await readFile(LOCAL, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const found = readLocal(text);
  try {
    process.kill(found.pid, 0);
    return found;
  } catch {
    return undefined;
  }
}

function readLocal(text: string): Local {
  try {
    return JSON.parse(text) as Local;
  } catch {
    throw new CliError(`${LOCAL} is not JSON: remove it, or name a deployed stack with --stack`);
  }
}

/** The SDK reads these when a client is made, so this comes before the first. */
function pointTo(awsUrl: string): void {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: awsUrl,
    AWS_REGION: process.env.AWS_REGION ?? 'us-east-1',
    AWS_ACCESS_KEY_ID: 'operator',
    AWS_SECRET_ACCESS_KEY: 'local',
  });
  delete process.env.AWS_SESSION_TOKEN;
  delete process.env.AWS_PROFILE;
}

async function readOutputs(stackName: string): Promise<Map<string, string>> {
  try {
    const { Stacks } = await new CloudFormationClient({}).send(new DescribeStacksCommand({ StackName: stackName }));
    return new Map(Stacks?.[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey ?? '', OutputValue ?? '']));
  } catch (error) {
    const { name, message } = error as Error;
    if (/Credentials/.test(name))
      throw new CliError(`no AWS credentials: ${message}. For the stack on this machine: npm start, then --local`);
    if (/Region is missing/.test(message))
      throw new CliError(
        'no local stack runs in this directory (start one: npm start), and no AWS region is set for a deployed one (AWS_REGION)',
      );
    if (/does not exist/.test(message))
      throw new CliError(`there is no stack ${stackName} in this account and region; --stack NAME says another name`);
    throw error;
  }
}

function need(outputs: Map<string, string>, name: string): string {
  const value = outputs.get(name);
  if (!value)
    throw new CliError(
      `the stack has no output ${name}: it is not a Pennypost stack, or an older one. Deploy it again`,
    );
  return value;
}
