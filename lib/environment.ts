/**
 * Whether a function's variables have room for what the settings say at length: lanes, ways, senders. Lambda takes 4 KB of them, all together
 * as one JSON text in which the quotes of JSON within it count twice, and refuses more only when the stack is deployed. It refuses what does
 * not fit beside the names that AWS makes at their longest; test/lib measures those in the template.
 */
import { relaysOf } from '../core/via.ts';
import { inboundOf } from './inbound-settings.ts';
import type { PoolSettings, RelaySettings, Settings } from './settings.ts';
import { lanesOf, poolViaOf } from './ways.ts';

/** Bytes for `LANES`: release has the most beside it. */
const LANES_ROOM = 2_950;
/** Bytes for `SENDING` and DNS servers in manage. */
const SENDING_ROOM = 2_550;
/** Bytes for a lane's deliver: names, ways, relays, other lanes, DNS servers. */
const LANE_ROOM = 2_600;

/** The longest URL of a queue, address, and host of SES receiving. */
const QUEUE_URL = `https://sqs.ap-southeast-1.amazonaws.com.cn/${'1'.repeat(12)}/${'q'.repeat(80)}`;
const ADDRESS = '255.255.255.255';
const SES_HOST = 'inbound-smtp.ap-southeast-1.amazonaws.com';

type Measured = Pick<Settings, 'pools' | 'relays' | 'delivery' | 'senders' | 'relay' | 'inbound'>;

/** @param refuse is told each fault, with the path of the settings that are to be shortened */
export function checkEnvironments(
  settings: Measured,
  refuse: (path: (string | number)[], message: string) => void,
): void {
  const { pools, relays = [], delivery } = settings;
  for (const [p, pool] of pools.entries()) {
    const bytes = laneBytes(pool, relays, delivery);
    if (bytes > LANE_ROOM)
      refuse(
        ['pools', p],
        `its ways, relays and lanes take ${bytes} bytes of deliver's environment, which has room for ${LANE_ROOM}: name fewer relays, providers or source IPs in it`,
      );
  }
  const lanes = lanesBytes(pools);
  if (lanes > LANES_ROOM)
    refuse(
      ['pools'],
      `their lanes take ${lanes} bytes of release's environment, which has room for ${LANES_ROOM}: give pools and source IPs shorter names, and weights fewer digits`,
    );
  const sending = sendingBytes(settings);
  if (sending > SENDING_ROOM)
    refuse(
      ['pools'],
      `their lanes, with senders.targets, relay.hostName and delivery.dnsServers, take ${sending} bytes of manage's environment, which has room for ${SENDING_ROOM}: choose shorter host names, first of all the ehloName of source IPs`,
    );
}

/** As it counts within the JSON of all variables. */
const bytesOf = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - 2;
const jsonBytes = (value: unknown): number => bytesOf(JSON.stringify(value));

const addresses = ({ dnsServers }: Pick<Settings['delivery'], 'dnsServers'>): number =>
  bytesOf(dnsServers?.join(',') ?? '');

/** What the pool's largest lane puts into its environment: `EHLO_NAME`, `VIA`, `RELAYS`, `OVERFLOW_LANES`, DNS servers, `SIGNING_DOMAIN`. */
function laneBytes(
  pool: PoolSettings,
  relays: readonly RelaySettings[],
  delivery: Pick<Settings['delivery'], 'dnsServers' | 'signingDomain'>,
): number {
  const via = poolViaOf(pool);
  const names = relaysOf(via);
  const own = relays.filter(({ name }) => names.includes(name));
  const all = lanesOf(pool);
  const lanes = all.map((lane) => {
    const others = all.filter((other) => other !== lane);
    const told = others.map(({ name, warmUpFrom }) => ({ name, url: QUEUE_URL, warmUpFrom }));
    return bytesOf(lane.ehloName) + jsonBytes(told);
  });
  return (
    Math.max(0, ...lanes) +
    (via ? jsonBytes(via) : 0) +
    (own.length > 0 ? jsonBytes(own) : 0) +
    addresses(delivery) +
    bytesOf(delivery.signingDomain ?? '')
  );
}

/** `LANES`, of accept, expand and release. */
function lanesBytes(pools: readonly PoolSettings[]): number {
  const lanes = pools.flatMap((pool) =>
    lanesOf(pool).map(({ name, weight }) => ({ name, pool: pool.name, weight, url: QUEUE_URL })),
  );
  return jsonBytes(lanes);
}

/** `SENDING`, of manage and rotate, and manage's DNS servers. */
function sendingBytes({ pools, senders: { targets }, delivery, relay, inbound }: Measured): number {
  const sources = pools.flatMap((pool) =>
    lanesOf(pool).map(({ name, ehloName, warmUpFrom }) => ({
      ip: ADDRESS,
      ehloName,
      name,
      pool: pool.name,
      warmUpFrom,
    })),
  );
  const taken = inboundOf({ inbound, relay });
  const inboundHost = taken && (taken.by === 'relay' && relay ? relay.hostName : SES_HOST);
  return jsonBytes({ sources, inboundHost, targets }) + addresses(delivery);
}
