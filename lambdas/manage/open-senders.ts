/** What the routes of senders need of the outside, from the variables that lib/manage.ts writes. */
import type { SourceIp } from '../../core/senders/ips.ts';
import type { Table } from '../../io/aws.ts';
import { makeKeysBy } from '../../io/dkim-keys.ts';
import { requireVariable } from '../../io/environment.ts';
import { openLinkProbe } from '../../io/link-probe.ts';
import { openLookUp } from '../../io/look-up.ts';
import { openMx } from '../../io/mx.ts';
import { ownMailIn } from '../../io/own-mail.ts';
import { openZones } from '../../io/route53.ts';
import { senderDomainsIn } from '../../io/sender-domains.ts';
import { senderItemsIn } from '../../io/sender-items.ts';
import { type SenderZone, senderZonesIn } from '../../io/sender-zones.ts';
import { sitesIn } from '../../io/sites.ts';
import { verifiedSendersIn } from '../../io/verified-senders.ts';
import { warmUpsIn } from '../../io/warm-ups.ts';
import type { ManageDeps } from './manage.ts';
import type { SenderDeps } from './sender-deps.ts';

/** `SENDING`. */
type SendingVariable = Omit<SenderDeps['sending'], 'sources'> & { zones: SenderZone[]; sources: SourceIp[] };

/** @throws Error where a variable is missing or no JSON */
export function openSenders(table: string, tables: Table, keys: Parameters<typeof makeKeysBy>[0]) {
  const sites = sitesIn(requireVariable('SITES_TABLE'), tables, Date.now);
  const sending = JSON.parse(requireVariable('SENDING')) as SendingVariable;
  const { DNS_SERVERS, ALLOW_PRIVATE_HOSTS } = process.env;
  const servers = DNS_SERVERS?.split(',');
  const { resolveHost } = openMx({
    ...(servers && { servers }),
    allowPrivateHosts: ALLOW_PRIVATE_HOSTS === 'true',
    now: Date.now,
    random: Math.random,
    mtaSts: false,
  });
  return {
    sending,
    lookUp: openLookUp(servers),
    ...senderDomainsIn(table, tables),
    ...senderZonesIn(openZones(), sending.zones),
    ...ownMailIn(table, tables),
    ...verifiedSendersIn(table, tables),
    ...senderItemsIn(table, tables),
    linkTarget: requireVariable('LINK_TARGET').replace('https://', ''),
    probeLink: openLinkProbe({ resolveHost }),
    sourceIps: sending.sources,
    ...warmUpsIn(table, tables),
    readWarmUp: sites.readWarmUp,
    readWarmUpHour: sites.readWarmUpHour,
    sources: sending.sources.flatMap(({ ip, name }) => (ip === undefined ? [] : [{ ip, lane: name }])),
    makeDkimKey: makeKeysBy(keys, requireVariable('SECRETS_KEY_ARN')),
  } satisfies Partial<ManageDeps>;
}
