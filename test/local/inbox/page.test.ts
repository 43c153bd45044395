import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DOMAINS } from '../../../local/dns.ts';
import { makePage } from '../../../local/inbox/page.ts';
import { BEHAVIOURS } from '../../../local/sink/behaviours.ts';

test('it shows every behaviour of the sink and of the DNS server', () => {
  const { html } = makePage({ apiUrl: 'http://127.0.0.1:9999' });
  for (const { name } of BEHAVIOURS) expect(html).toContain(`<code>${name.replace('{n}', '2')}@…</code>`);
  for (const { domain } of DOMAINS) expect(html).toContain(`<code>you@${domain}</code>`);
  expect(html).not.toMatch(/\{\{\w+\}\}/);
});

test('it says how to send a first mail; what it is told is text, never markup', () => {
  const { html } = makePage({ apiUrl: 'http://127.0.0.1:9999', apiKey: 'SG.<b>key</b>', from: 'me@shop.test' });
  expect(html).toContain('curl http://127.0.0.1:9999/v3/mail/send');
  expect(html).toContain('Bearer SG.&#60;b&#62;key');
  expect(html).toContain('{&#34;email&#34;: &#34;me@shop.test&#34;}');
});

test('it asks nobody else for anything, and its policy allows its own style and script only', () => {
  // Act
  const { html, policy } = makePage({ apiUrl: 'http://127.0.0.1:9999' });
  const hashOf = (tag: string) => {
    const [, content] = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html)!;
    return `sha256-${createHash('sha256').update(content!).digest('base64')}`;
  };

  // Assess
  expect(html).not.toMatch(/(?:src|href)\s*=\s*["']?(?:https?:)?\/\//);
  expect(html.match(/<(?:script|style)\b/g)).toEqual(['<style', '<script']);
  expect(policy).toContain(`script-src '${hashOf('script')}';`);
  expect(policy).toContain(`style-src '${hashOf('style')}';`);
  expect(policy).toMatch(/^default-src 'none';/);
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
});
