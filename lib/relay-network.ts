/**
 * How the relay is reached: two public subnets of its own in the VPC, a Network Load Balancer over both, one listener and
 * one target group for each port, and the two security groups that let nothing else in.
 *
 * Tasks are in public subnets with public addresses ($3.65 a month each), because what they need of AWS would otherwise
 * come through a NAT gateway ($32.85 a month in each zone) or interface endpoints ($7.30 a month for each of five services in
 * each zone). Nothing on the internet can connect to them: their group takes connections from the balancer's alone.
 */
import { Duration, Fn } from 'aws-cdk-lib';
import {
  CfnVPCCidrBlock,
  GatewayVpcEndpoint,
  GatewayVpcEndpointAwsService,
  type IVpc,
  Peer,
  Port,
  PublicSubnet,
  SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import {
  type NetworkListener,
  NetworkLoadBalancer,
  NetworkTargetGroup,
  Protocol,
  TargetType,
} from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { Construct } from 'constructs';
import { RELAY_CIDR, RELAY_SUBNETS, VPC_CIDR } from './addressing.ts';
import type { Network } from './network.ts';
import { CLEAR_PORT, INBOUND_PORT, type OwnRelaySettings } from './relay-settings.ts';

/** What listens at a port, as relay/main.ts knows it. */
export type ListenKind = 'submission' | 'submissions' | 'https' | 'inbound';
export type RelayPort = {
  /** As clients know it. */
  port: number;
  /** As the container listens on it: a user without rights may not listen below 1024. */
  containerPort: number;
  kind: ListenKind;
};

const CONTAINER_OFFSET = 10_000;
/** Answers 200 to `GET /` while the task takes mail. No listener leads to it; only the balancer's health checks do. */
export const HEALTH_PORT = 8080;
/** Seconds for sessions to end: by the balancer while a task is being deregistered, then by the task on SIGTERM (Fargate: at most 120). */
export const DRAIN_SECONDS = 120;

/** Every port of a relay, in the order of the settings. */
export function relayPorts({ ports, inbound }: Pick<OwnRelaySettings, 'ports' | 'inbound'>): RelayPort[] {
  const of = (kind: ListenKind, list: readonly number[]) =>
    list.map((port) => ({ port, containerPort: port + CONTAINER_OFFSET, kind }));
  return [
    ...of('submission', ports.submission),
    ...of('submissions', ports.submissions),
    ...of('https', ports.https),
    ...of('inbound', inbound ? [INBOUND_PORT] : []),
  ];
}

export class RelayNetwork extends Construct {
  readonly subnets: PublicSubnet[];
  readonly balancer: NetworkLoadBalancer;
  readonly listeners: NetworkListener[] = [];
  /** In the order of the ports; all say the same of a task's health. */
  readonly targetGroups: { port: RelayPort; group: NetworkTargetGroup }[] = [];
  readonly balancerGroup: SecurityGroup;
  readonly taskGroup: SecurityGroup;

  constructor(scope: Construct, id: string, relay: OwnRelaySettings, network: Network) {
    super(scope, id);
    const { vpc } = network;
    this.subnets = this.#subnets(network);
    const ports = relayPorts(relay);
    const clear = relay.authWithoutTls ? [CLEAR_PORT] : [];
    this.balancerGroup = new SecurityGroup(this, 'BalancerGroup', {
      vpc,
      description: 'The relay as the world sees it: its ports, and nothing else',
      allowAllOutbound: false,
    });
    this.taskGroup = new SecurityGroup(this, 'TaskGroup', {
      vpc,
      description: 'Tasks of the relay: from the load balancer only; outwards HTTPS to AWS',
      allowAllOutbound: false,
    });
    this.taskGroup.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'AWS: queues, tables, buckets, secrets, logs, images');
    for (const { port, containerPort } of ports) {
      const from = clear.includes(port) ? [Peer.ipv4(VPC_CIDR), Peer.ipv4(RELAY_CIDR)] : [Peer.anyIpv4()];
      for (const peer of from) this.balancerGroup.addIngressRule(peer, Port.tcp(port), `port ${port}`);
      this.#mayPass(containerPort, `port ${port}`);
    }
    this.#mayPass(HEALTH_PORT, 'health checks');
    this.balancer = new NetworkLoadBalancer(this, 'Balancer', {
      vpc,
      internetFacing: !relay.internal,
      vpcSubnets: { subnets: this.subnets },
      securityGroups: [this.balancerGroup],
      crossZoneEnabled: true,
    });
    for (const port of ports) this.#serve(port, vpc);
  }

  #subnets({ vpc, internetGatewayId, attachment }: Network): PublicSubnet[] {
    // Lanes' subnets may be anywhere in the VPC's first range (lib/addressing.ts): the relay has a range of its own.
    const range = new CfnVPCCidrBlock(this, 'Range', { vpcId: vpc.vpcId, cidrBlock: RELAY_CIDR });
    const subnets = RELAY_SUBNETS.map((cidrBlock, zone) => {
      const subnet = new PublicSubnet(this, `Public${zone + 1}`, {
        vpcId: vpc.vpcId,
        availabilityZone: Fn.select(zone, Fn.getAzs()),
        cidrBlock,
        mapPublicIpOnLaunch: false,
      });
      subnet.addDefaultInternetRoute(internetGatewayId, attachment);
      subnet.node.addDependency(range);
      return subnet;
    });
    // Free, and what goes through them leaves the public addresses alone.
    for (const [name, service] of [
      ['S3Endpoint', GatewayVpcEndpointAwsService.S3],
      ['DynamoDbEndpoint', GatewayVpcEndpointAwsService.DYNAMODB],
    ] as const)
      new GatewayVpcEndpoint(this, name, { vpc, service, subnets: [{ subnets }] });
    return subnets;
  }

  #mayPass(containerPort: number, what: string): void {
    this.balancerGroup.addEgressRule(this.taskGroup, Port.tcp(containerPort), what);
    this.taskGroup.addIngressRule(this.balancerGroup, Port.tcp(containerPort), what);
  }

  #serve(port: RelayPort, vpc: IVpc): void {
    const group = new NetworkTargetGroup(this, `Targets${port.port}`, {
      vpc,
      targetType: TargetType.IP,
      protocol: Protocol.TCP,
      port: port.containerPort,
      // The packets themselves keep the client's address, for limits by address: no PROXY header has to be read, or trusted.
      preserveClientIp: true,
      deregistrationDelay: Duration.seconds(DRAIN_SECONDS),
      healthCheck: {
        protocol: Protocol.HTTP,
        port: String(HEALTH_PORT),
        path: '/',
        interval: Duration.seconds(10),
        timeout: Duration.seconds(5),
        healthyThresholdCount: 2,
        unhealthyThresholdCount: 2,
      },
    });
    const listener = this.balancer.addListener(`Port${port.port}`, {
      port: port.port,
      protocol: Protocol.TCP,
      defaultTargetGroups: [group],
    });
    this.listeners.push(listener);
    this.targetGroups.push({ port, group });
  }
}
