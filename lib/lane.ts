/**
 * A lane: one source IP with its way out (two subnets, NAT gateway, Elastic IP), its queue, and its deliver function.
 * Everything of it is in one availability zone: an address is in one place.
 */
import { Fn, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { CfnEIP, type ISecurityGroup, PrivateSubnet, PublicSubnet } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import type { PoolVia } from '../core/via.ts';
import type { OverflowLane } from '../core/warm-up.ts';
import { subnetCidrs, zoneOf } from './addressing.ts';
import { inboundOf } from './inbound-settings.ts';
import type { Network } from './network.ts';
import { COUNT_TLS, COUNT_WARM_UP, OVERFLOW } from './permissions/by-settings.ts';
import { grant, type Permission } from './permissions/permission.ts';
import type { Settings, SourceIpSettings } from './settings.ts';
import { type CodeOf, type LaneEntry, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import type { Ways } from './via.ts';
import { SOONER_RECEIVE_COUNT, WorkQueue, workOff } from './work-queue.ts';

/** Two environments are plenty for what one IP may send, and each holds half of every site's limit (DESIGN 4.1). */
const MAXIMUM_CONCURRENCY = 2;

export type LaneProps = {
  pool: string;
  sourceIp: SourceIpSettings;
  settings: Settings;
  storage: Storage;
  network: Network;
  /** Absent: a lane without an address of its own, outside the VPC; all its mail goes by SES or a relay. */
  securityGroup?: ISecurityGroup;
  /** What the pool's ways add to deliver, and those ways for the operator. */
  ways: Ways;
  via?: PoolVia | undefined;
  code: CodeOf;
};

export class Lane extends Construct {
  readonly laneName: string;
  readonly work: WorkQueue;
  readonly deliver: Stage;
  /** Undefined where it has no address of its own. */
  readonly privateSubnet: PrivateSubnet | undefined;
  /** What the operator is told of it: where its mail comes from, and the names that need DNS records. */
  readonly summary: Record<string, string | number | PoolVia>;
  readonly entry: LaneEntry;
  readonly #warmUpFrom: string | undefined;

  constructor(scope: Construct, id: string, props: LaneProps) {
    super(scope, id);
    const { pool, sourceIp, settings, network, securityGroup, ways, via } = props;
    const { delivery } = settings;
    this.laneName = sourceIp.name;
    this.#warmUpFrom = sourceIp.warmUpFrom;
    const out = securityGroup && this.#wayOut(sourceIp, network, settings.maxAzs);
    this.privateSubnet = out?.privateSubnet;
    this.work = new WorkQueue(this, 'Work', { ...delivery, maxReceiveCount: SOONER_RECEIVE_COUNT });
    // No RecursiveLoop here: what is deferred waits in holds, a table, and release starts a new chain with it. So a chain
    // deliver -> queue -> deliver can only be a mistake, and Lambda's loop detection may stop it.
    this.deliver = new Stage(this, 'Deliver', {
      name: 'deliver',
      settings,
      code: props.code,
      memoryMb: delivery.memoryMb,
      timeoutSeconds: delivery.timeoutSeconds,
      environment: {
        ...deliverEnvironment(props),
        ...ways.environment,
        ...(out && { OWN_ADDRESS: out.ip }),
        QUEUE_URL: this.work.queue.queueUrl,
      },
      targets: { ...deliverTargets(props.storage), ...ways.targets, ownQueue: [this.work.queue.queueArn] },
      rows: [...ways.rows, ...countingRows(props)],
      ...(out && securityGroup && { inside: { vpc: network.vpc, subnet: out.privateSubnet, securityGroup } }),
    });
    workOff({
      work: this.work,
      stage: this.deliver,
      batchSize: delivery.batchSize,
      batchingWindowSeconds: delivery.batchingWindowSeconds,
      maximumConcurrency: MAXIMUM_CONCURRENCY,
    });
    const { name, ehloName, weight } = sourceIp;
    const url = this.work.queue.queueUrl;
    this.entry = { name, pool, weight, url };
    const ip = out && { ip: out.ip };
    this.summary = { name, pool, weight, ehloName, ...ip, url, deadUrl: this.work.dead.queueUrl, ...(via && { via }) };
  }

  /** While it warms up, what is beyond its budget goes to those of these lanes that are warm. The API may start that at any time. */
  overflowTo(lanes: readonly Lane[]): void {
    if (lanes.length === 0) return;
    const others = lanes.map((lane): OverflowLane => {
      const warmUpFrom = lane.#warmUpFrom;
      return { name: lane.laneName, url: lane.work.queue.queueUrl, ...(warmUpFrom !== undefined && { warmUpFrom }) };
    });
    this.deliver.fn.addEnvironment('OVERFLOW_LANES', Stack.of(this).toJsonString(others));
    const queues = lanes.map(({ work }) => work.queue.queueArn);
    grant(this.deliver.fn, OVERFLOW.actions, queues);
  }

  #wayOut(sourceIp: SourceIpSettings, { vpc, internetGatewayId, attachment }: Network, maxAzs: number) {
    const availabilityZone = Fn.select(zoneOf(sourceIp, maxAzs), Fn.getAzs());
    const { publicCidr, privateCidr } = subnetCidrs(sourceIp.name);
    const at = { vpcId: vpc.vpcId, availabilityZone, mapPublicIpOnLaunch: false };
    const publicSubnet = new PublicSubnet(this, 'Public', { ...at, cidrBlock: publicCidr });
    publicSubnet.addDefaultInternetRoute(internetGatewayId, attachment);
    const { allocationId, ip } = this.#address(sourceIp);
    const nat = publicSubnet.addNatGateway(allocationId);
    const privateSubnet = new PrivateSubnet(this, 'Private', { ...at, cidrBlock: privateCidr });
    privateSubnet.addDefaultNatRoute(nat.ref);
    return { privateSubnet, ip };
  }

  /** The given Elastic IP, or one of our own that stays when the stack goes: a warmed-up address can't be had back. */
  #address({ name, allocationId, ip }: SourceIpSettings): { allocationId: string; ip: string } {
    if (allocationId !== undefined && ip !== undefined) return { allocationId, ip };
    const eip = new CfnEIP(this, 'Address', { domain: 'vpc' });
    eip.applyRemovalPolicy(RemovalPolicy.RETAIN);
    Tags.of(eip).add('Name', `Pennypost ${name}`);
    return { allocationId: eip.attrAllocationId, ip: eip.ref };
  }
}

/** Counters in the sites table: one row serves both. Every address can be warmed up, by the settings or by the API. */
function countingRows({ securityGroup, settings }: LaneProps): Permission[] {
  if (securityGroup !== undefined) return [COUNT_WARM_UP];
  return settings.tlsReports ? [COUNT_TLS] : [];
}

function deliverEnvironment({ pool, sourceIp, settings, storage }: LaneProps): Record<string, string> {
  const { delivery, retention } = settings;
  return {
    LANE: sourceIp.name,
    POOL: pool,
    EHLO_NAME: sourceIp.ehloName,
    ACCOUNTS_TABLE: storage.accounts.tableName,
    MESSAGES_TABLE: storage.messages.tableName,
    SUPPRESSIONS_TABLE: storage.suppressions.tableName,
    HOLDS_TABLE: storage.holds.tableName,
    SITES_TABLE: storage.sites.tableName,
    CONTENT_BUCKET: storage.content.bucketName,
    RETURN_PATH_SECRET_ARN: storage.returnPathSecret.secretArn,
    TRACKING_SECRET_ARN: storage.trackingSecret.secretArn,
    ...(inboundOf(settings) && { UNSUBSCRIBE_BY_MAIL: 'true' }),
    SMTP_PORT: String(delivery.smtpPort),
    ALLOW_PRIVATE_HOSTS: String(delivery.allowPrivateHosts),
    MESSAGES_DAYS: String(retention.messagesDays),
    ...(delivery.dnsServers && { DNS_SERVERS: delivery.dnsServers.join(',') }),
    ...(delivery.signingDomain && { SIGNING_DOMAIN: delivery.signingDomain }),
    ...(sourceIp.warmUpFrom !== undefined && { WARM_UP_FROM: sourceIp.warmUpFrom }),
    ...(settings.tlsReports && { TLS_REPORTS: 'true' }),
  };
}

function deliverTargets(storage: Storage) {
  return {
    accounts: [storage.accounts.tableArn],
    messages: [storage.messages.tableArn],
    suppressions: [storage.suppressions.tableArn],
    holds: [storage.holds.tableArn],
    sites: [storage.sites.tableArn],
    requests: storage.requestArns,
    uploads: [storage.content.arnForObjects('requests/*')],
    dkimKey: [storage.dkimKey.keyArn],
    returnPathSecret: [storage.returnPathSecret.secretArn],
    trackingSecret: [storage.trackingSecret.secretArn],
  };
}
