/**
 * A reader of the sink's: loads the pixel of a mail, follows its first link, or unsubscribes with one click (RFC 8058), as his name
 * asks (`open@`, `click@`, `unsubscribe@`). He goes to this machine only, whatever a mail says, and follows no redirect away from it.
 */
import { simpleParser } from 'mailparser';
import { isLoopback } from '../../core/tracking/link-host.ts';

export type Reads = 'open' | 'click' | 'unsubscribe';

/** A browser as people have it: a machine's visits would be marked. */
const BROWSER = {
  'user-agent':
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'accept-language': 'en',
};
const PATIENCE = 10_000;

/** What he asked for, and the answer; undefined: the mail has nothing of the kind for him. */
export async function readMail(raw: Buffer, what: Reads): Promise<{ url: string; status: number } | undefined> {
  const url = await urlIn(raw, what);
  if (url === undefined || !isLoopback(new URL(url).host)) return undefined;
  const oneClick = { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) };
  const answer = await fetch(url, {
    headers: BROWSER,
    redirect: 'manual',
    signal: AbortSignal.timeout(PATIENCE),
    ...(what === 'unsubscribe' ? oneClick : {}),
  });
  await answer.arrayBuffer();
  return { url, status: answer.status };
}

async function urlIn(raw: Buffer, what: Reads): Promise<string | undefined> {
  const mail = await simpleParser(raw, { skipImageLinks: true, skipTextToHtml: true });
  const html = mail.html || '';
  if (what === 'open') return /<img src="(https?:\/\/[^"]+\/o\/[^"]+)"/.exec(html)?.[1];
  if (what === 'click') return /https?:\/\/[^\s"'<>]+\/c\/[\w-]+/.exec(html || (mail.text ?? ''))?.[0];
  const listed = mail.headerLines.find(({ key }) => key === 'list-unsubscribe')?.line ?? '';
  return /<(https?:\/\/[^>\s]+)>/.exec(listed)?.[1];
}
