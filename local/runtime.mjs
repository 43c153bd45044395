/**
 * What runs a function's bundle in a process of its own: Lambda's side of the Runtime API (Lambda Developer Guide, "Using
 * the Lambda runtime API"). It loads the handler, asks for the next invocation, answers it, and so on until it is ended.
 * It refuses a connection to anything but loopback (`loopback-only.mjs`); `--allow-network` lifts that.
 */
import { existsSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { stayOnThisMachine } from './loopback-only.mjs';

const {
  AWS_LAMBDA_RUNTIME_API: api,
  LAMBDA_TASK_ROOT: root,
  _HANDLER: handlerName,
  AWS_LAMBDA_FUNCTION_NAME: functionName,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: memory,
  AWS_LAMBDA_LOG_GROUP_NAME: logGroupName,
  AWS_LAMBDA_LOG_STREAM_NAME: logStreamName,
} = process.env;
if (!process.argv.includes('--allow-network')) stayOnThisMachine();

const [host, port, token] = api.split(/[:/]/);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** Whoever started us is gone when its server does not answer any more: then there is nothing left to do. */
function ask(method, path, body) {
  return new Promise((resolve) => {
    const request = http.request(
      { host, port, method, path: `/${token}/2018-06-01/runtime/${path}`, agent, timeout: 0 },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks).toString() }));
        response.on('error', () => process.exit(0));
      },
    );
    request.on('error', () => process.exit(0));
    request.end(body);
  });
}

function describe(error) {
  const { name = 'Error', message, stack } = error instanceof Error ? error : { message: String(error) };
  return JSON.stringify({ errorType: name, errorMessage: message, trace: String(stack ?? '').split('\n') });
}

async function loadHandler() {
  const dot = handlerName.lastIndexOf('.');
  const [module, name] = [handlerName.slice(0, dot), handlerName.slice(dot + 1)];
  const file = ['.js', '.mjs', '.cjs'].map((extension) => join(root, module + extension)).find(existsSync);
  if (!file) throw new Error(`Cannot find module '${module}' in the function's code`);
  const loaded = await import(pathToFileURL(file));
  const found = loaded[name] ?? loaded.default?.[name];
  if (typeof found !== 'function') throw new Error(`${handlerName} is undefined or not exported`);
  // nodejs24.x has no callback handlers any more (Lambda Developer Guide, "Node.js handlers").
  if (found.length > 2) throw new Error(`${handlerName} takes a callback, which nodejs24.x does not support`);
  return found;
}

let handler;
try {
  handler = await loadHandler();
} catch (error) {
  console.error(error);
  await ask('POST', 'init/error', describe(error));
  process.exit(1);
}

process.on('uncaughtException', (error) => {
  console.error('Uncaught exception', error);
  process.exit(129);
});
process.on('unhandledRejection', (error) => {
  console.error('Unhandled rejection', error);
  process.exit(128);
});

for (;;) {
  const { headers, body } = await ask('GET', 'invocation/next');
  const id = headers['lambda-runtime-aws-request-id'];
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
  const context = {
    awsRequestId: id,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: memory,
    logGroupName,
    logStreamName,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  try {
    const result = await handler(JSON.parse(body), context);
    await ask('POST', `invocation/${id}/response`, JSON.stringify(result) ?? 'null');
  } catch (error) {
    console.error(error);
    await ask('POST', `invocation/${id}/error`, describe(error));
  }
}
