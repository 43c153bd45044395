/**
 * What an account has done with its mail, where the mail itself says nothing of it: the footer, the HTML around its HTML, a copy of each
 * message, an HTML part for plain text. What is composed later, a message that came as MIME or what a template makes, carries the first
 * two as settings of its own. Plain text becomes HTML when its substitutions are made, and not before: what they put in is text, too. A
 * message that came as MIME has the parts that it came with.
 */
import { readMailbox } from '../address.ts';
import type { Content, MailRequest, Part } from '../mail.ts';
import type { MailDefaultsRecord } from '../records/mail-defaults.ts';
import { addCopies } from './copied.ts';
import { addFooter } from './footer.ts';

/** What stands for the message's own HTML in a template around it. */
export const BODY_TAG = '<% body %>';
/** Ours: how often a template may have it. Each makes the mail longer by its body, in a process that others share. */
export const BODY_TAGS = 3;
/** Whether HTML can be a template: there is a place for the message's own, and not hundreds. */
export const holdsBody = (html: string): boolean =>
  html.includes(BODY_TAG) && html.split(BODY_TAG).length <= BODY_TAGS + 1;
export const BODY_RULE = `must be HTML that holds ${BODY_TAG}, at most ${BODY_TAGS} times`;

/** Pure; gives the same request where there is nothing to do. The copies that are added are beyond the limit of its recipients. */
export function withDefaults(request: MailRequest, defaults: MailDefaultsRecord | undefined): MailRequest {
  if (!defaults) return request;
  const content = withTexts(request.content, defaults);
  const archive = archiveOf(request.content, defaults);
  if (content === request.content && !archive) return request;
  return { ...request, content, ...(archive && { copies: addCopies(request, archive) }) };
}

/** Who has a copy. What is sent to nobody is not sent to him either. */
function archiveOf({ mailSettings = {}, dropped }: Content, { bcc }: MailDefaultsRecord) {
  return bcc?.enabled && !('bcc' in mailSettings) && dropped === undefined ? readMailbox(bcc.email) : undefined;
}

function withTexts(content: Content, defaults: MailDefaultsRecord): Content {
  const { mailSettings = {}, mime, templateId, parts } = content;
  const footer = defaults.footer?.enabled && !('footer' in mailSettings) ? defaults.footer : undefined;
  const template = defaults.template?.enabled && !('template' in mailSettings) ? defaults.template : undefined;
  const isTemplated = templateId !== undefined;
  const isLater = mime !== undefined || isTemplated;
  const htmlOfText = defaults.plainContent?.enabled === false && !mime && (isTemplated || isPlain(parts));
  if (!footer && !template && !htmlOfText) return content;
  const settings = {
    ...mailSettings,
    ...(isLater && footer && { footer: { enable: true, text: footer.text, html: footer.html } }),
    // Also around what is HTML only then.
    ...((isLater || htmlOfText) && template && { template: { enable: true, html: template.html } }),
  };
  return {
    ...content,
    ...(Object.keys(settings).length > 0 ? { mailSettings: settings } : {}),
    ...(isLater ? {} : { parts: addFooter(template ? within(parts, template.html) : parts, footer) }),
    ...(htmlOfText && { htmlOfText }),
  };
}

/** Text without HTML. */
export function isPlain(parts: readonly Part[]): boolean {
  const types = parts.map(({ type }) => type.toLowerCase());
  return types.includes('text/plain') && !types.includes('text/html');
}

function within(parts: Part[], template: string): Part[] {
  return parts.map((part) =>
    part.type.toLowerCase() === 'text/html'
      ? { ...part, value: template.replaceAll(BODY_TAG, () => part.value) }
      : part,
  );
}
