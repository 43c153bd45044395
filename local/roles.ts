/**
 * Who may do what: each function's and each task's statements from the synthesized template, and the record of which of them were used.
 * It refuses a role that is not in the template and an AWS managed policy that it does not know.
 */

import type { FunctionSpec } from './function-specs.ts';
import { type Access, type Decision, evaluate, readPolicy, type Statement } from './iam.ts';
import type { TaskSpec } from './task-specs.ts';
import type { Assembly, Resource } from './template.ts';

export type Denial = { function: string; action: string; resource: string; message: string };
/** Statement × resource, with the actions that no call has used. */
export type UnusedStatement = { function: string; statement: string; actions: string[]; resources: string[] };

/** What AWS managed policies allow, as far as this machine can tell: none of it has an emulator. */
const AWS_MANAGED: Record<string, Statement[]> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': [],
  'arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole': [],
  'arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess': [],
};

/** Actions that Lambda itself uses with the role, for things that this machine does not have: never reported as unused. */
const BY_LAMBDA_ITSELF = new Set(
  [
    'logs:CreateLogGroup',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
    'ec2:DescribeSecurityGroups',
    'ec2:DescribeVpcs',
    'xray:PutTraceSegments',
    'xray:PutTelemetryRecords',
  ].map((action) => action.toLowerCase()),
);

/** What the poller of an SQS event source needs of the function's role (Lambda Developer Guide, "Using Lambda with Amazon SQS"). */
export const POLLER_NEEDS = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];

export type Roles = {
  /** Decides and remembers. A denial is recorded with a sentence naming function, action and resource. */
  check(functionName: string, access: Access): Decision;
  /** As `check`, without a record of a denial. */
  mark(functionName: string, access: Access): Decision;
  denials: Denial[];
  unusedStatements(): UnusedStatement[];
};

/** Reads every role, policy and resource policy of the assembly. @throws Error naming the place */
export function readRoles(
  assembly: Assembly,
  specs: readonly FunctionSpec[],
  tasks: readonly Pick<TaskSpec, 'name' | 'arn' | 'taskRoleArn'>[] = [],
): Roles {
  const byRole = statementsOfRoles(assembly);
  const onResources = assembly
    .ofType('AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy')
    .flatMap((policy) => readPolicy(policy.properties.PolicyDocument, policy.path));
  const serving = new Set(assembly.resources.map(({ properties }) => properties.ServiceToken).filter(Boolean));
  const byFunction = new Map<string, { statements: Statement[]; arn: string; kind: 'function' | 'task' }>();
  for (const fn of assembly.ofType('AWS::Lambda::Function')) {
    const statements = byRole.get(String(fn.properties.Role));
    if (!statements) throw new Error(`${fn.path}: its role ${String(fn.properties.Role)} is not in the template`);
    const name = specs.find(({ arn }) => arn === fn.arn)?.name ?? fn.name;
    byFunction.set(name, { statements, arn: fn.arn!, kind: 'function' });
  }
  for (const { name, arn, taskRoleArn } of tasks) {
    const statements = byRole.get(taskRoleArn);
    if (!statements) throw new Error(`the task ${name}: its role ${taskRoleArn} is not in the template`);
    byFunction.set(name, { statements, arn, kind: 'task' });
  }
  const used = new Map<string, Set<string>>([...byFunction.keys()].map((name) => [name, new Set()]));
  const denials: Denial[] = [];

  function mark(functionName: string, access: Access): Decision {
    const statements = byFunction.get(functionName)?.statements;
    if (!statements) return { allowed: false, used: [], reason: 'no such function' };
    const decision = evaluate(access, statements, onResources);
    for (const { statement, action, resource } of decision.used)
      used.get(functionName)!.add(JSON.stringify([statement.id, action, resource]));
    return decision;
  }

  return {
    denials,
    mark,
    check(functionName, access) {
      const { arn = '', kind = 'function' } = byFunction.get(functionName) ?? {};
      // The call comes from the function's own code: Lambda itself, and its poller, do not set this.
      const context = kind === 'function' ? { ...access.context, 'lambda:sourcefunctionarn': arn } : access.context;
      const decision = mark(functionName, { ...access, context });
      if (!decision.allowed) {
        const { action, resource } = access;
        const message = `AccessDenied: ${kind} ${functionName} is not authorized to perform ${action} on ${resource}: ${decision.reason}`;
        denials.push({ function: functionName, action, resource, message });
      }
      return decision;
    },
    unusedStatements() {
      return [...byFunction].flatMap(([name, { statements, arn }]) =>
        // A custom resource's provider runs when CloudFormation deploys; here nothing ever calls it.
        serving.has(arn) ? [] : statements.flatMap((statement) => unusedOf(name, statement, used.get(name)!)),
      );
    },
  };
}

function unusedOf(name: string, statement: Statement, used: Set<string>): UnusedStatement[] {
  if (statement.effect === 'Deny') return [];
  return statement.resources.flatMap((resource) => {
    const actions = statement.actions.filter(
      (action) =>
        !BY_LAMBDA_ITSELF.has(action.toLowerCase()) && !used.has(JSON.stringify([statement.id, action, resource])),
    );
    return actions.length > 0 ? [{ function: name, statement: statement.id, actions, resources: [resource] }] : [];
  });
}

function statementsOfRoles(assembly: Assembly): Map<string, Statement[]> {
  const managed = new Map<string, Statement[]>(Object.entries(AWS_MANAGED));
  for (const policy of assembly.ofType('AWS::IAM::ManagedPolicy'))
    managed.set(policy.ref, readPolicy(policy.properties.PolicyDocument, policy.path));
  const byArn = new Map<string, Statement[]>();
  const byName = new Map<string, Statement[]>();
  for (const role of assembly.ofType('AWS::IAM::Role')) {
    const statements = ((role.properties.Policies ?? []) as { PolicyName: string; PolicyDocument: unknown }[]).flatMap(
      ({ PolicyName: name, PolicyDocument: document }) => readPolicy(document, `${role.path}.${name}`),
    );
    for (const arn of (role.properties.ManagedPolicyArns ?? []) as string[]) {
      const attached = managed.get(arn);
      if (!attached) throw new Error(`${role.path}: managed policy ${arn} is not known to the local stack`);
      statements.push(...attached);
    }
    byArn.set(role.arn!, statements);
    byName.set(role.name, statements);
  }
  for (const policy of assembly.ofType('AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'))
    for (const name of (policy.properties.Roles ?? []) as string[]) attach(policy, name, byName);
  return byArn;
}

function attach(policy: Resource, roleName: string, byName: Map<string, Statement[]>): void {
  const statements = byName.get(roleName);
  if (!statements) throw new Error(`${policy.path}: its role ${roleName} is not in the template`);
  statements.push(...readPolicy(policy.properties.PolicyDocument, policy.path));
}
