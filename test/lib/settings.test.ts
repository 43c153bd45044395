import { expect, test } from 'vitest';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';

const ip = { name: 'a-1', ehloName: 'mta1.example.com' };
const withIp = (change: object): SettingsInput => ({ pools: [{ name: 'default', sourceIps: [{ ...ip, ...change }] }] });

test('the defaults', () => {
  expect(defineSettings()).toEqual({
    stackName: 'Pennypost',
    pools: [{ name: 'default', sourceIps: [{ name: 'default-1', ehloName: 'mta1.pennypost.example', weight: 1 }] }],
    maxAzs: 2,
    delivery: {
      timeoutSeconds: 180,
      memoryMb: 256,
      batchSize: 100,
      batchingWindowSeconds: 3,
      smtpPort: 25,
      allowPrivateHosts: false,
    },
    accept: { accessLogs: false, memoryMb: 256, timeoutSeconds: 29, requestsPerSecond: 1000 },
    expand: { memoryMb: 1024, timeoutSeconds: 60, maximumConcurrency: 10 },
    events: { announceSeconds: 5, tallySeconds: 60 },
    tracking: { cloudFront: false },
    brakes: { bouncePercent: 10, complaintPercent: 0.3 },
    retention: { messagesDays: 30, contentDays: 21, eventsDays: 90, statsDays: 400, logsDays: 14 },
    alarms: { oldestSeconds: 900, bounceRatePercent: 5 },
    senders: { zones: [], rotateKeysDays: 180 },
    validation: { disposableDomains: [] },
    shaping: {},
    relay: false,
    tracing: false,
  });
});

test('settings that are whole pass again unchanged', () => {
  const once = defineSettings(
    withIp({ weight: 2.5, allocationId: 'eipalloc-0123456789abcdef0', ip: '192.0.2.1', zone: 1 }),
  );
  expect(defineSettings(once)).toEqual(once);
});

const wrong: [string, unknown][] = [
  ['pools[0].sourceIps[0].ehloName: must be a full host name', withIp({ ehloName: 'localhost' })],
  ['pools[0].sourceIps[0].ehloName: must be a full host name', withIp({ ehloName: 'MTA1.example.com' })],
  [
    'pools[0].sourceIps[0].ehloName: must be a full host name',
    withIp({ ehloName: 'mta1.example.com\r\nMAIL FROM:<>' }),
  ],
  ['pools[0].sourceIps[0].ehloName: ', { pools: [{ name: 'p', sourceIps: [{ name: 'a' }] }] }],
  ['pools[0].sourceIps[0].name: must be 1 to 32', withIp({ name: 'A_1' })],
  ['pools[0].sourceIps[0].name: must be 1 to 32', withIp({ name: 'n'.repeat(33) })],
  ['pools[0].sourceIps[0].weight: ', withIp({ weight: -1 })],
  ['pools[0].sourceIps: need one with a weight above 0', withIp({ weight: 0 })],
  ['pools[0].sourceIps[0].zone: must be below maxAzs, which is 2', withIp({ zone: 2 })],
  ['pools[0].sourceIps[0].allocationId: must be an Elastic IP', withIp({ allocationId: '192.0.2.1' })],
  ['pools[0].sourceIps[0].ip: allocationId and ip go together', withIp({ allocationId: 'eipalloc-0123456789abcdef0' })],
  ['pools[0].sourceIps[0].allocationId: allocationId and ip go together', withIp({ ip: '192.0.2.1' })],
  ['pools[0].sourceIps[0].warmUpFrom: must be a day', withIp({ warmUpFrom: '2026-02-30' })],
  ['pools[0].sourceIps[0].warmUpFrom: must be a day', withIp({ warmUpFrom: '23.11.2026' })],
  ...['10.0.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '127.0.0.1', '169.254.0.1', '224.0.0.1'].map(
    (private_): [string, unknown] => [
      'pools[0].sourceIps[0].ip: must be a public address',
      withIp({ allocationId: 'eipalloc-0123456789abcdef0', ip: private_ }),
    ],
  ),
  ['validation.disposableDomains[0]: ', { validation: { disposableDomains: ['not a domain'] } }],
  ['brakes.dailyCap: ', { brakes: { dailyCap: -1 } }],
  ['brakes.bouncePercent: ', { brakes: { bouncePercent: 0 } }],
  ['pools[0].sourceIps[0].wieght: is no setting', withIp({ wieght: 1 })],
  ['pools[0].sourceIps: ', { pools: [{ name: 'p', sourceIps: [] }] }],
  ['pools: ', { pools: [] }],
  [
    'pools[1].name: "p" names two pools',
    {
      pools: [
        { name: 'p', sourceIps: [ip] },
        { name: 'p', sourceIps: [{ ...ip, name: 'b' }] },
      ],
    },
  ],
  [
    'pools[1].sourceIps[0].name: "a-1" names two lanes',
    {
      pools: [
        { name: 'p', sourceIps: [ip] },
        { name: 'q', sourceIps: [ip] },
      ],
    },
  ],
  ['delivery.ipv6: is no setting', { delivery: { ipv6: true } }],
  ['delivery.timeoutSeconds: ', { delivery: { timeoutSeconds: 181 } }],
  ['delivery.dnsServers[0]: must be "ip:port"', { delivery: { dnsServers: ['10.0.0.2'] } }],
  ['delivery.dnsServers[0]: must be "ip:port"', { delivery: { dnsServers: ['999.1.1.1:53'] } }],
  ['delivery.dnsServers[0]: must be "ip:port"', { delivery: { dnsServers: ['10.0.0.2:99999'] } }],
  ['delivery.dnsServers[0]: must be "ip:port"', { delivery: { dnsServers: ['10.0.0.2:0'] } }],
  ['delivery.batchSize: ', { delivery: { batchSize: 101 } }],
  [
    'delivery.batchSize: more than 10 need a batching window',
    { delivery: { batchSize: 11, batchingWindowSeconds: 0 } },
  ],
  ['accept.timeoutSeconds: ', { accept: { timeoutSeconds: 30 } }],
  ['retention.contentDays: ', { retention: { contentDays: 20 } }],
  ['retention.eventsDays: ', { retention: { eventsDays: 6 } }],
  ['events.announceSeconds: ', { events: { announceSeconds: 31 } }],
  ['retention.messagesDays: ', { retention: { messagesDays: 20 } }],
  ['retention.logsDays: must be one of 1, 3, 5', { retention: { logsDays: 2 } }],
  ['alarms.email: ', { alarms: { email: 'nobody' } }],
  ['stackName: must be 1 to 31 letters', { stackName: '1st' }],
  ['tracing: ', { tracing: 'yes' }],
  ['region: is no setting', { region: 'eu-west-1' }],
];

test.each(wrong)('%s', (start, input) => {
  expect(() => defineSettings(input as SettingsInput)).toThrow(`\n  ${start}`);
});

test('all that is wrong is said at once', () => {
  expect(() => defineSettings({ delivery: { smtpPort: 0 }, alarms: { oldestSeconds: 1 } })).toThrow(
    /delivery\.smtpPort: [\s\S]*alarms\.oldestSeconds: /,
  );
});

test('a lane more than Lambda has room for is refused', () => {
  const many = (count: number) => ({
    pools: [
      {
        name: 'p',
        sourceIps: Array.from({ length: count }, (_, i) => ({ name: `ip-${i}`, ehloName: `mta${i}.example.com` })),
      },
    ],
  });
  expect(defineSettings(many(11)).pools[0]?.sourceIps).toHaveLength(11);
  expect(() => defineSettings(many(12))).toThrow('\n  pools: have 12 source IPs; a stack can hold 11');
});

test('two lanes never share a name or an address, whichever pools they are in', () => {
  const address = { allocationId: 'eipalloc-0123456789abcdef0', ip: '192.0.2.1' };
  const both = (a: object, b: object) => ({
    pools: [
      { name: 'p', sourceIps: [{ ...ip, ...a }] },
      { name: 'q', sourceIps: [{ name: 'b-1', ehloName: 'mta2.example.com', ...b }] },
    ],
  });
  const at = '\n  pools[1].sourceIps[0]';

  expect(() => defineSettings(both(address, { allocationId: 'eipalloc-11111111', ip: '192.0.2.2' }))).not.toThrow();
  expect(() => defineSettings(both({}, { ehloName: ip.ehloName }))).toThrow(
    `${at}.ehloName: "mta1.example.com" is that of "a-1" already`,
  );
  expect(() => defineSettings(both(address, { ...address, ip: '192.0.2.2' }))).toThrow(`${at}.allocationId: `);
  expect(() => defineSettings(both(address, { ...address, allocationId: 'eipalloc-11111111' }))).toThrow(`${at}.ip: `);
});

test('a warm-up may begin in the future', () => {
  expect(() => defineSettings(withIp({ warmUpFrom: '2999-01-01' }))).not.toThrow();
});

test("what a lane's function has no room for is refused, and as many lanes as a stack may hold have room", () => {
  const relay = (i: number) => ({ name: `relay-${i}`, host: `smtp${i}.${'very-long.'.repeat(16)}example.com` });
  const way = (i: number) => `relay:relay-${i}` as const;
  const withRelays = (count: number): SettingsInput => {
    const providers = ['google', 'microsoft', 'yahoo', 'apple', 'gmx', 'other', 'a', 'b', 'c', 'd', 'e', 'f'];
    const own = Object.fromEntries(providers.slice(6).map((name) => [name, { suffixes: [`mx.${name}.example`] }]));
    return {
      relays: Array.from({ length: count }, (_, i) => relay(i)),
      shaping: { providers: own } as never,
      pools: [
        {
          name: 'p',
          sourceIps: [ip],
          via: {
            default: 'direct',
            providers: Object.fromEntries(providers.slice(0, count).map((name, i) => [name, way(i)])),
          },
        },
      ],
    };
  };
  const warming = Array.from({ length: 11 }, (_, i) => ({
    name: `${'n'.repeat(30)}-${String.fromCharCode(97 + i)}`,
    ehloName: `mta${i}.example.com`,
    warmUpFrom: '2026-11-23',
  }));

  expect(() => defineSettings({ pools: [{ name: 'p', sourceIps: warming }] })).not.toThrow();
  expect(() => defineSettings(withRelays(5))).not.toThrow();
  expect(() => defineSettings(withRelays(12))).toThrow(/\n {2}pools\[0\]: its ways, relays and lanes take \d{4} bytes/);
});
