/** SendGrid's legacy marketing. */
export const LEGACY = /\/v3\/(campaigns|contactdb|senders)\b/;

/** What SendGrid's suites call beside the core of an SMTP provider, and why it is not here. */
export const OUT_OF_SCOPE: readonly { paths: RegExp; reason: string }[] = [
  {
    paths: LEGACY,
    reason: 'legacy marketing: lists of contacts and campaigns are another product',
  },
  {
    paths: /\/v3\/teammates\b/,
    reason: 'administration of people and of a subscription: this is the AWS account’s business',
  },
  {
    paths: /\/v3\/user\/password\b/,
    reason: 'there are no passwords and no web pages to log in to: whoever calls has a key',
  },
  { paths: /\/v3\/scopes\/requests\b/, reason: 'requests of teammates for more scopes: there are no teammates' },
  {
    paths: /\/v3\/mail_settings\/spam_check\b/,
    reason: 'SendGrid has taken it out of its own documents, and there is no filter here that could check',
  },
  { paths: /\/v3\/partner_settings\/new_relic\b/, reason: 'SendGrid has taken it out of its own documents' },
];
