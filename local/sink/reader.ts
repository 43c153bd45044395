/**
 * A reader of the sink's: loads the pixel of a mail, follows its first link, or unsubscribes with one click (RFC 8058), as his name
 * asks (`open@`, `click@`, `unsubscribe@`); or a scanner before him, which looks at whatever a link leads to (`scan@`).
 * They go to this machine only, whatever a mail says, and follow no redirect away from it.
 */
import { simpleParser } from 'mailparser';
import { isLoopback } from '../../core/tracking/link-host.ts';

export type Reads = 'open' | 'click' | 'unsubscribe' | 'scan';

/** A browser as people have it: a machine's visits would be marked. */
const BROWSER = {
  'user-agent':
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'accept-language': 'en',
};
/** And a scanner as mail gateways have them. */
const SCANNER = { 'user-agent': 'BarracudaCentral/1.0 (link-check; +https://www.barracudacentral.org/)' };
const PATIENCE = 30_000;

export type Visit = { url: string; status: number };

/** What was asked for, and the answers, in their order; empty: the mail has nothing of the kind. */
export async function readMail(raw: Buffer, what: Reads): Promise<Visit[]> {
  const visits: Visit[] = [];
  for (const url of await urlsIn(raw, what)) {
    if (!isLoopback(new URL(url).host)) continue;
    const oneClick = { method: 'POST', body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }) };
    const answer = await fetch(url, {
      headers: what === 'scan' ? SCANNER : BROWSER,
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE),
      ...(what === 'unsubscribe' ? oneClick : {}),
    });
    await answer.arrayBuffer();
    visits.push({ url, status: answer.status });
  }
  return visits;
}

async function urlsIn(raw: Buffer, what: Reads): Promise<string[]> {
  const mail = await simpleParser(raw, { skipImageLinks: true, skipTextToHtml: true });
  const html = mail.html || '';
  const listed = mail.headerLines.find(({ key }) => key === 'list-unsubscribe')?.line ?? '';
  const leave = /<(https?:\/\/[^>\s]+)>/.exec(listed)?.[1];
  const first = (found: string | undefined) => (found === undefined ? [] : [found]);
  if (what === 'open') return first(/<img src="(https?:\/\/[^"]+\/o\/[^"]+)"/.exec(html)?.[1]);
  if (what === 'click') return first(/https?:\/\/[^\s"'<>]+\/c\/[\w-]+/.exec(html || (mail.text ?? ''))?.[0]);
  if (what === 'unsubscribe') return first(leave);
  const links = `${html} ${mail.text ?? ''}`.match(/https?:\/\/[^\s"'<>]+\/[ocu]\/[\w-]+/g) ?? [];
  return [...new Set([...first(leave), ...links])];
}
