/**
 * The relay: the SMTP server that customers send through and that bounces come back to, and the big door for requests
 * beyond what API Gateway takes. A Fargate service of small arm64 tasks in two zones behind a Network Load Balancer. Only in
 * a stack whose settings have `relay`: without it there is nothing of this, and nothing to pay.
 */
import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  AvailabilityZoneRebalancing,
  Cluster,
  type ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDriver,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { METRICS_NAMESPACE } from '../core/metrics.ts';
import type { Inbound } from './inbound.ts';
import type { Network } from './network.ts';
import { READ_CERTIFICATE, TAKE_INBOUND } from './permissions/by-settings.ts';
import { grantOwn } from './permissions/permission.ts';
import { TASK_PERMISSIONS } from './permissions/table.ts';
import { DRAIN_SECONDS, HEALTH_PORT, RelayNetwork, relayPorts } from './relay-network.ts';
import { scaleRelay } from './relay-scaling.ts';
import { bigDoorUrl, CLEAR_PORT, type OwnRelaySettings } from './relay-settings.ts';
import { type Submitting, submissionEnvironment, submissionTargets } from './submission.ts';

/** `node` in the image of Node.js: a user without rights. */
const USER = '1000';

export type RelayProps = Submitting & {
  relay: OwnRelaySettings;
  network: Network;
  image: ContainerImage;
  /** The secret with its certificate; undefined: it makes one that nobody trusts. */
  certificateArn: string | undefined;
  /** Where mail that comes in goes; undefined: none does. */
  inbound: Inbound | undefined;
};

export class Relay extends Construct {
  readonly relayNetwork: RelayNetwork;
  readonly cluster: Cluster;
  readonly task: FargateTaskDefinition;
  readonly service: FargateService;

  constructor(scope: Construct, id: string, props: RelayProps) {
    super(scope, id);
    const { relay, network } = props;
    this.relayNetwork = new RelayNetwork(this, 'Network', relay, network);
    this.cluster = new Cluster(this, 'Cluster', {
      vpc: network.vpc,
      containerInsightsV2: ContainerInsights.DISABLED,
    });
    this.task = this.#task(props);
    this.#grant(props);
    this.service = this.#service();
    scaleRelay(relay, this.relayNetwork, this.service);
    this.#tell(relay);
  }

  #task(props: RelayProps): FargateTaskDefinition {
    const { relay, settings, image } = props;
    const task = new FargateTaskDefinition(this, 'Task', {
      // Of the stack's name: CDK's own would be the same in each stack of an account.
      family: `${settings.stackName}-relay`,
      cpu: relay.cpu,
      memoryLimitMiB: relay.memoryMb,
      runtimePlatform: {
        cpuArchitecture: CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    const logGroup = new LogGroup(this, 'Logs', {
      retention: settings.retention.logsDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    task.addContainer('relay', {
      containerName: 'relay',
      image,
      user: USER,
      // It writes nowhere: what is too long for memory goes to the bucket as it comes.
      readonlyRootFilesystem: true,
      stopTimeout: Duration.seconds(DRAIN_SECONDS),
      environment: this.#environment(props),
      logging: LogDriver.awsLogs({ logGroup, streamPrefix: 'relay' }),
      portMappings: [...relayPorts(relay).map(({ containerPort }) => containerPort), HEALTH_PORT].map(
        (containerPort) => ({ containerPort }),
      ),
    });
    return task;
  }

  #environment({ relay, storage, inbound, certificateArn, ...submitting }: RelayProps): Record<string, string> {
    const ports = relayPorts(relay);
    const clear = ports.filter(({ port }) => relay.authWithoutTls && port === CLEAR_PORT);
    return {
      ...submissionEnvironment({ storage, ...submitting }),
      RELAY_HOST: relay.hostName,
      LISTEN: JSON.stringify(ports.map(({ containerPort: port, kind }) => ({ port, kind }))),
      HEALTH_PORT: String(HEALTH_PORT),
      ...(certificateArn !== undefined && { TLS_SECRET_ARN: certificateArn }),
      ...(clear.length > 0 && { AUTH_WITHOUT_TLS: clear.map(({ containerPort }) => containerPort).join(',') }),
      ...(inbound && {
        INBOUND_BUCKET: inbound.mail.bucketName,
        INBOUND_QUEUE_URL: inbound.work.queue.queueUrl,
        RETURN_PATH_SECRET_ARN: storage.returnPathSecret.secretArn,
      }),
      AWS_REGION: Stack.of(this).region,
      POWERTOOLS_SERVICE_NAME: 'relay',
      POWERTOOLS_METRICS_NAMESPACE: METRICS_NAMESPACE,
      NODE_OPTIONS: '--enable-source-maps',
    };
  }

  #grant({ inbound, certificateArn, ...submitting }: RelayProps): void {
    const role = { addToRolePolicy: this.task.addToTaskRolePolicy.bind(this.task) };
    const targets = {
      ...submissionTargets(submitting),
      uploads: [submitting.storage.content.arnForObjects('requests/*')],
      ...(inbound && {
        returnPathSecret: [submitting.storage.returnPathSecret.secretArn],
        inboundMail: [inbound.mail.arnForObjects('inbound/*')],
        inboundQueue: [inbound.work.queue.queueArn],
      }),
      ...(certificateArn !== undefined && { tlsSecret: [certificateArn] }),
    };
    grantOwn('relay', role, targets, [
      ...TASK_PERMISSIONS.relay,
      ...(certificateArn !== undefined ? [READ_CERTIFICATE] : []),
      ...(inbound ? TAKE_INBOUND : []),
    ]);
  }

  #service(): FargateService {
    const { subnets, taskGroup, targetGroups } = this.relayNetwork;
    // No desired count: autoscaling owns it, and a deployment must not set it back to the least.
    const service = new FargateService(this, 'Service', {
      cluster: this.cluster as ICluster,
      taskDefinition: this.task,
      // New tasks first; a version that does not come up is taken back.
      minHealthyPercent: 100,
      maxHealthyPercent: 200,
      circuitBreaker: { enable: true, rollback: true },
      healthCheckGracePeriod: Duration.seconds(30),
      availabilityZoneRebalancing: AvailabilityZoneRebalancing.ENABLED,
      assignPublicIp: true,
      vpcSubnets: { subnets },
      securityGroups: [taskGroup],
    });
    for (const { port, group } of targetGroups)
      group.addTarget(service.loadBalancerTarget({ containerName: 'relay', containerPort: port.containerPort }));
    return service;
  }

  #tell(relay: OwnRelaySettings): void {
    const bigDoor = bigDoorUrl(relay);
    const outputs = {
      RelayHost: relay.hostName,
      RelayTarget: this.relayNetwork.balancer.loadBalancerDnsName,
      RelayPorts: JSON.stringify(relayPorts(relay).map(({ port, kind }) => ({ port, kind }))),
      ...(bigDoor !== undefined && { BigDoorUrl: bigDoor }),
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(Stack.of(this), name, { value });
  }
}
