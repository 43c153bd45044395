/**
 * The one list of scopes: what an API key may be allowed to do, in SendGrid's words (`<resource>.<create|read|update|delete>`). Every
 * route of the API asks for one of them; a key can have no other. It holds also those of SendGrid's that nothing of ours asks for yet, so
 * that keys are made by the scripts that made them there; and a few of ours beyond SendGrid's routes (`brakes`, `tracking_settings.machines`,
 * `user.settings.transcripts`).
 */

/** Asked for by routes that any key may call, whatever its scopes. No key has it. */
export const ANY_KEY = 'any key';

const CRUD = ['create', 'delete', 'read', 'update'] as const;
const READ_UPDATE = ['read', 'update'] as const;

const of = (actions: readonly string[], ...resources: string[]) =>
  resources.flatMap((resource) => actions.map((action) => `${resource}.${action}`));

const RESOURCES = [
  'access_settings.whitelist',
  'alerts',
  'api_keys',
  'asm.groups',
  'asm.groups.suppressions',
  'asm.suppressions.global',
  'categories',
  'credentials',
  'email_activity',
  'ips',
  'ips.pools',
  'ips.pools.ips',
  'ips.warmup',
  'mail.batch',
  'messages',
  'recipients',
  'subusers',
  'subusers.credits',
  'subusers.credits.remaining',
  'subusers.monitor',
  'suppression',
  'suppression.blocks',
  'suppression.bounces',
  'suppression.invalid_emails',
  'suppression.spam_reports',
  'suppression.unsubscribes',
  'teammates',
  'templates',
  'templates.versions',
  'templates.versions.activate',
  'user.profile',
  'user.scheduled_sends',
  'user.webhooks.event.settings',
  'user.webhooks.event.test',
  'user.webhooks.parse.settings',
  'user.webhooks.security.policies',
  'validations.email',
  'verified_senders',
  'whitelabel',
];

const SETTINGS = [
  'brakes',
  'mail_settings',
  'mail_settings.address_whitelist',
  'mail_settings.bcc',
  'mail_settings.bounce_purge',
  'mail_settings.footer',
  'mail_settings.forward_bounce',
  'mail_settings.forward_spam',
  'mail_settings.plain_content',
  'mail_settings.template',
  'partner_settings',
  'tracking_settings',
  'tracking_settings.click',
  'tracking_settings.google_analytics',
  'tracking_settings.machines',
  'tracking_settings.open',
  'tracking_settings.subscription',
  'user.account',
  'user.credits',
  'user.email',
  'user.settings.enforced_tls',
  'user.settings.transcripts',
  'user.timezone',
  'user.username',
];

const READ = [
  'access_settings.activity',
  'browsers.stats',
  'categories.stats',
  'categories.stats.sums',
  'clients.desktop.stats',
  'clients.phone.stats',
  'clients.stats',
  'clients.tablet.stats',
  'clients.webmail.stats',
  'devices.stats',
  'geo.stats',
  'ips.assigned',
  'logs',
  'mailbox_providers.stats',
  'seq',
  'stats',
  'stats.global',
  'subusers.reputations',
  'subusers.stats',
  'subusers.stats.monthly',
  'subusers.stats.sums',
  'user.webhooks.parse.stats',
];

/** In the order of the alphabet. */
export const SCOPES: readonly string[] = [
  'mail.send',
  // SendGrid's one scope of all of verified senders.
  'sender_verification_eligible',
  ...of(CRUD, ...RESOURCES),
  ...of(READ_UPDATE, ...SETTINGS),
  ...of(['read'], ...READ),
].sort();

const KNOWN: ReadonlySet<string> = new Set(SCOPES);

export const isScope = (scope: string): boolean => KNOWN.has(scope);
