/** `/v3/messages/{msg_id}`: what became of one message (SendGrid: Email Activity), and `/why`, which is ours. */
import { explainMessage, historyOf, readMessageId, showMessage } from '../../core/activity/show.ts';
import { apiErrors } from '../../core/errors.ts';
import type { Answer, Call } from './manage.ts';

export type ActivityRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** All items of a request. */
  readTrace: (account: string, requestId: string) => Promise<Record<string, unknown>[]>;
};

const NOT_FOUND: Answer = { status: 404, errors: [apiErrors.notFound] };

/** An account's own: the key of its messages begins with it. */
async function read({ account, params }: Call, deps: ActivityRouteDeps) {
  const id = readMessageId(params.msg_id ?? '');
  if (!id) return undefined;
  const history = historyOf(await deps.readTrace(account, id.requestId), id.index);
  return history && { ...id, history };
}

export async function getMessage(call: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const found = await read(call, deps);
  return found ? { status: 200, body: showMessage(found.requestId, found.index, found.history) } : NOT_FOUND;
}

export async function explain(call: Call, deps: ActivityRouteDeps): Promise<Answer> {
  const found = await read(call, deps);
  return found
    ? { status: 200, body: explainMessage(found.requestId, found.index, found.history, deps.now()) }
    : NOT_FOUND;
}
