/** rotate's handler: runs once a day. */
import middy from '@middy/core';
import type { Context, ScheduledEvent } from 'aws-lambda';
import { METRIC } from '../../core/metrics.ts';
import type { Sending } from '../../core/senders/kept.ts';
import { openKeys, openTables } from '../../io/aws.ts';
import { bundledZones } from '../../io/bundled-lists.ts';
import { makeKeysBy } from '../../io/dkim-keys.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { openLookUp } from '../../io/look-up.ts';
import { publishPlain } from '../../io/plain-metrics.ts';
import { openZones } from '../../io/route53.ts';
import { senderDomainsIn } from '../../io/sender-domains.ts';
import { senderZonesIn } from '../../io/sender-zones.ts';
import { rotate } from './rotate.ts';

const sending = JSON.parse(requireVariable('SENDING')) as Sending;
const deps = {
  ...senderDomainsIn(requireVariable('ACCOUNTS_TABLE'), openTables()),
  ...senderZonesIn(openZones(), bundledZones()),
  makeDkimKey: makeKeysBy(openKeys(), requireVariable('SECRETS_KEY_ARN')),
  lookUp: openLookUp(process.env.DNS_SERVERS?.split(',')),
  days: requireNumber('ROTATE_KEYS_DAYS'),
  sending,
  now: Date.now,
  publishOverdue: (domains: number) => publishPlain(METRIC.rotationsOverdue, domains),
  report: (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'rotate', problem })),
};

export const handler = middy<ScheduledEvent, void>().handler(async (_event, context: Context) => {
  await rotate({ ...deps, remainingMs: () => context.getRemainingTimeInMillis() });
});
