/** From yesterday's counters to the report in the inbox of the domain that asked for it, on the local stack. */
import { gunzipSync } from 'node:zlib';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reportDay } from '../../core/tls-report.ts';
import { tlsReportsIn } from '../../io/tls-reports.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { eventually, givenMail, type Mail } from './given.ts';

const DAY = 86_400_000;
let mail: Mail;
beforeAll(async () => {
  mail = await givenMail({
    settings: { tlsReports: { from: 'tls@example.com', organization: 'Example', contact: 'postmaster@example.com' } },
  });
});
afterAll(() => mail?.end());

// The stack runs by the clock of this machine, and reports begin at 02:00 UTC.
test.skipIf(new Date().getUTCHours() < 2)('a domain that asks for reports gets one a day', async () => {
  // Prepare
  const { stack, local, dns, arrivals } = mail;
  const yesterday = reportDay(Date.now() - DAY);
  dns.setRecord('_smtp._tls.asks.example', 'TXT', ['v=TLSRPTv1; rua=mailto:tls@asks.example']);
  const credentials = { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint: local.awsUrl, region: stack.region, credentials });
  const sites = stack.tables().find(({ logicalId }) => logicalId.includes('Sites'))!.name;
  const { addTlsCounts } = tlsReportsIn(sites, DynamoDBDocumentClient.from(client));
  const counted = { ok: 3, failed: 0, failures: [] };
  await addTlsCounts(yesterday, [
    { domain: 'asks.example', ...counted },
    { domain: 'silent.example', ...counted },
  ]);
  const report = stack.assembly.ofType('AWS::Lambda::Function').find(({ name }) => name.includes('ReportFunction'))!;

  // Act
  await stack.runSchedule(report.name);
  await stack.runSchedule(report.name);
  const [summary] = await eventually(
    () => arrivals.list({ to: 'tls@asks.example' }),
    (seen) => seen.length > 0,
  );

  // Assess
  expect(arrivals.count()).toBe(1);
  const { subject, headers, attachments } = await simpleParser(arrivals.find(summary!.id)!.raw);
  expect(subject).toMatch(/^Report Domain: asks\.example Submitter: example\.com Report-ID: </);
  expect(headers.get('content-type')).toMatchObject({ value: 'multipart/report', params: { 'report-type': 'tlsrpt' } });
  expect(headers.has('dkim-signature')).toBe(true);
  expect(JSON.parse(String(gunzipSync(attachments[0]!.content)))).toMatchObject({
    'date-range': { 'start-datetime': `${yesterday}T00:00:00Z` },
    policies: [{ summary: { 'total-successful-session-count': 3 } }],
  });
  expect(stack.denials).toEqual([]);
  client.destroy();
});
