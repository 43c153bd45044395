/**
 * The whole API on this machine, for tests of all its routes at once, whichever they are: the synthesized stack, with accounts of its own
 * for each case. `call` goes over HTTP, under manage's own permissions; `inside` calls the handler in this process, with the template's
 * variables, for cases by the thousand.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { makeApiKey } from '../../../core/api-key.ts';
import { keyKey } from '../../../core/records/accounts.ts';
import { makeAccountId } from '../../../core/records/subusers.ts';
import { SCOPES } from '../../../core/scopes.ts';
import { senderItemsIn } from '../../../io/sender-items.ts';
import { subusersIn } from '../../../io/subusers.ts';
import { defineSettings, type SettingsInput } from '../../../lib/settings.ts';
import { readFunctions } from '../../../local/function-specs.ts';
import { launch } from '../../../local/launch.ts';
import { OPERATOR_KEY } from '../../../local/proxy.ts';
import { tableNamed } from '../../../local/stack.ts';

export type Answered = {
  status: number;
  headers: Record<string, string>;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever an operation answers
  json: any;
};
export type Ask = (
  method: string,
  url: string,
  body?: unknown,
  headers?: Record<string, string | undefined>,
) => Promise<Answered>;
export type Here = Awaited<ReturnType<typeof startHere>>;

/** Settings with which every operation has something to show: two addresses, one of them warming up, a zone of the stack's own for senders. */
const SETTINGS: SettingsInput = {
  pools: [
    {
      name: 'default',
      sourceIps: [
        {
          name: 'default-1',
          ehloName: 'mta1.pennypost.example',
          warmUpFrom: new Date().toISOString().slice(0, 10),
        },
        { name: 'default-2', ehloName: 'mta2.pennypost.example' },
      ],
    },
  ],
  senders: { targets: 'wl.pennypost.example', zones: [{ hostedZone: 'Z0123456789LOCAL', name: 'pennypost.example' }] },
};

/** @param scheduleEverySeconds how often what runs by the clock does; by default not while a test compares what is in the tables */
export async function startHere(settings: SettingsInput = {}, scheduleEverySeconds = 3_600) {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-manage-'));
  const log: string[] = [];
  const launched = await launch({
    folder,
    scheduleEverySeconds,
    settings: defineSettings({ ...SETTINGS, ...settings, delivery: { batchSize: 10, batchingWindowSeconds: 0 } }),
    onLog: (line) => void log.push(line),
  });
  const { stack, local } = launched;
  const dynamodb = new DynamoDBClient({
    endpoint: local.awsUrl,
    region: stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  const tables = DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } });
  const tableOf = (noun: string) => tableNamed(stack, noun);
  const { variables } = readFunctions(stack.assembly).find(({ stage }) => stage === 'manage')!;

  /** Source addresses of the stack. */
  const { sources } = JSON.parse(variables.SENDING!) as { sources: { ip: string; ehloName: string }[] };

  const newAccount = () => makeAccountId(randomBytes(5));
  /** The authorization of a new key. */
  const keyOf = async (account: string, scopes: readonly string[] = SCOPES): Promise<string> => {
    const { key, id, secretHash } = makeApiKey(account, randomBytes(43));
    const record = { ...keyKey(account, id), name: 'test', scopes: [...scopes], secretHash, createdAt: Date.now() };
    await tables.send(new PutCommand({ TableName: tableOf('accounts'), Item: record }));
    return `Bearer ${key}`;
  };

  /** Over HTTP. */
  const call = async (account: string, scopes?: readonly string[]): Promise<Ask> => {
    const authorization = await keyOf(account, scopes);
    return async (method, url, body, headers = {}) => {
      const response = await fetch(`${local.apiUrl}${url}`, {
        method,
        headers: { authorization, 'content-type': 'application/json', ...headers } as Record<string, string>,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return shown(response.status, Object.fromEntries(response.headers), text);
    };
  };

  let handler: ((event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>) | undefined;
  /** In this process. `authorization` undefined: there is no such header. */
  const inside = async (authorization: string | undefined): Promise<Ask> => {
    if (!handler) {
      // Where the handler says what went wrong inside.
      console.error = (line: unknown) => void log.push(String(line));
      Object.assign(process.env, variables, stack.operatorEnvironment, { AWS_LAMBDA_FUNCTION_NAME: 'manage' });
      ({ handler } = (await import('../../../lambdas/manage/handler.ts')) as never);
    }
    return async (method, url, body, headers = {}) => {
      const [rawPath = '/', rawQueryString = ''] = url.split('?');
      const query: Record<string, string> = {};
      for (const [name, value] of new URLSearchParams(rawQueryString))
        query[name] = query[name] === undefined ? value : `${query[name]},${value}`;
      const text = Buffer.isBuffer(body) ? body : body === undefined ? undefined : JSON.stringify(body);
      const event = {
        rawPath,
        rawQueryString,
        ...(rawQueryString === '' ? {} : { queryStringParameters: query }),
        requestContext: { http: { method, sourceIp: '127.0.0.1' } },
        headers: { host: 'api.example', ...(authorization === undefined ? {} : { authorization }), ...headers },
        ...(text === undefined ? {} : { body: text.toString('base64'), isBase64Encoded: true }),
      };
      const encoded = typeof text === 'string' ? { body: text, isBase64Encoded: false } : {};
      const answer = await handler!({ ...event, ...encoded } as unknown as APIGatewayProxyEventV2);
      return shown(answer.statusCode!, answer.headers as Record<string, string>, answer.body ?? '');
    };
  };

  return {
    ...launched,
    log,
    tables,
    tableOf,
    sources,
    sourceIps: sources.map(({ ip }) => ip),
    newAccount,
    subusers: subusersIn(tableOf('accounts'), tables),
    links: senderItemsIn(tableOf('accounts'), tables),
    keyOf,
    call,
    inside,
    end: async () => {
      dynamodb.destroy();
      await launched.stop(500);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function shown(status: number, headers: Record<string, string>, body: string): Answered {
  const type = headers['content-type'] ?? headers['Content-Type'] ?? '';
  return {
    status,
    headers,
    body,
    json: type.startsWith('application/json') && body !== '' ? JSON.parse(body) : undefined,
  };
}
