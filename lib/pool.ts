/** A pool of source IPs: a nested stack, since each IP brings about 25 resources and a stack holds 500. */
import { NestedStack, Tags } from 'aws-cdk-lib';
import { GatewayVpcEndpoint, GatewayVpcEndpointAwsService, Peer, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { Lane, type LaneProps } from './lane.ts';
import type { PoolSettings, Settings } from './settings.ts';

export type PoolProps = Omit<LaneProps, 'pool' | 'sourceIp' | 'securityGroup'> & { pool: PoolSettings };

export class Pool extends NestedStack {
  readonly lanes: Lane[];
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: PoolProps) {
    super(scope, id, { description: `Source IPs of the pool ${props.pool.name}` });
    const { pool, network } = props;
    this.securityGroup = this.#onlyOutwards(props);
    this.lanes = pool.sourceIps.map(
      (sourceIp) =>
        new Lane(this, `Lane-${sourceIp.name}`, {
          ...props,
          pool: pool.name,
          sourceIp,
          securityGroup: this.securityGroup,
        }),
    );
    // Free, and they keep the tables' and the bucket's traffic off the NAT gateway, which bills every byte.
    const subnets = [{ subnets: this.lanes.map(({ privateSubnet }) => privateSubnet) }];
    for (const [name, service] of [
      ['S3Endpoint', GatewayVpcEndpointAwsService.S3],
      ['DynamoDbEndpoint', GatewayVpcEndpointAwsService.DYNAMODB],
    ] as const)
      new GatewayVpcEndpoint(this, name, { vpc: network.vpc, service, subnets });
    Tags.of(this).add('pennypost:pool', pool.name);
  }

  /** Nothing comes in; out go SMTP, HTTPS (KMS, Secrets Manager, the endpoints, MTA-STS) and DNS. */
  #onlyOutwards({ network, settings: { delivery }, pool }: PoolProps): SecurityGroup {
    const group = new SecurityGroup(this, 'SecurityGroup', {
      vpc: network.vpc,
      description: `deliver of pool ${pool.name}: SMTP, HTTPS and DNS outwards, nothing inwards`,
      allowAllOutbound: false,
    });
    for (const port of new Set([25, delivery.smtpPort])) group.addEgressRule(Peer.anyIpv4(), Port.tcp(port), 'SMTP');
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
