/**
 * The pages that a reader sees when he unsubscribes: they ask before they do anything, because programs follow links too; they work
 * without JavaScript, on a phone, and with a screen reader; and they load nothing from anywhere. What they show is escaped.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from './html.ts';

export type ShownGroup = { id: number; name: string; description: string };

const STYLE = `:root{color-scheme:light dark}*{box-sizing:border-box}body{margin:0;font:17px/1.5 system-ui,sans-serif;background:Canvas;color:CanvasText}main{max-width:34rem;margin:0 auto;padding:2rem 1.25rem 3rem}h1{font-size:1.5rem;line-height:1.25;margin:0 0 .75rem}p{margin:0 0 1rem}.who{overflow-wrap:anywhere;font-weight:600}button{font:inherit;font-weight:600;padding:.75rem 1.25rem;min-height:3rem;border-radius:.5rem;border:1px solid #1a5fb4;background:#1a5fb4;color:#fff;cursor:pointer;width:100%}button.second{background:transparent;color:inherit;border-color:currentColor}fieldset{border:0;margin:0 0 1rem;padding:0}legend{padding:0;margin-bottom:.5rem;font-weight:600}label{display:flex;gap:.75rem;padding:.75rem 0;border-bottom:1px solid #8886;min-height:3rem}input{width:1.4rem;height:1.4rem;flex:none;margin:.1rem 0 0}small{display:block;opacity:.8}form+form{margin-top:1rem}:focus-visible{outline:3px solid #62a0ea;outline-offset:2px}@media(min-width:40rem){main{padding-top:4rem}button{width:auto}}`;

/** Of a page: nothing but its own style and forms; in no other site's frame. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'X-Frame-Options': 'DENY',
};

const page = (title: string, main: string) =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${main}
</main>
</body>
</html>
`;

const who = (address: string) => `<span class="who">${escapeHtml(address)}</span>`;
const form = (act: string, words: string, second = false) =>
  `<form method="post"><input type="hidden" name="do" value="${act}"><button${second ? ' class="second"' : ''}>${words}</button></form>`;
const ofList = (group: ShownGroup | undefined) =>
  group ? `“${escapeHtml(group.name)}”` : 'any e-mail from this sender';

export const askPage = (address: string, group: ShownGroup | undefined) =>
  page(
    'Unsubscribe?',
    `<p>${who(address)} will no longer get ${ofList(group)}.</p>\n${form('unsubscribe', 'Unsubscribe')}`,
  );

export const donePage = (address: string, group: ShownGroup | undefined) =>
  page(
    'You are unsubscribed',
    `<p>${who(address)} will no longer get ${ofList(group)}.</p>\n<p>Was that a mistake?</p>\n${form('resubscribe', 'Subscribe again', true)}`,
  );

export const backPage = (address: string, group: ShownGroup | undefined) =>
  page(
    'You are subscribed',
    `<p>${who(address)} will get ${ofList(group)} again.</p>\n${form('unsubscribe', 'Unsubscribe', true)}`,
  );

/** @param off ids of the groups that the reader gets no mail of @param all he gets none at all */
export function preferencesPage(
  address: string,
  groups: readonly ShownGroup[],
  { off, all, saved }: { off: ReadonlySet<number>; all: boolean; saved: boolean },
): string {
  const boxes = groups.map(
    ({ id, name, description }) =>
      `<label><input type="checkbox" name="group" value="${id}"${off.has(id) || all ? '' : ' checked'}><span>${escapeHtml(name)}<small>${escapeHtml(description)}</small></span></label>`,
  );
  const list =
    boxes.length === 0
      ? ''
      : `<form method="post"><input type="hidden" name="do" value="save"><fieldset><legend>Send me</legend>\n${boxes.join('\n')}\n</fieldset><button>Save</button></form>\n`;
  const state = all ? `<p role="status">You get no e-mail from this sender.</p>\n` : '';
  const said = saved ? '<p role="status">Your preferences are saved.</p>\n' : '';
  const everything = all
    ? form('resubscribe-all', 'Subscribe again', true)
    : form('unsubscribe-all', 'Unsubscribe from everything', true);
  return page('E-mail preferences', `${said}<p>For ${who(address)}</p>\n${state}${all ? '' : list}${everything}`);
}

export const failedPage = () => page('That did not work', '<p>Nothing has changed. Please try again in a minute.</p>');

export const unknownPage = () =>
  page('This link does not work', '<p>It may be incomplete, or too old. Please use the link in a newer e-mail.</p>');
