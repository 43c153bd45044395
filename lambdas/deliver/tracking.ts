/**
 * What a job's mail is tracked by. Of what nobody asks for nothing is read but the account's settings, once a minute; and mail
 * that is not tracked, because it need not be or because its sender has no link host yet, is made as if there were no tracking.
 */
import type { TokenSecret } from '../../core/address-token.ts';
import { isSampleCopy } from '../../core/copies.ts';
import { domainOf } from '../../core/domain.ts';
import type { Address, Content, Copy } from '../../core/mail.ts';
import type { TrackingKey } from '../../core/tracking/token.ts';
import { openTracker, type Tracking, trackingOf } from '../../core/tracking/track.ts';
import type { SigningDomain } from '../../io/domains.ts';
import type { DeliverDeps } from './deliver.ts';
import type { Task } from './take.ts';

export type TaskTracking = {
  wanted: Tracking;
  /** By the domain of the from address: its link host, and the key of tokens; undefined: it has none. */
  linksOf: Map<string, { host: string; key: TrackingKey } | undefined>;
  /** Of addresses to unsubscribe at; absent: no such mail comes in. */
  mailSecret?: TokenSecret;
};

type Deps = Pick<DeliverDeps, 'readTracking' | 'readLinkHost' | 'trackingKey' | 'returnPathSecret' | 'settings'>;

/** @param made the job's content, and the domains that it is sent from */
export async function readTaskTracking(
  account: string,
  { content, domains }: { content: Content; domains: ReadonlyMap<string, unknown> },
  deps: Deps,
): Promise<TaskTracking | undefined> {
  const wanted = trackingOf(content, await deps.readTracking(account));
  if (!wanted) return undefined;
  const linksOf: TaskTracking['linksOf'] = new Map();
  for (const domain of domains.keys()) {
    const host = await deps.readLinkHost(account, domain);
    linksOf.set(domain, host === undefined ? undefined : { host, key: await deps.trackingKey() });
  }
  const mailSecret = deps.settings.unsubscribeByMail ? { mailSecret: deps.returnPathSecret } : {};
  const hasLinks = [...linksOf.values()].some((links) => links !== undefined);
  // Its copies need not be apart.
  if (!hasLinks && !wanted.mayUnsubscribe && !wanted.html.campaign) return undefined;
  return { wanted, linksOf, ...mailSecret };
}

/** What tracks one copy; undefined: it is not tracked. @param given names of the fields that its sender set */
export function trackerOf(
  { job, tracking }: Pick<Task, 'job' | 'tracking'>,
  from: Address,
  given: readonly string[],
  { index, address }: Copy,
  { returnPath }: SigningDomain,
): ReturnType<typeof openTracker> | undefined {
  if (!tracking) return undefined;
  const { wanted, linksOf, mailSecret } = tracking;
  const links = linksOf.get(domainOf(from.email));
  const means = {
    ...(links && { links }),
    ...(mailSecret && { mailto: { secret: mailSecret, domain: returnPath } }),
  };
  const { account, requestId } = job;
  return openTracker(given, isSampleCopy({ index }) ? unwatched(wanted) : wanted, means, {
    account,
    requestId,
    index,
    address,
  });
}

/** Whose copy is a sample, of him no opens and clicks are kept. */
const unwatched = (wanted: Tracking): Tracking => ({
  ...wanted,
  html: { ...wanted.html, clicks: false, pixel: false },
  text: { ...wanted.text, clicks: false },
});
