/** docs/events.md is true: its samples verify what we sign, and refuse what is old or changed; its schedule is ours. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { EVENT_TYPES } from '../../../core/event/event.ts';
import { nextNotify } from '../../../core/webhook/message.ts';
import { makeSigningKey, signatureHeaders } from '../../../core/webhook/signature.ts';

const text = readFileSync(resolve('docs/events.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'pennypost-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Verify = (key: string, body: Buffer, timestamp: string, signature: string) => boolean;

test('the samples verify', async () => {
  // Prepare
  const [, sample = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? [];
  const file = join(folder, 'sample.mjs');
  writeFileSync(file, `${sample}\nexport { verifyEcdsa, verifyHmac };`);
  const { verifyEcdsa, verifyHmac } = (await import(pathToFileURL(file).href)) as Record<string, Verify>;
  const { publicKey, privateKey } = makeSigningKey();
  const body = Buffer.from('[{"event":"open"}]');
  const signed = (at: number) => {
    const headers = signatureHeaders({ ecdsa: privateKey, hmac: Buffer.from('secret') }, at, body);
    return {
      timestamp: headers['X-Twilio-Email-Event-Webhook-Timestamp']!,
      ecdsa: headers['X-Twilio-Email-Event-Webhook-Signature']!,
      hmac: headers['X-Pennypost-Webhook-Signature']!,
    };
  };
  const now = Math.floor(Date.now() / 1_000);
  const [fresh, old] = [signed(now), signed(now - 601)];

  // Assess
  expect(verifyEcdsa!(publicKey, body, fresh.timestamp, fresh.ecdsa)).toBe(true);
  expect(verifyHmac!('secret', body, fresh.timestamp, fresh.hmac)).toBe(true);
  const changed = Buffer.from('[{"event":"click"}]');
  expect(verifyEcdsa!(publicKey, changed, fresh.timestamp, fresh.ecdsa)).toBe(false);
  expect(verifyHmac!('secret', changed, fresh.timestamp, fresh.hmac)).toBe(false);
  expect(verifyHmac!('other', body, fresh.timestamp, fresh.hmac)).toBe(false);
  expect(verifyHmac!('secret', body, fresh.timestamp, 'sha256=00')).toBe(false);
  // Whoever recorded a call cannot send it again later.
  expect(verifyEcdsa!(publicKey, body, old.timestamp, old.ecdsa)).toBe(false);
  expect(verifyHmac!('secret', body, old.timestamp, old.hmac)).toBe(false);
});

test('every event type is in the table, and the schedule of retries is the one that is kept', () => {
  for (const type of EVENT_TYPES) expect(text).toContain(`\`${type}\``);
  const seconds = Array.from({ length: 10 }, (_, n) => nextNotify(n + 1, 0, 0.5) / 1_000);
  expect(seconds).toEqual([10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 3_600]);
  expect(text).toContain('after 10 s, 30 s, 1, 2, 5, 10, 20, 30 and 60 minutes, then every hour');
});
