/** What a call's last error says of all its tries: the SDK tells only of the last one, and the first may have had its effect. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { openTables } from '../../io/aws.ts';
import { holdsIn } from '../../io/holds.ts';
import { wasRefused } from '../../io/queue.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  vi.unstubAllEnvs();
});

type Answer = 'none' | { status: number; type: string };
const THROTTLE: Answer = { status: 400, type: 'com.amazonaws.dynamodb.v20120810#ThrottlingException' };
const FAULT: Answer = { status: 500, type: 'com.amazonaws.dynamodb.v20120810#InternalServerError' };

/** Puts a hold into a table whose answers a test writes itself, one for each try. */
async function putHold(answers: Answer[]): Promise<{ tries: number; error: unknown }> {
  let tries = 0;
  server = createServer(async (request, response) => {
    for await (const _ of request);
    const answer = answers[tries++]!;
    if (answer === 'none') return void request.socket.destroy();
    const { status, type: __type } = answer;
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify({ __type }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'a');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'b');
  const { hold } = holdsIn('Holds', openTables());
  const held = { pk: 'shard-0', sk: '1#a', due: 1, account: 'operator', copies: 0, kind: 'sweep' as const };
  const error = await hold(held).then(
    () => undefined,
    (thrown) => thrown,
  );
  return { tries, error };
}

it.each<[string, Answer[], boolean]>([
  ['each try was refused', [THROTTLE, THROTTLE, THROTTLE], true],
  ['the first had none, and the others were refused', ['none', THROTTLE, THROTTLE], false],
  ['the service failed at first, and then refused', [FAULT, THROTTLE, THROTTLE], false],
])('%s', async (_, answers, refused) => {
  const { tries, error } = await putHold(answers);
  expect(tries).toBe(3);
  expect(wasRefused(error)).toBe(refused);
});
