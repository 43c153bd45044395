/**
 * The template's ECS services as this machine runs them: the task's environment, what starts it, and the ports that lead
 * to it through the load balancer. It refuses what it does not run: several containers, secrets that ECS would put into the
 * environment, an image that is no asset of ours, and a port that the balancer does not lead to.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Assembly, Resource } from './template.ts';

export type TaskPort = {
  /** Where clients connect to: the listener's. */
  port: number;
  containerPort: number;
};
export type TaskSpec = {
  /** Its container's name, which people and tests call it. */
  name: string;
  /** Of its task definition. */
  arn: string;
  taskRoleArn: string;
  /** Exactly those of the template, and what its image sets. */
  variables: Record<string, string>;
  /** The folder of its image. */
  folder: string;
  /** The image's command, without `node`. */
  command: string[];
  ports: TaskPort[];
  healthCheck: { containerPort: number; path: string };
  /** Its own files may not be changed, nor others made. */
  readOnly: boolean;
  stopSeconds: number;
  /** What Fargate bills. */
  vcpu: number;
  gigabytes: number;
};

type Container = {
  Name: string;
  Environment?: { Name: string; Value: string }[];
  Secrets?: unknown[];
  PortMappings?: { ContainerPort: number }[];
  ReadonlyRootFilesystem?: boolean;
  StopTimeout?: number;
};
type Target = { ContainerPort: number; TargetGroupArn: string };

/** ECS: "StopTimeout ... the default value of 30 seconds". */
const STOP_SECONDS = 30;

/** @throws Error naming the service's path in the template */
export function readTasks(assembly: Assembly): TaskSpec[] {
  return assembly.ofType('AWS::ECS::Service').map((service) => readTask(service, assembly));
}

function readTask(service: Resource, assembly: Assembly): TaskSpec {
  const { path, properties } = service;
  const refuse = (why: string) => new Error(`${path}: ${why}`);
  const task = assembly.ofType('AWS::ECS::TaskDefinition').find(({ ref }) => ref === properties.TaskDefinition);
  if (!task) throw refuse('its task definition is not in the template');
  const [container, ...others] = task.properties.ContainerDefinitions as Container[];
  if (!container || others.length > 0) throw refuse(`it has ${1 + others.length} containers; the local stack runs one`);
  if (container.Secrets?.length)
    throw refuse('the local stack puts no secrets into the environment; give the ARN, and let the task read it');
  const image = readImage(join(task.assetFolder!, 'Dockerfile'));
  const mapped = new Set((container.PortMappings ?? []).map(({ ContainerPort }) => ContainerPort));
  const targets = (properties.LoadBalancers ?? []) as Target[];
  const listeners = assembly.ofType('AWS::ElasticLoadBalancingV2::Listener');
  const ports = targets.map(({ ContainerPort: containerPort, TargetGroupArn: group }) => {
    if (!mapped.has(containerPort)) throw refuse(`container port ${containerPort} is not among its port mappings`);
    const listener = listeners.find((one) =>
      (one.properties.DefaultActions as { TargetGroupArn: string }[]).some((action) => action.TargetGroupArn === group),
    );
    if (!listener) throw refuse(`no listener leads to its container port ${containerPort}`);
    return { port: Number(listener.properties.Port), containerPort };
  });
  return {
    name: container.Name,
    arn: task.ref,
    taskRoleArn: String(task.properties.TaskRoleArn),
    variables: { ...image.variables, ...variablesOf(container, path) },
    folder: task.assetFolder!,
    command: image.command,
    ports,
    healthCheck: healthOf(targets[0]?.TargetGroupArn, assembly, path),
    readOnly: container.ReadonlyRootFilesystem === true,
    stopSeconds: container.StopTimeout ?? STOP_SECONDS,
    vcpu: Number(task.properties.Cpu) / 1024,
    gigabytes: Number(task.properties.Memory) / 1024,
  };
}

function variablesOf({ Environment: list = [] }: Container, path: string): Record<string, string> {
  for (const { Name: name, Value: value } of list)
    if (typeof value !== 'string')
      throw new Error(`${path}: environment variable ${name} is no text: ${JSON.stringify(value)}`);
  return Object.fromEntries(list.map(({ Name, Value }) => [Name, Value]));
}

function healthOf(group: string | undefined, assembly: Assembly, path: string): TaskSpec['healthCheck'] {
  const found = assembly.ofType('AWS::ElasticLoadBalancingV2::TargetGroup').find(({ ref }) => ref === group);
  const { HealthCheckProtocol: protocol, HealthCheckPort: port, HealthCheckPath: way } = found?.properties ?? {};
  if (protocol !== 'HTTP' || !/^\d+$/.test(String(port)))
    throw new Error(
      `${path}: the local stack asks for health by HTTP on a port of its own, not ${protocol} on ${port}`,
    );
  return { containerPort: Number(port), path: String(way ?? '/') };
}

/** What a Dockerfile says of how its image is started. @throws Error when it is started by anything but Node.js */
export function readImage(file: string): { command: string[]; variables: Record<string, string> } {
  const lines = readFileSync(file, 'utf8').split('\n');
  const said = (instruction: string) =>
    lines.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.slice(instruction.length + 1).trim());
  const [program, ...command] = readCommand(said('CMD').at(-1));
  if (program !== 'node' || said('ENTRYPOINT').length > 0)
    throw new Error(`${file}: the local stack runs images with CMD ["node", …], not ${said('CMD').at(-1)}`);
  const variables = said('ENV').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
  return { command, variables: Object.fromEntries(variables) as Record<string, string> };
}

function readCommand(text: string | undefined): string[] {
  try {
    const list: unknown = JSON.parse(text ?? '');
    return Array.isArray(list) ? list.map(String) : [];
  } catch {
    return [];
  }
}
