import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import { expect, test } from 'vitest';
import { PERMISSIONS } from '../../lib/permissions/table.ts';
import { defineSettings } from '../../lib/settings.ts';
import { makeApp } from '../../lib/synthesize.ts';
import { asList, flatten, functionName, ofType, statementsByFunction, stubCode } from './flatten.ts';

const tlsReports = { from: 'tls@example.com', organization: 'Example Inc.', contact: 'postmaster@example.com' };
const flat = flatten({ tlsReports, delivery: { dnsServers: ['192.0.2.53:53'] } });
const report = ofType(flat, 'AWS::Lambda::Function').find((fn) => functionName(fn) === 'report');

test('there is none unless the settings ask for reports', () => {
  const names = ofType(flatten(), 'AWS::Lambda::Function').map(functionName);
  expect(names).not.toContain('report');
  expect(report).toBeDefined();
});

test('it runs every hour, and a run that failed is not run again by Lambda', () => {
  const rule = ofType(flat, 'AWS::Events::Rule').find(({ path }) => path.startsWith('Report/'));
  expect(rule?.properties).toMatchObject({
    ScheduleExpression: 'rate(1 hour)',
    State: 'ENABLED',
    Targets: [{ Arn: `<${report?.path}.Arn>`, RetryPolicy: { MaximumRetryAttempts: 0 } }],
  });
  const invoked = ofType(flat, 'AWS::Lambda::EventInvokeConfig').find(({ path }) => path.startsWith('Report/'));
  expect(invoked?.properties).toMatchObject({ FunctionName: `<${report?.path}>`, MaximumRetryAttempts: 0 });
});

test('it knows who reports, and is in no VPC', () => {
  expect(report?.properties.Environment.Variables).toMatchObject({
    SITES_TABLE: '<Storage/Sites>',
    HOLDS_TABLE: '<Storage/Holds>',
    REPORT_FROM: 'tls@example.com',
    REPORT_ORGANIZATION: 'Example Inc.',
    REPORT_CONTACT: 'postmaster@example.com',
    DNS_SERVERS: '192.0.2.53:53',
    ALLOW_PRIVATE_HOSTS: 'false',
  });
  expect(report?.properties).not.toHaveProperty('VpcConfig');
});

test('it may do what its rows say, and nothing else', () => {
  const own = statementsByFunction(flat).find(({ name }) => name === 'report');
  const allowed = own?.statements.map(({ Action, Resource }) => [asList(Action).sort(), asList(Resource)]);
  expect(allowed).toEqual([
    [['logs:CreateLogStream', 'logs:PutLogEvents'], ['<Report/Report/Logs.Arn>']],
    [['dynamodb:PutItem', 'dynamodb:Query'], ['<Storage/Sites.Arn>']],
    [['dynamodb:PutItem'], ['<Storage/Holds.Arn>']],
  ]);
  expect(allowed).toHaveLength(PERMISSIONS.report.length);
});

test.each([false, true])('every finding of cdk-nag about it is acknowledged, and no other (tracing %s)', (tracing) => {
  // Prepare
  const outdir = mkdtempSync(join(tmpdir(), 'pennypost-nag-'));
  const { app, stack } = makeApp(defineSettings({ tlsReports, tracing }), { outdir, code: stubCode });
  app.synth();
  rmSync(outdir, { recursive: true });
  const packs = (): NagPack[] => [new AwsSolutionsChecks(), new ServerlessChecks()];
  const findings = (ofPacks: NagPack[]) =>
    ofPacks
      .flatMap((pack) => pack.validateScope(stack).violations ?? [])
      .flatMap(({ ruleName: rule, violatingResources }) =>
        violatingResources.map(({ constructPath = '' }) => ({ rule, path: constructPath })),
      )
      .filter(({ path }) => path.includes('/Report/'));

  // Act
  const open = findings(packs());
  const found = findings(packs().map((pack) => Object.assign(pack, { isAcknowledged: () => false })));
  const acknowledged = stack.node
    .findAll()
    .filter(({ node }) => node.path.includes('/Report/'))
    .flatMap(({ node: { path, metadata } }) =>
      metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) => Object.keys(data as object))
        .map((id) => ({ path, rule: id.replace(/^annotation::/i, '') })),
    );

  // Assess
  expect(open).toEqual([]);
  expect(acknowledged).toHaveLength(4);
  const idle = acknowledged.filter(
    ({ rule, path }) => !found.some((one) => one.rule === rule && one.path.startsWith(path)),
  );
  expect(idle).toEqual([]);
});

test.each([
  ['tlsReports.from', { ...tlsReports, from: 'nobody' }],
  ['tlsReports.organization', { ...tlsReports, organization: 'a\r\nBcc: x' }],
  ['tlsReports.contact', { ...tlsReports, contact: '' }],
])('settings: %s is checked', (path, wrong) => {
  expect(() => defineSettings({ tlsReports: wrong })).toThrow(`${path}: `);
});
