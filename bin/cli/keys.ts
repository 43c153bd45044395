/** keys create | list | delete: API keys of an account. */
import { isScope, SCOPES } from '../../core/scopes.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { formatTime, printJson, printLine, printTable } from './print.ts';

const DEFAULT_SCOPES = ['mail.send'];
/** Stands for every scope that there is at present. */
const ALL = 'all';

export async function createKey(
  { operator, account }: Connection,
  _rest: string[],
  { name, scope, json }: Options,
): Promise<number> {
  if (!name) throw new CliError('keys create needs --name, so that you know later what the key is for');
  const unknown = (scope ?? []).filter((one) => one !== ALL && !isScope(one));
  if (unknown.length > 0)
    throw new CliError(`there is no scope ${unknown.join(', ')}; docs/routes.md has them, and "all" is every one`);
  const scopes = scope?.includes(ALL) ? [...SCOPES] : scope?.length ? scope : DEFAULT_SCOPES;
  const { key, id } = await operator.createKey(account, name, scopes);
  if (json) printJson({ api_key: key, api_key_id: id, name, scopes });
  else {
    printLine(key);
    printLine(`\nThis is the only time the key is shown. Its id is ${id}; it may: ${scopes.join(', ')}.`);
  }
  return 0;
}

export async function listKeys({ operator, account }: Connection, _rest: string[], { json }: Options): Promise<number> {
  const keys = await operator.listKeys(account);
  const ids = keys.map(({ sk }) => sk.slice('key#'.length));
  if (json)
    printJson(
      keys.map(({ name, scopes, createdAt }, index) => ({ api_key_id: ids[index], name, scopes, created: createdAt })),
    );
  else if (keys.length === 0) printLine('No keys yet. Make one: npx pennypost keys create --name NAME');
  else
    printTable(
      ['ID', 'NAME', 'SCOPES', 'CREATED (UTC)'],
      keys.map(({ name, scopes, createdAt }, index) => [ids[index]!, name, scopesIn(scopes), formatTime(createdAt)]),
    );
  return 0;
}

/** Scopes that a line has room for. */
const SHOWN = 4;

const scopesIn = (scopes: readonly string[]): string =>
  scopes.length <= SHOWN
    ? scopes.join(' ')
    : `${scopes.slice(0, SHOWN - 1).join(' ')} and ${scopes.length - SHOWN + 1} more`;

export async function deleteKey(
  { operator, account }: Connection,
  [given = '']: string[],
  { json }: Options,
): Promise<number> {
  // The whole key is what people have at hand; its secret is no reason to send it anywhere.
  const id = given.startsWith('SG.') ? (given.split('.')[1] ?? '') : given;
  if (!(await operator.deleteKey(account, id)))
    throw new CliError(`there is no key ${id}; npx pennypost keys list shows those there are`);
  if (json) printJson({ deleted: id });
  else printLine(`Deleted ${id}. It is refused within a minute.`);
  return 0;
}
