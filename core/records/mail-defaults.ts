/** What an account has done with every mail of its (SendGrid: `mail_settings/footer`, `template`, `bcc`, `plain_content`). One item: accept reads it. */
export type MailDefaultsRecord = {
  pk: string;
  sk: string;
  /** Grows by one with each change; absent: 0. */
  version?: number;
  footer?: { enabled: boolean; html: string; text: string };
  template?: { enabled: boolean; html: string };
  /** Who has a copy of each message. */
  bcc?: { enabled: boolean; email: string };
  /** Absent, or enabled: plain text goes out as it is. Else it gets an HTML part. */
  plainContent?: { enabled: boolean };
};

/** The settings that are in it. */
export type MailDefault = 'footer' | 'template' | 'bcc' | 'plainContent';

/** How they were before a change, for as long as a request of then may be taken over (`Idempotency-Key`). */
export type FormerMailDefaultsRecord = MailDefaultsRecord & { expiresAt: number };

export const mailDefaultsKey = (account: string) => ({ pk: account, sk: 'settings#mail' as const });
export const formerMailDefaultsKey = (account: string, version: number) => ({
  pk: account,
  sk: `settings#mail#${version}`,
});
