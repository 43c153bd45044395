/** Mail that does not go to its own MX: a relay, SES, and the way out of a blocked address. */
import { afterEach, describe, expect, it } from 'vitest';
import { makeReply } from '../../../core/smtp/reply.ts';
import { failOverOf, type PoolVia } from '../../../core/via.ts';
import type { ViaOutgoing, ViaSession } from '../../../io/ses.ts';
import { openSession } from '../../../io/smtp.ts';
import { openVia } from '../../../io/via.ts';
import { deliver } from '../../../lambdas/deliver/deliver.ts';
import { type ScriptedServer, startScript } from '../../smtp-script.ts';
import { makeJob, makeWorld, message, REQUEST } from './world.ts';

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
const start = async (...given: Parameters<typeof startScript>) => {
  const server = await startScript(...given);
  servers.push(server);
  return server;
};
const LISTED = '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org\r\n';

/** A pool whose mail goes these ways; MX hosts are one server, the relay another. */
async function setUp(via: PoolVia, mxSays?: string) {
  const mx = await start(mxSays === undefined ? {} : { rcpt: mxSays });
  const relay = await start();
  const bySes: ViaOutgoing[] = [];
  const openSes = (): ViaSession => ({
    host: 'ses',
    address: 'ses',
    tlsFailures: [],
    eightBitMime: true,
    idleFor: () => 0,
    accepted: () => bySes.length,
    usable: () => true,
    transcript: [],
    quit: async () => {},
    send: async (outgoing) => {
      bySes.push(outgoing);
      return { ok: true, reply: makeReply(250, ['id-1']), relayed: true, relayId: 'id-1' };
    },
  });
  const world = makeWorld(mx.port);
  const { resolveSite } = world.deps;
  world.deps.resolveSite = async (domain) => {
    const route = await resolveSite(domain);
    return route.kind === 'site' && domain === 'gmail.example' ? { ...route, provider: 'google' } : route;
  };
  world.deps.via = openVia({
    settings: {
      via,
      relays: [{ name: 'smart', host: 'relay.example', port: relay.port, tls: 'off' }],
      configurationSet: 'set',
    },
    resolveHost: async () => ({ addresses: ['127.0.0.1'] }),
    openSession,
    readSecret: async () => Buffer.alloc(0),
    openSes,
  });
  world.deps.failOver = (told) => failOverOf(via, told);
  return { world, mx, relay, bySes };
}

describe('a pool', () => {
  it('goes by a relay, whatever the MX is, and asks no DNS for it', async () => {
    const { world, mx, relay } = await setUp({ default: 'relay:smart' });
    world.deps.resolveSite = async () => {
      throw new Error('asked');
    };

    await deliver([message(makeJob(['a@x.example', 'b@y.example']))], world.begin());

    expect(mx.connections()).toBe(0);
    expect(relay.messages.map(({ to }) => to[0]).sort()).toEqual(['a@x.example', 'b@y.example']);
    expect(world.outcome(0)).toMatchObject({ event: 'delivered', site: 'relay:smart' });
  });

  it('moves one provider over at a time', async () => {
    const { world, mx, relay } = await setUp({ default: 'relay:smart', providers: { google: 'direct' } });

    await deliver([message(makeJob(['a@gmail.example', 'b@y.example']))], world.begin());

    expect(mx.messages.map(({ to }) => to)).toEqual([['a@gmail.example']]);
    expect(relay.messages.map(({ to }) => to)).toEqual([['b@y.example']]);
  });

  it('says relayed, and not delivered, of what SES has taken, and tells SES whose it is', async () => {
    const { world, bySes } = await setUp({ default: 'ses' });

    expect(await deliver([message(makeJob(['a@x.example']))], world.begin())).toEqual([]);

    expect(world.outcome(0)).toMatchObject({ event: 'relayed', relayId: 'id-1', site: 'ses' });
    expect(bySes[0]!.about).toMatchObject({ account: 'operator', requestId: REQUEST, index: 0, attempt: 0 });
    expect(world.published.get('ses')).toMatchObject({ delivered: 0, relayed: 1 });
  });
});

describe('fail-over', () => {
  it('sends what is refused because of our address another way at once, where the pool asked for that', async () => {
    const { world, relay } = await setUp({ default: 'direct', failOver: 'relay:smart' }, LISTED);
    world.limits.connections = 2;
    await deliver([message(makeJob(['a@x.example']))], world.begin());
    const [hold] = world.holds.splice(0);
    if (hold?.kind !== 'job') throw new Error('nothing is held');

    await deliver([message({ ...hold.job, hop: hold.job.hop + 1 }, 1, 'm2')], world.begin());

    expect(hold.due).toBeLessThanOrEqual(world.deps.now());
    expect(hold.job).toMatchObject({ via: 'relay:smart', attempt: 1 });
    expect(relay.messages).toHaveLength(1);
    expect(world.outcome(0)).toMatchObject({ event: 'delivered', attempt: 1 });
  });

  it('is not for who did not ask: the copy waits for the address to be trusted again', async () => {
    const { world } = await setUp({ default: 'direct' }, LISTED);

    await deliver([message(makeJob(['a@x.example']))], world.begin());

    expect(world.holds).toMatchObject([{ job: { attempt: 1 } }]);
    expect(world.holds[0]?.kind === 'job' && world.holds[0].job.via).toBe(undefined);
  });
});
