/**
 * A synthesized cloud assembly (`*.template.json`, `*.assets.json`, asset folders) as the list of resources that
 * CloudFormation would make of it: conditions decided, intrinsics resolved, nested stacks entered with their parameters
 * and outputs. It refuses, with the place, whatever it cannot resolve and every resource type it does not know.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NO_VALUE, resolve, resolveCondition, type Scope } from './intrinsics.ts';
import { generatedName, type Identity, INERT, inertValue, type Place, RUN } from './resource-types.ts';

export type Resource = {
  /** The stack and logical id, for messages: `Pennypost/Pool1/Lane`. */
  path: string;
  stack: string;
  logicalId: string;
  type: string;
  /** Its physical name. */
  name: string;
  /** What `Ref` gives. */
  ref: string;
  arn?: string;
  properties: Record<string, unknown>;
  /** The folder of its code (Lambda functions), or of its image (task definitions). */
  assetFolder?: string;
};

export type Assembly = {
  stackName: string;
  resources: Resource[];
  /** Outputs of the root stack. */
  outputs: Record<string, string>;
  ofType(...types: string[]): Resource[];
};

type Template = {
  Parameters?: Record<string, { Default?: unknown }>;
  Mappings?: Record<string, Record<string, Record<string, unknown>>>;
  Conditions?: Record<string, unknown>;
  Resources?: Record<
    string,
    { Type: string; Condition?: string; Properties?: Record<string, unknown>; DependsOn?: string | string[] }
  >;
  Outputs?: Record<string, { Value: unknown; Condition?: string }>;
  Rules?: unknown;
  [section: string]: unknown;
};
type Assets = Map<string, string>;
type Loaded = { resources: Resource[]; outputs: Record<string, string> };

// Rules assert things about parameters of a deployment (CDK: the bootstrap version); Metadata and Description say, and do, nothing.
const SECTIONS = new Set([
  'AWSTemplateFormatVersion',
  'Description',
  'Metadata',
  'Parameters',
  'Mappings',
  'Conditions',
  'Resources',
  'Outputs',
  'Rules',
]);

/**
 * Loads the assembly in a folder.
 * @param stackName the root stack, when the folder holds more than one
 * @throws Error in one sentence that names the place in the template
 */
export function loadAssembly(folder: string, place: Omit<Place, 'stackName'>, stackName?: string): Assembly {
  const roots = existsSync(folder)
    ? readdirSync(folder).filter((file) => file.endsWith('.template.json') && !file.endsWith('.nested.template.json'))
    : [];
  const names = roots.map((file) => file.slice(0, -'.template.json'.length));
  const chosen = stackName ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined || !names.includes(chosen))
    throw new Error(`${folder} holds ${names.length ? `the stacks ${names.join(', ')}` : 'no synthesized stack'}`);
  const assets = readAssets(folder);
  const template = readJson(join(folder, `${chosen}.template.json`)) as Template;
  const { resources, outputs } = loadStack(template, chosen, {}, { folder, assets, place });
  return {
    stackName: chosen,
    resources,
    outputs,
    ofType: (...types) => resources.filter((one) => types.includes(one.type)),
  };
}

/** Object key in the bootstrap bucket, or tag of an image, → path in the folder. */
function readAssets(folder: string): Assets {
  const assets: Assets = new Map();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.assets.json'))) {
    const { files = {}, dockerImages = {} } = readJson(join(folder, file)) as {
      files?: Record<string, { source: { path: string }; destinations: Record<string, { objectKey: string }> }>;
      dockerImages?: Record<
        string,
        { source: { directory: string }; destinations: Record<string, { imageTag: string }> }
      >;
    };
    for (const { source, destinations } of Object.values(files))
      for (const { objectKey } of Object.values(destinations)) assets.set(objectKey, join(folder, source.path));
    for (const { source, destinations } of Object.values(dockerImages))
      for (const { imageTag } of Object.values(destinations)) assets.set(imageTag, join(folder, source.directory));
  }
  return assets;
}

type Surroundings = { folder: string; assets: Assets; place: Omit<Place, 'stackName'> };

function loadStack(template: Template, name: string, given: Record<string, unknown>, around: Surroundings): Loaded {
  for (const section of Object.keys(template))
    if (!SECTIONS.has(section)) throw new Error(`${name}: template section ${section} is not known to the local stack`);
  const place: Place = { ...around.place, stackName: name };
  const definitions = template.Resources ?? {};
  const conditions = new Map<string, boolean>();
  const nested = new Map<string, Loaded>();
  const resources: Resource[] = [];

  const scope: Scope = {
    availabilityZones: ['a', 'b', 'c'].map((zone) => `${place.region}${zone}`),
    condition(key) {
      const known = conditions.get(key);
      if (known !== undefined) return known;
      const definition = template.Conditions?.[key];
      if (!definition) throw new Error(`${name}: condition ${key} is not defined`);
      const truth = resolveCondition(definition, scope, `${name}/${key}`);
      conditions.set(key, truth);
      return truth;
    },
    mapping(map, top, second) {
      const found = template.Mappings?.[map]?.[top]?.[second];
      if (found === undefined) throw new Error(`${name}: mapping ${map}.${top}.${second} is not there`);
      return found;
    },
    ref(key) {
      if (key.startsWith('AWS::')) return pseudoParameter(key, place);
      if (key in given) return given[key];
      const parameter = template.Parameters?.[key];
      if (parameter) {
        if (parameter.Default === undefined) throw new Error(`${name}: parameter ${key} has no value`);
        return parameter.Default;
      }
      const type = typeOf(key);
      if (type === 'AWS::CloudFormation::Stack') return `arn:aws:cloudformation:::stack/${key}`;
      const kind = RUN[type];
      return kind ? kind.ref(identity(key)) : inertValue(type, key);
    },
    attribute(key, attribute) {
      const type = typeOf(key);
      if (type === 'AWS::CloudFormation::Stack') {
        const value = enter(key).outputs[attribute.replace(/^Outputs\./, '')];
        if (value === undefined) throw new Error(`${name}: nested stack ${key} has no ${attribute}`);
        return value;
      }
      const kind = RUN[type];
      if (!kind) return inertValue(type, key, attribute);
      const value = kind.attributes(identity(key))[attribute];
      if (value === undefined) throw new Error(`${name}: ${type} ${key} has no attribute ${attribute} here`);
      return value;
    },
  };

  function typeOf(key: string): string {
    const definition = definitions[key];
    if (!definition) throw new Error(`${name}: ${key} is neither a parameter nor a resource`);
    if (definition.Condition && !scope.condition(definition.Condition))
      throw new Error(`${name}: ${key} is used, but its condition ${definition.Condition} is false`);
    return definition.Type;
  }

  function identity(key: string): Identity {
    const { Type: type, Properties: properties = {} } = definitions[key]!;
    const property = (wanted: string) => resolve(properties[wanted], scope, `${name}/${key}.${wanted}`);
    const nameProperty = RUN[type]?.nameProperty;
    const own = nameProperty && properties[nameProperty] !== undefined ? property(nameProperty) : undefined;
    const physical = typeof own === 'string' ? own : generatedName(type, name, key);
    return { logicalId: key, name: physical, place, property };
  }

  function enter(key: string): Loaded {
    const known = nested.get(key);
    if (known) return known;
    const where = `${name}/${key}`;
    const properties = definitions[key]!.Properties ?? {};
    const url = String(resolve(properties.TemplateURL, scope, `${where}.TemplateURL`));
    const path = around.assets.get(url.slice(url.lastIndexOf('/') + 1));
    if (!path) throw new Error(`${where}: its template ${url} is no asset of this assembly`);
    const parameters = resolve(properties.Parameters ?? {}, scope, `${where}.Parameters`) as Record<string, unknown>;
    const loaded = loadStack(readJson(path) as Template, `${name}-${key}`, parameters, around);
    nested.set(key, loaded);
    resources.push(...loaded.resources);
    return loaded;
  }

  for (const [key, definition] of Object.entries(definitions)) {
    if (definition.Condition && !scope.condition(definition.Condition)) continue;
    const { Type: type } = definition;
    for (const needed of [definition.DependsOn ?? []].flat())
      if (!(needed in definitions)) throw new Error(`${name}/${key}: it depends on ${needed}, which is not there`);
    if (type === 'AWS::CloudFormation::Stack') {
      enter(key);
      continue;
    }
    const properties = resolve(definition.Properties ?? {}, scope, `${name}/${key}`) as Record<string, unknown>;
    const kind = RUN[type];
    if (!kind) {
      if (!(type in INERT))
        throw new Error(
          `${name}/${key}: resource type ${type} is neither run by the local stack nor known to be inert here`,
        );
      resources.push({
        path: `${name}/${key}`,
        stack: name,
        logicalId: key,
        type,
        name: key,
        ref: inertValue(type, key),
        properties,
      });
      continue;
    }
    const it = identity(key);
    const arn = kind.attributes(it).Arn;
    const assetFolder = ASSET_OF[type]?.(properties, around.assets, `${name}/${key}`);
    resources.push({
      path: `${name}/${key}`,
      stack: name,
      logicalId: key,
      type,
      name: it.name,
      ref: kind.ref(it),
      properties,
      ...(arn === undefined ? {} : { arn }),
      ...(assetFolder === undefined ? {} : { assetFolder }),
    });
  }

  const outputs: Record<string, string> = {};
  for (const [key, { Value: value, Condition: condition }] of Object.entries(template.Outputs ?? {})) {
    if (condition && !scope.condition(condition)) continue;
    const resolved = resolve(value, scope, `${name}/Outputs.${key}`);
    if (resolved !== NO_VALUE) outputs[key] = String(resolved);
  }
  return { resources, outputs };
}

/** Where a resource's asset lies, by its type. */
const ASSET_OF: Record<string, (properties: Record<string, unknown>, assets: Assets, where: string) => string> = {
  'AWS::Lambda::Function': codeOf,
  'AWS::ECS::TaskDefinition': imageOf,
};

function imageOf(properties: Record<string, unknown>, assets: Assets, where: string): string {
  const [{ Image: image } = { Image: '' }] = properties.ContainerDefinitions as { Image: string }[];
  const folder = assets.get(image.slice(image.lastIndexOf(':') + 1));
  if (folder === undefined || !existsSync(folder))
    throw new Error(`${where}: its image ${image} is no asset of this assembly`);
  return folder;
}

function codeOf(properties: Record<string, unknown>, assets: Assets, where: string): string {
  const { S3Key: key, ZipFile: inline } = (properties.Code ?? {}) as { S3Key?: string; ZipFile?: string };
  if (inline !== undefined)
    throw new Error(`${where}: inline code (ZipFile) is not run by the local stack; bundle it as an asset`);
  const folder = key === undefined ? undefined : assets.get(key);
  if (folder === undefined || !existsSync(folder))
    throw new Error(`${where}: its code ${key} is no asset of this assembly`);
  return folder;
}

function pseudoParameter(key: string, place: Place): unknown {
  switch (key) {
    case 'AWS::NoValue':
      return NO_VALUE;
    case 'AWS::Region':
      return place.region;
    case 'AWS::AccountId':
      return place.accountId;
    case 'AWS::Partition':
      return 'aws';
    case 'AWS::URLSuffix':
      return 'amazonaws.com';
    case 'AWS::StackName':
      return place.stackName;
    case 'AWS::StackId':
      return `arn:aws:cloudformation:${place.region}:${place.accountId}:stack/${place.stackName}/local`;
    case 'AWS::NotificationARNs':
      return [];
    default:
      throw new Error(`pseudo parameter ${key} is not known to the local stack`);
  }
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
