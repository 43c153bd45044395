/**
 * The one way from "a message and its recipients" on, whatever door it came by: is the sender the account's, was it taken
 * before (`Idempotency-Key`), is it within the account's daily cap, and then `commit`. The records are the same for HTTP and for SMTP.
 */
import { readMailbox } from '../core/address.ts';
import { countCopies, toldCopies } from '../core/copies.ts';
import { domainOf } from '../core/domain.ts';
import { type ApiFailure, apiErrors, senderNotVerified } from '../core/errors.ts';
import { requestIdTime } from '../core/ids.ts';
import type { MailRequest } from '../core/mail.ts';
import { addSamples, isSample } from '../core/mail-send/copied.ts';
import { withDefaults } from '../core/mail-send/defaults.ts';
import type { KnownTemplate } from '../core/mail-send/template.ts';
import type { DomainRecord } from '../core/records/domains.ts';
import type { MailDefaultsRecord } from '../core/records/mail-defaults.ts';
import type { Beside, Received } from '../core/records/messages.ts';
import type { Monitor } from '../core/records/subusers.ts';
import { isThrottle } from '../io/queue.ts';
import { type CommitDeps, type Committed, commit, type Earlier } from './commit.ts';
import type { Credits, Dependence, GiveBack } from './credits.ts';
import { type IdempotencyDeps, once } from './idempotency.ts';
import type { PoolDeps } from './pools.ts';

/** A request whose sender and recipients are known to be well-formed, and who asks for it. */
export type Submission = {
  account: string;
  keyId: string;
  requestId: string;
  request: MailRequest;
  /** The lanes that it may take; absent: all. */
  lanes?: readonly string[] | undefined;
  /** Of a pool made over the API that it goes out by. */
  poolId?: string | undefined;
  /** Whose subuser the account is, and what it may send as one. */
  parent?: string | undefined;
  credits?: Dependence['credits'];
  /** Who has samples of its mail, by its parent's word. */
  monitor?: Monitor | undefined;
  received?: Received;
};

export type RequestDeps = CommitDeps &
  IdempotencyDeps &
  PoolDeps &
  Credits & {
    /** The domain that signs mail from an address; undefined: the account may not send from it. */
    readSender: (account: string, domain: string, address: string) => Promise<DomainRecord | undefined>;
    /** What the account has added to its mail; undefined: nothing. */
    readMailDefaults: (account: string) => Promise<MailDefaultsRecord | undefined>;
    /** What it had added in an earlier version. */
    readFormerMailDefaults: (account: string, version: number) => Promise<MailDefaultsRecord | undefined>;
    /** Undefined: there is no such batch. */
    readBatch: (account: string, id: string) => Promise<unknown>;
    /** A template as it is now: strongly consistent. */
    readTemplate: (account: string, id: string) => Promise<KnownTemplate | undefined>;
    /** The ids of the account's unsubscribe groups. Those of `wanted` are as they are now; without it, all are. */
    readGroupIds: (account: string, wanted?: readonly number[]) => Promise<ReadonlySet<number>>;
  };

export type Idempotency = {
  key: string;
  /** SHA-256, hex, of what the key stands for. */
  fingerprint: () => string;
  /** The request as it was read at an earlier time: what was scheduled then and is due now must have the same jobs. */
  readAt: (time: number) => MailRequest | undefined;
};

/** `checked`: in the sandbox; nothing was sent, and nothing will be. */
export type Taken = { ok: true; requestId: string } | { ok: true; checked: true } | { ok: false; error: ApiFailure };

/** @param idempotency absent: every call is a message */
export async function takeRequest(
  submission: Submission,
  idempotency: Idempotency | undefined,
  deps: RequestDeps,
): Promise<Taken> {
  const { account, request } = submission;
  for (const email of sendersOf(request)) {
    const domain = domainOf(email);
    const sender = await look(() => deps.readSender(account, domain, email), deps.report);
    if (!sender.ok) return sender;
    if (!sender.found) return { ok: false, error: senderNotVerified(domain) };
  }
  if (request.sandbox) return { ok: true, checked: true };
  const defaults = await look(() => deps.readMailDefaults(account), deps.report);
  if (!defaults.ok) return defaults;
  const now = besideOf(submission, defaults.found);
  return once(idempotency, { ...submission, beside: now }, deps, async (taken, earlier, beside = now) => {
    const first = earlier === 'none' ? undefined : idempotency?.readAt(requestIdTime(taken.requestId));
    const same = beside.defaults === now.defaults;
    const added = same
      ? { ok: true as const, found: defaults.found }
      : await look(() => readFormer(account, beside.defaults, deps), deps.report);
    if (!added.ok) return { ok: false, why: earlier === 'unknown' ? 'uncertain' : 'unavailable' };
    return commitWithinCap(
      { ...taken, request: make(taken.requestId, first ?? request, beside, added.found) },
      earlier,
      deps,
    );
  });
}

function besideOf({ poolId, lanes, request, monitor }: Submission, defaults: MailDefaultsRecord | undefined): Beside {
  const { template } = request.content;
  return {
    defaults: defaults?.version ?? 0,
    ...(poolId === undefined ? {} : { poolId }),
    ...(lanes?.length ? { lanes: [...lanes] } : {}),
    ...(template ? { template } : {}),
    ...(monitor ? { monitor } : {}),
  };
}

/** @throws Error when it is not there: what was made of it cannot be made again */
async function readFormer(account: string, version: number, { readFormerMailDefaults }: RequestDeps) {
  const former = await readFormerMailDefaults(account, version);
  if (!former) throw new Error(`version ${version} of what ${account} adds to its mail is gone`);
  return former;
}

/** The request as it goes into jobs. The same arguments make the same: jobs of one request that were cut in two ways would share copies. */
function make(
  requestId: string,
  request: MailRequest,
  { poolId, lanes, template, monitor }: Beside,
  defaults: MailDefaultsRecord | undefined,
): MailRequest {
  const { content, ...rest } = withSamples(requestId, withDefaults(request, defaults), monitor);
  return {
    ...rest,
    content: { ...content, ...(poolId && { poolId }), ...(lanes && { lanes }), ...(template && { template }) },
  };
}

/** A copy of some of its messages for whoever watches the account. What is sent to nobody is no sample. */
function withSamples(requestId: string, request: MailRequest, monitor: Monitor | undefined): MailRequest {
  const to = monitor && readMailbox(monitor.email);
  if (!to || request.content.dropped !== undefined) return request;
  const wanted = (personalization: number) => isSample(requestId, personalization, monitor);
  return { ...request, copies: addSamples(request, to, wanted) };
}

/** Who the messages are from: a personalization may say another address of the domain, and one that is verified by itself is no other. */
function sendersOf({ content, personalizations }: MailRequest): Set<string> {
  const addresses = [content.from, ...personalizations.flatMap(({ from }) => from ?? [])].map(({ email }) => email);
  // What a domain may send is asked once for all its addresses: the look-up is kept.
  return new Set(addresses);
}

/** A request that was answered before is not here: it was counted when it was accepted. */
async function commitWithinCap(submission: Submission, earlier: Earlier, deps: RequestDeps): Promise<Committed> {
  const { account, request } = submission;
  // Of one whose end nobody knows: it may be on its way, and what it took was not given back.
  if (earlier === 'unknown') return commit(submission, earlier, deps);
  let giveBack: GiveBack | undefined;
  try {
    // What a parent has for himself is none of the account's mail.
    const copies = toldCopies(countCopies(request.copies));
    giveBack = await deps.takeCredits(account, copies, submission);
  } catch (error) {
    return { ok: false, why: isThrottle((error as Error).name) ? 'throttled' : 'unavailable' };
  }
  if (!giveBack) return { ok: false, why: 'over the cap' };
  const committed = await commit(submission, earlier, deps);
  if (!committed.ok && committed.why !== 'uncertain') giveBack();
  return committed;
}

/** The template that a request names, as it is now; none where it names none. */
export async function readNamedTemplate(
  account: string,
  id: string | undefined,
  { readTemplate }: Pick<RequestDeps, 'readTemplate'>,
): Promise<Map<string, KnownTemplate>> {
  const template = id === undefined ? undefined : await readTemplate(account, id);
  return new Map(id !== undefined && template ? [[id, template]] : []);
}

/** Reads before anything is done: when it fails, the caller may simply come again. */
export async function look<T>(
  read: () => Promise<T>,
  report?: CommitDeps['report'],
): Promise<{ ok: true; found: T } | { ok: false; error: ApiFailure }> {
  try {
    return { ok: true, found: await read() };
  } catch (error) {
    report?.('what a request needs could not be read', error);
    const throttled = isThrottle((error as Error).name);
    return { ok: false, error: throttled ? apiErrors.tooManyRequests : apiErrors.unavailable };
  }
}
