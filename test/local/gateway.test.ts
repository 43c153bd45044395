import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { matchRoute, type Route } from '../../local/gateway.ts';
import { total } from '../../local/meter.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { smallTemplate, writeAssembly } from './small-stack.ts';

const assembly = writeAssembly();
let stack: LocalStack;
beforeAll(async () => {
  stack = await startStack({ ...assembly.options, paused: true });
});
afterAll(async () => {
  await stack.stop();
  assembly.remove();
});
const JSON_TYPE = { 'content-type': 'application/json' };
const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE, path = '/v3/mail/send') =>
  fetch(`${stack.apiUrl}${path}`, { method: 'POST', headers, body: body as string });
const echo = async (...given: Parameters<typeof post>) =>
  (await (await post(...given)).json()) as Record<string, never>;

describe('an event', () => {
  it('is of format 2.0', async () => {
    const event = await echo(
      '{"echo":true}',
      { ...JSON_TYPE, 'X-Twice': 'a', cookie: 'one=1; two=2' },
      '/v3/m%C3%A4il/send?a=1&a=2&b=%20',
    );
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'POST /v3/{thing}/send',
      rawPath: '/v3/m%C3%A4il/send',
      rawQueryString: 'a=1&a=2&b=%20',
      cookies: ['one=1', 'two=2'],
      headers: { 'x-twice': 'a', 'content-type': 'application/json', 'content-length': '13' },
      queryStringParameters: { a: '1,2', b: ' ' },
      pathParameters: { thing: 'mäil' },
      body: '{"echo":true}',
      isBase64Encoded: false,
      requestContext: {
        http: { method: 'POST', path: '/v3/m%C3%A4il/send', sourceIp: '127.0.0.1' },
        stage: '$default',
        routeKey: 'POST /v3/{thing}/send',
      },
    });
    expect(event.headers).not.toHaveProperty('cookie');
    // As the caller came: links of an answer lead back to where they work.
    expect(`${event.headers!['x-forwarded-proto']}://127.0.0.1:${event.headers!['x-forwarded-port']}`).toBe(
      stack.apiUrl,
    );
  });

  it.each<[string, Record<string, string>, boolean]>([
    ['JSON', { 'content-type': 'application/json; charset=utf-8' }, false],
    ['text', { 'content-type': 'text/csv' }, false],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, true],
    ['bytes', { 'content-type': 'application/octet-stream' }, true],
    ['encoded JSON', { 'content-type': 'application/json', 'content-encoding': 'x-plain' }, true],
  ])('%s: base64 or not', async (_, headers, encoded) => {
    // The handler reads JSON from the body as it is, so only text can ask for an echo: what is encoded fails to parse.
    const answer = await post('{"echo":true}', headers);
    expect(answer.status).toBe(encoded ? 500 : 200);
  });

  it('gzip stays as it was', async () => {
    const { status } = await post(gzipSync('{"echo":true}'), { ...JSON_TYPE, 'content-encoding': 'gzip' });
    expect(status).toBe(500);
  });
});

describe('an answer', () => {
  const answer = (value: unknown) => post(JSON.stringify({ answer: value }));
  it('has the status, headers, cookies and bytes it was given', async () => {
    const got = await answer({
      statusCode: 202,
      headers: { 'X-Message-Id': 'abc', 'Content-Type': 'image/png' },
      cookies: ['a=1'],
      body: 'AQID',
      isBase64Encoded: true,
    });
    expect([
      got.status,
      got.headers.get('x-message-id'),
      got.headers.get('content-type'),
      got.headers.get('set-cookie'),
    ]).toEqual([202, 'abc', 'image/png', 'a=1']);
    expect(Buffer.from(await got.arrayBuffer())).toEqual(Buffer.from([1, 2, 3]));
  });

  it('without a status is the body of a 200', async () => {
    const got = await answer({ hello: 1 });
    expect([got.status, await got.json()]).toEqual([200, { hello: 1 }]);
  });
});

describe('a failure', () => {
  it.each<[string, string, string, number, string]>([
    ['unknown route', 'POST', '/v4/mail/send', 404, 'Not Found'],
    ['unknown method', 'GET', '/v3/mail/send', 404, 'Not Found'],
    ['error of the function', 'POST', '/v3/mail/send', 500, 'Internal Server Error'],
  ])('%s', async (_, method, path, status, message) => {
    const body = method === 'POST' ? { body: '{"fail":"x"}' } : {};
    const got = await fetch(`${stack.apiUrl}${path}`, { method, headers: JSON_TYPE, ...body });
    expect([got.status, await got.json()]).toEqual([status, { message }]);
  });

  it('a body over 10 MB, and one that is over 6 MB in the event, is 413', async () => {
    for (const size of [10_485_761, 6_291_456]) {
      const got = await post('x'.repeat(size));
      expect([got.status, await got.json()]).toEqual([413, { message: 'Request Entity Too Large' }]);
    }
    // 4.8 MB of bytes are more than 6 MB in base64.
    expect((await post(new Uint8Array(4_800_000), { 'content-type': 'application/octet-stream' })).status).toBe(413);
  });

  it('headers over 10 KB are 431', async () => {
    const status = await new Promise((resolve, reject) => {
      const outgoing = request(
        `${stack.apiUrl}/v3/mail/send`,
        { method: 'POST', headers: { 'x-long': 'x'.repeat(10_240) } },
        (got) => {
          got.resume();
          resolve(got.statusCode);
        },
      );
      outgoing.on('error', reject).end();
    });
    expect(status).toBe(431);
  });

  it('is metered by 512 KB', async () => {
    stack.meter.reset();
    await post(`{"pad":"${'x'.repeat(600_000)}"}`);
    expect(total(stack.meter.snapshot(), 'units512k')).toBe(2);
  });
});

describe('routes', () => {
  const route = (key: string): Route => {
    const [method = '', path = ''] = key === '$default' ? ['ANY', '/{proxy+}'] : key.split(' ');
    return { method, segments: path.split('/').slice(1), key, functionName: 'f', apiId: 'a', stage: '$default' };
  };
  const routes = [
    '$default',
    'ANY /{proxy+}',
    'GET /pets/{id}',
    'GET /pets/list',
    'ANY /pets/{proxy+}',
    'ANY /pets/list',
  ].map(route);
  it.each([
    ['GET', '/pets/list', 'GET /pets/list', {}],
    ['POST', '/pets/list', 'ANY /pets/list', {}],
    ['GET', '/pets/7', 'GET /pets/{id}', { id: '7' }],
    ['GET', '/pets/7/tail', 'ANY /pets/{proxy+}', { proxy: '7/tail' }],
    ['GET', '/other', 'ANY /{proxy+}', { proxy: 'other' }],
    ['GET', '/', '$default', {}],
  ])('%s %s is %s', (method, path, key, parameters) => {
    const matched = matchRoute(routes, method, path);
    expect([matched?.route.key, matched?.parameters]).toEqual([key, parameters]);
  });
});

describe('refused', () => {
  it.each<[string, Record<string, object>, string]>([
    ['an authorizer', { Route: { AuthorizationType: 'JWT' } }, 'authorization JWT is not run'],
    ['CORS', { Api: { CorsConfiguration: {} } }, 'CorsConfiguration is not run'],
    ['format 1.0', { Integration: { PayloadFormatVersion: '1.0' } }, 'not AWS_PROXY with 1.0'],
    ['an API that may not invoke', { MayInvoke: { Principal: 's3.amazonaws.com' } }, 'lets API Gateway invoke api'],
  ])('%s', async (_, properties, message) => {
    const broken = writeAssembly(smallTemplate({ properties }));
    await expect(startStack(broken.options)).rejects.toThrow(message);
    broken.remove();
  });

  it('a port that is taken, in one sentence with the option', async () => {
    const other = writeAssembly();
    const port = Number(new URL(stack.apiUrl).port);
    await expect(startStack({ ...other.options, ports: { api: port } })).rejects.toThrow(
      `port ${port}, for the API (option --api-port), is in use by another program`,
    );
    other.remove();
  });
});
