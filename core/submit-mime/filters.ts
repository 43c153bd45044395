/**
 * `filters` of X-SMTPAPI: `{name: {settings: {enable: 0 or 1, …}}}`, as the mail_settings and tracking_settings that mail/send has
 * for the same, and read by the same readers. Names are lower case, as SendGrid demands; filters that it has retired, and
 * names that it never had, say nothing.
 */
import { BODY_RULE, holdsBody } from '../mail-send/defaults.ts';
import { addFault, type Faults, type JsonObject, readAnyObject, under } from '../mail-send/faults.ts';
import { readMailSettings, readTrackingSettings } from '../mail-send/settings.ts';

export type Filters = {
  mailSettings?: JsonObject;
  trackingSettings?: JsonObject;
  /** `templates`, where enabled. */
  templateId?: unknown;
};

type Mapping = { to: 'mail' | 'tracking'; name: string; properties: Record<string, string> };

const SWITCHES = new Set(['enable', 'enable_text']);
const MAPPINGS: Record<string, Mapping> = {
  bcc: { to: 'mail', name: 'bcc', properties: { email: 'email' } },
  bypass_list_management: { to: 'mail', name: 'bypass_list_management', properties: {} },
  footer: { to: 'mail', name: 'footer', properties: { 'text/html': 'html', 'text/plain': 'text' } },
  spamcheck: { to: 'mail', name: 'spam_check', properties: { maxscore: 'threshold', url: 'post_to_url' } },
  clicktrack: { to: 'tracking', name: 'click_tracking', properties: { enable_text: 'enable_text' } },
  opentrack: { to: 'tracking', name: 'open_tracking', properties: { replace: 'substitution_tag' } },
  subscriptiontrack: {
    to: 'tracking',
    name: 'subscription_tracking',
    properties: { 'text/html': 'html', 'text/plain': 'text', replace: 'substitution_tag' },
  },
  ganalytics: {
    to: 'tracking',
    name: 'ganalytics',
    properties: {
      utm_source: 'utm_source',
      utm_medium: 'utm_medium',
      utm_term: 'utm_term',
      utm_content: 'utm_content',
      utm_campaign: 'utm_campaign',
    },
  },
};
const FIELD = 'filters';

export function readFilters(faults: Faults, value: unknown): Filters {
  const filters = readAnyObject(faults, value, FIELD);
  if (!filters) return {};
  const settings: Record<Mapping['to'], JsonObject> = { mail: {}, tracking: {} };
  for (const [filter, { to, name, properties }] of Object.entries(MAPPINGS)) {
    const given = settingsOf(faults, filters, filter);
    if (given) settings[to][name] = mapSettings(faults, given, filter, properties);
  }
  const mailSettings = readMailSettings(faults, settings.mail);
  const trackingSettings = readTrackingSettings(faults, settings.tracking);
  const template = readTemplateFilter(faults, filters);
  const templates = settingsOf(faults, filters, 'templates');
  const wanted = templates && readSwitch(faults, templates.enable, `${FIELD}.templates.settings.enable`);
  checkDkim(faults, filters);
  const mail = { ...mailSettings, ...(template === undefined ? {} : { template: { enable: true, html: template } }) };
  return {
    ...(Object.keys(mail).length > 0 ? { mailSettings: mail } : {}),
    ...(trackingSettings && Object.keys(trackingSettings).length > 0 ? { trackingSettings } : {}),
    ...(wanted ? { templateId: templates.template_id ?? '' } : {}),
  };
}

/** `mail_settings.template`, which only X-SMTPAPI has: HTML around the message's own. */
export function templateOf(settings: Record<string, unknown> | undefined): string | undefined {
  const { enable, html } = (settings?.template ?? {}) as { enable?: unknown; html?: unknown };
  return enable === true && typeof html === 'string' ? html : undefined;
}

/** A filter without `settings` says nothing: so SendGrid, and its clients' own samples have some. */
function settingsOf(faults: Faults, filters: JsonObject, name: string): JsonObject | undefined {
  const filter = Object.hasOwn(filters, name) ? readAnyObject(faults, filters[name], under(FIELD, name)) : undefined;
  return filter && readAnyObject(faults, filter.settings, `${under(FIELD, name)}.settings`);
}

function mapSettings(
  faults: Faults,
  given: JsonObject,
  filter: string,
  properties: Record<string, string>,
): JsonObject {
  const field = `${under(FIELD, filter)}.settings`;
  const mapped: JsonObject = { enable: readSwitch(faults, given.enable, `${field}.enable`) };
  for (const [name, ours] of Object.entries(properties)) {
    const value = given[name];
    if (value === undefined || value === null) continue;
    if (SWITCHES.has(name)) mapped[ours] = readSwitch(faults, value, `${field}.${name}`);
    else mapped[ours] = ours === 'threshold' ? Math.round(Number(value)) : value;
  }
  return mapped;
}

/** 0 or 1; clients also write them as text or as booleans. Absent: off. */
function readSwitch(faults: Faults, value: unknown, field: string): boolean {
  if (value === undefined || value === null) return false;
  const text = String(value).toLowerCase();
  if (text === '1' || text === 'true') return true;
  if (text !== '0' && text !== 'false' && text !== '') addFault(faults, field, 'The value must be 0 or 1.');
  return false;
}

function readTemplateFilter(faults: Faults, filters: JsonObject): string | undefined {
  const template = settingsOf(faults, filters, 'template');
  if (!template || !readSwitch(faults, template.enable, `${FIELD}.template.settings.enable`)) return undefined;
  const html = template['text/html'];
  if (typeof html === 'string' && holdsBody(html)) return html;
  addFault(faults, `${FIELD}.template.settings.text/html`, `The text/html ${BODY_RULE}.`);
  return undefined;
}

/** The signature is always that of the From domain: what else is asked for harms nobody, but its form is checked. */
function checkDkim(faults: Faults, filters: JsonObject): void {
  const dkim = settingsOf(faults, filters, 'dkim');
  if (!dkim) return;
  const field = `${FIELD}.dkim.settings`;
  if (dkim.domain !== undefined && typeof dkim.domain !== 'string')
    addFault(faults, `${field}.domain`, 'The domain must be a string.');
  readSwitch(faults, dkim.use_from, `${field}.use_from`);
}
