/** What an account has added to every mail of its (SendGrid: `mail_settings/footer`, `mail_settings/template`). One item: accept reads it. */
export type MailDefaultsRecord = {
  pk: string;
  sk: 'settings#mail';
  footer?: { enabled: boolean; html: string; text: string };
  template?: { enabled: boolean; html: string };
};

export const mailDefaultsKey = (account: string) => ({ pk: account, sk: 'settings#mail' as const });
