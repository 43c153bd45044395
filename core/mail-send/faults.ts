/**
 * What is wrong with a body, gathered field by field, and the readers that turn unknown JSON into typed values.
 * Each reader answers undefined where the value is absent or wrong, having noted the fault. None throws.
 * At most `ERRORS` faults are kept, so that a hostile body cannot make a long answer.
 */
import { type ApiError, apiError } from '../errors.ts';
import { ERRORS, QUOTED_CHARACTERS } from './limits.ts';

export type Faults = { errors: ApiError[]; wrongTypes: boolean };

const HELP = 'http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message.';
const INDEX = /^[0-9]+$/;
/** What ends a line or a C string, and so could write a header of its own (RFC 5322 2.2). */
const LINE_BREAKS = /[\r\n\0]/;

export function noFaults(): Faults {
  return { errors: [], wrongTypes: false };
}

/**
 * Notes one fault.
 * @param topic the anchor of `help`, null for none; by default the field without its indices
 */
export function addFault(faults: Faults, field: string, message: string, topic: string | null = topicOf(field)): void {
  if (isFull(faults)) return;
  faults.errors.push({ message, field, help: topic === null ? null : HELP + topic });
}

export function isFull(faults: Faults): boolean {
  return faults.errors.length >= ERRORS;
}

/** The answer: a value of the wrong JSON type is SendGrid's bare `Bad Request` first, then the field that it was. */
export function listFaults(faults: Faults): ApiError[] {
  return (faults.wrongTypes ? [apiError('badRequest'), ...faults.errors] : faults.errors).slice(0, ERRORS);
}

/** The sender's own text inside a message or a field path, cut to a length that does no harm. */
export function quoted(text: string): string {
  return text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}...` : text;
}

export function hasLineBreak(text: string): boolean {
  return LINE_BREAKS.test(text);
}

export type JsonObject = Record<string, unknown>;

/** An object with no other properties than those named: what we would not carry, we do not accept. */
export function readObject(
  faults: Faults,
  value: unknown,
  field: string,
  properties: readonly string[],
): JsonObject | undefined {
  const object = readAnyObject(faults, value, field);
  if (!object) return undefined;
  for (const key of Object.keys(object)) {
    if (properties.includes(key)) continue;
    addFault(faults, under(field, key), `Additional property ${quoted(key)} is not allowed.`, null);
    if (isFull(faults)) break;
  }
  return object;
}

export function readAnyObject(faults: Faults, value: unknown, field: string): JsonObject | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  return wrongType(faults, field, 'object', value);
}

export function readArray(faults: Faults, value: unknown, field: string): unknown[] | undefined {
  if (value === undefined || Array.isArray(value)) return value;
  return wrongType(faults, field, 'array', value);
}

export function readString(faults: Faults, value: unknown, field: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  return wrongType(faults, field, 'string', value);
}

/** A string for a header: without CR, LF and NUL. */
export function readLine(faults: Faults, value: unknown, field: string, what: string): string | undefined {
  const text = readString(faults, value, field);
  if (text === undefined || !hasLineBreak(text)) return text;
  addFault(faults, field, `The ${what} must not contain CR, LF or NUL characters.`);
  return undefined;
}

export function readBoolean(faults: Faults, value: unknown, field: string): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value;
  return wrongType(faults, field, 'boolean', value);
}

export function readInteger(faults: Faults, value: unknown, field: string): number | undefined {
  if (value === undefined || Number.isInteger(value)) return value as number | undefined;
  return wrongType(faults, field, 'integer', value);
}

/**
 * An object whose values are all strings. A value of another type is named, with what to do: SendGrid's bare
 * `Bad Request` here is what its users could not make sense of.
 */
export function readStrings(faults: Faults, value: unknown, field: string): Record<string, string> | undefined {
  const object = readAnyObject(faults, value, field);
  if (!object) return undefined;
  let sound = true;
  for (const key of Object.keys(object)) {
    const one = object[key];
    if (typeof one === 'string') continue;
    sound = false;
    const message = `The ${nameOf(field)} values must be strings, you provided the ${typeOf(one)} of "${quoted(key)}".`;
    addFault(faults, under(field, key), message, topicOf(field));
    if (isFull(faults)) break;
  }
  return sound ? (object as Record<string, string>) : undefined;
}

/** The path of a property of `field`; the root's path is empty. */
export function under(field: string, key: string | number): string {
  const shown = key === '' ? '""' : quoted(String(key));
  return field === '' ? shown : `${field}.${shown}`;
}

/** The words are those of SendGrid's schema check. */
function wrongType(faults: Faults, field: string, expected: string, value: unknown): undefined {
  faults.wrongTypes = true;
  addFault(faults, field, `Invalid type. Expected: ${expected}, given: ${typeOf(value)}.`);
  return undefined;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function nameOf(field: string): string {
  return field.slice(field.lastIndexOf('.') + 1);
}

function topicOf(field: string): string {
  const path = field.split('.').filter((segment) => !INDEX.test(segment));
  if (path.at(-1) === 'email' || path.at(-1) === 'name') path.pop();
  return path.join('.');
}
