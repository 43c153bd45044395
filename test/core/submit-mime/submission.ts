/** A submitted message and what it is read into, for the tests of this folder. */
import type { MailRequest } from '../../../core/mail.ts';
import type { KnownTemplate } from '../../../core/mail-send/template.ts';
import { readSubmitted, type Submitted, type SubmittedMail } from '../../../core/submit-mime/index.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);
export const POOLS = new Set(['default', 'testPool']);
export const TEMPLATE = '5997fcf6-2b9f-484d-acd5-7e9a99f0dc1f';
export const [WITHOUT_VERSION, DYNAMIC] = ['6997fcf6-2b9f-484d-acd5-7e9a99f0dc1f', `d-${'a'.repeat(32)}`];
const ACTIVE = { active: { version: 'v1', revision: 'r1', pieces: 1, subject: true } };
export const HEAD = ['From: News <news@sender.example>', 'To: bob@x.example', 'Subject: Hello'];

export function submit(fields: readonly string[], changes: Partial<Submitted> = {}): SubmittedMail {
  const header = Buffer.from(`${fields.map((field) => `${field}\r\n`).join('')}\r\n`);
  return readSubmitted(
    {
      header,
      size: header.length + 7,
      mime: { octets: `${header.toString('latin1')}Hello\r\n` },
      mailFrom: 'app@sender.example',
      rcptTo: ['bob@x.example'],
      eightBit: false,
      smtpUtf8: false,
      ...changes,
    },
    {
      now: NOW,
      pools: POOLS,
      groups: new Set([7, 123]),
      templates: new Map<string, KnownTemplate>([
        [TEMPLATE, ACTIVE],
        [WITHOUT_VERSION, {}],
        [DYNAMIC, ACTIVE],
      ]),
    },
  );
}

/** With X-SMTPAPI. */
export const submitWith = (api: unknown, rcptTo = ['bob@x.example']): SubmittedMail =>
  submit([...HEAD, `X-SMTPAPI: ${typeof api === 'string' ? api : JSON.stringify(api)}`], { rcptTo });

/** The request of one that is taken. */
export function taken(read: SubmittedMail): MailRequest {
  if (read.ok === true) return read.request;
  throw new Error(read.ok === 'dropped' ? read.detail : read.reply.text);
}

/** Why one is dropped. */
export function detailOf(read: SubmittedMail): string {
  if (read.ok !== 'dropped') throw new Error(`not dropped: ${JSON.stringify(read)}`);
  return read.detail;
}
