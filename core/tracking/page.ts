/**
 * The pages that a reader sees when he unsubscribes: they ask before they do anything, because programs follow links too; they work
 * without JavaScript, on a phone, and with a screen reader; and they load nothing from anywhere. What they show is escaped.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from './html.ts';

export type ShownGroup = { id: number; name: string; description: string };

/** Colours of day and night, rows that a thumb finds, and a card where there is room for one. */
const STYLE = [
  ':root{color-scheme:light dark;--page:#f3f4f6;--card:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d8dee4;--act:#1a5fb4;--over:#154c90;--good:#e6f4ea;--mark:#1a7f37}',
  '@media(prefers-color-scheme:dark){:root{--page:#101418;--card:#1a2027;--ink:#e6eaee;--soft:#a3adb8;--line:#343d47;--act:#2b74d1;--over:#3b82dc;--good:#15301f;--mark:#57c97a}}',
  '*{box-sizing:border-box}',
  'body{margin:0;background:var(--card);color:var(--ink);font:17px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;-webkit-text-size-adjust:100%}',
  'main{max-width:35rem;margin:0 auto;padding:2rem 1.25rem 3rem}',
  'h1{font-size:1.6rem;line-height:1.2;letter-spacing:-.01em;margin:0 0 .5rem}',
  'p{margin:0 0 1.25rem;color:var(--soft)}',
  'main>p:last-child{margin:0}',
  '.who{overflow-wrap:anywhere;font-weight:600;color:var(--ink)}',
  '[role=status]{display:flex;gap:.625rem;margin:1.25rem 0 1.5rem;padding:.75rem 1rem;border-radius:.625rem;background:var(--good);color:var(--ink)}',
  '[role=status]::before{content:"\\2713";color:var(--mark);font-weight:700}',
  'form{margin:0}',
  'fieldset{border:0;margin:0 0 1.25rem;padding:0;min-width:0}',
  'legend{padding:0;margin:0 0 .25rem;font-weight:600}',
  'label{display:flex;gap:.875rem;padding:.875rem 0;border-bottom:1px solid var(--line);cursor:pointer;overflow-wrap:anywhere}',
  'input{width:1.375rem;height:1.375rem;flex:none;margin:.1rem 0 0;accent-color:var(--act)}',
  'b{display:block;font-weight:500}',
  'small{display:block;font-size:.9rem;line-height:1.4;color:var(--soft)}',
  'button{width:100%;min-height:3rem;padding:.7rem 1.5rem;border:1px solid var(--act);border-radius:.625rem;background:var(--act);color:#fff;font:inherit;font-weight:600;cursor:pointer}',
  'button:hover{background:var(--over);border-color:var(--over)}',
  '.second{background:transparent;border-color:var(--line);color:var(--ink)}',
  '.second:hover{background:var(--page);border-color:var(--soft)}',
  'section{margin-top:2rem;padding-top:1.5rem;border-top:1px solid var(--line)}',
  'section p{margin-bottom:.875rem;font-size:.9rem}',
  ':focus-visible{outline:3px solid var(--act);outline-offset:2px}',
  '@media(min-width:40rem){body{background:var(--page)}main{margin:3.5rem auto;padding:2.5rem 2.75rem;background:var(--card);border:1px solid var(--line);border-radius:1rem}button{width:auto}}',
].join('');

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
<meta name="format-detection" content="telephone=no,email=no">
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

const done = (words: string) => `<p role="status"><span>${words}</span></p>\n`;
/** What can be taken back, apart from what is asked. */
const apart = (words: string, below: string) => `<section>\n<p>${words}</p>\n${below}\n</section>`;

export const askPage = (address: string, group: ShownGroup | undefined) =>
  page(
    'Unsubscribe?',
    `<p>${who(address)} will no longer get ${ofList(group)}.</p>\n${form('unsubscribe', 'Unsubscribe')}`,
  );

export const donePage = (address: string, group: ShownGroup | undefined) =>
  page(
    'You are unsubscribed',
    `${done(`${who(address)} will no longer get ${ofList(group)}.`)}${apart('Was that a mistake?', form('resubscribe', 'Subscribe again', true))}`,
  );

export const backPage = (address: string, group: ShownGroup | undefined) =>
  page(
    'You are subscribed',
    `${done(`${who(address)} will get ${ofList(group)} again.`)}${apart('You can leave at any time.', form('unsubscribe', 'Unsubscribe', true))}`,
  );

/** @param off ids of the groups that the reader gets no mail of @param all he gets none at all */
export function preferencesPage(
  address: string,
  groups: readonly ShownGroup[],
  { off, all, saved }: { off: ReadonlySet<number>; all: boolean; saved: boolean },
): string {
  const boxes = groups.map(
    ({ id, name, description }) =>
      `<label><input type="checkbox" name="group" value="${id}"${off.has(id) || all ? '' : ' checked'}><span><b>${escapeHtml(name)}</b><small>${escapeHtml(description)}</small></span></label>`,
  );
  const list = `<form method="post"><input type="hidden" name="do" value="save"><fieldset><legend>Send me</legend>\n${boxes.join('\n')}\n</fieldset><button>Save</button></form>\n`;
  const said = saved ? done('Your preferences are saved.') : '';
  const whose = `<p>For ${who(address)}</p>\n`;
  const nothing = `<p>You get no e-mail from this sender.</p>\n${form('resubscribe-all', 'Subscribe again', true)}`;
  const leave = form('unsubscribe-all', 'Unsubscribe from everything', true);
  const some = `${boxes.length === 0 ? '' : list}${apart('Or get no e-mail from this sender at all.', leave)}`;
  return page('E-mail preferences', `${said}${whose}${all ? nothing : some}`);
}

export const failedPage = () => page('That did not work', '<p>Nothing has changed. Please try again in a minute.</p>');

export const unknownPage = () =>
  page('This link does not work', '<p>It may be incomplete, or too old. Please use the link in a newer e-mail.</p>');
