import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bundle } from '../../lib/bundle.ts';
import { defineSettings } from '../../lib/settings.ts';
import { makeApp, synthesize } from '../../lib/synthesize.ts';
import { stubCode, stubImage } from './flatten.ts';

const folder = mkdtempSync(join(tmpdir(), 'pennypost-synth-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let outdir: string;

beforeEach(() => {
  outdir = mkdtempSync(join(folder, 'out-'));
  // No account, no region, no Docker to find
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_PROFILE', 'AWS_REGION', 'CDK_DEFAULT_ACCOUNT', 'CDK_DEFAULT_REGION'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('PATH', '');
});
afterEach(() => vi.unstubAllEnvs());

test('the templates and assets are there, without an account', () => {
  // Act: expand's real bundle stands for all four
  const { expand } = bundle(['expand']);
  const synthesized = synthesize(defineSettings(), { outdir, code: () => Code.fromAsset(expand) });

  // Assess
  const { directory, template, nested, stackName } = synthesized;
  expect(directory).toBe(outdir);
  expect(stackName).toBe('Pennypost');
  const functions = [template, ...Object.values(nested)].flatMap(({ Resources }) =>
    Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function'),
  );
  expect(functions).toHaveLength(11);
  for (const { Metadata } of functions)
    expect(existsSync(join(directory, String(Metadata?.['aws:asset:path']), 'index.cjs'))).toBe(true);
  for (const [id, one] of Object.entries(nested)) {
    const file = String(template.Resources[id]?.Metadata?.['aws:asset:path']);
    expect(JSON.parse(readFileSync(join(directory, file), 'utf8'))).toEqual(one);
  }
});

test("a relay's image is its Dockerfile and its bundle, put into the assembly without asking Docker", () => {
  // Act
  const relay = { hostName: 'smtp.example.com' };
  const { directory } = synthesize(defineSettings({ relay }), { outdir, code: stubCode });

  // Assess
  const { dockerImages } = JSON.parse(readFileSync(join(directory, 'Pennypost.assets.json'), 'utf8'));
  const [image] = Object.values(dockerImages) as { source: { directory: string; platform: string } }[];
  expect(image!.source.platform).toBe('linux/arm64');
  for (const file of ['Dockerfile', 'index.cjs', 'index.cjs.map'])
    expect(existsSync(join(directory, image!.source.directory, file))).toBe(true);
});

test('nothing is asked of the account: no missing context', () => {
  const { directory } = synthesize(defineSettings(), { outdir, code: stubCode });
  const manifest = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'));
  expect(manifest.missing).toBeUndefined();
});

test('the same settings give the same templates', () => {
  const [one, other] = ['a', 'b'].map((name) =>
    synthesize(defineSettings(), { outdir: join(outdir, name), code: stubCode }),
  );
  expect(one?.template).toEqual(other?.template);
  expect(one?.nested).toEqual(other?.nested);
});

test.each([
  ['the defaults', {}],
  ['a relay', { relay: { hostName: 'smtp.example.com', acme: { hostedZone: 'Z0123456789ABCDEFGHIJ' } } }],
])('with the checks of cdk-nag on, as `cdk synth` has them, the synthesis of %s goes through', (_, input) => {
  // Prepare
  const { app } = makeApp(defineSettings(input), { outdir, code: stubCode, image: stubImage, nag: true });

  // Act
  const assembly = app.synth();

  // Assess: a finding would have thrown
  expect(assembly.stacks.map(({ stackName }) => stackName)).toEqual(['Pennypost']);
});

test('a relay without a name of its own, or a certificate, is warned of', () => {
  const settings = defineSettings({ relay: { hostName: 'smtp.pennypost.example' } });
  const [stack] = makeApp(settings, { outdir, code: stubCode, image: stubImage }).app.synth().stacks;
  const warnings = stack!.messages.map(({ entry }) => String(entry.data)).join('\n');
  expect(warnings).toMatch(/The relay is called smtp\.pennypost\.example, a placeholder/);
  expect(warnings).toMatch(/makes a certificate of its own/);
});

test('settings that are for trying things out are warned of', () => {
  // Prepare
  const settings = defineSettings({ delivery: { smtpPort: 2525, allowPrivateHosts: true } });

  // Act
  const [stack] = makeApp(settings, { outdir, code: stubCode }).app.synth().stacks;
  const warnings = stack!.messages.map(({ entry }) => String(entry.data));

  // Assess
  expect(warnings.join('\n')).toMatch(/EHLO mta1\.pennypost\.example, a placeholder/);
  expect(warnings.join('\n')).toMatch(/port 2525/);
  expect(warnings.join('\n')).toMatch(/allowPrivateHosts/);
});
