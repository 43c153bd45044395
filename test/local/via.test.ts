/** What the local stack makes of pools that do not go direct: relays run, SES is refused before anything starts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';
import { synthesize } from '../../lib/synthesize.ts';
import { loadAssembly } from '../../local/template.ts';

let outdir: string;
let code: string;
beforeEach(() => {
  outdir = mkdtempSync(join(tmpdir(), 'pennypost-via-'));
  code = join(outdir, 'code');
  mkdirSync(code);
  writeFileSync(join(code, 'index.cjs'), 'exports.handler = async () => {}');
});
afterEach(() => rmSync(outdir, { recursive: true }));

const place = {
  region: 'us-east-1',
  accountId: '123456789012',
  queueUrl: (name: string) => `http://127.0.0.1/${name}`,
  apiUrl: (id: string) => `http://127.0.0.1/${id}`,
};
const load = (input: SettingsInput) =>
  loadAssembly(
    synthesize(defineSettings(input), { outdir: join(outdir, 'out'), code: () => Code.fromAsset(code) }).directory,
    place,
  );

test('a pool that goes by a relay, without an address', () => {
  const { outputs } = load({
    relays: [{ name: 'office', host: 'smtp.example.com' }],
    pools: [{ name: 'p', withoutAddress: true, ehloName: 'p.example.com', via: { default: 'relay:office' } }],
  });
  expect(JSON.parse(String(outputs.Lanes))).toMatchObject([{ name: 'p', via: { default: 'relay:office' } }]);
});

// There is no SES here: a stack that pretended would say nothing of what SES does with the mail.
test('a pool that goes by SES is refused, with the resource that it cannot run', () => {
  expect(() => load({ pools: [{ name: 'p', withoutAddress: true, via: { default: 'ses' } }] })).toThrow(
    /AWS::SES::ConfigurationSet/,
  );
});
