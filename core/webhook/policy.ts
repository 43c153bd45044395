/**
 * Security policies of webhooks (SendGrid: `user/webhooks/security/policies`): a signature, an OAuth client, or both, under a name, for any
 * number of parse settings. It refuses, naming the field, one that would secure nothing, half of a client's credentials, and another
 * token URL under the secret that was meant for the one before. Secrets are ciphertext here, and are never shown.
 */
import type { ApiError } from '../errors.ts';
import { readParseUrl } from '../parse/url.ts';
import type { OAuth } from './message.ts';
import type { Prover, Signing } from './proof.ts';

export type SecurityPolicyRecord = {
  /** The account. */
  pk: string;
  /** `policy#id`. */
  sk: string;
  id: string;
  name: string;
  oauth?: OAuth;
  signing?: Signing;
  /** Counts the times that something was put under it: whoever takes it away has seen all of them, or tries again. */
  attached: number;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** Another at each change: a change names the one it read. */
  updatedAt: number;
};

/** Policies that an account may have. */
export const MOST_POLICIES = 50;
/** Characters of an id; longer ones are nobody's. */
export const POLICY_ID = 100;
const NAME = 255;
const TEXT = 2_048;
const MOST_SCOPES = 50;
/** RFC 6749 3.3: a scope-token. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/;

export const policyKey = (account: string, id: string) => ({ pk: account, sk: `policy#${id}` });

/** What a body asks for. `secret` is in clear: whoever keeps it encrypts it first. */
export type WantedPolicy = { name: string; oauth?: OAuth; secret?: string; signed: boolean };

/** @param before what is changed; absent: a new one is made */
export function readPolicy(
  body: unknown,
  { before, anyPort = false }: { before?: SecurityPolicyRecord | undefined; anyPort?: boolean } = {},
): { ok: true; wanted: WantedPolicy } | { ok: false; errors: ApiError[] } {
  if (!isObject(body)) return { ok: false, errors: [fault(null, 'the body must be a JSON object')] };
  const errors: ApiError[] = [];
  const { name = before?.name ?? '', oauth: client, signature } = body;
  if (typeof name !== 'string' || name.length > NAME || /[\p{Cc}\p{Cs}]/u.test(name))
    errors.push(fault('name', `name must be text of at most ${NAME} characters`));
  const wantedOAuth =
    client === undefined ? { oauth: before?.oauth } : readClient(client, before?.oauth, anyPort, errors);
  const signed = readSigned(signature, before?.signing !== undefined, errors);
  if (errors.length === 0 && !signed && !wantedOAuth.oauth)
    errors.push(fault(null, 'one of signature or oauth must be given: without them a policy secures nothing'));
  if (errors.length > 0) return { ok: false, errors };
  const { oauth, secret } = wantedOAuth;
  return {
    ok: true,
    wanted: { name: name as string, ...(oauth && { oauth }), ...(secret !== undefined && { secret }), signed },
  };
}

function readSigned(given: unknown, before: boolean, errors: ApiError[]): boolean {
  if (given === undefined) return before;
  if (given === null) return false;
  const enabled = isObject(given) ? given.enabled : undefined;
  if (typeof enabled === 'boolean') return enabled;
  errors.push(fault('signature.enabled', 'signature.enabled must be true or false'));
  return before;
}

type Client = { oauth?: OAuth | undefined; secret?: string };

/** Null takes it away. What is not said of it stays. */
function readClient(given: unknown, before: OAuth | undefined, anyPort: boolean, errors: ApiError[]): Client {
  if (given === null) return {};
  if (!isObject(given)) {
    errors.push(fault('oauth', 'oauth must be an object'));
    return {};
  }
  const text = (name: string): string | undefined => {
    const value = given[name];
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value === 'string' && value.length <= TEXT) return value;
    errors.push(fault(`oauth.${name}`, `oauth.${name} must be text of at most ${TEXT} characters`));
    return undefined;
  };
  const [clientId, tokenUrl, secret] = [
    text('client_id') ?? before?.clientId,
    text('token_url') ?? before?.tokenUrl,
    text('client_secret'),
  ];
  const scopes = readScopes(given.scopes, before?.scopes ?? [], errors);
  if (clientId === undefined) errors.push(fault('oauth.client_id', 'oauth.client_id is required'));
  if (tokenUrl === undefined) errors.push(fault('oauth.token_url', 'oauth.token_url is required'));
  if (clientId === undefined || tokenUrl === undefined) return {};
  const url = readParseUrl(tokenUrl, anyPort);
  if (!url.ok) errors.push(fault('oauth.token_url', `oauth.token_url ${url.message}`));
  // Whoever may change a policy is not thereby told its secret, by having it sent to himself.
  if (before?.secret !== undefined && tokenUrl !== before.tokenUrl && secret === undefined)
    errors.push(fault('oauth.client_secret', 'oauth.client_secret is required with another oauth.token_url'));
  const kept = before?.secret === undefined ? {} : { secret: before.secret };
  const oauth = { clientId, tokenUrl, ...kept, ...(scopes.length > 0 && { scopes }) };
  return { oauth, ...(secret !== undefined && { secret }) };
}

function readScopes(given: unknown, before: string[], errors: ApiError[]): string[] {
  if (given === undefined) return before;
  if (given === null) return [];
  if (Array.isArray(given) && given.length <= MOST_SCOPES && given.every(isScope)) return given;
  errors.push(fault('oauth.scopes', `oauth.scopes must be an array of up to ${MOST_SCOPES} scopes without spaces`));
  return before;
}

const isScope = (one: unknown): one is string => typeof one === 'string' && SCOPE.test(one);

/** What the API shows. */
export function showPolicy({ id, name, oauth, signing }: SecurityPolicyRecord) {
  return {
    id,
    name,
    ...(oauth && {
      oauth: { client_id: oauth.clientId, token_url: oauth.tokenUrl, scopes: oauth.scopes ?? [] },
    }),
    ...(signing && { signature: { public_key: signing.publicKey } }),
  };
}

/** Who proves by it whose post it is. */
export const proverOf = ({ pk: account, id, oauth, signing }: SecurityPolicyRecord): Prover => ({
  account,
  id,
  ...(oauth && { oauth }),
  ...(signing && { signing }),
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fault(field: string | null, message: string): ApiError {
  return { message, field, help: null };
}
