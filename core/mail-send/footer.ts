/**
 * `mail_settings.footer`: text under every text/plain part, HTML at the end of the body of every text/html part. Other parts
 * stay as they are. For content that a template makes, it is to be called with what the template made.
 */
import type { Part } from '../mail.ts';

export type Footer = { text?: string; html?: string };

/** White space may stand before the bracket (HTML 13.1.2.2). Runs in linear time: what it goes over, no later match can begin in. */
const BODY_END = /<\/body\s*>/gi;

/** Pure; gives the same parts where there is nothing to add. */
export function addFooter(parts: Part[], footer: Footer | undefined): Part[] {
  if (!footer) return parts;
  return parts.map((part) => {
    const type = part.type.toLowerCase();
    if (type === 'text/plain' && footer.text) return { ...part, value: addText(part.value, footer.text) };
    if (type === 'text/html' && footer.html) return { ...part, value: addHtml(part.value, footer.html) };
    return part;
  });
}

/** On a line of its own. */
function addText(value: string, text: string): string {
  return /[\r\n]$/.test(value) ? value + text : `${value}\n${text}`;
}

/** Before the last `</body>`: an earlier one may be quoted in a comment or a script. */
function addHtml(value: string, html: string): string {
  let end = value.length;
  for (const match of value.matchAll(BODY_END)) end = match.index;
  return value.slice(0, end) + html + value.slice(end);
}
