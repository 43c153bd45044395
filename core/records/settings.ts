/** Settings of an account that are an item of their own each, in the accounts table. Keys are spelt here, once. */

/** What an account asks of TLS at its recipients' hosts (SendGrid: `user/settings/enforced_tls`). */
export type EnforcedTlsRecord = {
  pk: string;
  sk: 'settings#enforced_tls';
  /** Never in clear. */
  requireTls: boolean;
  /** Nor to a host whose certificate is not valid for it. */
  requireValidCert: boolean;
};

/** Addresses and domains whose mail is never dropped for a list (SendGrid: `mail_settings/address_whitelist`). */
export type AddressWhitelistRecord = {
  pk: string;
  sk: 'settings#address_whitelist';
  enabled: boolean;
  /** As they were given; compared without case. */
  list: string[];
};

/** After how many days bounces (hard) and blocks (soft) leave their lists (SendGrid: `mail_settings/bounce_purge`). */
export type BouncePurgeRecord = {
  pk: string;
  sk: 'settings#bounce_purge';
  enabled: boolean;
  softBounces: number | null;
  hardBounces: number | null;
  /** Unix seconds: what was created before is gone for good, also when the setting is switched off or made longer. */
  purged: { bounces: number; blocks: number };
};

export const addressWhitelistKey = (account: string) => ({ pk: account, sk: 'settings#address_whitelist' as const });
export const bouncePurgeKey = (account: string) => ({ pk: account, sk: 'settings#bounce_purge' as const });
export const timeZoneKey = (account: string) => ({ pk: account, sk: 'settings#timezone' as const });
export const enforcedTlsKey = (account: string) => ({ pk: account, sk: 'settings#enforced_tls' as const });
