/** Imports point one way (docs/architecture.md, "Where things are"): core ← io ← submission ← lambdas, relay ← local, test; lib takes only core. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

type Import = { file: string; from: string };

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|(?:^|\n)\s*import\s+'([^']+)'|import\('([^']+)'\)/g;

const imports: Import[] = globSync('{bin,core,io,submission,lambdas,lib,local,relay}/**/*.ts').flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(IMPORT)].map((match) => {
    const given = (match[1] ?? match[2] ?? match[3])!;
    return { file, from: given.startsWith('.') ? normalize(join(dirname(file), given)) : given };
  }),
);
const of = (folder: string) => imports.filter(({ file }) => file.startsWith(`${folder}/`));
const isOwn = ({ from }: Import) => !from.startsWith('node:') && /\.(ts|mjs|json|html)$/.test(from);
const within =
  (...folders: string[]) =>
  ({ from }: Import) =>
    folders.some((folder) => from.startsWith(`${folder}/`));
const show = ({ file, from }: Import) => `${file} imports ${from}`;

describe('imports', () => {
  it('are found at all', () => expect(imports.length).toBeGreaterThan(50));

  it('core: only core, what is pure of Node (crypto, buffer, url, zlib), the libraries of mail, and Handlebars’ parser', () => {
    const allowed = new Set(['node:crypto', 'node:buffer', 'node:url', 'node:zlib']);
    // Its compiler makes code of what customers write: only the parser is let in, by its own name.
    const parser = 'handlebars/dist/cjs/handlebars/compiler/base.js';
    const wrong = of('core').filter((one) =>
      isOwn(one)
        ? !within('core')(one)
        : !allowed.has(one.from) && !one.from.startsWith('nodemailer') && one.from !== parser,
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it('io: only core and io', () =>
    expect(
      of('io')
        .filter(isOwn)
        .filter((one) => !within('core', 'io')(one))
        .map(show),
    ).toEqual([]));

  it('submission: only core, io and submission', () =>
    expect(
      of('submission')
        .filter(isOwn)
        .filter((one) => !within('core', 'io', 'submission')(one))
        .map(show),
    ).toEqual([]));

  it('lambdas: core, io, submission and their own folder, never another handler', () => {
    const wrong = of('lambdas')
      .filter(isOwn)
      .filter((one) => !within('core', 'io', 'submission', one.file.split('/').slice(0, 2).join('/'))(one));
    expect(wrong.map(show)).toEqual([]);
  });

  it('relay: core, io, submission and its own folder', () =>
    expect(
      of('relay')
        .filter(isOwn)
        .filter((one) => !within('core', 'io', 'submission', 'relay')(one))
        .map(show),
    ).toEqual([]));

  it('lib: only core and lib', () =>
    expect(
      of('lib')
        .filter(isOwn)
        .filter((one) => !within('core', 'lib')(one))
        .map(show),
    ).toEqual([]));

  it('the AWS SDK: only io, local and the command line', () => {
    const wrong = imports.filter(({ file, from }) => from.startsWith('@aws-sdk') && !/^(io|local|bin)\//.test(file));
    expect(wrong.map(show)).toEqual([]);
  });

  it('sockets: only io, local, and the relay, whose purpose they are', () => {
    const sockets = new Set([
      'node:net',
      'node:tls',
      'node:dns',
      'node:dns/promises',
      'node:http',
      'node:https',
      'node:dgram',
    ]);
    const wrong = imports.filter(({ file, from }) => sockets.has(from) && !/^(io|local|bin|relay)\//.test(file));
    expect(wrong.map(show)).toEqual([]);
  });
});
