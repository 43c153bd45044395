/** track's handler: API Gateway's payload 2.0 in and out. Everything it needs is made once per environment. */
import { setTimeout as wait } from 'node:timers/promises';
import middy from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { openSecrets, openTables } from '../../io/aws.ts';
import { engagementsIn } from '../../io/engagements.ts';
import { requireNumber, requireVariable } from '../../io/environment.ts';
import { publishCounts } from '../../io/metrics.ts';
import { shownGroupsIn } from '../../io/shown-groups.ts';
import { suppressionsIn } from '../../io/suppressions.ts';
import { readKeysBy } from '../../io/tracking.ts';
import { readRequest } from './request.ts';
import { type TrackDeps, track } from './track.ts';

const tables = openTables();
let counts: Record<string, number> = {};

const deps: TrackDeps = {
  ...engagementsIn(requireVariable('MESSAGES_TABLE'), tables),
  ...suppressionsIn(requireVariable('SUPPRESSIONS_TABLE'), tables),
  ...shownGroupsIn(requireVariable('ACCOUNTS_TABLE'), tables),
  keys: readKeysBy(openSecrets(), requireVariable('TRACKING_SECRET_ARN'), Date.now),
  messagesDays: requireNumber('MESSAGES_DAYS'),
  now: Date.now,
  wait: (milliseconds) => wait(milliseconds, undefined, { ref: false }),
  count: (what) => {
    counts[what] = (counts[what] ?? 0) + 1;
  },
  report: (problem) => console.error(JSON.stringify({ level: 'ERROR', stage: 'track', problem })),
};

export const handler = middy<APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2>().handler(async (event) => {
  counts = {};
  const { status, headers, body, isBase64 = false } = await track(readRequest(event), deps);
  if (Object.keys(counts).length > 0) publishCounts(counts);
  return { statusCode: status, headers, body, isBase64Encoded: isBase64 };
});
