/**
 * What a mail says: subject and body parts, in the order that SendGrid demands (text/plain, text/html, then others).
 */
import type { Part } from '../mail.ts';
import { addFault, type Faults, isFull, readArray, readLine, readObject, readString, under } from './faults.ts';

const PROPERTIES = ['type', 'value'];
const REQUIRED =
  'Unless a valid template_id is provided, the content parameter is required. There must be at least one defined content block. We typically suggest both text/plain and text/html blocks are included, but only one block is required.';
const SUBJECT_REQUIRED =
  'The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined.';
const SUBJECT_EMPTY = 'The subject of your email must be a string at least one character in length.';
/** A media type without parameters: printable ASCII, no semicolon. */
const MEDIA_TYPE = /^[\x21-\x3a\x3c-\x7e]+$/;

/** @param templated whether a template that exists gives the content */
export function readParts(faults: Faults, value: unknown, templated: boolean): Part[] {
  const list = readArray(faults, value, 'content');
  if (list === undefined && value !== undefined) return [];
  if (!list || list.length === 0) {
    if (!templated) addFault(faults, 'content', REQUIRED);
    return [];
  }
  const parts: Part[] = [];
  for (const [i, entry] of list.entries()) {
    if (isFull(faults)) break;
    const part = readPart(faults, entry, under('content', i));
    if (part) parts.push(part);
  }
  checkOrder(faults, parts);
  return parts;
}

/** @param required whether the mail has no other subject (a template's, or one in every personalization) */
export function readSubject(faults: Faults, value: unknown, field: string, required: boolean): string | undefined {
  const subject = readLine(faults, value, field, 'subject');
  if (value === undefined && required) addFault(faults, field, SUBJECT_REQUIRED);
  if (subject === '') addFault(faults, field, required ? SUBJECT_REQUIRED : SUBJECT_EMPTY);
  return subject;
}

/** The `type` of a part or an attachment. */
export function readMediaType(faults: Faults, value: unknown, field: string): string | undefined {
  const type = readString(faults, value, field);
  if (type === undefined || MEDIA_TYPE.test(type)) return type;
  addFault(
    faults,
    field,
    type === ''
      ? 'The type must be a string at least one character in length.'
      : "The type must not contain ';', spaces, CRLF or non-ASCII characters.",
  );
  return undefined;
}

function readPart(faults: Faults, value: unknown, field: string): Part | undefined {
  const object = readObject(faults, value, field, PROPERTIES);
  if (!object) return undefined;
  const type = readMediaType(faults, object.type, under(field, 'type'));
  if (object.type === undefined) addFault(faults, under(field, 'type'), 'The type of the content block is required.');
  const text = readString(faults, object.value, under(field, 'value'));
  if (object.value === undefined || text === '')
    addFault(faults, under(field, 'value'), 'The content value must be a string at least one character in length.');
  return type === undefined || text === undefined ? undefined : { type, value: text };
}

function checkOrder(faults: Faults, parts: Part[]): void {
  const ranks = parts.map(({ type }) => rank(type.toLowerCase()));
  if (ranks.some((one, i) => i > 0 && one < ranks[i - 1]!))
    addFault(
      faults,
      'content',
      'If present, text/plain must be first, followed by text/html, followed by any other content.',
    );
  if (ranks.filter((one) => one === 0).length > 1 || ranks.filter((one) => one === 1).length > 1)
    addFault(faults, 'content', 'If present, text/plain and text/html must each be provided only once.');
}

function rank(type: string): number {
  return type === 'text/plain' ? 0 : type === 'text/html' ? 1 : 2;
}
