/** The big door: accept's answers over HTTPS, for bodies that API Gateway does not take; and those who would fill its memory, or its time. */
import { request } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import { allowsOf } from '../../core/access/list.ts';
import { BIG_REQUEST_BYTES } from '../../core/limits.ts';
import { type Door, openDoor } from '../../relay/door.ts';
import { createGate } from '../../relay/gate.ts';
import { LIMITS, type Limits } from '../../relay/limits.ts';
import { type Budget, createBudget } from '../../relay/memory.ts';
import { makeCloud, makeMail, makePost, type Plan } from '../lambdas/fake-cloud.ts';
import { CERTIFICATE } from './world.ts';

let door: Door;
let memory: Budget;
let cloud: ReturnType<typeof makeCloud>;
const problems: string[] = [];
afterEach(() => door.drain(0));

/** @param from the account's IP access list */
async function open(limits: Partial<Limits> = {}, plans: Plan[] = [], from?: string): Promise<void> {
  cloud = makeCloud(plans);
  memory = createBudget(200_000_000);
  const all = { ...LIMITS, ...limits };
  door = await openDoor(0, {
    ...cloud.accept,
    readKey: async (key) => {
      const [record, allows] = [await cloud.accept.readKey(key), allowsOf(from === undefined ? [] : [{ ip: from }])];
      return record && { ...record, ...(allows && { allows }) };
    },
    requestBytes: BIG_REQUEST_BYTES,
    limits: all,
    gate: createGate(all, () => cloud.cloud.now),
    memory,
    certificate: { pem: () => ({ chain: CERTIFICATE.cert, privateKey: CERTIFICATE.key }) },
    count: () => {},
    report: (problem) => void problems.push(problem),
    bind: '127.0.0.1',
  });
}

type Answer = { status: number; headers: Record<string, unknown>; body: string };

function post(
  http: { method?: string; path?: string; headers?: Record<string, string>; body?: Buffer },
  send?: (request: ReturnType<typeof import('node:https').request>) => void,
): Promise<Answer> {
  const { authorization, 'content-type': type } = makePost('').headers as Record<string, string>;
  const { method = 'POST', path = '/v3/mail/send', headers = {}, body = Buffer.alloc(0) } = http;
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        ...{ host: '127.0.0.1', port: door.port, rejectUnauthorized: false, agent: false, method, path },
        headers: { authorization: authorization!, 'content-type': type!, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    asked.on('error', reject);
    if (send) send(asked);
    else asked.end(body);
  });
}
const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('the big door', () => {
  it('202 with its id, and the record is there', async () => {
    await open();
    const answer = await post({ body: json(makeMail()) });
    expect(answer).toMatchObject({ status: 202, headers: { 'x-message-id': expect.stringMatching(/^[\w-]{22}$/) } });
    expect(cloud.cloud.requests.size).toBe(1);
  });

  it('an attachment of 20 MB, which no function could take', async () => {
    await open();
    const attachments = [{ content: Buffer.alloc(20_000_000, 1).toString('base64'), filename: 'film.bin' }];
    const answer = await post({ body: json(makeMail({ attachments })) });
    expect(answer.status).toBe(202);
    expect([...cloud.cloud.bucket.values()][0]!.content.attachments[0]!.content).toHaveLength(26_666_668);
    expect(memory.used()).toBe(0);
  }, 60_000);

  it.each([
    ['another path', { path: '/v3/stats' }, 404],
    ['another method', { method: 'GET' }, 405],
    ['a wrong key', { headers: { authorization: 'Bearer SG.x.y' } }, 401],
    ['no JSON', { body: Buffer.from('{') }, 400],
    ['a query is no part of the path', { path: '/v3/mail/send?x=1', body: json(makeMail()) }, 202],
  ])('%s', async (_, http, status) => {
    await open();
    expect((await post(http)).status).toBe(status);
  });

  it('a length over the limit: 413 before the body, in SendGrid’s shape', async () => {
    await open();
    const answer = await post({ headers: { 'content-length': '31457281' } }, (asked) => {
      asked.flushHeaders();
      setTimeout(() => asked.destroy(), 5_000).unref();
    });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body).errors[0].message).toMatch(/must not be larger than 31457280 bytes/);
    expect(answer.headers.connection).toBe('close');
  });

  it('a body without length that grows over it: 413 once it has', async () => {
    await open();
    const answer = await post({}, async (asked) => {
      const chunk = Buffer.alloc(1_000_000, 32);
      for (let n = 0; n < 33 && !asked.destroyed; n++)
        await new Promise((done) => asked.write(chunk, done)).catch(() => undefined);
      asked.end();
    });
    expect(answer.status).toBe(413);
    expect(memory.used()).toBe(0);
  }, 30_000);

  it('a wrong key and 30 MB behind it: 401, and no memory for it', async () => {
    await open();
    const headers = { authorization: 'Bearer SG.x.y', 'content-length': '31000000' };
    const answer = await post({ headers }, (asked) => asked.write(Buffer.alloc(100_000)));
    expect(answer.status).toBe(401);
    expect(memory.used()).toBe(0);
  });

  // Attack: a stolen key, from somewhere else, with a listed address in the headers and 30 MB behind them.
  it('an address that is not on the IP access list: 403 before the body, whatever the headers say of it', async () => {
    await open({}, [], '192.0.2.0/24');
    const headers = { 'x-forwarded-for': '192.0.2.7', forwarded: 'for=192.0.2.7', 'content-length': '31000000' };
    const answer = await post({ headers }, (asked) => asked.write(Buffer.alloc(100_000)));
    expect([answer.status, answer.body]).toEqual([403, expect.stringContaining('127.0.0.1')]);
    expect(cloud.cloud.attempts).toMatchObject([{ ip: '127.0.0.1', method: 'API', allowed: false }]);
    expect(memory.used()).toBe(0);
  });

  it('a body that stands still: 408', async () => {
    await open({ bodyMs: 200 });
    const answer = await post({ headers: { 'content-length': '1000' } }, (asked) => asked.write('{'));
    expect(answer.status).toBe(408);
  });

  it('a client that asks before it sends (Expect: 100-continue) is asked for its body, or answered at once', async () => {
    await open();
    const body = json(makeMail());
    const expectation = { expect: '100-continue', 'content-length': String(body.length) };
    let asked100 = false;
    const answer = await post({ headers: expectation }, (asked) => {
      asked.flushHeaders();
      asked.on('continue', () => {
        asked100 = true;
        asked.end(body);
      });
    });
    expect([answer.status, asked100]).toEqual([202, true]);
    const refused = await post({ headers: { ...expectation, authorization: 'x' } }, (asked) => asked.flushHeaders());
    expect(refused.status).toBe(401);
  });

  it('no memory: 503 after a while', async () => {
    await open({ memoryWaitMs: 50 });
    const release = await memory.take(200_000_000, 1);
    expect((await post({ body: json(makeMail()) })).status).toBe(503);
    release!();
    expect((await post({ body: json(makeMail()) })).status).toBe(202);
  });

  it('a store that is down: 503, then 202 at the same door', async () => {
    await open({}, [{ operation: 'recordRequest', fault: 'error', times: 1 }]);
    expect((await post({ body: json(makeMail()) })).status).toBe(503);
    expect((await post({ body: json(makeMail()) })).status).toBe(202);
  });

  it('a drain waits for the request at work, and takes no other', async () => {
    await open();
    const body = json(makeMail());
    let finish = () => {};
    const answer = post({ headers: { 'content-length': String(body.length) } }, (asked) => {
      asked.write(body.subarray(0, 10));
      finish = () => void asked.end(body.subarray(10));
    });
    await expect.poll(() => memory.used()).toBeGreaterThan(0);
    const drained = door.drain(10_000);
    await expect(post({ body })).rejects.toThrow();
    finish();
    expect((await answer).status).toBe(202);
    expect((await answer).headers.connection).toBe('close');
    expect(await drained).toBe(0);
  });
});
