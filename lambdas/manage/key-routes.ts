/**
 * `/v3/api_keys` and `/v3/scopes`. A secret is shown in the answer that makes its key, and nowhere else. A key that was deleted or
 * changed is known everywhere within a minute: that long accept, the relay and manage keep what they read.
 */
import { makeApiKey } from '../../core/api-key.ts';
import { MOST_KEYS, readKeyChange, readNewKey, showKey, showKeyScopes } from '../../core/api-keys/setting.ts';
import { apiErrors } from '../../core/errors.ts';
import { type KeyRecord, keyKey } from '../../core/records/accounts.ts';
import { ANY_KEY } from '../../core/scopes.ts';
import type { Answer, Call } from './manage.ts';
import { NOT_FOUND, refused } from './recipients.ts';
import type { Route } from './routes.ts';

export type KeyRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomBytes: (count: number) => Buffer;
  listKeys: (account: string) => Promise<KeyRecord[]>;
  findKey: (account: string, id: string) => Promise<KeyRecord | undefined>;
  addKey: (record: KeyRecord) => Promise<void>;
  /** False: it is not as it was read. */
  changeKey: (before: KeyRecord, after: Pick<KeyRecord, 'name' | 'scopes'>) => Promise<boolean>;
  removeKey: (account: string, id: string) => Promise<boolean>;
};

/** Changes of one key at once: each costs the others one more try. */
const TRIES = 4;

async function createKey({ account, caller, body }: Call, deps: KeyRouteDeps): Promise<Answer> {
  const read = readNewKey(body, caller.scopes);
  if (!read.ok) return { status: 400, errors: read.errors };
  if ((await deps.listKeys(account)).length >= MOST_KEYS)
    return refused(null, `an account has ${MOST_KEYS} API keys at most`, 403);
  const { key, id, secretHash } = makeApiKey(account, deps.randomBytes(43));
  await deps.addKey({ ...keyKey(account, id), ...read.setting, secretHash, createdAt: deps.now() });
  const { name, scopes } = read.setting;
  return { status: 201, body: { api_key: key, api_key_id: id, name, scopes } };
}

async function listKeys({ account, query }: Call, deps: KeyRouteDeps): Promise<Answer> {
  const { limit = '' } = query;
  if (limit !== '' && !/^[1-9]\d{0,3}$/.test(limit)) return refused('limit', 'limit must be a whole number from 1');
  const keys = await deps.listKeys(account);
  return { status: 200, body: { result: keys.slice(0, limit === '' ? MOST_KEYS : Number(limit)).map(showKey) } };
}

/** In both forms: SendGrid's document has it in `result`, its clients read it from the top. */
async function getKey({ account, params }: Call, deps: KeyRouteDeps): Promise<Answer> {
  const record = await deps.findKey(account, params.api_key_id!);
  if (!record) return NOT_FOUND;
  return { status: 200, body: { result: [showKeyScopes(record)], ...showKeyScopes(record) } };
}

function changing(what: 'name and scopes' | 'name only', show: (record: KeyRecord) => unknown): Route['handle'] {
  return async ({ account, caller, params, body }: Call, deps: KeyRouteDeps): Promise<Answer> => {
    for (let tries = 1; tries <= TRIES; tries++) {
      const before = await deps.findKey(account, params.api_key_id!);
      if (!before) return NOT_FOUND;
      const read = readKeyChange(body, before, what === 'name only' ? what : caller.scopes);
      if (!read.ok) return { status: 400, errors: read.errors };
      if (await deps.changeKey(before, read.setting))
        return { status: 200, body: show({ ...before, ...read.setting }) };
    }
    return { status: 429, errors: [apiErrors.tooManyRequests] };
  };
}

async function deleteKey({ account, params }: Call, deps: KeyRouteDeps): Promise<Answer> {
  return (await deps.removeKey(account, params.api_key_id!)) ? { status: 204 } : NOT_FOUND;
}

/** What the key that asks may do. */
async function listScopes({ caller }: Call): Promise<Answer> {
  return { status: 200, body: { scopes: [...new Set(caller.scopes)] } };
}

const PATH = '/v3/api_keys';
const ONE = `${PATH}/{api_key_id}`;

const ALL: [Route['method'], string, string, Route['handle']][] = [
  ['POST', PATH, 'api_keys.create', createKey],
  ['GET', PATH, 'api_keys.read', listKeys],
  ['GET', ONE, 'api_keys.read', getKey],
  ['PATCH', ONE, 'api_keys.update', changing('name only', showKey)],
  ['PUT', ONE, 'api_keys.update', changing('name and scopes', showKeyScopes)],
  ['DELETE', ONE, 'api_keys.delete', deleteKey],
  ['GET', '/v3/scopes', ANY_KEY, listScopes],
];

export const KEY_ROUTES: readonly Route[] = ALL.map(([method, path, scope, handle]) => ({
  method,
  path,
  scope,
  nullFields: true,
  handle,
}));
