/** Functions in real processes, through the Runtime API. */
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { total } from '../../local/meter.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { smallTemplate, until, writeAssembly } from './small-stack.ts';

const assembly = writeAssembly(smallTemplate({ properties: { ApiFunction: { Timeout: 1 } } }));
let stack: LocalStack;
beforeAll(async () => {
  stack = await startStack({ ...assembly.options, paused: true, maxEnvironments: 2 });
});
afterAll(async () => {
  await stack.stop();
  assembly.remove();
});
const invoke = async (event: object) => {
  const result = await stack.invoke('api', event);
  return result.ok ? (JSON.parse(result.payload) as unknown) : result;
};

describe('an invocation', () => {
  it('has exactly the template’s variables, and Lambda’s', async () => {
    // Prepare: a variable of this machine that must not be seen.
    process.env.PENNYPOST_TEST_SECRET = 'leak';

    // Act
    const variables = (await invoke({ environment: true })) as Record<string, string>;

    // Assess
    expect(variables).toMatchObject({
      TABLE: 'Small-Notes',
      AWS_LAMBDA_FUNCTION_NAME: 'Small-ApiFunction',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_SQS: stack.awsUrl,
    });
    const own = Object.keys(variables).filter((name) => !/^(AWS_|_|LAMBDA_|LANG$|TZ$|PATH$)/.test(name));
    expect(own.sort()).toEqual(['POWERTOOLS_SERVICE_NAME', 'QUEUE_URL', 'TABLE']);
  });

  it('has Lambda’s context', async () => {
    expect(await invoke({ context: true })).toMatchObject({
      functionName: 'Small-ApiFunction',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:Small-ApiFunction',
      memoryLimitInMB: '512',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      left: expect.toSatisfy((left: number) => left > 0 && left <= 1000),
    });
  });

  it('uses an idle environment again', async () => {
    expect(await invoke({ pid: true })).toBe(await invoke({ pid: true }));
  });

  it('waits when as many run as may', async () => {
    const pids = await Promise.all(Array.from({ length: 6 }, () => invoke({ sleep: 30, pid: true })));
    expect(new Set(pids).size).toBe(2);
  });

  it('that throws fails with the error’s name and words, and the environment lives on', async () => {
    const pid = await invoke({ pid: true });
    expect(await invoke({ fail: 'no such colour' })).toMatchObject({
      ok: false,
      kind: 'error',
      type: 'TypeError',
      message: 'no such colour',
    });
    const pids = await Promise.all([invoke({ sleep: 30, pid: true }), invoke({ sleep: 30, pid: true })]);
    expect(pids).toContain(pid);
  });

  it('that exits or hangs fails, its process is gone, and the next one is served', async () => {
    expect(await invoke({ exit: true })).toMatchObject({
      ok: false,
      kind: 'crash',
      message: expect.stringContaining('exit status 7'),
    });
    expect(await invoke({ hang: true })).toMatchObject({
      ok: false,
      kind: 'timeout',
      message: expect.stringContaining('timed out after 1.00 seconds'),
    });
    expect(await invoke({ pid: true })).toEqual(expect.any(Number));
  });

  it('of more than 6 MB is refused, and so is an answer', async () => {
    expect(await invoke({ text: 'x'.repeat(6_291_456) })).toMatchObject({ kind: 'too-large' });
    expect(await invoke({ large: 6_291_556 })).toMatchObject({ type: 'Function.ResponseSizeTooLarge' });
  });

  it('is billed by the millisecond and by memory', async () => {
    await invoke({});
    stack.meter.reset();
    await invoke({ sleep: 100 });
    const snapshot = stack.meter.snapshot();
    const billed = total(snapshot, 'billedMs');
    expect(billed).toBeGreaterThanOrEqual(100);
    expect(total(snapshot, 'gbSeconds')).toBeCloseTo((billed / 1000) * 0.5, 9);
    expect(total(snapshot, 'requests', { service: 'lambda' })).toBe(1);
  });
});

describe('kill', () => {
  it('ends a working environment; its invocation fails; those that wait are served', async () => {
    // Prepare
    const running = [invoke({ sleep: 900 }), invoke({ sleep: 900 })];
    const waiting = invoke({ pid: true });
    await until('two at work', () => stack.environments().filter(({ busy }) => busy).length === 2);

    // Act
    const killed = await stack.kill('api');

    // Assess
    expect(killed).toEqual({ pid: expect.any(Number), busy: true });
    expect(await waiting).toEqual(expect.any(Number));
    const results = (await Promise.all(running)) as { kind?: string }[];
    expect(results.filter((result) => result?.kind === 'crash')).toHaveLength(1);
    expect(() => process.kill(killed!.pid, 0)).toThrow('ESRCH');
  });
});

describe('the network', () => {
  it('ends at this machine: no mail leaves it', async () => {
    // Attack: a setting, or a bug, that makes deliver connect to a real mail server from a developer's machine.
    // 192.0.2.1 is TEST-NET-1 (RFC 5737): nothing is there, so a refusal can only be ours.
    for (const host of ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1'])
      expect(await invoke({ connect: { host, port: 25 } })).toContain('no mail leaves this machine');
  });

  it('reaches loopback', async () => {
    const server = createServer((socket) => socket.end());
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    expect(await invoke({ connect: { host: '127.0.0.1', port } })).toBe('connected');
    expect(await invoke({ connect: { host: 'localhost', port } })).toBe('connected');
    server.close();
  });
});

describe('metrics', () => {
  it('lines in embedded metric format are summed up', async () => {
    const line = (ms: number[], provider: string) =>
      JSON.stringify({
        _aws: {
          Timestamp: 0,
          CloudWatchMetrics: [{ Namespace: 'P', Dimensions: [['provider']], Metrics: [{ Name: 'latency' }] }],
        },
        provider,
        latency: ms,
      });
    await invoke({ say: line([1, 2, 3], 'a') });
    await invoke({ say: line([100], 'b') });
    await until('both lines', () => stack.metrics.get('latency')?.count === 4);
    expect(stack.metrics.get('latency')).toEqual({ count: 4, sum: 106, min: 1, max: 100, p50: 2, p95: 100, p99: 100 });
    expect(stack.metrics.get('latency', { provider: 'a' })).toMatchObject({ count: 3, max: 3 });
  });
});

describe('schedules', () => {
  it('run when asked, and one that does not exist says so', async () => {
    const before = total(stack.meter.snapshot(), 'requests', { service: 'lambda' });
    await stack.runSchedule('api');
    expect(total(stack.meter.snapshot(), 'requests', { service: 'lambda' })).toBe(before + 1);
    await expect(stack.runSchedule('worker')).rejects.toThrow('no schedule invokes worker');
  });
});

describe('refused', () => {
  it.each<[string, Record<string, object>, string]>([
    [
      'more than 4 KB of variables',
      { ApiFunction: { Environment: { Variables: { LANES: 'x'.repeat(5000) } } } },
      'Lambda allows 4096',
    ],
    ['another runtime', { ApiFunction: { Runtime: 'python3.13' } }, 'not Zip for python3.13'],
    [
      'a role from elsewhere',
      { ApiFunction: { Role: 'arn:aws:iam::1:role/x' } },
      'its role arn:aws:iam::1:role/x is not in the template',
    ],
    ['a cron schedule', { Minute: { ScheduleExpression: 'cron(0 8 * * ? *)' } }, 'cron(0 8 * * ? *) is not run'],
  ])('%s', async (_, properties, message) => {
    const broken = writeAssembly(smallTemplate({ properties }));
    await expect(startStack(broken.options)).rejects.toThrow(message);
    broken.remove();
  });
});
