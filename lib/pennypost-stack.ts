/**
 * The whole picture in one screen (docs/architecture.md):
 *
 *   client ─▶ accept ─▶ [expand] ─▶ lanes, one per source IP ─▶ deliver ─SMTP─▶ MX
 *                           ▲              ▲                       │
 *                           └── release ◀──┴──────── holds ◀───────┘        messages, content, accounts: storage
 *   stream of messages ─▶ tally ─▶ stats, event pages;  ─▶ announce ─▶ outbox ─▶ notify ─▶ customers' webhooks
 *   MX of ours, or SES ─▶ inbound ─▶ messages, suppressions; [parse] ─▶ customers' URLs      everything else: manage
 *
 * It refuses nothing: lib/settings.ts has.
 */
import { CfnOutput, Stack, Tags, Validations } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { usesSes } from '../core/via.ts';
import { Accept } from './accept.ts';
import { acknowledgeFindings } from './acknowledgements.ts';
import { Archive } from './archive.ts';
import { bundles, relayImage } from './bundle.ts';
import { Certify } from './certify.ts';
import { Erase } from './erase.ts';
import { Events } from './events.ts';
import { Expand } from './expand.ts';
import { Hear } from './hear.ts';
import { Inbound } from './inbound.ts';
import { inboundOf } from './inbound-settings.ts';
import { Manage } from './manage.ts';
import { Monitoring } from './monitoring.ts';
import { Network } from './network.ts';
import { Pool } from './pool.ts';
import { Relay } from './relay.ts';
import type { OwnRelaySettings } from './relay-settings.ts';
import { Release } from './release.ts';
import { Report } from './report.ts';
import { Rotate } from './rotate.ts';
import { isPlaceholder, type Settings } from './settings.ts';
import type { CodeOf } from './stage.ts';
import { Storage } from './storage.ts';
import type { Submitting } from './submission.ts';
import { Track } from './track.ts';
import { Validate } from './validate.ts';
import { poolViaOf } from './ways.ts';

export type PennypostStackProps = {
  settings: Settings;
  /** Where the functions' code comes from; default: their bundles. */
  code?: CodeOf | undefined;
  /** The folder of the relay's image; default: its bundle with its Dockerfile. */
  image?: (() => string) | undefined;
};

type Opening = Submitting & { network: Network; inbound: Inbound | undefined; code: CodeOf; image: () => string };

/** The parts of the picture. */
export type Parts = {
  storage: Storage;
  network: Network;
  pools: Pool[];
  /** Only where a pool may go by SES. */
  hear?: Hear;
  expand: Expand;
  events: Events;
  validate: Validate;
  erase: Erase;
  accept: Accept;
  manage: Manage;
  track: Track;
  release: Release;
  /** Only where the settings have `tlsReports`. */
  report?: Report;
  /** Only where the settings have a `relay`. */
  relay?: Relay;
  /** Only where mail that comes back is taken (lib/inbound-settings.ts). */
  inbound?: Inbound;
  /** Only where its certificate comes from an ACME authority. */
  certify?: Certify;
  /** Only where DKIM keys change by themselves (`senders.zones`, `senders.rotateKeysDays`, and no pool by SES). */
  rotate?: Rotate;
  /** Only where the settings have an `archive`. */
  archive?: Archive;
  monitoring: Monitoring;
};

export class PennypostStack extends Stack {
  readonly parts: Parts;

  constructor(scope: Construct, id: string, props: PennypostStackProps) {
    const { settings, code = bundles(props.settings), image = relayImage(props.settings) } = props;
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
    const events = new Events(this, 'Events', { settings, storage, code });
    const validate = new Validate(this, 'Validate', { settings, storage, code });
    const taken = inboundOf(settings);
    const inbound = taken && new Inbound(this, 'Inbound', { settings, inbound: taken, storage, code });
    const inboundHost = inbound?.hostName;
    const manage = new Manage(this, 'Manage', { settings, storage, events, validate, lanes, inboundHost, code });
    const submitting = { settings, storage, expand, lanes, lanesJson };
    const accept = new Accept(this, 'Accept', { ...submitting, manage: manage.stage, code });
    const track = new Track(this, 'Track', { settings, storage, code });
    manage.leadLinksTo(track.front?.group.attrRoutingEndpoint ?? track.api.apiEndpoint);
    const erase = new Erase(this, 'Erase', { settings, storage, inbound, code });
    const release = new Release(this, 'Release', { ...submitting, events, validate, erase, inbound, code });
    const { tlsReports: reports } = settings;
    const report = reports && new Report(this, 'Report', { settings, reports, storage, code });
    const { zones, rotateKeysDays: days } = settings.senders;
    // SES signs with the key that it was given, whose record must stay until somebody gives it the next.
    const rotate =
      days !== false && zones.length > 0 && !bySes
        ? new Rotate(this, 'Rotate', { settings, days, storage, lanes, inboundHost, code })
        : undefined;
    const { archive: asked } = settings;
    const archive = asked && new Archive(this, 'Archive', { archive: asked, settings, storage });
    const ways = settings.relay
      ? this.#openRelay(settings.relay, { ...submitting, network, inbound, code, image })
      : undefined;
    const own = { accept, expand, events, validate, erase, release, manage, track, hear, report, inbound, rotate };
    const stages = { ...own, ...ways };
    const monitoring = new Monitoring(this, 'Monitoring', { settings, storage, ...stages, lanes });

    const some = {
      ...(hear && { hear }),
      ...(report && { report }),
      ...(rotate && { rotate }),
      ...(inbound && { inbound }),
      ...(archive && { archive }),
      ...ways,
    };
    this.parts = {
      storage,
      network,
      pools,
      ...some,
      expand,
      events,
      validate,
      erase,
      accept,
      manage,
      track,
      release,
      monitoring,
    };
    this.#tell();
    this.#warnOf(settings);
    acknowledgeFindings(this.parts, settings);
    Tags.of(this).add('pennypost:stack', settings.stackName);
  }

  /** The second way in, and what keeps its certificate. */
  #openRelay(relay: OwnRelaySettings, { network, inbound, code, image, ...submitting }: Opening) {
    const { settings } = submitting;
    const { acme } = relay;
    const certify = acme && new Certify(this, 'Certify', { settings, relay, acme, code });
    return {
      ...(certify && { certify }),
      relay: new Relay(this, 'Relay', {
        ...submitting,
        relay,
        network,
        image: ContainerImage.fromAsset(image(), { platform: Platform.LINUX_ARM64 }),
        certificateArn: certify?.certificate.secretArn ?? relay.certificateArn,
        inbound: relay.inbound ? inbound : undefined,
      }),
    };
  }

  /** What the CLI and the operator read with DescribeStacks. */
  #tell(): void {
    const { accept, pools, storage, monitoring, track, inbound } = this.parts;
    const { accounts, messages, holds, sites, suppressions, stats, outbox, content, events, dkimKey, trackingSecret } =
      storage;
    const { dashboard, topic } = monitoring;
    const outputs: Record<string, string> = {
      ApiUrl: accept.api.apiEndpoint,
      TrackUrl: track.api.apiEndpoint,
      AccountsTable: accounts.tableName,
      MessagesTable: messages.tableName,
      HoldsTable: holds.tableName,
      SitesTable: sites.tableName,
      SuppressionsTable: suppressions.tableName,
      StatsTable: stats.tableName,
      OutboxTable: outbox.tableName,
      ContentBucket: content.bucketName,
      EventsBucket: events.bucketName,
      NotifyQueueUrl: this.parts.events.work.queue.queueUrl,
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
      ...(inbound && { InboundHost: inbound.hostName }),
      ...(inbound?.receiving && { ReceiptRuleSet: inbound.receiving.ruleSet }),
    };
    const { archive } = this.parts;
    if (archive) outputs.ArchiveTable = archive.name;
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }

  /** Settings that are right for trying things out, and wrong for sending mail. */
  #warnOf({ pools, delivery, relay }: Settings): void {
    const validations = Validations.of(this);
    for (const { name, ehloName } of pools.flatMap(({ sourceIps }) => sourceIps))
      if (isPlaceholder(ehloName))
        validations.addWarning(
          `pennypost:placeholder-${name}`,
          `The source IP ${name} says EHLO ${ehloName}, a placeholder: mail servers will refuse it. Set its ehloName.`,
        );
    if (relay && isPlaceholder(relay.hostName))
      validations.addWarning(
        'pennypost:placeholder-relay',
        `The relay is called ${relay.hostName}, a placeholder: no client will find it. Set relay.hostName.`,
      );
    if (relay && relay.certificateArn === undefined && relay.acme === undefined)
      validations.addWarning(
        'pennypost:relay-certificate',
        'The relay makes a certificate of its own, which clients refuse. Set relay.acme or relay.certificateArn.',
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
