/**
 * `npm run test:suites`: the test suites that SendGrid publishes with its Node.js packages, against this stack on this machine. Their tests
 * look at status codes; here each status is that of a real call, of an account that has what the call names. It prints what was run, and
 * every test of an operation that is not built or that the settings refuse, with the reason; it fails when any other test fails.
 */
import { execFile } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OPERATOR } from '../../core/records/accounts.ts';
import { exampleOf, OF_OPERATOR, OWN_EXAMPLES, REFUSED } from '../lambdas/manage/examples/index.ts';
import { type Here, startHere } from '../lambdas/manage/here.ts';
import { NOT_BUILT } from '../lambdas/manage/not-built.ts';
import { isBuilt, nameOf, OPERATIONS, type Operation, plain } from '../lambdas/manage/operations.ts';
import { LEGACY, OUT_OF_SCOPE } from './out-of-scope.ts';
import { OWN_QUERY, PLACEHOLDERS, replaceQuery } from './placeholders.ts';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const PACKAGES = join(ROOT, 'node_modules');

const SUITES: Readonly<Record<string, string[]>> = {
  '@sendgrid/client': ['@sendgrid/client/src/client.spec.js'],
  '@sendgrid/mail': ['@sendgrid/mail/src/mail.spec.js'],
  '@sendgrid/helpers': globSync('@sendgrid/helpers/**/*.spec.js', { cwd: PACKAGES }).filter(
    (file) => !file.slice('@sendgrid/helpers'.length).includes('node_modules'),
  ),
  '@sendgrid/eventwebhook': ['@sendgrid/eventwebhook/src/eventwebhook.spec.js'],
  // Beside it there is a test of the year in their licence.
  smtpapi: ['smtpapi/test/main.js'],
};

/** Groups of operations in which subusers are made or named: a subuser has none, here as there. */
const OF_PARENTS = new Set([
  'subusers',
  'mail',
  'domain_authentication',
  'link_branding',
  'ips',
  'ip_address_management',
  'ip_warmup',
]);

/** What a parent says of a subuser beside its name. */
const SUBUSER = { email: 'subuser@example.com', password: 'never kept', ips: [] };

type Asked = {
  title: string;
  method: string;
  url: string;
  query?: Record<string, unknown>;
  body?: unknown;
  onBehalfOf?: string;
};
type Test = { fullTitle: string; err: { message?: string } };
type Report = { passes: Test[]; failures: Test[]; pending: Test[] };

const operationOf = ({ method, url }: Asked): Operation | undefined => {
  const name = plain(`${method} ${url}`);
  return OPERATIONS.find((one) => plain(nameOf(one)) === name);
};

/** Makes what a call needs, and says how it is made. */
async function prepare(asked: Asked, here: Here) {
  const operation = operationOf(asked);
  const parent = operation && OF_OPERATOR.has(nameOf(operation)) ? OPERATOR : here.newAccount();
  // A test of the client leaves `on-behalf-of` set for all that come after it.
  const group = operation?.group ?? asked.url.split('/')[2] ?? '';
  const asSubuser = asked.onBehalfOf !== undefined && !OF_PARENTS.has(group);
  const asParent = await here.call(parent);
  if (asSubuser) await asParent('POST', '/v3/subusers', { ...SUBUSER, username: asked.onBehalfOf });
  const found = asSubuser ? await here.subusers.findSubuser(parent, asked.onBehalfOf!) : undefined;
  const account = found?.account ?? parent;
  const given = { here, account, ask: await here.call(account) };
  const make = operation && isBuilt(operation) ? exampleOf(operation) : OWN_EXAMPLES[`${asked.method} ${asked.url}`];
  const made = (await make?.(given)) ?? {};
  const names = Object.values(made.path ?? {});
  // The suites have other words for some names than the documents.
  let n = 0;
  const path = asked.url.replaceAll(/\{([^}]+)\}/g, (all, name) => {
    const value = made.path?.[name] ?? names[n++];
    return value === undefined ? all : encodeURIComponent(value);
  });
  const replace = PLACEHOLDERS[`${asked.method} ${asked.url}`];
  const sent = typeof asked.body === 'string' ? (JSON.parse(asked.body) as unknown) : asked.body;
  const body = replace ? await replace(sent as Record<string, unknown>, made.body, given) : sent;
  const authorization = await here.keyOf(parent);
  // What API Gateway does not take is for the relay's door.
  const isBig = JSON.stringify(body ?? '').length > 4_000_000;
  return {
    baseURL: `${isBig ? here.local.bigDoorUrl : here.local.apiUrl}/`,
    path,
    authorization,
    body,
    asSubuser,
    query: {
      ...replaceQuery(asked.query, names),
      ...(OWN_QUERY.has(`${asked.method} ${asked.url}`) ? Object.fromEntries(new URLSearchParams(made.query)) : {}),
    },
  };
}

/** Tests that files lie in a suite's repository. */
const OF_REPOSITORY = 'repo should have';

/** Runs one suite in a process of its own. */
function run(files: string[], preparing: string, cwd: string): Promise<Report> {
  const mocha = join(PACKAGES, 'mocha', 'bin', 'mocha.js');
  const setup = join(ROOT, 'test', 'suites', 'setup.cjs');
  const args = ['--ignore', '', '--no-config', '--timeout', '20000', '--reporter', 'json', '--require', setup];
  args.push('--grep', OF_REPOSITORY, '--invert');
  return new Promise((done, fail) => {
    execFile(
      process.execPath,
      [mocha, ...args, ...files.map((file) => resolve(PACKAGES, file))],
      {
        cwd, // The relay's certificate is nobody's here.
        env: { ...process.env, SUITE_PREPARE: preparing, NODE_TLS_REJECT_UNAUTHORIZED: '0' },
        maxBuffer: 1 << 28,
        timeout: 300_000,
      },
      (error, stdout, stderr) => {
        const begin = stdout.indexOf('{\n  "stats"');
        if (begin < 0) fail(new Error(`mocha said nothing that can be read: ${error?.message}\n${stderr}`));
        else done(JSON.parse(stdout.slice(begin)) as Report);
      },
    );
  });
}

/** Why an operation is not there, or refused by the settings; undefined: it does what it says. */
function whyNot(asked: Asked): string | undefined {
  const operation = operationOf(asked);
  if (operation)
    return isBuilt(operation) ? REFUSED[nameOf(operation)] : (NOT_BUILT[nameOf(operation)] ?? 'on no list');
  const name = `${asked.method} ${asked.url}`;
  return OUT_OF_SCOPE.find(({ paths }) => paths.test(name))?.reason;
}

if (OPERATIONS.length === 0) {
  console.log(
    'test:suites: ../shared/oai is not there, and without it nobody knows which operation a test calls. Nothing was run.',
  );
  process.exit(0);
}

const here = await startHere({ relay: { hostName: 'smtp.example.com' } });
const asked = new Map<string, Asked[]>();
const server = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const call = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
  asked.set(call.title, [...(asked.get(call.title) ?? []), call]);
  outgoing.end(JSON.stringify(await prepare(call, here)));
});
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
// The suite of helpers opens a file of its own, where the repository has it.
const cwd = mkdtempSync(join(tmpdir(), 'pennypost-suites-'));
mkdirSync(join(cwd, 'packages'));
symlinkSync(join(PACKAGES, '@sendgrid', 'helpers'), join(cwd, 'packages', 'helpers'));

let failed = 0;
const missing = new Map<string, string>();
const called = new Set<string>();
const passed = new Set<string>();
try {
  for (const [name, files] of Object.entries(SUITES)) {
    const { version } = JSON.parse(readFileSync(join(PACKAGES, name, 'package.json'), 'utf8')) as { version: string };
    asked.clear();
    const { passes, failures, pending } = await run(
      files,
      `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      cwd,
    );
    const ofMissing = ({ fullTitle }: Test) => (asked.get(fullTitle) ?? []).some((call) => whyNot(call) !== undefined);
    const ours = failures.filter((test) => !ofMissing(test));
    const calls = [...asked.values()].flat();
    for (const call of calls) {
      const why = whyNot(call);
      if (why !== undefined) missing.set(`${call.method} ${call.url}`, why);
    }
    for (const call of calls) if (!LEGACY.test(call.url)) called.add(`${call.method} ${call.url}`);
    for (const { fullTitle } of passes)
      for (const { method, url } of asked.get(fullTitle) ?? []) passed.add(`${method} ${url}`);
    const withCalls = passes.filter(({ fullTitle }) => asked.has(fullTitle)).length;
    console.log(
      `${name} ${version}: ${passes.length} passed (${withCalls} of them against this stack), ${ours.length} failed, ` +
        `${failures.length - ours.length} of operations that are not built or refused by the settings, ${pending.length} that the suite itself skips`,
    );
    for (const { fullTitle, err } of ours) {
      const [call] = asked.get(fullTitle) ?? [];
      console.log(`  FAILED ${fullTitle}${call ? ` (${call.method} ${call.url})` : ''}: ${err.message}`);
    }
    const wrong = passes.filter(ofMissing);
    for (const { fullTitle } of wrong) console.log(`  PASSED, though it is said not to be built: ${fullTitle}`);
    failed += ours.length + wrong.length;
  }
} finally {
  server.close();
  await here.end();
  rmSync(cwd, { recursive: true, force: true });
}
console.log(
  `\nOf the ${called.size} operations that are not legacy marketing ${passed.size} pass against real resources.`,
);
const byReason = Map.groupBy([...missing], ([, why]) => why);
console.log(`\nNot built, or refused by the settings: ${missing.size} operations that the suites call.`);
for (const [why, operations] of byReason) {
  console.log(`  ${why}:`);
  for (const [name] of operations) console.log(`    ${name}`);
}
process.exitCode = failed === 0 ? 0 : 1;
