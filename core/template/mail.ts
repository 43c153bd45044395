/**
 * A template's text and a mail's own become what the mail says. What the template has replaces what the mail has (SendGrid); a part
 * that the template has not, the mail keeps. The footer comes under what was made.
 *
 * Dynamic: each personalization is rendered with its own data, all of its texts within one budget. Legacy: the mail's own texts stand
 * where the template says `<%body%>` and `<%subject%>`, and substitutions are made in the whole as without a template (core/render.ts).
 */
import type { Content, Part, Personalization } from '../mail.ts';
import { addFooter } from '../mail-send/footer.ts';
import { frameOf, withHtml } from '../mail-send/plain-content.ts';
import { readFooter } from '../mail-send/settings.ts';
import type { TemplateText } from '../records/template.ts';
import type { Rendered } from '../render.ts';
import type { CompiledTemplate } from './compile.ts';
import { plainOf } from './plain.ts';
import { openBudget, type RenderOptions, renderTree } from './render.ts';

export type Made<T> = { ok: true; made: T } | { ok: false; reason: string };

/** The three texts of a dynamic template with one mail's data. `field`: of the version's texts. */
export function renderTexts(
  template: CompiledTemplate,
  data: unknown,
  options: Pick<RenderOptions, 'strict' | 'missing'>,
): { ok: true; made: TemplateText } | { ok: false; field: string; reason: string } {
  const budget = openBudget(template.characters);
  const made = { subject: '', html: '', plain: '' };
  const fields = { subject: 'subject', html: 'html_content', plain: 'plain_content' } as const;
  for (const name of ['subject', 'html', 'plain'] as const) {
    const rendered = renderTree(template[name], data, budget, { ...options, html: name === 'html' });
    if (!rendered.ok) return { ok: false, field: fields[name], reason: rendered.reason };
    made[name] = rendered.text;
  }
  return { ok: true, made };
}

export function renderDynamic(
  template: CompiledTemplate,
  content: Content,
  personalization: Personalization,
): Made<Rendered> {
  const { dynamicTemplateData = {} } = personalization;
  const rendered = renderTexts(template, dynamicTemplateData, { strict: content.template?.strict === true });
  if (!rendered.ok)
    return { ok: false, reason: `its template cannot be rendered: ${rendered.field}, ${rendered.reason}` };
  const { subject, html, plain } = rendered.made;
  const own = personalization.subject ?? content.subject ?? '';
  const parts = mergeParts(content.parts, { html, plain });
  if (parts.length === 0) return { ok: false, reason: 'its template leaves it without any content' };
  return {
    ok: true,
    made: {
      from: personalization.from ?? content.from,
      replyTo: content.replyTo,
      subject: subject.trim() === '' ? own : subject,
      parts: withHtml(addFooter(parts, readFooter(content.mailSettings)), content, frameOf(content)),
    },
  };
}

export const BODY = /<%\s*body\s*%>/gi;

/** A legacy template around a mail's own texts; its substitutions are still to be made. */
export function applyLegacy(content: Content, template: TemplateText): Content {
  const own = (type: string) => content.parts.find((part) => part.type.toLowerCase() === type)?.value;
  const made = legacyTexts({ plain: own('text/plain'), html: own('text/html') }, template);
  const parts = addFooter(mergeParts(content.parts, made), readFooter(content.mailSettings));
  return { ...content, parts, subjectTemplate: template.subject };
}

/** A mail's own texts in those of a legacy template. One that is blank is not the template's: the mail keeps its own. */
export function legacyTexts(
  own: { plain?: string | undefined; html?: string | undefined },
  { html, plain }: Pick<TemplateText, 'html' | 'plain'>,
): Pick<TemplateText, 'html' | 'plain'> {
  const { plain: text, html: markup } = own;
  return {
    html: html.replace(BODY, () => markup ?? (text === undefined ? '' : asHtml(text))),
    plain: plain.replace(BODY, () => text ?? (markup === undefined ? '' : plainOf(markup))),
  };
}

/** text/plain first, then text/html, then the others, as SendGrid demands of a mail. */
function mergeParts(parts: readonly Part[], { html, plain }: Pick<TemplateText, 'html' | 'plain'>): Part[] {
  const made: [type: string, value: string][] = [
    ['text/plain', plain],
    ['text/html', html],
  ];
  const rest = parts.filter(({ type }) => !made.some(([ours]) => ours === type.toLowerCase()));
  const merged = made.flatMap(([type, value]) => {
    const kept = parts.find((part) => part.type.toLowerCase() === type);
    return value.trim() === '' ? (kept ? [kept] : []) : [{ type, value }];
  });
  return [...merged, ...rest];
}

function asHtml(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return escaped.replace(/\r\n|\r|\n/g, '<br>\n');
}
