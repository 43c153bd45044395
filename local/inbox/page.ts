/**
 * The inbox's page: one document, its style and script inline, nothing loaded from anywhere. Its own policy allows just
 * that style and that script, by hash, and frames from itself only: a mail shown in a frame cannot lead the frame away.
 * The help is written from the tables that the sink and the DNS server act on, so it cannot say anything else.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DOMAINS } from '../dns.ts';
import { BEHAVIOURS } from '../sink/behaviours.ts';

/** What the first mail can be sent with. */
export type InboxLinks = {
  /** The API's base URL, without a slash at the end. */
  apiUrl: string;
  /** Absent: the example has a placeholder. */
  apiKey?: string;
  /** A sender that the account may use. */
  from?: string;
};

export function makePage(links: InboxLinks): { html: string; policy: string } {
  const style = read('page.css');
  const script = read('page.js');
  const parts: Record<string, string> = {
    style,
    script,
    curl: escapeHtml(curlExample(links)),
    behaviours: behaviourRows(),
    domains: DOMAINS.map(({ domain, does }) => row(`you@${domain}`, does)).join(''),
  };
  const html = read('page.html').replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name]!);
  const policy = [
    "default-src 'none'",
    `style-src '${sha256(style)}'`,
    `script-src '${sha256(script)}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html, policy };
}

function curlExample({ apiUrl, apiKey = '<your API key>', from = 'hello@example.com' }: InboxLinks): string {
  return `curl ${apiUrl}/v3/mail/send \\
  -H 'Authorization: Bearer ${apiKey}' \\
  -H 'Content-Type: application/json' \\
  -d '{
    "personalizations": [{"to": [{"email": "reader@example.org"}]}],
    "from": {"email": ${JSON.stringify(from)}},
    "subject": "Hello from Pennypost",
    "content": [{"type": "text/plain", "value": "It works."}]
  }'`;
}

function behaviourRows(): string {
  return BEHAVIOURS.map(({ name, does, action }) => {
    const reply = 'reply' in action ? action.reply.replaceAll('{ip}', '127.0.0.1') : undefined;
    return row(`${name.replace('{n}', '2')}@…`, does.replace(/\bn\b/, '2'), reply);
  }).join('');
}

function row(address: string, does: string, reply?: string): string {
  const sample = reply ? `<pre>${escapeHtml(reply)}</pre>` : '';
  return `<tr><th scope="row"><code>${escapeHtml(address)}</code></th><td>${escapeHtml(does)}${sample}</td></tr>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}

function sha256(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function read(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}
