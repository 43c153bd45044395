/**
 * What stands for AWS on this machine: an HTTP proxy in front of the emulators. It knows the caller by the access key id
 * of the signature, lets through what the caller's synthesized IAM policy allows, counts what AWS would bill, and fails
 * on purpose where a test asks for it.
 * It refuses an unknown caller, a call that it cannot name, and a service without an emulator. It does not check
 * signatures: it listens on loopback, and the access key ids are made anew at every start.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { accessKeyOf, type Call, hasExpired, type Naming, type Request, readCall, type Service } from './calls.ts';
import { describeStacks } from './cloudformation.ts';
import { openFaults } from './faults.ts';
import { type Listening, LOOPBACK, listen, openAsking, readBody } from './http.ts';
import { type FairQueues, type Meter, meterCall, tellsCapacity } from './meter.ts';
import { accessDenied, json, type Reply, refusal, serverError, throttled } from './refusals.ts';
import type { Roles } from './roles.ts';
import { answerRoute53, type Route53Call, type Zone } from './route53.ts';
import type { Assembly } from './template.ts';
import type { ServiceError, Vault } from './vault.ts';

/** The caller that may do anything: whoever sits at this machine. */
export const OPERATOR = 'operator';
/** The operator's access key id, as the command line uses it. */
export const OPERATOR_KEY = 'operator';

/** Typical milliseconds of a call within a region, for benchmarks (`latency`). */
const LATENCY: Partial<Record<Service, number>> = { dynamodb: 4, sqs: 8, s3: 20, kms: 6, secretsmanager: 10 };
const FAULT_HOLD_MS = 30_000;

/** What the proxy stands in front of; known only after the template has been read, for the template names the proxy. */
export type Behind = {
  assembly: Assembly;
  roles: Roles;
  vault: Vault;
  naming: Pick<Naming, 'region' | 'accountId' | 'hashKey'>;
  dynamodbPort: number;
  fauxqsPort: number;
  /** The local DNS, which Route 53 writes to; undefined: there is none. */
  zone: Zone | undefined;
};
export type Proxy = Awaited<ReturnType<typeof startProxy>>;

/** Starts listening; it answers once `connect` has been called. */
export async function startProxy(options: {
  port: number;
  meter: Meter;
  latency?: boolean;
  onLog: (line: string) => void;
}) {
  const callers = new Map<string, string>([[OPERATOR_KEY, OPERATOR]]);
  const faults = openFaults();
  const fair: FairQueues = new Set();
  const { ask, close } = openAsking();
  let behind: Behind | undefined;
  let stopping = false;
  let watcher: ((call: Call) => Promise<void>) | undefined;
  const listening: Listening = await listen(
    (incoming, outgoing) => {
      serve(incoming, outgoing).catch((error: Error) => {
        // An emulator that went away, or a caller that did.
        if (!outgoing.destroyed && !stopping)
          options.onLog(`proxy: ${incoming.method} ${incoming.url}: ${error.message}`);
        outgoing.destroy();
      });
    },
    options.port,
    'AWS on this machine (option --aws-port)',
  );
  const url = `http://${LOOPBACK}:${listening.port}`;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = (await readBody(incoming, Number.POSITIVE_INFINITY)) as Buffer;
    if (!behind) return send(outgoing, refusal(undefined, 'ServiceUnavailable', 'the local stack is starting', 503));
    const request: Request = {
      method: incoming.method ?? 'GET',
      url: incoming.url ?? '/',
      headers: incoming.headers,
      body,
    };
    const caller = callers.get(accessKeyOf(request.headers, request.url) ?? '');
    if (!caller || hasExpired(request.url, Date.now()))
      return send(outgoing, refusal(undefined, 'UnrecognizedClientException', 'The security token is invalid.', 403));
    const { vault, naming } = behind;
    const begin = performance.now();
    const call = readCall(request, { ...naming, ...vault });
    if (!call) {
      const what = request.headers['x-amz-target'] ?? `${request.method} ${request.url}`;
      options.onLog(`proxy: ${caller} asked for ${what}, which the local stack does not run`);
      const message = `the local stack does not run ${what}`;
      return send(outgoing, refusal(undefined, 'UnknownOperationException', message, 400));
    }
    const denied = caller === OPERATOR ? undefined : deny(caller, call, behind);
    if (denied) return send(outgoing, denied);
    const fault = caller === OPERATOR ? undefined : faults.strike(caller, call);
    if (fault?.kind === 'throttle') return send(outgoing, throttled(call.service));
    if (fault?.kind === 'error500') return send(outgoing, serverError(call.service));
    if (fault?.kind === 'reset') return void outgoing.destroy();
    if (fault?.kind !== 'timeout-before') {
      const reply = await answer(call, request, behind, caller);
      await watcher?.(call);
      // What the emulator took is part of the latency, not beside it.
      if (options.latency) await sleep(Math.max(0, (LATENCY[call.service] ?? 0) - (performance.now() - begin)));
      if (!fault) return send(outgoing, reply);
    }
    await sleep(fault.holdMs ?? FAULT_HOLD_MS, undefined, { ref: false });
    outgoing.destroy();
  }

  function deny(caller: string, call: Call, { roles }: Behind): Reply | undefined {
    for (const access of call.accesses) {
      access.context['aws:securetransport'] = 'true';
      const decision = roles.check(caller, access);
      if (decision.allowed) continue;
      const message = roles.denials.at(-1)!.message;
      options.onLog(message);
      return accessDenied(call.service, message);
    }
    return undefined;
  }

  async function answer(
    call: Call,
    request: Request,
    { assembly, vault, dynamodbPort, fauxqsPort, zone }: Behind,
    caller: string,
  ) {
    let reply: Reply;
    if (call.service === 'cloudformation') reply = describeStacks(assembly, call.input);
    else if (call.service === 'route53') reply = answerRoute53(call.input as Route53Call, zone);
    else if (call.service === 'kms') reply = own(vault.kms(call.operation, call.input));
    else if (call.service === 'secretsmanager') reply = own(vault.secrets(call.operation, call.input));
    else {
      const asked = { ...request, body: bodyFor(call, request.body) };
      const port = call.service === 'dynamodb' ? dynamodbPort : fauxqsPort;
      const { method, url: path, headers, body } = asked;
      const { connection: _, 'transfer-encoding': __, ...passed } = headers;
      const got = await ask({ port, method, path, headers: passed, body });
      reply = { status: got.status, headers: got.headers as Record<string, string>, body: got.body };
    }
    meterCall(options.meter, caller, call, request.body.length, reply, fair);
    return tellsCapacity(call) && call.input.ReturnConsumedCapacity === undefined ? withoutCapacity(reply) : reply;
  }

  return {
    url,
    faults,
    /** Makes an access key id for a function: whoever signs with it is that function. */
    enroll(functionName: string): string {
      const key = `AKIALOCAL${randomBytes(8).toString('hex').slice(0, 11).toUpperCase()}`;
      callers.set(key, functionName);
      return key;
    },
    connect: (to: Behind) => {
      behind = to;
    },
    /** Is told of each call that was made, before its caller is answered. */
    watch: (told: (call: Call) => Promise<void>) => {
      watcher = told;
    },
    async stop() {
      stopping = true;
      await listening.stop();
      close();
    },
  };
}

function own(result: object | ServiceError): Reply {
  if (!('error' in result)) return json(200, result);
  const { error, message, status = 400 } = result as ServiceError;
  return json(status, { __type: error, message });
}

/** The body as the emulator gets it. */
function bodyFor(call: Call, body: Buffer): Buffer {
  if (tellsCapacity(call)) return Buffer.from(JSON.stringify({ ...call.input, ReturnConsumedCapacity: 'INDEXES' }));
  if (call.operation.startsWith('ChangeMessageVisibility')) return Buffer.from(JSON.stringify(withoutZero(call.input)));
  return body;
}

/**
 * fauxqs 2.4.1 with a data folder loses a message whose visibility is set to 0 (it writes NULL into a NOT NULL column
 * between taking the message out of flight and putting it back). A millisecond is as good as none.
 */
export const NO_VISIBILITY = 0.001;

function withoutZero(input: Record<string, unknown>): Record<string, unknown> {
  const mended = { ...input };
  if (input.VisibilityTimeout === 0) mended.VisibilityTimeout = NO_VISIBILITY;
  if (Array.isArray(input.Entries)) mended.Entries = input.Entries.map(withoutZero);
  return mended;
}

function withoutCapacity(reply: Reply): Reply {
  if (reply.status !== 200) return reply;
  const { ConsumedCapacity: _, ...rest } = JSON.parse(reply.body.toString()) as Record<string, unknown>;
  const { 'x-amz-crc32': __, ...headers } = reply.headers;
  return { ...reply, headers, body: Buffer.from(JSON.stringify(rest)) };
}

function send(outgoing: ServerResponse, { status, headers, body }: Reply): void {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, 'content-length': declared, ...passed } = headers;
  // The answer to HEAD has a length and no body.
  const length = body.length === 0 && declared !== undefined ? declared : String(body.length);
  outgoing.writeHead(status, {
    ...passed,
    'content-length': length,
    'x-amzn-requestid': randomBytes(8).toString('hex'),
  });
  outgoing.end(body);
}
