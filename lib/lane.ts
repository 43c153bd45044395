/**
 * A lane: one source IP with its way out (two subnets, NAT gateway, Elastic IP), its queue, and its deliver function.
 * Everything of it is in one availability zone: an address is in one place.
 */
import { Fn, RemovalPolicy, Tags } from 'aws-cdk-lib';
import { CfnEIP, type ISecurityGroup, PrivateSubnet, PublicSubnet } from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { subnetCidrs, zoneOf } from './addressing.ts';
import type { Network } from './network.ts';
import type { Settings, SourceIpSettings } from './settings.ts';
import { type CodeOf, type LaneEntry, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { WorkQueue, workOff } from './work-queue.ts';

/** Two environments are plenty for what one IP may send, and each holds half of every site's limit (DESIGN 4.1). */
const MAXIMUM_CONCURRENCY = 2;

export type LaneProps = {
  pool: string;
  sourceIp: SourceIpSettings;
  settings: Settings;
  storage: Storage;
  network: Network;
  securityGroup: ISecurityGroup;
  code: CodeOf;
};

export class Lane extends Construct {
  readonly laneName: string;
  readonly work: WorkQueue;
  readonly deliver: Stage;
  readonly privateSubnet: PrivateSubnet;
  /** What the operator is told of it: where its mail comes from, and the names that need DNS records. */
  readonly summary: Record<string, string | number>;
  readonly entry: LaneEntry;

  constructor(scope: Construct, id: string, props: LaneProps) {
    super(scope, id);
    const { pool, sourceIp, settings, network } = props;
    const { delivery } = settings;
    this.laneName = sourceIp.name;
    const { privateSubnet, ip } = this.#wayOut(sourceIp, network, settings.maxAzs);
    this.privateSubnet = privateSubnet;
    this.work = new WorkQueue(this, 'Work', delivery);
    // No RecursiveLoop here: what is deferred waits in holds, a table, and release starts a new chain with it. So a chain
    // deliver -> queue -> deliver can only be a mistake, and Lambda's loop detection may stop it.
    this.deliver = new Stage(this, 'Deliver', {
      name: 'deliver',
      settings,
      code: props.code,
      memoryMb: delivery.memoryMb,
      timeoutSeconds: delivery.timeoutSeconds,
      environment: deliverEnvironment(props),
      targets: { ...deliverTargets(props.storage), ownQueue: [this.work.queue.queueArn] },
      inside: { vpc: network.vpc, subnet: privateSubnet, securityGroup: props.securityGroup },
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
    this.summary = { name, pool, weight, ehloName, ip, url, deadUrl: this.work.dead.queueUrl };
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

function deliverEnvironment({ pool, sourceIp, settings, storage }: LaneProps): Record<string, string> {
  const { delivery, retention } = settings;
  return {
    LANE: sourceIp.name,
    POOL: pool,
    EHLO_NAME: sourceIp.ehloName,
    ACCOUNTS_TABLE: storage.accounts.tableName,
    MESSAGES_TABLE: storage.messages.tableName,
    HOLDS_TABLE: storage.holds.tableName,
    CONTENT_BUCKET: storage.content.bucketName,
    RETURN_PATH_SECRET_ARN: storage.returnPathSecret.secretArn,
    CONNECTIONS_PER_SITE: String(delivery.connectionsPerSite),
    MESSAGES_PER_CONNECTION: String(delivery.messagesPerConnection),
    SMTP_PORT: String(delivery.smtpPort),
    ALLOW_PRIVATE_HOSTS: String(delivery.allowPrivateHosts),
    MESSAGES_DAYS: String(retention.messagesDays),
    ...(delivery.dnsServers && { DNS_SERVERS: delivery.dnsServers.join(',') }),
  };
}

function deliverTargets(storage: Storage) {
  return {
    accounts: [storage.accounts.tableArn],
    messages: [storage.messages.tableArn],
    holds: [storage.holds.tableArn],
    requests: [storage.content.arnForObjects('requests/*')],
    dkimKey: [storage.dkimKey.keyArn],
    returnPathSecret: [storage.returnPathSecret.secretArn],
  };
}
