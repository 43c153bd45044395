/** Valid bodies to begin from, and the account they are sent in. */
import { type MailSendContext, validateMailSend } from '../../../core/mail-send/index.ts';

/** 2026-01-15T12:00:00Z */
export const NOW = 1_768_478_400_000;
export const NOW_SECONDS = 1_768_478_400;
export const DYNAMIC = 'd-0123456789abcdef0123456789abcdef';
export const LEGACY = '13b8f94f-bcae-4ec6-b752-70d6cb59f932';

/** The active version of both. */
export const TEXT = { version: 'v1', revision: 'r1', pieces: 1, subject: true };

export const context: MailSendContext = {
  now: NOW,
  pools: new Set(['bulk', 'p'.repeat(64), 'p'.repeat(65), 'pp', 'p']),
  groups: new Set(Array.from({ length: 30 }, (_, i) => i + 1)),
  templates: new Map([DYNAMIC, LEGACY].map((id) => [id, { active: TEXT }])),
};

export type Json = { [key: string]: unknown };

/** The smallest valid body, with some root properties set; undefined takes one away. */
export function mail(root: Json = {}): Json {
  const body: Json = {
    personalizations: [{ to: [{ email: 'to@example.net' }] }],
    from: { email: 'from@example.com' },
    subject: 'Hello',
    content: [{ type: 'text/plain', value: 'Hi' }],
    ...root,
  };
  for (const [key, value] of Object.entries(body)) if (value === undefined) delete body[key];
  return body;
}

/** The same with one personalization that has these properties too. */
export function personal(properties: Json = {}, root: Json = {}): Json {
  return mail({ ...root, personalizations: [{ to: [{ email: 'to@example.net' }], ...properties }] });
}

export function addresses(count: number, prefix = 'a'): { email: string }[] {
  return Array.from({ length: count }, (_, i) => ({ email: `${prefix}${i}@example.net` }));
}

export function accepted(body: unknown, more: Partial<MailSendContext> = {}) {
  const result = validateMailSend(body, { ...context, ...more });
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.errors)}`);
  return result.request;
}

export function refused(body: unknown, more: Partial<MailSendContext> = {}) {
  const result = validateMailSend(body, { ...context, ...more });
  if (result.ok) throw new Error('accepted');
  return result.errors;
}
