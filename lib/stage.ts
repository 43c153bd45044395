/**
 * A stage of the way of an email: one function with its own role and its own log group. It can do nothing yet;
 * `grantOwn` gives it its rows of lib/permissions/table.ts.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { ISecurityGroup, ISubnet, IVpc } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  type Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { METRICS_NAMESPACE } from '../core/metrics.ts';
import { type FunctionName, grantOwn, type Permission, type Target } from './permissions/permission.ts';
import { PERMISSIONS } from './permissions/table.ts';
import type { Settings } from './settings.ts';

/** A lane as accept, expand and release learn of it, in their variable `LANES`. */
export type LaneEntry = { name: string; pool: string; weight: number; url: string };

/** Where a function's code comes from: its bundle, or a stand-in in tests. */
export type CodeOf = (name: FunctionName) => Code;

export type StageProps = {
  name: FunctionName;
  settings: Settings;
  code: CodeOf;
  memoryMb: number;
  timeoutSeconds: number;
  environment: Record<string, string>;
  /** What its permissions are about, but for its own log group. */
  targets: Partial<Record<Target, readonly string[]>>;
  /** Its rows of lib/permissions/table.ts, where the settings decide which; default: all of them. */
  rows?: readonly Permission[];
  reservedConcurrency?: number | undefined;
  /** Only deliver: it must leave by the NAT gateway of its lane. */
  inside?: { vpc: IVpc; subnet: ISubnet; securityGroup: ISecurityGroup };
};

export class Stage extends Construct {
  readonly fn: LambdaFunction;
  readonly stageName: FunctionName;
  readonly memoryMb: number;

  constructor(scope: Construct, id: string, props: StageProps) {
    super(scope, id);
    const { name, settings, inside } = props;
    this.stageName = name;
    this.memoryMb = props.memoryMb;
    const logGroup = new LogGroup(this, 'Logs', {
      retention: settings.retention.logsDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // A role of our own: the one CDK would make carries AWS's managed policies, which allow writing to any log group.
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.fn = new LambdaFunction(this, 'Function', {
      description: `${settings.stackName} ${name}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: props.code(name),
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSeconds),
      tracing: settings.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
      role,
      logGroup,
      // Lambda's own START, END and REPORT lines would be three lines per message, most of the log and of its bill.
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      applicationLogLevelV2: ApplicationLogLevel.INFO,
      environment: {
        ...props.environment,
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_METRICS_NAMESPACE: METRICS_NAMESPACE,
        NODE_OPTIONS: '--enable-source-maps',
      },
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
      ...(inside && {
        vpc: inside.vpc,
        vpcSubnets: { subnets: [inside.subnet] },
        securityGroups: [inside.securityGroup],
      }),
    });
    grantOwn(name, this.fn, { ...props.targets, ownLogs: [logGroup.logGroupArn] }, props.rows ?? PERMISSIONS[name]);
  }
}
