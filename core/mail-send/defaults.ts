/**
 * What an account has added to its mail, where the mail itself says nothing of it: the footer, and the HTML around its HTML. What is
 * composed later, a message that came as MIME or what a template makes, carries them as settings of its own.
 */
import type { MailRequest, Part } from '../mail.ts';
import type { MailDefaultsRecord } from '../records/mail-defaults.ts';
import { addFooter } from './footer.ts';

/** What stands for the message's own HTML in a template around it. */
export const BODY_TAG = '<% body %>';
/** Ours: how often a template may have it. Each makes the mail longer by its body, in a process that others share. */
export const BODY_TAGS = 3;
/** Whether HTML can be a template: there is a place for the message's own, and not hundreds. */
export const holdsBody = (html: string): boolean =>
  html.includes(BODY_TAG) && html.split(BODY_TAG).length <= BODY_TAGS + 1;
export const BODY_RULE = `must be HTML that holds ${BODY_TAG}, at most ${BODY_TAGS} times`;

/** Pure; gives the same request where there is nothing to add. */
export function withDefaults(request: MailRequest, defaults: MailDefaultsRecord | undefined): MailRequest {
  const { mailSettings = {}, mime, templateId, parts } = request.content;
  const footer = defaults?.footer?.enabled && !('footer' in mailSettings) ? defaults.footer : undefined;
  const template = defaults?.template?.enabled && !('template' in mailSettings) ? defaults.template : undefined;
  if (!footer && !template) return request;
  const content =
    mime || templateId !== undefined
      ? {
          ...request.content,
          mailSettings: {
            ...mailSettings,
            ...(footer && { footer: { enable: true, text: footer.text, html: footer.html } }),
            ...(template && { template: { enable: true, html: template.html } }),
          },
        }
      : { ...request.content, parts: addFooter(template ? within(parts, template.html) : parts, footer) };
  return { ...request, content };
}

function within(parts: Part[], template: string): Part[] {
  return parts.map((part) =>
    part.type.toLowerCase() === 'text/html'
      ? { ...part, value: template.replaceAll(BODY_TAG, () => part.value) }
      : part,
  );
}
