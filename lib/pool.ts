/** A pool of source IPs: a nested stack, since each IP brings about 25 resources and a stack holds 500. */
import { NestedStack, Tags } from 'aws-cdk-lib';
import {
  GatewayVpcEndpoint,
  GatewayVpcEndpointAwsService,
  Peer,
  Port,
  type PrivateSubnet,
  SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { Lane, type LaneProps } from './lane.ts';
import type { Network } from './network.ts';
import type { PoolSettings, Settings } from './settings.ts';
import { waysOfPool } from './via.ts';
import { lanesOf, poolViaOf } from './ways.ts';

export type PoolProps = Omit<LaneProps, 'pool' | 'sourceIp' | 'securityGroup' | 'ways' | 'via'> & {
  pool: PoolSettings;
  /** SES's configuration set, where any pool goes by SES. */
  configurationSet?: string | undefined;
};

export class Pool extends NestedStack {
  readonly lanes: Lane[];
  /** Undefined in a pool without an address, which is in no VPC. */
  readonly securityGroup: SecurityGroup | undefined;

  constructor(scope: Construct, id: string, props: PoolProps) {
    super(scope, id, { description: `Source IPs of the pool ${props.pool.name}` });
    const { pool, network, settings, configurationSet } = props;
    const ways = waysOfPool(this, pool, settings, configurationSet);
    this.securityGroup = pool.withoutAddress ? undefined : this.#onlyOutwards(props, ways.ports);
    this.lanes = lanesOf(pool).map(
      (sourceIp) =>
        new Lane(this, `Lane-${sourceIp.name}`, {
          ...props,
          pool: pool.name,
          sourceIp,
          ways,
          via: poolViaOf(pool),
          ...(this.securityGroup && { securityGroup: this.securityGroup }),
        }),
    );
    for (const lane of this.lanes)
      lane.overflowTo(this.lanes.filter((other) => other !== lane && other.entry.weight > 0));
    Tags.of(this).add('pennypost:pool', pool.name);
    const own = this.lanes.flatMap(({ privateSubnet }) => privateSubnet ?? []);
    if (own.length > 0) this.#keepOffTheGateway(own, network);
  }

  #keepOffTheGateway(own: PrivateSubnet[], { vpc }: Network): void {
    // Free, and they keep the tables' and the bucket's traffic off the NAT gateway, which bills every byte.
    const subnets = [{ subnets: own }];
    for (const [name, service] of [
      ['S3Endpoint', GatewayVpcEndpointAwsService.S3],
      ['DynamoDbEndpoint', GatewayVpcEndpointAwsService.DYNAMODB],
    ] as const)
      new GatewayVpcEndpoint(this, name, { vpc, service, subnets });
  }

  /** Nothing comes in; out go SMTP, HTTPS (KMS, Secrets Manager, the endpoints, MTA-STS) and DNS. */
  #onlyOutwards({ network, settings: { delivery }, pool }: PoolProps, relayPorts: number[]): SecurityGroup {
    const group = new SecurityGroup(this, 'SecurityGroup', {
      vpc: network.vpc,
      description: `deliver of pool ${pool.name}: SMTP, HTTPS and DNS outwards, nothing inwards`,
      allowAllOutbound: false,
    });
    for (const port of new Set([25, delivery.smtpPort, ...relayPorts]))
      group.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'SMTP');
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'HTTPS');
    for (const port of dnsPorts(delivery)) {
      group.addEgressRule(Peer.anyIpv4(), Port.udp(port), 'DNS');
      group.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'DNS');
    }
    return group;
  }
}

/** 53, and the ports of DNS servers that the settings name. */
function dnsPorts({ dnsServers = [] }: Settings['delivery']): Set<number> {
  return new Set([53, ...dnsServers.map((server) => Number(server.split(':')[1]))]);
}
