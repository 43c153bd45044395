/**
 * The code of functions, and of the relay: everything that it imports in one minified file, with a source map beside it. In
 * process, without Docker; the same sources give the same bytes wherever the repository lies, so an asset's hash is its
 * content's.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';
import type { ShapingOverrides } from '../core/shaping/compile.ts';
import { type FunctionName, PERMISSIONS } from './permissions.ts';
import type { Settings } from './settings.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** What of the settings is written into the code, being too long for a variable. */
export type Bundled = {
  /** `io/shaping.ts`. */
  shaping?: ShapingOverrides;
  /** `io/bundled-lists.ts`. */
  zones?: Settings['senders']['zones'];
  disposableDomains?: string[];
};

const bundledOf = ({ shaping, senders, validation }: Settings): Bundled => ({
  shaping,
  zones: senders.zones,
  disposableDomains: validation.disposableDomains,
});

/**
 * Bundles `lambdas/<name>/handler.ts` as CommonJS for Node 24. All at once, since most of their sources are the same.
 * @param root the repository; the tests give another
 * @returns for each name the folder of its `index.cjs` and `index.cjs.map`
 * @throws Error from esbuild, naming file and line, when a handler does not build
 */
export function bundle<Name extends FunctionName>(
  names: readonly Name[],
  root: string = ROOT,
  bundled: Bundled = {},
): Record<Name, string> {
  const outdir = build(
    root,
    bundled,
    names.map((name) => ({ in: join('lambdas', name, 'handler.ts'), out: join(name, 'index') })),
  );
  return Object.fromEntries(names.map((name) => [name, join(outdir, name)])) as Record<Name, string>;
}

/**
 * Bundles `relay/main.ts`, and puts its Dockerfile beside it: what `docker build` needs when the stack is deployed.
 * @returns the folder
 * @throws Error from esbuild, naming file and line, when it does not build
 */
export function bundleRelay(root: string = ROOT, bundled: Bundled = {}): string {
  const outdir = build(root, bundled, [{ in: join('relay', 'main.ts'), out: join('relay', 'index') }]);
  writeWhole(join(outdir, 'relay', 'Dockerfile'), readFileSync(join(root, 'relay', 'Dockerfile')));
  return join(outdir, 'relay');
}

const definesOf = ({ shaping = {}, zones = [], disposableDomains = [] }: Bundled) => ({
  PENNYPOST_SHAPING: JSON.stringify(shaping),
  PENNYPOST_SENDER_ZONES: JSON.stringify(zones),
  PENNYPOST_DISPOSABLE_DOMAINS: JSON.stringify(disposableDomains),
});

/** @returns the folder that it wrote to: settings that differ have one each, as two synths at a time may have */
function build(root: string, bundled: Bundled, entryPoints: { in: string; out: string }[]): string {
  const define = definesOf(bundled);
  const settings = createHash('sha256').update(JSON.stringify(define)).digest('hex').slice(0, 8);
  const outdir = join(root, 'cdk.out', `bundles-${settings}`);
  const { outputFiles } = buildSync({
    absWorkingDir: root,
    entryPoints,
    outdir,
    // Whatever package.json lies above it, here or in an image, it is CommonJS.
    outExtension: { '.js': '.cjs' },
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    // CommonJS starts a little faster than ESM (measured: 88 and 93 ms for two AWS clients).
    format: 'cjs',
    mainFields: ['module', 'main'],
    minify: true,
    define,
    sourcemap: 'linked',
    // Stack traces need lines and names, not the text.
    sourcesContent: false,
    legalComments: 'none',
    logLevel: 'silent',
  });
  for (const { path, contents } of outputFiles) writeWhole(path, contents);
  return outdir;
}

/** The bundles as assets, with what the settings put into them: built when the first is asked for. */
export function bundles(settings: Settings): (name: FunctionName) => Code {
  let folders: Record<FunctionName, string> | undefined;
  return (name) => {
    folders ??= bundle(Object.keys(PERMISSIONS) as FunctionName[], ROOT, bundledOf(settings));
    return Code.fromAsset(folders[name]);
  };
}

/** The relay's image: built, and pushed, only when the stack is deployed. */
export function relayImage(settings: Settings): () => string {
  return () => bundleRelay(ROOT, bundledOf(settings));
}

/** Two synths at a time must not read each other's half-written files. */
function writeWhole(path: string, contents: Uint8Array): void {
  if (sameAs(path, contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const next = join(dirname(path), '..', `.${basename(dirname(path))}-${basename(path)}-${process.pid}`);
  writeFileSync(next, contents);
  renameSync(next, path);
}

function sameAs(path: string, contents: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(contents);
  } catch {
    return false;
  }
}
