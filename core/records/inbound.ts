/** Where an account’s inbound mail goes, and how much of it came. Keys are spelt here, once. */

/** Where an account's inbound mail at a host name goes (SendGrid: `user/webhooks/parse/settings`). */
export type ParseSettingRecord = {
  pk: string;
  sk: string;
  /** Lower case, A-labels. */
  hostname: string;
  /** Of the customer: `https:` (or `http:`). */
  url: string;
  /** The verdict of whoever looked for spam goes with the mail, where there is one. */
  spamCheck: boolean;
  /** The mail goes as it came, in the field `email`, instead of its parts. */
  sendRaw: boolean;
  /** The id of the policy by which posts are signed (core/webhook/policy.ts). */
  securityPolicy?: string;
  createdAt: number;
};

/** Mails received for an account's parse hosts on a UTC day, one item per shard: writers of one day do not stand in each other's way. */
export type ParseStatsRecord = { pk: string; sk: string; received: number };

/** Says that a mail was counted, so that a second delivery by the queue is not. In messages, with its TTL. */
export type CountedRecord = { pk: string; sk: 'received'; expiresAt: number };

/** Where an account has what comes back sent on to (SendGrid: `mail_settings/forward_bounce`, `forward_spam`). */
export type ForwardRecord = {
  pk: string;
  sk: `settings#${'forward_bounce' | 'forward_spam'}`;
  enabled: boolean;
  email: string;
};

export const parseSettingKey = (account: string, hostname: string) => ({
  pk: account,
  sk: `parse#${hostname.toLowerCase()}`,
});
/** @param day `YYYY-MM-DD` */
export const parseStatsKey = (account: string, day: string, shard: number) => ({
  pk: `${account}#parse-stats`,
  sk: `${day}#${shard}`,
});
export const countedKey = (account: string, inboundId: string) => ({
  pk: `${account}#inbound#${inboundId}`,
  sk: 'received' as const,
});
export const forwardKey = (account: string, which: 'forward_bounce' | 'forward_spam') => ({
  pk: account,
  sk: `settings#${which}` as const,
});
