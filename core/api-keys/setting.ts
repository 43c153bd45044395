/**
 * API keys as the API makes, changes and shows them (SendGrid: `/v3/api_keys`). The rule that keeps tenants' keys apart from each
 * other's powers: nobody gives a key what his own has not.
 */
import type { ApiError } from '../errors.ts';
import { fieldsOf } from '../fields.ts';
import type { KeyRecord } from '../records/accounts.ts';
import { SCOPES } from '../scopes.ts';

/** Keys of an account (SendGrid). */
export const MOST_KEYS = 100;
/** Characters. */
const NAME = 100;

export type KeySetting = Pick<KeyRecord, 'name' | 'scopes'>;
export type ReadKeySetting = { ok: true; setting: KeySetting } | { ok: false; errors: ApiError[] };

/** A new key. Without `scopes` it may do whatever its maker may (SendGrid: "Full Access"). @param own the caller's scopes */
export function readNewKey(body: unknown, own: readonly string[]): ReadKeySetting {
  const fields = fieldsOf(body);
  const name = fields.text('name', { most: NAME });
  const scopes = fields.has('scopes') ? readScopes(fields, own) : SCOPES.filter((scope) => own.includes(scope));
  return fields.errors.length > 0 ? { ok: false, errors: fields.errors } : { ok: true, setting: { name, scopes } };
}

/** Another name, and other scopes where they are given: `PUT` may say both, `PATCH` the name alone. */
export function readKeyChange(body: unknown, before: KeySetting, own: readonly string[] | 'name only'): ReadKeySetting {
  const fields = fieldsOf(body);
  const name = fields.text('name', { most: NAME });
  const changes = own !== 'name only' && fields.has('scopes');
  const scopes = changes ? readScopes(fields, own) : before.scopes;
  return fields.errors.length > 0 ? { ok: false, errors: fields.errors } : { ok: true, setting: { name, scopes } };
}

/** Words as SendGrid's. A scope that is none and one that the caller lacks are refused alike. */
function readScopes(fields: ReturnType<typeof fieldsOf>, own: readonly string[]): string[] {
  const before = fields.errors.length;
  const scopes = fields.texts('scopes', { least: 1, most: SCOPES.length, each: 'scope', fits: () => true });
  const all = new Set(SCOPES);
  if (fields.errors.length === before && !scopes.every((scope) => all.has(scope) && own.includes(scope)))
    fields.refuse('scopes', 'invalid or unassignable scopes were given');
  return scopes;
}

const idOf = ({ sk }: Pick<KeyRecord, 'sk'>) => sk.slice('key#'.length);

/** As lists show it. */
export const showKey = (record: KeyRecord) => ({ api_key_id: idOf(record), name: record.name });
export const showKeyScopes = (record: KeyRecord) => ({ ...showKey(record), scopes: record.scopes });
