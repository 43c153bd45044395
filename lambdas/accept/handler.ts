/** accept's handler: API Gateway's payload 2.0 in and out. Everything it needs is made once per environment. */
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { REQUEST_BYTES } from '../../core/limits.ts';
import { type AcceptDeps, accept } from '../../submission/accept.ts';
import { openSubmission } from '../../submission/environment.ts';

const { BIG_DOOR_URL } = process.env;

const deps: AcceptDeps = {
  ...openSubmission((problem, error) =>
    console.error(
      JSON.stringify({ level: 'ERROR', stage: 'accept', problem: `${problem}: ${(error as Error).stack}` }),
    ),
  ),
  requestBytes: REQUEST_BYTES,
  // Only a stack with a relay has one.
  ...(BIG_DOOR_URL ? { bigDoorUrl: BIG_DOOR_URL } : {}),
};

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>().handler(
  async ({ requestContext, rawPath, headers, body = '', isBase64Encoded }) => {
    const { method, sourceIp: ip } = requestContext.http;
    const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
    const answer = await accept({ method, path: rawPath, headers, body: bytes, ip }, deps);
    return { statusCode: answer.status, headers: answer.headers, body: answer.body };
  },
);
