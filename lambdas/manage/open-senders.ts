/** What the routes of senders need of the outside, from the variables that lib/manage.ts writes. */
import type { SourceIp } from '../../core/senders/ips.ts';
import type { Table } from '../../io/aws.ts';
import { bundledZones } from '../../io/bundled-lists.ts';
import { makeKeysBy } from '../../io/dkim-keys.ts';
import { requireVariable } from '../../io/environment.ts';
import type { openLinkProbe } from '../../io/link-probe.ts';
import { openLookUp } from '../../io/look-up.ts';
import { ownMailIn } from '../../io/own-mail.ts';
import { poolsIn } from '../../io/pools.ts';
import { openZones } from '../../io/route53.ts';
import { senderDomainsIn } from '../../io/sender-domains.ts';
import { senderItemsIn } from '../../io/sender-items.ts';
import { senderZonesIn } from '../../io/sender-zones.ts';
import { sitesIn } from '../../io/sites.ts';
import { verifiedSendersIn } from '../../io/verified-senders.ts';
import { warmUpsIn } from '../../io/warm-ups.ts';
import type { ManageDeps } from './manage.ts';
import type { SenderDeps } from './sender-deps.ts';

type Probe = ReturnType<typeof openLinkProbe>;
/** `SENDING`. */
type SendingVariable = Omit<SenderDeps['sending'], 'sources'> & { sources: SourceIp[] };

/** @throws Error where a variable is missing or no JSON */
export function openSenders(table: string, tables: Table, keys: Parameters<typeof makeKeysBy>[0]) {
  const sites = sitesIn(requireVariable('SITES_TABLE'), tables, Date.now);
  const sending = JSON.parse(requireVariable('SENDING')) as SendingVariable;
  const servers = process.env.DNS_SERVERS?.split(',');
  return {
    sending,
    lookUp: openLookUp(servers),
    ...senderDomainsIn(table, tables),
    ...senderZonesIn(openZones(), bundledZones()),
    ...ownMailIn(table, tables),
    ...verifiedSendersIn(table, tables),
    ...senderItemsIn(table, tables),
    linkTarget: requireVariable('LINK_TARGET').replace('https://', ''),
    probeLink: openProbe(servers),
    sourceIps: sending.sources,
    ...warmUpsIn(table, tables),
    ...poolsIn(table, tables),
    readWarmUp: sites.readWarmUp,
    readWarmUpHour: sites.readWarmUpHour,
    sources: sending.sources.flatMap(({ ip, name }) => (ip === undefined ? [] : [{ ip, lane: name }])),
    makeDkimKey: makeKeysBy(keys, requireVariable('SECRETS_KEY_ARN')),
  } satisfies Partial<ManageDeps>;
}

/** Loaded when the first host is probed: what it takes would be a tenth of every cold start. */
function openProbe(servers: string[] | undefined): Probe {
  let opening: Promise<Probe> | undefined;
  const open = async () => {
    const [{ openLinkProbe: makeProbe }, { openMx }] = await Promise.all([
      import('../../io/link-probe.ts'),
      import('../../io/mx.ts'),
    ]);
    const { resolveHost } = openMx({
      ...(servers && { servers }),
      allowPrivateHosts: process.env.ALLOW_PRIVATE_HOSTS === 'true',
      now: Date.now,
      random: Math.random,
      mtaSts: false,
    });
    return makeProbe({ resolveHost });
  };
  return async (host) => {
    opening ??= open();
    return (await opening)(host);
  };
}
