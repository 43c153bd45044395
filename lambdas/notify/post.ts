/**
 * One POST to a webhook: the body, its signatures, a token where the webhook wants one. What came of it, and how long it took, is its
 * line in the log. It never throws for what the other side does.
 */

import type { Attempt } from '../../core/webhook/cursor.ts';
import type { OAuth } from '../../core/webhook/message.ts';
import type { WebhookRecord } from '../../core/webhook/setting.ts';
import { type SigningKeys, signatureHeaders } from '../../core/webhook/signature.ts';
import type { Post, Posted } from '../../io/webhook-post.ts';

export type PostDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  post: (url: string, post: Post) => Promise<Posted>;
  askToken: (
    url: string,
    clientId: string,
    secret: string,
  ) => Promise<{ token: string; seconds: number } | { error: string }>;
  /** Opens a ciphertext of a webhook's. */
  openSecret: (account: string, webhook: string, ciphertext: string) => Promise<Buffer>;
  /** Tokens by webhook, for the life of the environment. */
  tokens: Map<string, { token: string; until: number }>;
};

/** Where events go. */
export type Addressee = {
  account: string;
  url: string;
  id?: string;
  oauth?: OAuth;
  signing?: WebhookRecord['signing'];
};

export const addresseeOf = ({ pk: account, url, id, oauth, signing }: WebhookRecord): Addressee => ({
  account,
  url,
  id,
  ...(oauth ? { oauth } : {}),
  ...(signing ? { signing } : {}),
});

/** Seconds before its end at which a token is not used any more. */
const TOKEN_MARGIN = 60;
/** Whose secrets are sealed for no webhook. */
const TRIAL = 'trial';
const CONTENT_TYPE = 'application/json;charset=utf-8';

/** A JSON array of events as one text: what `JSON.stringify` makes of it, so that a body parsed and written again is the same. */
export const bodyOf = (events: readonly string[]) => Buffer.from(`[${events.join(',')}]`);

/** @returns what goes into the log; `ok`: a 2xx */
export async function postEvents(
  to: Addressee,
  events: readonly string[],
  deps: PostDeps,
  of?: string,
): Promise<Attempt & { ok: boolean }> {
  const at = deps.now();
  const body = bodyOf(events);
  const posted = await send(to, body, at, deps);
  const status = 'status' in posted ? posted.status : undefined;
  return {
    ok: status !== undefined && status >= 200 && status < 300,
    at,
    ...('status' in posted ? { status: posted.status } : { error: posted.error.slice(0, 200) }),
    ms: deps.now() - at,
    events: events.length,
    bytes: body.length,
    ...(of === undefined ? {} : { of }),
  };
}

async function send(to: Addressee, body: Buffer, at: number, deps: PostDeps): Promise<Posted> {
  const authorization = await authorize(to, deps);
  if (typeof authorization !== 'object') return { error: authorization };
  const signed = await sign(to, body, at, deps);
  const headers = { ...authorization, ...signed, 'user-agent': 'SendGrid Event API' };
  const posted = await deps.post(to.url, { contentType: CONTENT_TYPE, pieces: [body], bytes: body.length, headers });
  // A token that is refused is not used again.
  if ('status' in posted && posted.status === 401) deps.tokens.delete(tokenName(to));
  return posted;
}

async function sign({ account, id, signing }: Addressee, body: Buffer, at: number, { openSecret }: PostDeps) {
  if (!signing || id === undefined) return {};
  const [ecdsa, hmac] = await Promise.all([
    openSecret(account, id, signing.privateKey),
    openSecret(account, id, signing.hmacKey),
  ]);
  const keys: SigningKeys = { ecdsa, hmac };
  return signatureHeaders(keys, Math.floor(at / 1_000), body);
}

const tokenName = ({ account, id = '', oauth }: Addressee) =>
  `${account} ${id} ${oauth?.clientId} ${oauth?.tokenUrl} ${oauth?.secret}`;

/** The header of its token; or, as text, why there is none. */
async function authorize(
  to: Addressee,
  { tokens, now, askToken, openSecret }: PostDeps,
): Promise<Record<string, string> | string> {
  const { account, id = TRIAL, oauth } = to;
  if (!oauth) return {};
  const name = tokenName(to);
  const known = tokens.get(name);
  if (known && known.until > now()) return { authorization: `Bearer ${known.token}` };
  const secret = oauth.secret === undefined ? '' : (await openSecret(account, id, oauth.secret)).toString();
  const asked = await askToken(oauth.tokenUrl, oauth.clientId, secret);
  if ('error' in asked) return asked.error;
  tokens.set(name, { token: asked.token, until: now() + (asked.seconds - TOKEN_MARGIN) * 1_000 });
  if (tokens.size > 1_000) tokens.delete(tokens.keys().next().value!);
  return { authorization: `Bearer ${asked.token}` };
}
