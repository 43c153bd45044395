/**
 * The whole picture in one screen (docs/architecture.md):
 *
 *   client ─▶ accept ─▶ [expand] ─▶ lanes, one per source IP ─▶ deliver ─SMTP─▶ MX
 *                           ▲              ▲                       │
 *                           └── release ◀──┴──────── holds ◀───────┘        messages, content, accounts: storage
 *   MX of ours, or SES ─▶ inbound ─▶ messages, suppressions; [parse] ─▶ customers' URLs      everything else: manage
 *
 * It refuses nothing: lib/settings.ts has.
 */
import { CfnOutput, Stack, Tags, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { usesSes } from '../core/via.ts';
import { Accept } from './accept.ts';
import { acknowledgeFindings } from './acknowledgements.ts';
import { bundles } from './bundle.ts';
import { Expand } from './expand.ts';
import { Hear } from './hear.ts';
import { Inbound } from './inbound.ts';
import { Manage } from './manage.ts';
import { Monitoring } from './monitoring.ts';
import { Network } from './network.ts';
import { Pool } from './pool.ts';
import { Release } from './release.ts';
import { Report } from './report.ts';
import { isPlaceholder, type Settings } from './settings.ts';
import type { CodeOf } from './stage.ts';
import { Storage } from './storage.ts';
import { Track } from './track.ts';
import { poolViaOf } from './ways.ts';

export type PennypostStackProps = {
  settings: Settings;
  /** Where the functions' code comes from; default: their bundles. */
  code?: CodeOf | undefined;
};

/** The parts of the picture. */
export type Parts = {
  storage: Storage;
  network: Network;
  pools: Pool[];
  /** Only where a pool may go by SES. */
  hear?: Hear;
  expand: Expand;
  accept: Accept;
  manage: Manage;
  track: Track;
  release: Release;
  /** Only where the settings have `tlsReports`. */
  report?: Report;
  /** Only where the settings have `inbound`. */
  inbound?: Inbound;
  monitoring: Monitoring;
};

export class PennypostStack extends Stack {
  readonly parts: Parts;

  constructor(scope: Construct, id: string, { settings, code = bundles(settings) }: PennypostStackProps) {
    super(scope, id, { stackName: settings.stackName, description: "Pennypost: an SMTP provider of one's own" });

    const storage = new Storage(this, 'Storage', settings);
    const network = new Network(this, 'Network');
    const bySes = settings.pools.some((pool) => usesSes(poolViaOf(pool)));
    const hear = bySes ? new Hear(this, 'Hear', { settings, storage, code }) : undefined;
    const configurationSet = hear?.configurationSet;
    const pools = settings.pools.map(
      (pool) => new Pool(this, `Pool-${pool.name}`, { pool, settings, storage, network, configurationSet, code }),
    );
    const lanes = pools.flatMap((pool) => pool.lanes);
    const lanesJson = this.toJsonString(lanes.map(({ entry }) => entry));

    const expand = new Expand(this, 'Expand', { settings, storage, lanes, lanesJson, code });
    const manage = new Manage(this, 'Manage', { settings, storage, code });
    const accept = new Accept(this, 'Accept', {
      settings,
      storage,
      expand,
      lanes,
      lanesJson,
      manage: manage.stage,
      code,
    });
    const track = new Track(this, 'Track', { settings, storage, code });
    const inbound =
      settings.inbound && new Inbound(this, 'Inbound', { settings, inbound: settings.inbound, storage, code });
    const release = new Release(this, 'Release', { settings, storage, expand, lanes, lanesJson, inbound, code });
    const { tlsReports: reports } = settings;
    const report = reports && new Report(this, 'Report', { settings, reports, storage, code });
    const stages = { accept, expand, release, manage, track, hear, report, inbound };
    const monitoring = new Monitoring(this, 'Monitoring', { settings, storage, ...stages, lanes });

    const some = { ...(hear && { hear }), ...(report && { report }), ...(inbound && { inbound }) };
    this.parts = { storage, network, pools, ...some, expand, accept, manage, track, release, monitoring };
    this.#tell();
    this.#warnOf(settings);
    acknowledgeFindings(this.parts, settings);
    Tags.of(this).add('pennypost:stack', settings.stackName);
  }

  /** What the CLI and the operator read with DescribeStacks. */
  #tell(): void {
    const { accept, pools, storage, monitoring, track, inbound } = this.parts;
    const { accounts, messages, holds, sites, suppressions, content, dkimKey, trackingSecret } = storage;
    const { dashboard, topic } = monitoring;
    const outputs: Record<string, string> = {
      ApiUrl: accept.api.apiEndpoint,
      TrackUrl: track.api.apiEndpoint,
      AccountsTable: accounts.tableName,
      MessagesTable: messages.tableName,
      HoldsTable: holds.tableName,
      SitesTable: sites.tableName,
      SuppressionsTable: suppressions.tableName,
      ContentBucket: content.bucketName,
      DkimKeyArn: dkimKey.keyArn,
      TrackingSecretArn: trackingSecret.secretArn,
      ...(track.front && {
        LinkDistributionId: track.front.distribution.attrId,
        LinkConnectionGroupId: track.front.group.attrId,
        LinkTarget: track.front.group.attrRoutingEndpoint,
      }),
      Lanes: this.toJsonString(pools.flatMap(({ lanes }) => lanes.map(({ summary }) => summary))),
      DashboardUrl: `https://${this.region}.console.aws.amazon.com/cloudwatch/home?region=${this.region}#dashboards/dashboard/${dashboard.dashboardName}`,
      AlarmTopicArn: topic.topicArn,
      ...(inbound && { InboundBucket: inbound.mail.bucketName, InboundQueueUrl: inbound.work.queue.queueUrl }),
      ...(inbound?.hostName !== undefined && { InboundHost: inbound.hostName }),
      ...(inbound?.receiving && { ReceiptRuleSet: inbound.receiving.ruleSet }),
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }

  /** Settings that are right for trying things out, and wrong for sending mail. */
  #warnOf({ pools, delivery }: Settings): void {
    const validations = Validations.of(this);
    for (const { name, ehloName } of pools.flatMap(({ sourceIps }) => sourceIps))
      if (isPlaceholder(ehloName))
        validations.addWarning(
          `pennypost:placeholder-${name}`,
          `The source IP ${name} says EHLO ${ehloName}, a placeholder: mail servers will refuse it. Set its ehloName.`,
        );
    if (delivery.smtpPort !== 25)
      validations.addWarning(
        'pennypost:smtp-port',
        `Mail goes to port ${delivery.smtpPort}; mail servers listen on 25.`,
      );
    if (delivery.allowPrivateHosts)
      validations.addWarning('pennypost:private-hosts', 'allowPrivateHosts lets senders reach the inside of the VPC.');
  }
}
