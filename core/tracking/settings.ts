/**
 * What is tracked of a mail: its own `tracking_settings`, and where they say nothing the account's. X-SMTPAPI's filters are the
 * same settings by other names. An account tracks nothing until it says so, and nothing at all is tracked without a link
 * host of its own (link-host.ts).
 */
import type { ApiError } from '../errors.ts';
import { type Campaign, readDestination, UTM } from './destination.ts';

/** What an account asks of all its mail (SendGrid: `tracking_settings`). */
export type TrackingSettings = {
  click: { enabled: boolean; enable_text: boolean };
  open: { enabled: boolean };
  subscription: {
    enabled: boolean;
    html_content: string;
    plain_content: string;
    replace: string;
    landing: string;
    url: string;
  };
  google_analytics: { enabled: boolean } & Record<(typeof UTM)[number], string>;
  /** Of ours: whether opens and clicks that no person made are in the statistics. */
  machines: { enabled: boolean };
};

/** What is done with one mail. */
export type Wanted = {
  /** Links: of the HTML; of the text too. */
  clicks: boolean;
  textClicks: boolean;
  opens: boolean;
  /** The tag in whose place the pixel goes. */
  pixelTag?: string;
  campaign?: Campaign;
  subscription?: Subscription;
};

/** The unsubscribe link of subscription tracking. `tag`: it goes in its place alone; else a text with it goes below each part. */
export type Subscription = { tag?: string; text?: string; html?: string };

export const NOTHING: TrackingSettings = {
  click: { enabled: false, enable_text: false },
  open: { enabled: false },
  subscription: { enabled: false, html_content: '', plain_content: '', replace: '', landing: '', url: '' },
  google_analytics: {
    enabled: false,
    utm_source: '',
    utm_medium: '',
    utm_term: '',
    utm_content: '',
    utm_campaign: '',
  },
  machines: { enabled: true },
};

export type TrackingName = keyof TrackingSettings;

const TITLES: Readonly<Record<TrackingName, [title: string, description: string]>> = {
  click: ['Click Tracking', 'Links in mail lead over your link host, so that clicks are known.'],
  google_analytics: ['Google Analytics', 'Links in mail carry the parameters of a Google Analytics campaign.'],
  machines: ['Machines', 'Opens and clicks that no person made are counted in the statistics.'],
  open: ['Open Tracking', 'Mail carries an invisible picture, so that it is known when it is opened.'],
  subscription: ['Subscription Tracking', 'Mail carries an unsubscribe link, and List-Unsubscribe.'],
};

/** The account's settings as SendGrid's API lists them. */
export const listTracking = (settings: TrackingSettings) =>
  (Object.keys(TITLES) as TrackingName[]).map((name) => {
    const [title, description] = TITLES[name];
    return { name, title, description, enabled: settings[name].enabled };
  });

/** One setting as the API shows it. A URL that is not set is none (the document: format `uri`). */
export function showTracking(settings: TrackingSettings, name: TrackingName): object {
  const { url, ...others }: { enabled: boolean; url?: string } = settings[name];
  return url ? { ...others, url } : others;
}

/** Characters of a setting's text: of HTML, which is in every mail, and of everything else. */
const HTML_CHARACTERS = 10_000;
const TEXT_CHARACTERS = 1_000;

/** A setting with what a PATCH says; what it does not say stays. */
export function changeTracking(
  before: TrackingSettings,
  name: TrackingName,
  body: unknown,
): { ok: true; settings: TrackingSettings } | { ok: false; errors: ApiError[] } {
  const errors: ApiError[] = [];
  const fault = (field: string | null, message: string) => errors.push({ message, field, help: null });
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    fault(null, 'the body must be a JSON object');
    return { ok: false, errors };
  }
  const known = before[name] as Record<string, unknown>;
  const changed = { ...known };
  for (const [field, value] of Object.entries(body)) {
    if (!Object.hasOwn(known, field)) fault(field, `${field} is no field of this setting`);
    else if (typeof value !== typeof known[field]) fault(field, `${field} must be a ${typeof known[field]}`);
    else if (typeof value === 'string' && value.length > mostOf(field))
      fault(field, `${field} must not be longer than ${mostOf(field)} characters`);
    else changed[field] = value;
  }
  if (typeof changed.url === 'string' && changed.url !== '' && readDestination(changed.url) !== changed.url)
    fault('url', 'url must be an http or https URL');
  return errors.length > 0 ? { ok: false, errors } : { ok: true, settings: { ...before, [name]: changed } };
}

const mostOf = (field: string) => (/content|landing/.test(field) ? HTML_CHARACTERS : TEXT_CHARACTERS);

/** `tracking_settings` of mail that we send ourselves (forwarded bounces, TLS reports): the account's do not reach it. */
export const UNTRACKED: Readonly<Record<string, unknown>> = {
  click_tracking: { enable: false },
  open_tracking: { enable: false },
  subscription_tracking: { enable: false },
  ganalytics: { enable: false },
};

type Given = Record<string, unknown> | undefined;

/** @param given the mail's own, as it was validated */
export function wantedOf(given: Record<string, unknown> | undefined, account: TrackingSettings = NOTHING): Wanted {
  const click = given?.click_tracking as Given;
  const open = given?.open_tracking as Given;
  const analytics = given?.ganalytics as Given;
  const clicks = flag(click?.enable) ?? account.click.enabled;
  const campaign = campaignOf(analytics, account.google_analytics);
  const subscription = subscriptionOf(given?.subscription_tracking as Given, account.subscription);
  const pixelTag = text(open?.substitution_tag);
  return {
    clicks,
    textClicks: clicks && (flag(click?.enable_text) ?? account.click.enable_text),
    opens: flag(open?.enable) ?? account.open.enabled,
    ...(pixelTag && { pixelTag }),
    ...(campaign && { campaign }),
    ...(subscription && { subscription }),
  };
}

function campaignOf(given: Given, account: TrackingSettings['google_analytics']): Campaign | undefined {
  const enabled = flag(given?.enable) ?? account.enabled;
  if (!enabled) return undefined;
  const campaign: Campaign = {};
  for (const name of UTM) {
    const value = text(given?.[name]) ?? text(account[name]);
    if (value) campaign[name] = value;
  }
  return campaign;
}

function subscriptionOf(given: Given, account: TrackingSettings['subscription']): Subscription | undefined {
  const enabled = flag(given?.enable) ?? account.enabled;
  if (!enabled) return undefined;
  const tag = text(given?.substitution_tag) ?? (given ? undefined : text(account.replace));
  if (tag) return { tag };
  const ofText = text(given?.text) ?? text(account.plain_content);
  const ofHtml = text(given?.html) ?? text(account.html_content);
  return { ...(ofText && { text: ofText }), ...(ofHtml && { html: ofHtml }) };
}

const flag = (value: unknown) => (typeof value === 'boolean' ? value : undefined);
const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
