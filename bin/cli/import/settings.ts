/**
 * Settings: of mail, of tracking, of TLS. One that nobody has touched here becomes what it is there; one that is different here is left as
 * it is, so that an import that is run again undoes nothing.
 */
import { ACCOUNT_ROUTES } from '../../../lambdas/manage/account-routes.ts';
import { MAIL_DEFAULTS_ROUTES } from '../../../lambdas/manage/mail-defaults-routes.ts';
import { MAIL_SETTINGS_ROUTES } from '../../../lambdas/manage/mail-settings-routes.ts';
import { TRACKING_ROUTES } from '../../../lambdas/manage/tracking-routes.ts';
import type { Here } from './here.ts';
import { attempt } from './lists.ts';
import type { Report } from './report.ts';
import { fieldsIn, type Source, SourceError } from './source.ts';

type Setting = { name: string; path: string; fields: readonly string[] };

const ROUTES = [...MAIL_DEFAULTS_ROUTES, ...MAIL_SETTINGS_ROUTES, ...TRACKING_ROUTES, ...ACCOUNT_ROUTES];
const of = (folder: string, settings: Record<string, readonly string[]>): Setting[] =>
  Object.entries(settings).map(([name, fields]) => ({ name, path: `/v3/${folder}/${name}`, fields }));

const MAIL = of('mail_settings', {
  address_whitelist: ['enabled', 'list'],
  bcc: ['enabled', 'email'],
  bounce_purge: ['enabled', 'hard_bounces', 'soft_bounces'],
  footer: ['enabled', 'html_content', 'plain_content'],
  forward_bounce: ['enabled', 'email'],
  forward_spam: ['enabled', 'email'],
  template: ['enabled', 'html_content'],
});
const TRACKING = of('tracking_settings', {
  click: ['enabled', 'enable_text'],
  open: ['enabled'],
  subscription: ['enabled', 'html_content', 'plain_content', 'replace', 'landing', 'url'],
  google_analytics: ['enabled', 'utm_source', 'utm_medium', 'utm_term', 'utm_content', 'utm_campaign'],
});
const TLS = of('user/settings', { enforced_tls: ['require_tls', 'require_valid_cert'] });

const copy = (part: string, settings: readonly Setting[]) => async (source: Source, here: Here, report: Report) => {
  report.begin(part);
  await attempt(report, async () => {
    for (const setting of settings) {
      try {
        await copySetting(setting, source, here, report);
      } catch (error) {
        if (!(error instanceof SourceError) || error.status === 401) throw error;
        if (error.status === 404) report.left(setting.name, 'the source has no such setting');
        else report.failed(setting.name, error.message);
      }
      report.step();
    }
  });
};

export const copyMailSettings = copy('mail settings', MAIL);
export const copyTracking = copy('tracking settings', TRACKING);
export const copyTls = copy('enforced TLS', TLS);

async function copySetting({ name, path, fields }: Setting, source: Source, here: Here, report: Report): Promise<void> {
  const there = pick(fieldsIn(await source.get(path), path), fields);
  const shown = await here.call(ROUTES, 'GET', path);
  if (!shown.ok) return report.failed(name, shown.why);
  const mine = pick(shown.body, fields);
  if (isSame(mine, there) || fields.every((field) => isEmpty(there[field]))) return report.already();
  if (!fields.every((field) => isEmpty(mine[field])))
    return report.kept(
      name,
      `here ${JSON.stringify(mine).slice(0, 150)}, there ${JSON.stringify(there).slice(0, 150)}`,
    );
  const body = Object.fromEntries(Object.entries(there).filter(([, value]) => value !== null && value !== undefined));
  const done = await here.call(ROUTES, 'PATCH', path, { body });
  if (done.ok) report.copied();
  else report.failed(name, done.why);
}

const pick = (from: Record<string, unknown>, fields: readonly string[]) =>
  Object.fromEntries(fields.map((field) => [field, from[field]]));
const isEmpty = (value: unknown) =>
  value === undefined ||
  value === null ||
  value === false ||
  value === '' ||
  (Array.isArray(value) && value.length === 0);
const isSame = (a: Record<string, unknown>, b: Record<string, unknown>) =>
  Object.keys(a).every(
    (field) => (isEmpty(a[field]) && isEmpty(b[field])) || JSON.stringify(a[field]) === JSON.stringify(b[field]),
  );
