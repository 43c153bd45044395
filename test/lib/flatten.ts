/**
 * The synthesized stack as one flat list of resources, nested stacks included, every reference written as the construct
 * path it means (`<Storage/Accounts.Arn>`): what tests and snapshots read. No hash of an asset or a logical id is left.
 * It refuses an intrinsic function that it does not know.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';
import { type Synthesized, synthesize, type Template } from '../../lib/synthesize.ts';

export type FlatResource = {
  path: string;
  type: string;
  // biome-ignore lint/suspicious/noExplicitAny: properties of any resource type
  properties: any;
  deletionPolicy: string | undefined;
  metadata: Record<string, unknown>;
};

export type Flat = { synthesized: Synthesized; resources: FlatResource[]; outputs: Record<string, string> };

/** Stands in for the bundles, so that a template test builds nothing. */
export const stubCode = () => Code.fromInline('exports.handler = async () => {}');

/** Stands in for the relay's image, in a folder that is the same for all tests. */
export function stubImage(): string {
  const folder = join(tmpdir(), 'pennypost-stub-image');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n');
  return folder;
}

export function flatten(input: SettingsInput = {}): Flat {
  const outdir = mkdtempSync(join(tmpdir(), 'pennypost-flat-'));
  const synthesized = synthesize(defineSettings(input), { outdir, code: stubCode, image: stubImage });
  rmSync(outdir, { recursive: true });
  const scopes = makeScopes(synthesized);
  const resources = scopes.flatMap((scope) =>
    Object.entries(scope.template.Resources).map(([id, resource]) => ({
      path: scope.pathOf(id),
      type: resource.Type,
      properties: scope.resolve(resource.Properties ?? {}),
      deletionPolicy: resource.DeletionPolicy,
      metadata: resource.Metadata ?? {},
    })),
  );
  const main = scopes[0]!;
  const outputs = Object.fromEntries(
    Object.entries(main.template.Outputs ?? {}).map(([name, { Value }]) => [name, String(main.resolve(Value))]),
  );
  return { synthesized, resources: resources.sort((a, b) => (a.path < b.path ? -1 : 1)), outputs };
}

type Scope = { template: Template; pathOf: (id: string) => string; resolve: (value: unknown) => unknown };

function makeScopes({ template, nested }: Synthesized): Scope[] {
  const inner = new Map<string, Scope>();
  const main: Scope = makeScope(template, (id) => inner.get(id));
  for (const [id, one] of Object.entries(nested)) {
    const given = template.Resources[id]?.Properties?.Parameters as Record<string, unknown>;
    inner.set(
      id,
      makeScope(
        one,
        () => undefined,
        (name) => (name in given ? main.resolve(given[name]) : undefined),
      ),
    );
  }
  return [main, ...inner.values()];
}

function makeScope(
  template: Template,
  nestedOf: (id: string) => Scope | undefined,
  parameter: (name: string) => unknown = () => undefined,
): Scope {
  const pathOf = (id: string) => {
    const path = template.Resources[id]?.Metadata?.['aws:cdk:path'];
    if (typeof path !== 'string') throw new Error(`${id} has no path`);
    return path.replace(/^Pennypost\//, '').replace(/\/(Resource|Default)$/, '');
  };
  const intrinsics: Record<string, (argument: never) => unknown> = {
    Ref: (name: string) => parameter(name) ?? (name.startsWith('AWS::') ? `<${name}>` : `<${pathOf(name)}>`),
    'Fn::GetAtt': ([id, attribute]: [string, string]) => {
      const scope = nestedOf(id);
      if (!scope) return `<${pathOf(id)}.${attribute}>`;
      const output = scope.template.Outputs?.[attribute.replace(/^Outputs\./, '')];
      if (!output) throw new Error(`${id} has no ${attribute}`);
      return scope.resolve(output.Value);
    },
    'Fn::Join': ([by, parts]: [string, unknown[]]) => parts.map(resolve).join(by),
    'Fn::Sub': (text: string) => text,
    'Fn::Select': ([index, list]: [number, unknown]) => `${String(resolve(list))}[${index}]`,
    'Fn::Split': ([by, text]: [string, unknown]) => `${String(resolve(text))}.split(${by})`,
    'Fn::GetAZs': () => 'zones',
  };
  function resolve(value: unknown): unknown {
    if (typeof value === 'string') return value.replace(/[0-9a-f]{64}/g, '<hash>');
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(resolve);
    const [key, argument] = Object.entries(value)[0] ?? [];
    if (key === 'Ref' || key?.startsWith('Fn::')) {
      const intrinsic = intrinsics[key];
      if (!intrinsic) throw new Error(`what is ${key}?`);
      return intrinsic(argument as never);
    }
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, resolve(one)]));
  }
  return { template, pathOf, resolve };
}

/** All resources of a type. */
export const ofType = ({ resources }: Flat, type: string): FlatResource[] =>
  resources.filter((resource) => resource.type === type);

/** A value as indented text, one fact to a line. */
export function asText(value: unknown, indent = ''): string {
  if (typeof value !== 'object' || value === null) return ` ${String(value)}\n`;
  const entries: [string, unknown][] = Array.isArray(value)
    ? value.map((one) => ['-', one])
    : Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return ' (empty)\n';
  const lines = entries.map(([key, one]) => `${indent}${key === '-' ? '-' : `${key}:`}${asText(one, `${indent}  `)}`);
  return `\n${lines.join('')}`;
}

export type Statement = {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
};

/** The function of each role, by the role's path: `accept`, `expand`, `deliver`, `release`. */
export function functionsByRole(flat: Flat): Map<string, FlatResource> {
  return new Map(
    ofType(flat, 'AWS::Lambda::Function').map((fn) => [String(fn.properties.Role).slice(1, -'.Arn>'.length), fn]),
  );
}

export const functionName = (fn: FlatResource): string => fn.properties.Environment.Variables.POWERTOOLS_SERVICE_NAME;

/** What the role of each task allows, and what the role that starts it does. */
export function statementsByTask(flat: Flat): { path: string; task: Statement[]; execution: Statement[] }[] {
  const policies = ofType(flat, 'AWS::IAM::Policy');
  const of = (role: string): Statement[] =>
    policies
      .filter(({ properties }) => (properties.Roles as string[]).some((one) => `${one.slice(0, -1)}.Arn>` === role))
      .flatMap(({ properties }) => properties.PolicyDocument.Statement);
  return ofType(flat, 'AWS::ECS::TaskDefinition').map(({ path, properties }) => ({
    path,
    task: of(properties.TaskRoleArn),
    execution: of(properties.ExecutionRoleArn),
  }));
}

/** What each function's role allows, in the order of the table of permissions. */
export function statementsByFunction(flat: Flat): { name: string; path: string; statements: Statement[] }[] {
  const functions = functionsByRole(flat);
  const ofTasks = ofType(flat, 'AWS::ECS::TaskDefinition').flatMap(({ properties }) =>
    [properties.TaskRoleArn, properties.ExecutionRoleArn].map((arn: string) => `${arn.slice(0, -'.Arn>'.length)}>`),
  );
  return ofType(flat, 'AWS::IAM::Policy').flatMap((policy) =>
    (policy.properties.Roles as string[]).flatMap((role) => {
      if (ofTasks.includes(role)) return [];
      const fn = functions.get(role.slice(1, -1));
      if (!fn) throw new Error(`${policy.path} is on ${role}, which no function has`);
      return [{ name: functionName(fn), path: fn.path, statements: policy.properties.PolicyDocument.Statement }];
    }),
  );
}

export const asList = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);
