import { createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STAGES } from '../../core/outcome.ts';
import { WAITS } from '../../core/smtp/limits.ts';
import { type Action, type ScriptedServer, startScript } from '../smtp-script.ts';
import { greet, mail, open, SHORT } from './smtp-open.ts';

/** What a server does, in octets and ends; `drip` is one octet after the other, and never a line end. */
type Behaviour = { say?: string; end?: 'close' | 'reset'; drip?: true };
const BEHAVIOURS: Record<string, Behaviour> = {
  '4xx': { say: '451 4.3.0 try again later\r\n' },
  '5xx': { say: '550 5.7.1 policy\r\n' },
  '421 and close': { say: '421 4.3.2 closing\r\n', end: 'close' },
  silence: {},
  'one octet at a time': { drip: true },
  RST: { end: 'reset' },
  FIN: { end: 'close' },
  '1 MB of garbage': { say: 'x'.repeat(1_000_000) },
  'a line of 100 KB': { say: `250 ${'x'.repeat(100_000)}\r\n` },
  '10,000 lines': { say: '250-line\r\n'.repeat(10_000) },
};
/** What is told of it where there is no reply. */
const ERRORS: Record<string, RegExp> = {
  silence: /^timeout$/,
  'one octet at a time': /^timeout$/,
  RST: /^(ECONNRESET|EPIPE|closed by the server)$/,
  FIN: /^(closed by the server|ECONNRESET|EPIPE)$/,
  '1 MB of garbage': /^reply line too long$/,
  'a line of 100 KB': /^reply line too long$/,
  '10,000 lines': /^reply too long$/,
};
const CODES: Record<string, number> = { '4xx': 451, '5xx': 550, '421 and close': 421 };
const names = Object.keys(BEHAVIOURS);

/** Octets of a reply that never ends, one every so many milliseconds: in a test a second is 20 of them. */
const DRIP = '250-slowly but surely, and without an end in sight for those who wait for one';
const behave = (socket: Socket, { say, end, drip }: Behaviour): void => {
  if (drip) {
    let n = 0;
    const timer = setInterval(() => {
      if (socket.destroyed) clearInterval(timer);
      else socket.write(DRIP[n++ % DRIP.length]!);
    }, 20);
    return;
  }
  if (say) socket.write(say);
  if (end === 'close') socket.end();
  if (end === 'reset') socket.resetAndDestroy();
};
const toAction = (name: string): Action => ({ act: (socket) => behave(socket, BEHAVIOURS[name]!) });

/** The failure that a behaviour comes to. */
const failureOf = (name: string, stage: unknown) =>
  CODES[name]
    ? { ok: false, stage, afterDot: false, reply: { code: CODES[name] } }
    : { ok: false, stage, afterDot: stage === 'dot', error: expect.stringMatching(ERRORS[name]!) };

describe('stage by behaviour: connect', () => {
  /** Takes the connection and is gone, or says why it will not, as load balancers do. */
  it.each(names)('%s', async (name) => {
    const { say, end, drip } = BEHAVIOURS[name]!;
    const sockets = new Set<Socket>();
    const server: Server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}));
      const gone = !end && say ? { end: 'close' as const } : {};
      behave(socket, { ...(say ? { say } : {}), ...(end ? { end } : {}), ...(drip ? { drip } : {}), ...gone });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };

    const opened = await open({ port, waits: SHORT });

    expect(opened).toMatchObject(failureOf(name, expect.stringMatching(/^(connect|banner)$/)));
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(await open({ port, waits: SHORT })).toMatchObject({ ok: false, stage: 'connect', error: 'ECONNREFUSED' });
  });
});

describe.each(['banner', 'ehlo'] as const)('stage by behaviour: %s', (stage) => {
  it.each(names)('%s', async (name) => {
    const server = await startScript({ [stage]: toAction(name) });
    // Where EHLO is refused for good, HELO is too.
    const script = stage === 'ehlo' && name === '5xx' ? await startScript({ ehlo: '550 5.7.1 policy\r\n' }) : server;

    const opened = await open({ port: script.port, waits: SHORT });

    // A reset may come before we know that we were connected.
    const where = name === 'RST' ? expect.stringMatching(/^(connect|banner|ehlo)$/) : stage;
    expect(opened).toMatchObject(failureOf(name, where));
    await expect.poll(() => script.open(), { interval: 5 }).toBe(0);
    expect(script.connections()).toBe(1);
    await Promise.all([server.close(), script.close()].slice(0, script === server ? 1 : 2));
  });
});

describe.each(['mail', 'rcpt', 'data', 'dot'] as const)('stage by behaviour: %s', (stage) => {
  it.each(names)('%s', async (name) => {
    // Prepare: the same trouble with and without pipelining, for the first message only.
    const isReply = name === '4xx' || name === '5xx';
    const trouble = isReply ? BEHAVIOURS[name]!.say! : toAction(name);
    for (const ehlo of ['250-x\r\n250 PIPELINING\r\n', '250 x\r\n']) {
      const server = await startScript(
        { [stage]: (_: string, nth: number) => (nth === 0 ? trouble : undefined) },
        { ehlo },
      );
      const session = await greet({ port: server.port, waits: SHORT });
      // Act
      const sent = await session.send(mail('a@x.example'));
      // Assess: the message has its own answer, and the session goes on only where both sides know where they are.
      expect(sent).toMatchObject(failureOf(name, stage));
      expect(session.usable()).toBe(isReply);
      expect((await session.send(mail('b@x.example'))).ok).toBe(isReply);
      expect(session.transcript.join('').length).toBeLessThan(10_000);
      await session.quit();
      const [first] = server.messages.map(({ to }) => to[0]);
      if (stage !== 'dot') expect(first).toBe(isReply ? 'b@x.example' : undefined);
      await expect.poll(() => server.open(), { interval: 5 }).toBe(0);
      await server.close();
    }
  });
});

describe('stage by behaviour: body', () => {
  const long = {
    ...mail(),
    octets: [Buffer.from('x'.repeat(998).concat('\r\n').repeat(20_000)), Buffer.from('.\r\n')],
  };

  it.each(names)('%s', async (name) => {
    // Prepare: the server reads no more than the beginning, so that the end cannot have left.
    const act = (socket: Socket) => behave(socket.pause(), BEHAVIOURS[name]!);
    const server = await startScript({ body: { act } }, { ehlo: '250-x\r\n250 PIPELINING\r\n' });
    const session = await greet({ port: server.port, waits: SHORT });
    // Act
    const sent = await session.send(long);
    // Assess: never in doubt.
    expect(sent).toMatchObject(failureOf(name, 'body'));
    expect(session.usable()).toBe(false);
    expect(server.messages).toEqual([]);
    await session.quit();
    await server.close();
  });
});

it('the stages above are all that there are', () => {
  const above = ['connect', 'banner', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'dot'];
  expect(STAGES.filter((stage) => !above.includes(stage))).toEqual(['dns', 'starttls']);
});

describe('short of time', () => {
  let servers: ScriptedServer[];
  beforeAll(async () => {
    servers = [await startScript(), await startScript({}, { ehlo: '250 x\r\n' })];
  });
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  it('never begins a message with less time left than its end and its reply may take', async () => {
    const need = WAITS.body + WAITS.dot;
    let begun = 0;
    let postponed = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1 }),
        fc.integer({ min: need - 200, max: need + 1_500 }),
        fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 12 }),
        async (which, budget, steps) => {
          // Prepare: a clock that moves at every look at it.
          const server = servers[which]!;
          let left = budget;
          let looks = 0;
          const seen: number[] = [];
          const remaining = () => {
            left -= steps[looks++ % steps.length]!;
            seen.push(left);
            return left;
          };
          const session = await greet({ port: server.port, tls: 'off', waits: WAITS, remaining });
          const before = server.messages.length;
          // Act
          const sent = await session.send(mail());
          // Assess: in all looks up to the message's beginning there was enough; the last two are its own waits.
          const taken = server.messages.length - before;
          expect(taken).toBe(sent.ok ? 1 : 0);
          if (sent.ok) expect(seen.at(-3)).toBeGreaterThanOrEqual(need);
          else expect(sent).toEqual({ ok: false, postponed: true });
          if (sent.ok) begun++;
          else postponed++;
          await session.quit();
        },
      ),
      { numRuns: 1_000 },
    );
    expect(Math.min(begun, postponed)).toBeGreaterThan(100);
  });
});
