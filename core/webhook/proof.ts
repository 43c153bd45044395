/**
 * What a post to a customer's server carries so that he knows whose it is: a signature over the time and the body, the token of an OAuth
 * client, either or both. For event webhooks and for inbound parse alike. It never throws for what the other side does; without its token
 * a post is not to be sent.
 */
import type { OAuth } from './message.ts';
import { signatureHeaders } from './signature.ts';

export type ProofDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  askToken: (
    url: string,
    clientId: string,
    secret: string,
    scopes?: readonly string[],
  ) => Promise<{ token: string; seconds: number } | { error: string }>;
  /** Opens a ciphertext of an account's, sealed for this id. */
  openSecret: (account: string, id: string, ciphertext: string) => Promise<Buffer>;
  /** Tokens by whose they are, for the life of the environment. */
  tokens: Map<string, { token: string; until: number }>;
};

/** Base64 of KMS ciphertexts, but for the public key. */
export type Signing = { publicKey: string; privateKey: string; hmacKey?: string };

export type Prover = {
  account: string;
  /** Whose secrets they are; absent: a trial's, which is not signed. */
  id?: string;
  oauth?: OAuth;
  signing?: Signing;
};

/** Seconds before its end at which a token is not used any more. */
const TOKEN_MARGIN = 60;
const TOKENS = 1_000;
/** Whose secrets are sealed for no webhook. */
const TRIAL = 'trial';

/**
 * @param body the octets as they are sent, one after the other
 * @param at milliseconds since the epoch
 * @returns header fields; or why there is no token
 */
export async function prove(
  by: Prover,
  body: readonly Buffer[],
  at: number,
  deps: ProofDeps,
): Promise<{ headers: Record<string, string> } | { error: string }> {
  const authorized = await authorize(by, deps);
  if ('error' in authorized) return authorized;
  return { headers: { ...authorized.headers, ...(await sign(by, body, at, deps)) } };
}

/** A token that was refused is not used again. */
export const forgetToken = (by: Prover, { tokens }: Pick<ProofDeps, 'tokens'>) => void tokens.delete(nameOf(by));

async function sign({ account, id, signing }: Prover, body: readonly Buffer[], at: number, { openSecret }: ProofDeps) {
  if (!signing || id === undefined) return {};
  const { privateKey, hmacKey } = signing;
  const [ecdsa, hmac] = await Promise.all([
    openSecret(account, id, privateKey),
    hmacKey === undefined ? undefined : openSecret(account, id, hmacKey),
  ]);
  return signatureHeaders({ ecdsa, ...(hmac && { hmac }) }, Math.floor(at / 1_000), body);
}

const nameOf = ({ account, id = '', oauth }: Prover) => `${account} ${id} ${JSON.stringify(oauth)}`;

async function authorize(
  by: Prover,
  { tokens, now, askToken, openSecret }: ProofDeps,
): Promise<{ headers: Record<string, string> } | { error: string }> {
  const { account, id = TRIAL, oauth } = by;
  if (!oauth) return { headers: {} };
  const name = nameOf(by);
  const known = tokens.get(name);
  if (known && known.until > now()) return bearer(known.token);
  const secret = oauth.secret === undefined ? '' : (await openSecret(account, id, oauth.secret)).toString();
  const asked = await askToken(oauth.tokenUrl, oauth.clientId, secret, oauth.scopes);
  if ('error' in asked) return asked;
  tokens.set(name, { token: asked.token, until: now() + (asked.seconds - TOKEN_MARGIN) * 1_000 });
  if (tokens.size > TOKENS) tokens.delete(tokens.keys().next().value!);
  return bearer(asked.token);
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
