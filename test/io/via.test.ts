/** Sessions with relays, against servers on loopback. */
import { afterEach, describe, expect, test } from 'vitest';
import { WAITS } from '../../core/smtp/limits.ts';
import { FINAL_DOT } from '../../core/wire.ts';
import type { ViaSession } from '../../io/ses.ts';
import { openSession } from '../../io/smtp.ts';
import { openVia, requireVia, type ViaDeps } from '../../io/via.ts';
import { type ScriptedServer, startScript } from '../smtp-script.ts';

const about = { account: 'operator', requestId: 'AZq2-_aaaaaaaaaaaaaaaa', index: 0, attempt: 0, lane: 'default' };
const message = {
  from: 'b+x@em.example.com',
  to: 'a@example.net',
  octets: [Buffer.from('Subject: x\r\n\r\nhi\r\n'), FINAL_DOT],
  about,
};
const options = { ehloName: 'mta1.example.com', waits: WAITS, remaining: () => 600_000 };
const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const relay = (port: number, more = {}) => ({ name: 'office', host: 'relay.test', port, tls: 'off' as const, ...more });
const deps = (port: number, change: Partial<ViaDeps> = {}, more = {}): ViaDeps => ({
  settings: {
    via: { default: 'ses', providers: { google: 'relay:office', yahoo: 'direct' } },
    relays: [relay(port, more)],
  },
  resolveHost: async () => ({ addresses: ['127.0.0.1'] }),
  openSession,
  readSecret: async () => Buffer.from('{"user":"u","password":"p"}'),
  ...change,
});

test("the route of each provider: a site of its own, without any provider's limits", () => {
  const { routeOf, isFixed } = openVia(deps(25));
  expect(isFixed).toBe(false);
  expect(routeOf('yahoo')).toBeUndefined();
  expect(routeOf('google')).toMatchObject({
    kind: 'site',
    site: 'relay:office',
    provider: 'relay:office',
    hosts: ['relay.test'],
  });
  expect(routeOf('other')).toMatchObject({ kind: 'site', site: 'ses', provider: 'ses' });
  expect(routeOf('yahoo', 'relay:office')).toMatchObject({ site: 'relay:office' });
});

describe('a relay', () => {
  test('takes the message as a mail server does', async () => {
    const server = await startScript();
    servers.push(server);
    const via = openVia(deps(server.port));

    const opened = await via.open(via.routeOf('google')!, options);
    expect(opened.ok).toBe(true);
    const { session } = opened as { session: ViaSession };
    expect(await session.send(message)).toMatchObject({ ok: true, reply: { code: 250 } });
    await session.quit();

    expect(server.messages).toMatchObject([{ from: 'b+x@em.example.com', to: ['a@example.net'] }]);
    expect(server.commands[0]).toBe('EHLO mta1.example.com');
  });

  test('gets its policy, its password, and TLS from the first octet on 465', async () => {
    const asked: Record<string, unknown>[] = [];
    const refuse: ViaDeps['openSession'] = async (given) => {
      asked.push(given);
      return { ok: false, stage: 'connect', error: 'refused', afterDot: false };
    };
    const more = { tls: 'verified', secretArn: 'arn:secret' };
    for (const port of [465, 587]) {
      const via = openVia(
        deps(port, { openSession: refuse, resolveHost: async () => ({ addresses: ['127.0.0.2', '127.0.0.3'] }) }, more),
      );
      expect(await via.open(via.routeOf('google')!, options)).toMatchObject({ ok: false, error: 'refused' });
    }
    expect(
      asked.map(({ port, address, tls, implicitTls, auth, host }) => ({ port, address, tls, implicitTls, auth, host })),
    ).toEqual(
      [465, 587].flatMap((port) =>
        ['127.0.0.2', '127.0.0.3'].map((address) => ({
          port,
          address,
          host: 'relay.test',
          tls: 'verified',
          implicitTls: port === 465 ? true : undefined,
          auth: { user: 'u', password: 'p' },
        })),
      ),
    );
  });

  test('a password is read once, and again when no session came of it', async () => {
    const server = await startScript();
    servers.push(server);
    let reads = 0;
    let down = false;
    const readSecret = async () => {
      reads++;
      return Buffer.from('{"user":"u","password":"p"}');
    };
    const open: ViaDeps['openSession'] = ({ auth: _, ...given }) =>
      down ? Promise.resolve({ ok: false, stage: 'ehlo', error: '535', afterDot: false }) : openSession(given);
    const via = openVia(deps(server.port, { readSecret, openSession: open }, { secretArn: 'arn:secret' }));
    const route = via.routeOf('google')!;
    for (let n = 0; n < 2; n++) {
      const opened = await via.open(route, options);
      if (opened.ok) await opened.session.quit();
    }
    expect(reads).toBe(1);
    down = true;
    await via.open(route, options);
    await via.open(route, options);
    expect(reads).toBe(2);
  });

  // Attack: whoever reads the records finds a password in the reason of a failure.
  test.each(['hunter2', '{"user":"u"}', '"hunter2"', 'null'])(
    'a secret that is none (%s) is a failure that does not tell it',
    async (text) => {
      const via = openVia(deps(1, { readSecret: async () => Buffer.from(text) }, { secretArn: 'arn:secret' }));
      const failure = await via.open(via.routeOf('google')!, options);
      expect(failure).toMatchObject({
        ok: false,
        stage: 'connect',
        afterDot: false,
        error: expect.stringContaining('secret of relay office'),
      });
      expect(JSON.stringify(failure)).not.toContain('hunter2');
    },
  );

  test('a host without an address, or a relay that is no more, lets the copy wait', async () => {
    const via = openVia(deps(25, { resolveHost: async () => ({ addresses: [], error: 'ENOTFOUND' }) }));
    expect(await via.open(via.routeOf('google')!, options)).toMatchObject({
      stage: 'dns',
      error: 'relay.test: ENOTFOUND',
    });
    expect(await via.open(via.routeOf('google', 'relay:gone')!, options)).toMatchObject({
      stage: 'connect',
      error: expect.stringMatching(/no relay gone/),
    });
    expect(await via.open(via.routeOf('other')!, options)).toMatchObject({
      stage: 'connect',
      error: expect.stringMatching(/no longer goes by SES/),
    });
  });
});

test('the environment: what lib writes, and what does not fit', () => {
  expect(requireVia({})).toEqual({ relays: [] });
  const via = { default: 'relay:office' };
  expect(requireVia({ VIA: JSON.stringify(via), RELAYS: JSON.stringify([relay(587)]) })).toEqual({
    via,
    relays: [relay(587)],
  });
  expect(() => requireVia({ VIA: JSON.stringify(via) })).toThrow('RELAYS has no relay office');
  expect(() => requireVia({ VIA: '{"default":"ses"}' })).toThrow('SES_CONFIGURATION_SET is not set');
});
