/**
 * One POST to a webhook: the body, its signatures, a token where the webhook wants one. What came of it, and how long it took, is its
 * line in the log. It never throws for what the other side does.
 */

import type { Attempt } from '../../core/webhook/cursor.ts';
import { forgetToken, type ProofDeps, type Prover, prove } from '../../core/webhook/proof.ts';
import type { WebhookRecord } from '../../core/webhook/setting.ts';
import type { Post, Posted } from '../../io/webhook-post.ts';

export type PostDeps = ProofDeps & { post: (url: string, post: Post) => Promise<Posted> };

/** Milliseconds of a run that must be left for another POST: ten seconds for its token, ten for itself, and what is written of it. */
export const RESERVE_MS = 25_000;

/** Where events go. */
export type Addressee = Prover & { url: string };

export const addresseeOf = ({ pk: account, url, id, oauth, signing }: WebhookRecord): Addressee => ({
  account,
  url,
  id,
  ...(oauth ? { oauth } : {}),
  ...(signing ? { signing } : {}),
});

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
  const proven = await prove(to, [body], at, deps);
  if ('error' in proven) return proven;
  const headers = { ...proven.headers, 'user-agent': 'SendGrid Event API' };
  const posted = await deps.post(to.url, { contentType: CONTENT_TYPE, pieces: [body], bytes: body.length, headers });
  if ('status' in posted && posted.status === 401) forgetToken(to, deps);
  return posted;
}
