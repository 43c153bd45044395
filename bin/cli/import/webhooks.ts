/**
 * Event webhooks and parse settings. Secrets cannot be read there: a webhook that signs, or shows a client's secret to its URL, is made
 * switched off, because its receiver would refuse what comes without; the report says what turns it on.
 */

import { SWITCHES } from '../../../core/webhook/setting.ts';
import { createSetting } from '../../../lambdas/manage/parse-routes.ts';
import { createWebhook } from '../../../lambdas/manage/webhook-routes.ts';
import type { Here } from './here.ts';
import { attempt } from './lists.ts';
import type { Report } from './report.ts';
import { fieldsIn, listIn, type Source, SourceError } from './source.ts';

type Webhook = Record<string, unknown> & {
  url?: string;
  enabled?: boolean;
  public_key?: string;
  oauth_client_id?: string;
};

const EVENTS = '/v3/user/webhooks/event/settings';
const PARSE = '/v3/user/webhooks/parse/settings';
const WEBHOOK_ROUTES = [{ method: 'POST', path: EVENTS, handle: createWebhook }] as const;
const PARSE_ROUTES = [{ method: 'POST', path: PARSE, handle: createSetting }] as const;

export async function copyWebhooks(source: Source, here: Here, report: Report): Promise<void> {
  report.begin('event webhooks');
  await attempt(report, async () => {
    for (const webhook of await readWebhooks(source)) await copyWebhook(webhook, here, report);
  });
}

async function readWebhooks(source: Source): Promise<Webhook[]> {
  try {
    return listIn(fieldsIn(await source.get(`${EVENTS}/all`), EVENTS).webhooks ?? [], EVENTS) as Webhook[];
  } catch (error) {
    // An account from before there were several.
    if (!(error instanceof SourceError) || error.status !== 404) throw error;
    return [fieldsIn(await source.get(EVENTS), EVENTS) as Webhook];
  }
}

async function copyWebhook(webhook: Webhook, here: Here, report: Report): Promise<void> {
  const { url } = webhook;
  if (typeof url !== 'string' || url === '') return;
  const shown = hidden(url);
  if ((await here.stores.listWebhooks(here.account)).some((one) => one.url === url)) return report.already();
  const isSigned = typeof webhook.public_key === 'string' && webhook.public_key !== '';
  const hasClient = typeof webhook.oauth_client_id === 'string' && webhook.oauth_client_id !== '';
  const names = [
    ...Object.keys(SWITCHES),
    'friendly_name',
    ...(hasClient ? ['oauth_client_id', 'oauth_token_url'] : []),
  ];
  const body = {
    ...Object.fromEntries(names.flatMap((name) => (webhook[name] == null ? [] : [[name, webhook[name]]]))),
    url,
    enabled: webhook.enabled === true && !isSigned && !hasClient,
  };
  const done = await here.call(WEBHOOK_ROUTES, 'POST', EVENTS, { body });
  if (!done.ok) return report.failed(shown, done.why);
  report.copied();
  if (isSigned) {
    report.left(
      shown,
      'its signing key: private keys are shown by nobody; the webhook is switched off until it has one',
    );
    report.todo(
      `${shown}: PATCH ${EVENTS}/signed/{id} {"enabled": true}, give your receiver the new public key, then PATCH ${EVENTS}/{id} {"enabled": true}.`,
    );
  }
  if (hasClient) {
    report.left(shown, 'its oauth_client_secret: it is shown by nobody; the webhook is switched off until it has one');
    report.todo(`${shown}: PATCH ${EVENTS}/{id} {"oauth_client_secret": "…", "enabled": true}.`);
  }
}

/** A password in a URL is for its receiver alone. */
function hidden(url: string): string {
  try {
    const shown = new URL(url);
    if (shown.password !== '') shown.password = '…';
    return `${shown.protocol}//${shown.username === '' ? '' : '…@'}${shown.host}${shown.pathname}`;
  } catch {
    return url.slice(0, 100);
  }
}

export async function copyParse(source: Source, here: Here, report: Report): Promise<void> {
  report.begin('parse settings');
  await attempt(report, async () => {
    for (const setting of listIn(fieldsIn(await source.get(PARSE), PARSE).result ?? [], PARSE)) {
      const { hostname, url, spam_check: spamCheck = false, send_raw: sendRaw = false } = setting;
      const body = { hostname, url, spam_check: spamCheck, send_raw: sendRaw };
      const name = String(hostname).slice(0, 253);
      if (await here.stores.readParseSetting(here.account, name.toLowerCase())) {
        report.already();
        continue;
      }
      const done = await here.call(PARSE_ROUTES, 'POST', PARSE, { body });
      if (done.ok) {
        report.copied();
        report.todo(
          `MX record of ${name}: 10 ${here.inboundHost ?? '(no host: the settings have no `inbound`)'}, when its mail is to come here.`,
        );
        // The private key of a signature is never shown: what is signed here is signed by another.
        if (setting.security_policy)
          report.todo(
            `${name}: its posts are under a security policy there, and under none here: make one, tell its receiver the public key, and put the setting under it before its mail comes here.`,
          );
      } else {
        report.failed(name, done.why);
        report.todo(`${name}: add its domain (below), then run the import again with --only parse.`);
      }
    }
  });
}
