/** report's handler: runs every hour. */
import middy from '@middy/core';
import type { Context, ScheduledEvent } from 'aws-lambda';
import { openTables } from '../../io/aws.ts';
import { requireVariable } from '../../io/environment.ts';
import { holdsIn } from '../../io/holds.ts';
import { openMx } from '../../io/mx.ts';
import { tlsReportsIn } from '../../io/tls-reports.ts';
import { report } from './report.ts';

const { DNS_SERVERS, ALLOW_PRIVATE_HOSTS } = process.env;
const tables = openTables();
const deps = {
  ...tlsReportsIn(requireVariable('SITES_TABLE'), tables),
  ...holdsIn(requireVariable('HOLDS_TABLE'), tables),
  ...openMx({
    servers: DNS_SERVERS?.split(',') ?? [],
    allowPrivateHosts: ALLOW_PRIVATE_HOSTS === 'true',
    now: Date.now,
    random: Math.random,
    mtaSts: false,
  }).tlsReports,
  reporter: {
    from: requireVariable('REPORT_FROM'),
    organization: requireVariable('REPORT_ORGANIZATION'),
    contact: requireVariable('REPORT_CONTACT'),
  },
  now: Date.now,
  report: (problem: string) => console.error(JSON.stringify({ level: 'ERROR', stage: 'report', problem })),
};

export const handler = middy<ScheduledEvent, void>().handler(async (_event, context: Context) => {
  await report({ ...deps, remainingMs: () => context.getRemainingTimeInMillis() });
});
