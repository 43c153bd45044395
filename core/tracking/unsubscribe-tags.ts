/**
 * The tags that stand for unsubscribe links (SendGrid), and what goes below a mail that has none of them. A tag of the forms
 * `…_url` is a whole link where it stands in HTML's text, and only its URL inside an attribute and in plain text.
 */
import { escapeHtml } from './html.ts';
import type { Subscription } from './settings.ts';
import type { UnsubscribeAction } from './token.ts';

/** `words`: of the link that the tag becomes; absent: it is only the URL. */
export type Tag = { tag: string; action: UnsubscribeAction; words?: string };

const UNSUBSCRIBE = 'Unsubscribe From This List';
const PREFERENCES = 'Manage Email Preferences';

/** Only where the mail has an unsubscribe group. */
export const GROUP_TAGS: readonly Tag[] = [
  { tag: '<%asm_group_unsubscribe_raw_url%>', action: 'list' },
  { tag: '<%asm_group_unsubscribe_url%>', action: 'list', words: UNSUBSCRIBE },
  { tag: '<%asm_global_unsubscribe_raw_url%>', action: 'all' },
  { tag: '<%asm_global_unsubscribe_url%>', action: 'all', words: 'Unsubscribe' },
  { tag: '<%asm_preferences_raw_url%>', action: 'preferences' },
  { tag: '<%asm_preferences_url%>', action: 'preferences', words: PREFERENCES },
];
/** Where it has a group, or subscription tracking. */
export const DESIGN_TAGS: readonly Tag[] = [
  { tag: '{{{unsubscribe_preferences}}}', action: 'preferences' },
  { tag: '{{{unsubscribe}}}', action: 'list' },
];

/** What goes below a part: texts, and between them links. */
export type Below = (string | { action: UnsubscribeAction; words?: string })[];

export function belowOfGroup(type: 'html' | 'text'): Below {
  return type === 'html'
    ? [
        '<p style="font-size:12px;line-height:20px;text-align:center">',
        { action: 'list', words: UNSUBSCRIBE },
        ' | ',
        { action: 'preferences', words: PREFERENCES },
        '</p>',
      ]
    : [`\r\n\r\n${UNSUBSCRIBE}: `, { action: 'list' }, `\r\n${PREFERENCES}: `, { action: 'preferences' }, '\r\n'];
}

/** SendGrid's own words, where the sender has none. `<% %>` is the URL, `<% words %>` a link of these words. */
const SENTENCE = 'If you would like to unsubscribe and stop receiving these emails';
const DEFAULTS = {
  html: `<p>${SENTENCE} <% click here %>.</p>`,
  text: `\r\n\r\n${SENTENCE} click here: <% %>.\r\n`,
};
const LINK = /<%\s*(.*?)\s*%>/gs;

export function belowOfSubscription({ text, html }: Subscription, type: 'html' | 'text'): Below {
  const own = type === 'html' ? html : text;
  const words = own ?? DEFAULTS[type];
  const below: Below = [];
  let from = 0;
  for (const { 0: match, 1: inside = '', index } of words.matchAll(LINK)) {
    below.push(words.slice(from, index));
    from = index + match.length;
    if (type === 'html') below.push({ action: 'list', words: inside || 'unsubscribe' });
    else below.push(inside ? `${inside}: ` : '', { action: 'list' });
  }
  below.push(words.slice(from));
  // A text in which the tag was forgotten: SendGrid's reader would have no link.
  if (from === 0) below.push(' ', { action: 'list', ...(type === 'html' && { words: 'Unsubscribe' }) });
  return type === 'text' && own !== undefined ? ['\r\n\r\n', ...below, '\r\n'] : below;
}

/** A link as HTML. @param url of ours: it has no character that HTML knows */
export const linkTo = (url: string, words: string) => `<a href="${url}">${words}</a>`;

/** Words of the sender's stay his HTML; ours have nothing to escape. */
export const urlInHtml = (url: string) => (/^[A-Za-z0-9:/._?=@%-]+$/.test(url) ? url : escapeHtml(url));
