import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { expect, test } from 'vitest';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';
import { makeApp } from '../../lib/synthesize.ts';
import { stubCode, stubImage } from './flatten.ts';

const packs = (): NagPack[] => [new AwsSolutionsChecks(), new ServerlessChecks()];

/** A stack as the checks see it in `cdk synth`: synthesized, so that references into nested stacks are parameters. */
function stackWith(input: SettingsInput): IConstruct {
  const outdir = mkdtempSync(join(tmpdir(), 'pennypost-nag-'));
  const { app, stack } = makeApp(defineSettings(input), { outdir, code: stubCode, image: stubImage });
  app.synth();
  rmSync(outdir, { recursive: true });
  return stack;
}

const findings = (stack: IConstruct, ofPacks: NagPack[]) =>
  ofPacks
    .flatMap((pack) => pack.validateScope(stack).violations ?? [])
    .flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => ({ rule: ruleName, path: constructPath ?? '' })),
    );

/** Every acknowledgement of ours, by the construct that it is on (CDK makes one of its own, about its own checks). */
function acknowledged(stack: IConstruct): { path: string; rule: string; reason: string }[] {
  return stack.node.findAll().flatMap((construct) =>
    construct.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({ path: construct.node.path, rule: id.replace(/^annotation::/i, ''), reason }))
      .filter(({ rule }) => /^(AwsSolutions|Serverless)-/.test(rule)),
  );
}

const variants: [string, SettingsInput][] = [
  ['the defaults', {}],
  ['tracing and an alarm address', { tracing: true, alarms: { email: 'ops@example.com' } }],
  [
    'two pools, an allocation id, a port and DNS servers of its own',
    {
      pools: [
        {
          name: 'a',
          sourceIps: [
            { name: 'a-1', ehloName: 'a1.example.com', allocationId: 'eipalloc-0123456789abcdef0', ip: '192.0.2.1' },
          ],
        },
        {
          name: 'b',
          sourceIps: [
            { name: 'b-1', ehloName: 'b1.example.com' },
            { name: 'b-2', ehloName: 'b2.example.com' },
          ],
        },
      ],
      delivery: { smtpPort: 2525, dnsServers: ['127.0.0.1:5353'], allowPrivateHosts: true },
      accept: { reservedConcurrency: 50 },
    },
  ],
  [
    'pools that go by SES and by a relay, with and without an address',
    {
      relays: [
        {
          name: 'office',
          host: 'smtp.example.com',
          secretArn: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:relay-AbCdEf',
        },
      ],
      pools: [
        {
          name: 'default',
          sourceIps: [{ name: 'a-1', ehloName: 'a1.example.com' }],
          via: { default: 'ses', providers: { google: 'direct' } },
          failOver: 'relay:office',
        },
        { name: 'bulk', withoutAddress: true, via: { default: 'ses' } },
      ],
    },
  ],
  ['mail that comes back through SES, with traces', { inbound: { by: 'ses', requireTls: true }, tracing: true }],
  [
    'tracing, and pools with and without an address',
    {
      tracing: true,
      pools: [
        { name: 'default', sourceIps: [{ name: 'a-1', ehloName: 'a1.example.com' }] },
        { name: 'bulk', withoutAddress: true, via: { default: 'ses' } },
      ],
    },
  ],
  ['CloudFront in front of track', { tracking: { cloudFront: true } }],
  ['a relay with a certificate of its own making', { relay: { hostName: 'smtp.example.com' } }],
  [
    'a relay with ACME, inside only, and tracing',
    {
      tracing: true,
      relay: {
        hostName: 'smtp.example.com',
        acme: { hostedZone: 'Z0123456789ABCDEFGHIJ' },
        internal: true,
        inbound: false,
        authWithoutTls: true,
      },
    },
  ],
];

test.each(variants)('B1: with %s nothing is found that is not acknowledged', (_, input) => {
  expect(findings(stackWith(input), packs())).toEqual([]);
});

test.each(variants)('with %s every acknowledgement is about something that is found', (_, input) => {
  // Prepare: packs that acknowledge nothing
  const stack = stackWith(input);
  const strict = packs().map((pack) => Object.assign(pack, { isAcknowledged: () => false }));

  // Act
  const found = findings(stack, strict);
  const idle = acknowledged(stack).filter(
    ({ path, rule }) =>
      !found.some((one) => one.rule === rule && (one.path === path || one.path.startsWith(`${path}/`))),
  );

  // Assess
  expect(found.length).toBeGreaterThan(10);
  expect(idle).toEqual([]);
});

test('B1: each acknowledgement is on one construct, with a reason', async () => {
  // Act
  const all = acknowledged(stackWith(variants[1]![1]));

  // Assess
  for (const { path, reason } of all) {
    expect(reason.length).toBeGreaterThan(30);
    expect(path.split('/').length).toBeGreaterThan(2);
  }
  const text = all.map(({ path, rule, reason }) => `${path}\n  ${rule}\n  ${reason}\n`).sort();
  await expect(text.join('\n')).toMatchFileSnapshot('snapshots/acknowledgements.snap');
});
