/**
 * The tracked form of a mail, copy by copy: its parts with links, pixel and unsubscribe links of this copy, and the fields of
 * List-Unsubscribe (RFC 2369, RFC 8058) where the mail has an unsubscribe group or subscription tracking, and none of its own.
 *
 * Tokens name the copy, so copies of one personalization are messages of their own, each composed and signed. What they share is
 * found out once (plan.ts). The same copy gives the same octets at every attempt.
 */
import type { TokenSecret } from '../address-token.ts';
import type { Content, Part } from '../mail.ts';
import { isPlain } from '../mail-send/defaults.ts';
import type { FilledPart } from '../render.ts';
import { makeTemplate, type Template } from '../replace.ts';
import { makeUnsubscribeAddress } from '../unsubscribe-address.ts';
import { escapeHtml } from './html.ts';
import { originOf } from './link-host.ts';
import { type Filled, type PartWish, type Plan, planPart, type Urls } from './plan.ts';
import { type TrackingSettings, wantedOf } from './settings.ts';
import {
  makeClickToken,
  makeOpenToken,
  makeUnsubscribeToken,
  nameReader,
  type Opened,
  type TrackingKey,
} from './token.ts';
import { belowOfGroup, belowOfSubscription, DESIGN_TAGS, GROUP_TAGS, type Tag } from './unsubscribe-tags.ts';

/** What a content asks for, with the account's settings. */
export type Tracking = {
  html: PartWish;
  text: PartWish;
  asm: Content['asm'];
  /** It must not go out without an unsubscribe link. */
  mustUnsubscribe: boolean;
  /** It has an unsubscribe group or subscription tracking. */
  mayUnsubscribe: boolean;
};

/** Where a sender's links are, and what signs them. */
export type TrackingMeans = {
  /** The sender's validated link host, and the key. Absent: no clicks and opens, and who unsubscribes writes a mail. */
  links?: { host: string; key: TrackingKey };
  /** Where mail to unsubscribe comes in. Absent: nowhere. */
  mailto?: { secret: TokenSecret; domain: string };
};

/** What a content asks of tracking; undefined: nothing, and its mail is made as if there were none. */
export function trackingOf(content: Content, account?: TrackingSettings): Tracking | undefined {
  const wanted = wantedOf(content.trackingSettings, account);
  const { asm } = content;
  // SendGrid: a group's links take the place of subscription tracking's.
  const subscription = asm ? undefined : wanted.subscription;
  const { clicks, textClicks, opens, campaign, pixelTag } = wanted;
  if (!clicks && !opens && !campaign && !subscription && !asm) return undefined;
  const own: Tag[] = subscription?.tag === undefined ? [] : [{ tag: subscription.tag, action: 'list' }];
  const tags: Tag[] = [...(asm ? GROUP_TAGS : []), ...(asm || subscription ? DESIGN_TAGS : []), ...own];
  const pixelTags = pixelTag === undefined ? [] : [pixelTag];
  const asText = content.htmlOfText ? own.map(inHtmlOfText) : [];
  // Of a template that has HTML of its own, a tag that needs no escaping is the sender's place for the URL alone.
  const inHtml = isPlain(content.parts) ? asText : asText.filter(({ tag }) => tag !== subscription?.tag);
  const below = (type: 'html' | 'text') => {
    if (asm) return belowOfGroup(type);
    return subscription && subscription.tag === undefined ? belowOfSubscription(subscription, type) : undefined;
  };
  const hasTag = content.parts.some(({ value }) => tags.some(({ tag }) => value.includes(tag)));
  return {
    html: {
      type: 'html',
      clicks,
      campaign,
      pixel: opens,
      pixelTags: content.htmlOfText ? [...new Set(pixelTags.flatMap((tag) => [tag, escapeHtml(tag)]))] : pixelTags,
      tags: [...tags.filter(({ tag }) => !inHtml.some((one) => one.tag === tag)), ...inHtml],
      below: below('html'),
    },
    text: {
      type: 'text',
      clicks: textClicks,
      campaign: textClicks ? campaign : undefined,
      pixel: false,
      pixelTags: [],
      tags,
      below: below('text'),
    },
    asm,
    mustUnsubscribe: subscription !== undefined || hasTag,
    mayUnsubscribe: subscription !== undefined || asm !== undefined,
  };
}

/** A tag of the sender's as it stands in HTML that is made of his text (core/mail-send/plain-content.ts): escaped, and in need of words. */
const inHtmlOfText = ({ tag, action }: Tag): Tag => ({ tag: escapeHtml(tag), action, words: 'Unsubscribe' });

/** What cannot be sent: it would have no link by which to unsubscribe. */
export const NO_UNSUBSCRIBE =
  '5.7.0 the mail asks for an unsubscribe link, but the account has no validated link host, nor does mail to unsubscribe come in (docs/tracking.md)';

/** What tracks the parts of one copy. */
export type Tracker = {
  /**
   * A part with this copy's links; one that is neither HTML nor plain text as it is.
   * @param own it is the mail's own text. A mail that came as MIME may have others beside it: they get no pixel, and nothing below.
   */
  part: (part: FilledPart, own?: boolean) => FilledPart;
  /** Whether a text asks for an unsubscribe link that nothing can make (`NO_UNSUBSCRIBE`): for texts that `trackingOf` has not seen. */
  lacksLink: (text: string) => boolean;
  /** The fields of List-Unsubscribe, where the mail is to have them. */
  headers: Record<string, string>;
};

/** @param given the names of the header fields that the sender set: his List-Unsubscribe stands */
export function openTracker(
  given: readonly string[],
  { html, text, asm, mustUnsubscribe, mayUnsubscribe }: Tracking,
  means: TrackingMeans,
  copy: Opened,
): Tracker | { dropped: string } {
  const { links, mailto } = means;
  const canUnsubscribe = links !== undefined || mailto !== undefined;
  if (mustUnsubscribe && !canUnsubscribe) return { dropped: NO_UNSUBSCRIBE };
  const { urls, mailtoUrl } = urlsOf(asm, means, copy);
  const wishes = { html: within(html, links, canUnsubscribe), text: within(text, links, canUnsubscribe) };
  const part = (one: FilledPart, own = true): FilledPart => {
    const wish = { 'text/html': wishes.html, 'text/plain': wishes.text }[one.type.toLowerCase()];
    return wish ? trackPart(one, own ? wish : { ...wish, pixel: false, pixelTags: [], below: undefined }, urls) : one;
  };
  const lacksLink = (value: string) => !canUnsubscribe && html.tags.some(({ tag }) => value.includes(tag));
  const isGiven = given.some((name) => /^list-unsubscribe(-post)?$/i.test(name));
  if (!mayUnsubscribe || !canUnsubscribe || isGiven) return { part, lacksLink, headers: {} };
  const ways = [...(links ? [urls.unsubscribe('list')] : []), ...(mailto ? [mailtoUrl()] : [])];
  const oneClick = links ? { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } : {};
  return { part, lacksLink, headers: { 'List-Unsubscribe': ways.map((way) => `<${way}>`).join(', '), ...oneClick } };
}

/** The URLs of a copy. Those of clicks and opens are only asked for where the sender has a link host. */
function urlsOf(asm: Content['asm'], { links, mailto }: TrackingMeans, copy: Opened) {
  const { groupId, groupsToDisplay: shown = [] } = asm ?? {};
  const group = groupId === undefined ? {} : { groupId };
  const reader = nameReader(copy);
  const mailtoUrl = once(
    () => `mailto:${mailto && makeUnsubscribeAddress({ ...copy, ...group, ...mailto })}?subject=unsubscribe`,
  );
  const { host = '', key } = links ?? {};
  const origin = originOf(host);
  const urls: Urls = {
    click: ({ universal, ...link }) =>
      `${origin}${universal ? '/uni' : ''}/c/${makeClickToken(reader, link, host, key!)}`,
    pixel: () => `${origin}/o/${makeOpenToken(reader, host, key!)}`,
    unsubscribe: (action) =>
      key ? `${origin}/u/${makeUnsubscribeToken(reader, { ...group, action, shown }, host, key)}` : mailtoUrl(),
  };
  return { urls, mailtoUrl };
}

/** Without a host of the sender's nothing is tracked. */
const reduced = new WeakMap<PartWish, Map<string, PartWish>>();
function within(wish: PartWish, links: TrackingMeans['links'], canUnsubscribe: boolean): PartWish {
  if (links) return wish;
  const known = reduced.get(wish) ?? new Map<string, PartWish>();
  reduced.set(wish, known);
  const name = String(canUnsubscribe);
  const made =
    known.get(name) ??
    ({ ...wish, clicks: false, pixel: false, ...(canUnsubscribe ? {} : { tags: [], below: undefined }) } as PartWish);
  known.set(name, made);
  return made;
}

/** Plans of what was seen before: of a part of the content, and of a template that personalizations fill. */
const plans = new WeakMap<Part | Template, { wish: PartWish; plan: Plan | undefined }>();

function trackPart(part: FilledPart, wish: PartWish, urls: Urls): FilledPart {
  const { filled } = part;
  const planned = filled ? planOf(filled.template, () => filled.template, wish) : undefined;
  const byPlan = filled && planned?.fill(filled.values, urls);
  if (byPlan) return toPart(part.type, byPlan);
  const whole = () => makeTemplate([part.value], []);
  // A part of the content itself comes again; what was rendered does not.
  const plan = filled ? planPart(whole(), wish) : planOf(part, whole, wish);
  return toPart(part.type, plan!.fill([], urls)!);
}

function planOf(name: Part | Template, template: () => Template, wish: PartWish): Plan | undefined {
  const known = plans.get(name);
  if (known && isSame(known.wish, wish)) return known.plan;
  const plan = planPart(template(), wish);
  plans.set(name, { wish, plan });
  return plan;
}

function isSame(a: PartWish, b: PartWish): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The text is made only where no stencil fills it. */
function toPart(type: string, filled: Filled): FilledPart {
  return {
    type,
    filled,
    get value() {
      return filled.template.fill(filled.values, Number.POSITIVE_INFINITY)!;
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
