/**
 * The stack as CloudFormation, made in this process: no credentials, no Docker, no lookups. `cdk synth` and the local
 * stack both come through here, so what runs locally is what is deployed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, DefaultStackSynthesizer, type IReusableStackSynthesizer, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { PennypostStack } from './pennypost-stack.ts';
import type { Settings } from './settings.ts';
import type { CodeOf } from './stage.ts';

export type Template = {
  Resources: Record<string, TemplateResource>;
  Outputs?: Record<string, { Value: unknown }>;
  Parameters?: Record<string, { Type: string; Default?: unknown }>;
};
export type TemplateResource = {
  Type: string;
  Properties?: Record<string, unknown>;
  DependsOn?: string | string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  /** `aws:asset:path` names a function's folder or a nested stack's template, relative to the assembly's folder. */
  Metadata?: Record<string, unknown>;
};

export type Synthesized = {
  /** The cloud assembly's folder, absolute; assets lie in it. */
  directory: string;
  stackName: string;
  template: Template;
  /** Nested stacks' templates, by the logical id of their `AWS::CloudFormation::Stack` in `template`. */
  nested: Record<string, Template>;
  /** How long it took. */
  milliseconds: number;
};

export type SynthesizeOptions = {
  /** Where the cloud assembly goes. Default: a new temporary folder. */
  outdir?: string;
  code?: CodeOf;
  /** The folder of the relay's image; absent: made from the sources. */
  image?: () => string;
};

/** Settings of CDK itself: the template holds nothing but what we wrote, and says where its assets lie. */
const CDK = {
  analyticsReporting: false,
  treeMetadata: false,
  // The CLI reads the bootstrap version from the assembly's manifest; the template needs no parameter for it.
  defaultStackSynthesizer: new DefaultStackSynthesizer({
    generateBootstrapVersionRule: false,
  }) as IReusableStackSynthesizer,
  context: { 'aws:cdk:enable-asset-metadata': true, 'aws:cdk:enable-path-metadata': true },
};

/** The CDK app with the one stack in it. */
export function makeApp(
  settings: Settings,
  options: SynthesizeOptions & { nag?: boolean } = {},
): { app: App; stack: PennypostStack } {
  const { outdir, code, image, nag = false } = options;
  const app = new App({ ...CDK, ...(outdir !== undefined && { outdir }), builtinCloudFormationValidation: nag });
  const stack = new PennypostStack(app, 'Pennypost', {
    settings,
    code,
    image,
  });
  if (nag) Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
  return { app, stack };
}

/**
 * Synthesizes the stack and reads its templates.
 * @throws Error when a handler does not build
 */
export function synthesize(settings: Settings, options: SynthesizeOptions = {}): Synthesized {
  const begin = performance.now();
  const { app, stack } = makeApp(settings, options);
  const { directory } = app.synth();
  const read = (file: string) => JSON.parse(readFileSync(join(directory, file), 'utf8')) as Template;
  const template = read(stack.templateFile);
  const nested: Record<string, Template> = {};
  for (const pool of stack.parts.pools) {
    const id = stack.resolve(pool.nestedStackResource?.logicalId ?? '') as string;
    nested[id] = read(pool.templateFile);
  }
  return { directory, stackName: settings.stackName, template, nested, milliseconds: performance.now() - begin };
}
