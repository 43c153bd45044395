/**
 * `/v3/brakes`: an account's daily cap and the pause of its bulk (docs/brakes.md), ours beyond SendGrid's routes. An account may brake itself, and go
 * on after an automatic pause; it may not undo what the operator has set.
 */
import { type BrakeEventRecord, type BrakesRecord, type CreditsRecord, capOf } from '../../core/brakes/brakes.ts';
import { dayOf, nextDay } from '../../core/brakes/credits.ts';
import type { ApiError } from '../../core/errors.ts';
import { type ResumeDeps, resumeBulk } from '../../io/brakes.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';

export type BrakeRouteDeps = ResumeDeps & {
  /** The settings' cap; undefined: none. */
  defaultCap?: number | undefined;
  readBrakes: (account: string, consistent?: boolean) => Promise<BrakesRecord | undefined>;
  readCredits: (account: string, day: string) => Promise<CreditsRecord | undefined>;
  listBrakeEvents: (account: string) => Promise<BrakeEventRecord[]>;
  setCap: (account: string, whose: 'ownCap', cap: number | undefined, at: number) => Promise<unknown>;
};

const MOST_COPIES = 1_000_000_000;

async function getBrakes({ account }: Call, deps: BrakeRouteDeps): Promise<Answer> {
  return { status: 200, body: await show(account, deps) };
}

async function changeBrakes({ account, body }: Call, deps: BrakeRouteDeps): Promise<Answer> {
  const read = readChange(body);
  if (!read.ok) return { status: 400, errors: [read.error] };
  await deps.setCap(account, 'ownCap', read.cap, deps.now());
  return { status: 200, body: await show(account, deps) };
}

async function resume({ account }: Call, deps: BrakeRouteDeps): Promise<Answer> {
  const resumed = await resumeBulk(account, 'account', deps);
  if (resumed === 'operator only')
    return refusal(403, 'bulk was paused by the operator, who alone can resume it (pennypost brakes resume)');
  if (resumed === 'not paused') return refusal(409, 'bulk is not paused');
  return { status: 200, body: await show(account, deps) };
}

const refusal = (status: number, message: string): Answer => ({
  status,
  errors: [{ message, field: null, help: null }],
});

type Change = { ok: true; cap: number | undefined } | { ok: false; error: ApiError };

function readChange(body: unknown): Change {
  const no = (field: string | null, message: string): Change => ({ ok: false, error: { message, field, help: null } });
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return no(null, 'the body must be a JSON object');
  const other = Object.keys(body).find((name) => name !== 'daily_cap');
  if (other !== undefined) return no(other, `${other} is nothing that can be set; daily_cap is`);
  const cap = (body as { daily_cap?: unknown }).daily_cap;
  if (cap === null) return { ok: true, cap: undefined };
  if (typeof cap === 'number' && Number.isInteger(cap) && cap >= 0 && cap <= MOST_COPIES) return { ok: true, cap };
  return no('daily_cap', `daily_cap must be a whole number of copies, from 0 to ${MOST_COPIES}, or null`);
}

async function show(account: string, deps: BrakeRouteDeps) {
  const now = deps.now();
  const [brakes, credits, events] = await Promise.all([
    deps.readBrakes(account, true),
    deps.readCredits(account, dayOf(now)),
    deps.listBrakeEvents(account),
  ]);
  const { paused, resumed, ownCap } = brakes ?? {};
  return {
    daily_cap: {
      limit: capOf(brakes, deps.defaultCap) ?? null,
      own: ownCap ?? null,
      used: credits?.claimed ?? 0,
      reached_at: credits?.reachedAt === undefined ? null : seconds(credits.reachedAt),
      resets_at: seconds(nextDay(now)),
    },
    bulk: {
      paused: paused !== undefined,
      ...(paused && { paused_at: seconds(paused.at), cause: paused.cause, reason: paused.why }),
      ...(resumed && { resumed_at: seconds(resumed.at), resumed_by: resumed.by }),
    },
    events: events.map(({ event, at, by, why }) => ({ event, timestamp: seconds(at), by, reason: why })),
  };
}

const seconds = (at: number) => Math.floor(at / 1_000);

export const BRAKE_ROUTES: readonly Route[] = [
  { method: 'GET', path: '/v3/brakes', scope: 'brakes.read', nullFields: true, handle: getBrakes },
  { method: 'PATCH', path: '/v3/brakes', scope: 'brakes.update', nullFields: true, handle: changeBrakes },
  { method: 'POST', path: '/v3/brakes/resume', scope: 'brakes.update', nullFields: true, handle: resume },
];
