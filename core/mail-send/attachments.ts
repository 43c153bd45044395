/**
 * Attachments: base64 content, a name, and what becomes MIME headers, which cannot hold line breaks.
 * Content is checked in one pass and carried as it was given; it is decoded only where the message is composed.
 */
import type { Attachment } from '../mail.ts';
import { readMediaType } from './content.ts';
import {
  addFault,
  type Faults,
  isFull,
  type JsonObject,
  quoted,
  readArray,
  readLine,
  readObject,
  readString,
  under,
} from './faults.ts';

/**
 * `contentId`: what @sendgrid/mail puts on the wire when its types are followed; SendGrid itself drops it. `name`: sendgrid-go may
 * send it; like SendGrid, nobody reads it.
 */
const PROPERTIES = ['content', 'filename', 'type', 'disposition', 'content_id', 'contentId', 'name'];

const NONE = 0;
const DIGIT = 1;
const PAD = 2;
const LINE_BREAK = 3;
const KIND = new Uint8Array(128);
for (const digit of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
  KIND[digit.charCodeAt(0)] = DIGIT;
KIND['='.charCodeAt(0)] = PAD;
KIND['\r'.charCodeAt(0)] = LINE_BREAK;
KIND['\n'.charCodeAt(0)] = LINE_BREAK;

export function readAttachments(faults: Faults, value: unknown): Attachment[] {
  const list = readArray(faults, value, 'attachments') ?? [];
  const attachments: Attachment[] = [];
  for (const [i, entry] of list.entries()) {
    if (isFull(faults)) break;
    const attachment = readAttachment(faults, entry, under('attachments', i));
    if (attachment) attachments.push(attachment);
  }
  return attachments;
}

/** Whether a text is base64 with its padding (RFC 4648 4); line breaks may stand between (RFC 2045 6.8). */
export function isBase64(text: string): boolean {
  let digits = 0;
  let pads = 0;
  for (let i = 0; i < text.length; i++) {
    const kind = KIND[text.charCodeAt(i)] ?? NONE;
    if (kind === DIGIT) {
      if (pads > 0) return false;
      digits++;
    } else if (kind === PAD) pads++;
    else if (kind === NONE) return false;
  }
  return digits > 0 && pads <= 2 && (digits + pads) % 4 === 0;
}

function readAttachment(faults: Faults, value: unknown, field: string): Attachment | undefined {
  const object = readObject(faults, value, field, PROPERTIES);
  if (!object) return undefined;
  const content = readContent(faults, object.content, under(field, 'content'));
  const filename = readLine(faults, object.filename, under(field, 'filename'), 'filename of the attachment');
  if (object.filename === undefined || filename === '')
    addFault(
      faults,
      under(field, 'filename'),
      'The filename of the attachment is required and must be at least one character in length.',
    );
  const type = readMediaType(faults, object.type, under(field, 'type'));
  const disposition = readDisposition(faults, object.disposition, under(field, 'disposition'));
  const contentId = readContentId(faults, object, field);
  if (content === undefined || filename === undefined || disposition === undefined) return undefined;
  return {
    content,
    filename,
    ...(type === undefined ? {} : { type }),
    disposition,
    ...(contentId === undefined ? {} : { contentId }),
  };
}

function readContentId(faults: Faults, object: JsonObject, field: string): string | undefined {
  if (object.content_id !== undefined && object.contentId !== undefined)
    addFault(faults, under(field, 'contentId'), 'The contentId must not be used together with content_id.');
  const name = object.content_id === undefined && object.contentId !== undefined ? 'contentId' : 'content_id';
  return readLine(faults, object[name], under(field, name), 'content_id of the attachment');
}

function readContent(faults: Faults, value: unknown, field: string): string | undefined {
  const content = readString(faults, value, field);
  if (content === undefined && value !== undefined) return undefined;
  if (!content) addFault(faults, field, 'The attachment content is required.');
  else if (!isBase64(content)) addFault(faults, field, 'The attachment content must be base64 encoded.');
  return content;
}

function readDisposition(faults: Faults, value: unknown, field: string): Attachment['disposition'] | undefined {
  if (value === undefined) return 'attachment';
  const text = readString(faults, value, field);
  if (text === undefined || text === 'inline' || text === 'attachment') return text;
  addFault(
    faults,
    field,
    `The disposition of your attachment must be either "inline" or "attachment", you provided "${quoted(text)}".`,
  );
  return undefined;
}
