/**
 * The HTTP API on loopback, with API Gateway's rules: routes from the template, payload format 2.0, its size and time
 * limits, its own error bodies (API Gateway Developer Guide, "Working with HTTP APIs").
 * It refuses, when it is loaded, what it does not do as API Gateway would: authorizers, CORS, other integrations.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TextDecoder } from 'node:util';
import type { Functions } from './functions.ts';
import { readBody, TOO_LARGE } from './http.ts';
import type { Meter } from './meter.ts';
import type { Assembly } from './template.ts';

/** HTTP API quotas: payload 10 MB; request line and header values 10,240 bytes; integration 30 s. */
const BODY_BYTES = 10_485_760;
const HEADER_BYTES = 10_240;
const INTEGRATION_MS = 30_000;
const METERED_BYTES = 512 * 1024;

export type Route = {
  method: string;
  segments: string[];
  key: string;
  functionName: string;
  apiId: string;
  stage: string;
};

/** The HTTP APIs of the stack, by logical id: the first is the customers'. */
export const listApis = (assembly: Assembly): { logicalId: string; ref: string }[] =>
  assembly.ofType('AWS::ApiGatewayV2::Api').map(({ logicalId, ref }) => ({ logicalId, ref }));

/** Reads the routes of the HTTP APIs of the stack. @throws Error naming the place */
export function readRoutes(assembly: Assembly, functions: Pick<Functions, 'specOf'>): Route[] {
  const apis = assembly.ofType('AWS::ApiGatewayV2::Api');
  for (const { path, properties } of apis) {
    if (properties.ProtocolType !== 'HTTP')
      throw new Error(`${path}: the local stack runs HTTP APIs, not ${properties.ProtocolType}`);
    if (properties.CorsConfiguration) throw new Error(`${path}: CorsConfiguration is not run by the local stack`);
  }
  const integrations = new Map(assembly.ofType('AWS::ApiGatewayV2::Integration').map((one) => [one.ref, one]));
  const stage = assembly.ofType('AWS::ApiGatewayV2::Stage')[0]?.name ?? '$default';
  return assembly.ofType('AWS::ApiGatewayV2::Route').map(({ path, properties }) => {
    const { RouteKey: key, Target: target, AuthorizationType: authorization = 'NONE', ApiId: apiId } = properties;
    if (authorization !== 'NONE')
      throw new Error(`${path}: authorization ${authorization} is not run by the local stack`);
    const integration = integrations.get(String(target).replace(/^integrations\//, ''));
    if (!integration) throw new Error(`${path}: its integration ${target} is not in the template`);
    const { IntegrationType: kind, PayloadFormatVersion: format, IntegrationUri: uri } = integration.properties;
    if (kind !== 'AWS_PROXY' || format !== '2.0')
      throw new Error(
        `${integration.path}: the local stack runs AWS_PROXY with payload format 2.0, not ${kind} with ${format}`,
      );
    const arn = /(arn:aws:lambda:[^/]+)/.exec(String(uri).replace(/^.*\/functions\//, ''))?.[1] ?? String(uri);
    const spec = functions.specOf(arn);
    if (!mayBeInvoked(assembly, spec.arn))
      throw new Error(`${path}: no AWS::Lambda::Permission lets API Gateway invoke ${spec.name}`);
    const [method = '', pattern = ''] = key === '$default' ? ['ANY', '/{proxy+}'] : String(key).split(' ');
    const segments = pattern.split('/').slice(1);
    return { method, segments, key: String(key), functionName: spec.name, apiId: String(apiId), stage };
  });
}

function mayBeInvoked(assembly: Assembly, functionArn: string): boolean {
  return assembly
    .ofType('AWS::Lambda::Permission')
    .some(
      ({ properties }) =>
        properties.Principal === 'apigateway.amazonaws.com' &&
        properties.Action === 'lambda:InvokeFunction' &&
        [functionArn, functionArn.split(':').at(-1)].includes(String(properties.FunctionName)),
    );
}

/** The most specific route: full match, then `{name}`, then `{name+}`, then `$default`; a method before ANY. */
export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; parameters: Record<string, string> } | undefined {
  const asked = path.split('/').slice(1);
  let best: { route: Route; parameters: Record<string, string>; rank: string } | undefined;
  for (const route of routes) {
    if (route.method !== 'ANY' && route.method !== method) continue;
    const parameters: Record<string, string> = {};
    let rank = '';
    const fits = route.segments.every((segment, index) => {
      const [, name, greedy] = /^\{([^}+]+)(\+?)\}$/.exec(segment) ?? [];
      if (name === undefined) {
        rank += '0';
        return segment === asked[index];
      }
      rank += greedy ? '2' : '1';
      const value = greedy ? asked.slice(index).join('/') : (asked[index] ?? '');
      if (route.key !== '$default') parameters[name] = decode(value);
      return route.key === '$default' || value !== '';
    });
    const greedy = rank.endsWith('2');
    if (!fits || (!greedy && asked.length !== route.segments.length)) continue;
    rank = `${route.key === '$default' ? '9' : ''}${rank}${route.method === 'ANY' ? 'b' : 'a'}`;
    if (!best || rank < best.rank) best = { route, parameters, rank };
  }
  return best;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export type GatewayOptions = {
  functions: Functions;
  meter: Meter;
  domain: string;
  integrationMs?: number;
  onLog: (line: string) => void;
};

/** Answers one request. */
export function openGateway(routes: readonly Route[], options: GatewayOptions) {
  return (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    serve(incoming, outgoing, routes, options).catch((error: Error) => {
      options.onLog(`gateway: ${error.message}`);
      if (outgoing.headersSent || outgoing.destroyed) outgoing.destroy();
      else say(outgoing, 500, 'Internal Server Error', '-');
    });
  };
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  routes: readonly Route[],
  options: GatewayOptions,
) {
  const requestId = randomBytes(11).toString('base64url');
  const { method = 'GET', url = '/' } = incoming;
  const headerBytes = incoming.rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text), Buffer.byteLength(url));
  const body = await readBody(incoming, BODY_BYTES);
  if (headerBytes > HEADER_BYTES) return say(outgoing, 431, 'Request Header Fields Too Large', requestId);
  if (body === TOO_LARGE) return say(outgoing, 413, 'Request Entity Too Large', requestId);
  const bytes = Math.max(body.length, 1);
  const counts = { requests: 1, units512k: Math.ceil(bytes / METERED_BYTES) };
  options.meter.add({ function: 'gateway', service: 'apigateway', action: 'Request', resource: 'api', counts });
  const path = url.split('?')[0]!;
  const matched = matchRoute(routes, method, path);
  if (!matched) return say(outgoing, 404, 'Not Found', requestId);
  const event = eventOf(incoming, body, matched, requestId, options.domain);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), options.integrationMs ?? INTEGRATION_MS);
  });
  const result = await Promise.race([options.functions.invoke(matched.route.functionName, event), late]);
  clearTimeout(timer);
  if (result === 'late') return say(outgoing, 503, 'Service Unavailable', requestId);
  if (!result.ok) {
    options.onLog(`gateway: ${matched.route.key}: ${result.type}: ${result.message}`);
    // Lambda's own answer to an invocation of more than 6 MB is 413, to a throttled one 429, which HTTP APIs turn into 503.
    if (result.kind === 'too-large') return say(outgoing, 413, 'Request Entity Too Large', requestId);
    if (result.kind === 'throttled') return say(outgoing, 503, 'Service Unavailable', requestId);
    return say(outgoing, 500, 'Internal Server Error', requestId);
  }
  answer(outgoing, result.payload, requestId);
}

function say(outgoing: ServerResponse, status: number, message: string, requestId: string): void {
  const body = JSON.stringify({ message });
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'apigw-requestid': requestId,
  });
  outgoing.end(body);
}

/** Text is what is declared as such (text/*, JSON, XML, JavaScript) and not encoded; all else travels in base64. */
function isText(incoming: IncomingMessage, body: Buffer): boolean {
  const type = (incoming.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  const encoding = incoming.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity' || !/^(text\/.+|application\/(json|xml|javascript))$/.test(type)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(body);
    return true;
  } catch {
    return false;
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function eventOf(
  incoming: IncomingMessage,
  body: Buffer,
  { route, parameters }: NonNullable<ReturnType<typeof matchRoute>>,
  requestId: string,
  domain: string,
) {
  const { method = 'GET', url = '/', httpVersion, headers } = incoming;
  const [rawPath = '/', rawQueryString = ''] = url.split(/\?(.*)/s);
  const now = new Date();
  const day = `${String(now.getUTCDate()).padStart(2, '0')}/${MONTHS[now.getUTCMonth()]}/${now.getUTCFullYear()}`;
  const time = `${day}:${now.toISOString().slice(11, 19)} +0000`;
  const query: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQueryString))
    query[name] = name in query ? `${query[name]},${value}` : value;
  const { cookie, connection: _, 'transfer-encoding': __, ...others } = headers;
  const text = isText(incoming, body);
  return {
    version: '2.0',
    routeKey: route.key,
    rawPath,
    rawQueryString,
    ...(cookie ? { cookies: cookie.split('; ') } : {}),
    headers: {
      ...Object.fromEntries(Object.entries(others).map(([name, value]) => [name, [value].flat().join(',')])),
      'content-length': String(body.length),
      'x-forwarded-for': '127.0.0.1',
      // As the caller came: what answers with links of its own (the next page) leads back here.
      'x-forwarded-port': String(incoming.socket.localPort ?? 80),
      'x-forwarded-proto': 'http',
    },
    ...(rawQueryString ? { queryStringParameters: query } : {}),
    ...(Object.keys(parameters).length > 0 ? { pathParameters: parameters } : {}),
    requestContext: {
      accountId: '000000000000',
      apiId: route.apiId,
      domainName: domain,
      domainPrefix: route.apiId,
      http: {
        method,
        path: rawPath,
        protocol: `HTTP/${httpVersion}`,
        sourceIp: '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId,
      routeKey: route.key,
      stage: route.stage,
      time,
      timeEpoch: now.getTime(),
    },
    ...(body.length > 0 ? { body: text ? body.toString() : body.toString('base64') } : {}),
    isBase64Encoded: body.length > 0 && !text,
  };
}

type Answer = {
  statusCode?: number;
  headers?: Record<string, unknown>;
  cookies?: string[];
  body?: string;
  isBase64Encoded?: boolean;
};

/** Format 2.0 of a response: without a `statusCode` the whole answer is the body of a 200. */
function answer(outgoing: ServerResponse, payload: string, requestId: string): void {
  const parsed = JSON.parse(payload) as Answer | string | null;
  const structured = typeof parsed === 'object' && parsed !== null && 'statusCode' in parsed;
  const {
    statusCode = 200,
    headers = {},
    cookies,
    body = '',
    isBase64Encoded = false,
  } = structured
    ? parsed
    : ({
        headers: { 'content-type': 'application/json' },
        body: typeof parsed === 'string' ? parsed : payload,
      } as Answer);
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  const sent: Record<string, string | string[]> = { 'content-type': 'text/plain; charset=utf-8' };
  for (const [name, value] of Object.entries(headers)) sent[name.toLowerCase()] = String(value);
  if (cookies) sent['set-cookie'] = cookies;
  outgoing.writeHead(statusCode, { ...sent, 'content-length': String(bytes.length), 'apigw-requestid': requestId });
  outgoing.end(bytes);
}
