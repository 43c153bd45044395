/**
 * The template's Lambda functions as this machine runs them. It refuses what Lambda would refuse only at deployment, or
 * would do differently: more than 4 KB of environment variables, a runtime or a package that is not a Node.js bundle.
 */
import type { Assembly, Resource } from './template.ts';

export type FunctionSpec = {
  /** What people and tests call it: its stage (`accept`); with several functions of one stage, `deliver:default-1`. */
  name: string;
  /** `POWERTOOLS_SERVICE_NAME`, else the physical name. */
  stage: string;
  physicalName: string;
  arn: string;
  folder: string;
  handler: string;
  timeoutSeconds: number;
  memoryMb: number;
  /** Exactly those of the template. */
  variables: Record<string, string>;
  reservedConcurrency?: number;
};

/** Lambda quotas: "Environment variables: 4 KB". */
const ENVIRONMENT_BYTES = 4096;

/** @throws Error naming the function's path in the template */
export function readFunctions(assembly: Assembly): FunctionSpec[] {
  const specs = assembly.ofType('AWS::Lambda::Function').map(readFunction);
  const perStage = Map.groupBy(specs, ({ stage }) => stage);
  return specs.map((spec) =>
    perStage.get(spec.stage)!.length === 1
      ? { ...spec, name: spec.stage }
      : { ...spec, name: `${spec.stage}:${spec.variables.LANE ?? spec.physicalName}` },
  );
}

/** Whether a name given by a person or a test means this function. */
export function isCalled(spec: FunctionSpec, name: string): boolean {
  return name === spec.name || name === spec.stage || name === spec.physicalName || name === spec.arn;
}

function readFunction({ path, name, arn, assetFolder, properties }: Resource): FunctionSpec {
  const { Runtime: runtime, PackageType: kind = 'Zip', Handler: handler } = properties;
  if (kind !== 'Zip' || !/^nodejs\d+\.x$/.test(String(runtime)))
    throw new Error(`${path}: the local stack runs Node.js bundles, not ${kind} for ${runtime}`);
  const variables = ((properties.Environment ?? {}) as { Variables?: Record<string, unknown> }).Variables ?? {};
  for (const [key, value] of Object.entries(variables))
    if (typeof value !== 'string')
      throw new Error(`${path}: environment variable ${key} is no text: ${JSON.stringify(value)}`);
  const bytes = Buffer.byteLength(JSON.stringify(variables));
  if (bytes > ENVIRONMENT_BYTES)
    throw new Error(`${path}: its environment variables are ${bytes} bytes; Lambda allows ${ENVIRONMENT_BYTES}`);
  const reserved = properties.ReservedConcurrentExecutions;
  const stage = (variables.POWERTOOLS_SERVICE_NAME as string | undefined) ?? name;
  return {
    name: stage,
    stage,
    physicalName: name,
    arn: arn!,
    folder: assetFolder!,
    handler: String(handler),
    timeoutSeconds: Number(properties.Timeout ?? 3),
    memoryMb: Number(properties.MemorySize ?? 128),
    variables: variables as Record<string, string>,
    ...(reserved === undefined ? {} : { reservedConcurrency: Number(reserved) }),
  };
}
