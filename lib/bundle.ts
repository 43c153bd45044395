/**
 * The code of functions, and of the relay: everything that it imports in one minified file, with a source map beside it. In
 * process, without Docker; the same sources give the same bytes wherever the repository lies, so an asset's hash is its
 * content's.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { type BuildOptions, buildSync, version } from 'esbuild';
import type { ShapingOverrides } from '../core/shaping/compile.ts';
import { isBuilt, recordBuilt, writeWhole } from './built.ts';
import type { FunctionName } from './permissions/permission.ts';
import { PERMISSIONS } from './permissions/table.ts';
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

/**
 * Bundles what is not bundled yet, of these sources.
 * @returns the folder of the bundles' folders: settings that differ have one each, so that two synths at a time each have their own
 */
function build(root: string, bundled: Bundled, entryPoints: { in: string; out: string }[]): string {
  const define = definesOf(bundled);
  const outdir = join(root, 'cdk.out', 'bundles', nameOf(define));
  const options = {
    absWorkingDir: root,
    entryPoints,
    outdir,
    // Whatever package.json lies above it, here or in an image, it is CommonJS.
    outExtension: { '.js': '.cjs' },
    write: false,
    metafile: true,
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
  } satisfies BuildOptions;
  const record = join(outdir, `${nameOf([version, options])}.json`);
  if (isBuilt(root, record)) return outdir;
  const begun = Date.now();
  const { outputFiles: made, metafile } = buildSync(options);
  // What is in brackets is no file.
  const sources = Object.keys(metafile.inputs).filter((path) => !/^[<(]/.test(path));
  recordBuilt(root, record, { sources, made, begun });
  return outdir;
}

const nameOf = (what: object) => hash('sha256', JSON.stringify(what)).slice(0, 16);

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
