/** What an account has added to every mail of its (SendGrid: `mail_settings/footer`, `mail_settings/template`). One item: accept reads it. */
export type MailDefaultsRecord = {
  pk: string;
  sk: string;
  /** Grows by one with each change; absent: 0. */
  version?: number;
  footer?: { enabled: boolean; html: string; text: string };
  template?: { enabled: boolean; html: string };
};

/** How they were before a change, for as long as a request of then may be taken over (`Idempotency-Key`). */
export type FormerMailDefaultsRecord = MailDefaultsRecord & { expiresAt: number };

export const mailDefaultsKey = (account: string) => ({ pk: account, sk: 'settings#mail' as const });
export const formerMailDefaultsKey = (account: string, version: number) => ({
  pk: account,
  sk: `settings#mail#${version}`,
});
