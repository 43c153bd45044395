/** manage's handler: API Gateway's payload 2.0 in and out. Everything it needs is made once per environment. */
import { randomBytes, randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { openBucket, openKeys, openQueues, openTables } from '../../io/aws.ts';
import { requireVariable } from '../../io/environment.ts';
import { type ManageDeps, manage } from './manage.ts';
import { openAccount } from './open-account.ts';
import { openMail } from './open-mail.ts';
import { openSenders } from './open-senders.ts';
import { openValidations } from './open-validations.ts';
import { openWebhooks } from './open-webhooks.ts';

const [tables, queues, kms, objects] = [openTables(), openQueues(), openKeys(), openBucket()];
const table = requireVariable('ACCOUNTS_TABLE');
const report = (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'manage', problem }));

const deps: ManageDeps = {
  ...openAccount(table, tables, report),
  ...openSenders(table, tables, kms),
  ...openMail(table, tables, objects),
  ...openValidations(table, tables, queues, objects),
  ...openWebhooks(table, tables, queues, kms, report),
  randomId: randomUUID,
  randomBytes,
  anyPort: process.env.ALLOW_PRIVATE_HOSTS === 'true',
  windows: new Map(),
  now: Date.now,
  report,
};

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>().handler(
  async ({
    requestContext,
    rawPath,
    rawQueryString,
    queryStringParameters = {},
    headers,
    body = '',
    isBase64Encoded,
  }) => {
    const { method, sourceIp: ip } = requestContext.http;
    const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
    const request = {
      method,
      path: rawPath,
      query: queryStringParameters,
      rawQuery: rawQueryString,
      headers,
      body: bytes,
      ip,
    };
    const answer = await manage(request, deps);
    return { statusCode: answer.status, headers: answer.headers, body: answer.body };
  },
);
