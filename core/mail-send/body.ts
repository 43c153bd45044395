/**
 * Bytes of a request to a JSON value. Refuses, in this order and before anything costly: another content type, bytes
 * that are not UTF-8, nesting beyond `JSON_DEPTH`, text that is not JSON, and a name given twice in one object (one
 * of the two would be lost in silence). All in one pass each.
 */
import { type ApiError, type ApiErrorCode, apiError, apiErrors } from '../errors.ts';
import { quoted } from './faults.ts';
import { JSON_DEPTH } from './limits.ts';

export type ParsedBody = { ok: true; value: unknown } | { ok: false; status: number; errors: ApiError[] };

const LONGEST_CONTENT_TYPE = 200;

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * @param bytes the body, decompressed
 * @param contentType the Content-Type header as it came
 */
export function parseJsonBody(bytes: Uint8Array, contentType: string | undefined): ParsedBody {
  if (contentType === undefined || !isJson(contentType)) return refuse('notJson');
  const text = decode(bytes);
  if (text === undefined) return refuse('notUtf8');
  const { depth, names } = measure(text);
  if (depth > JSON_DEPTH) return refuseAs(`The JSON must not be nested more than ${JSON_DEPTH} levels deep.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('badRequest');
  }
  if (countNames(value) === names) return { ok: true, value };
  return refuseAs(`The JSON must not give a name twice in one object: "${quoted(findRepeatedName(text))}".`);
}

/** JSON has no charset parameter (RFC 8259 11), but clients send one; it must not say anything but UTF-8. */
function isJson(contentType: string): boolean {
  if (contentType.length > LONGEST_CONTENT_TYPE) return false;
  const [type, ...parameters] = contentType
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice('charset='.length);
  return type === 'application/json' && (charset === undefined || /^"?utf-?8"?$/.test(charset));
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Levels of nesting and names of properties, counted outside strings. Right for JSON; for other text JSON.parse says no. */
function measure(text: string): { depth: number; names: number } {
  let depth = 0;
  let level = 0;
  let names = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === COLON) names++;
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      level++;
      if (level > depth) depth = level;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) level--;
  }
  return { depth, names };
}

/** The index of the quote that ends the string begun at `start`; the text's end where there is none. */
function endOfString(text: string, start: number): number {
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return text.length;
    let first = quote;
    while (first > from && text.charCodeAt(first - 1) === BACKSLASH) first--;
    if ((quote - first) % 2 === 0) return quote;
    from = quote + 1;
  }
}

function countNames(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const one of value) if (typeof one === 'object') count += countNames(one);
    return count;
  }
  const object = value as Record<string, unknown>;
  const names = Object.keys(object);
  for (const name of names) if (typeof object[name] === 'object') count += countNames(object[name]);
  return count + names.length;
}

/** Only run on JSON that repeats a name. */
function findRepeatedName(text: string): string {
  const objects: (Set<string> | undefined)[] = [];
  let last = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const end = endOfString(text, i);
      last = text.slice(i, end + 1);
      i = end;
    } else if (code === OPEN_BRACE) objects.push(new Set());
    else if (code === OPEN_BRACKET) objects.push(undefined);
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) objects.pop();
    else if (code === COLON) {
      const name = JSON.parse(last) as string;
      if (objects.at(-1)?.has(name)) return name;
      objects.at(-1)?.add(name);
    }
  }
  return '';
}

function refuse(code: ApiErrorCode): ParsedBody {
  return { ok: false, status: apiErrors[code].status, errors: [apiError(code)] };
}

function refuseAs(message: string): ParsedBody {
  return { ok: false, status: apiErrors.badRequest.status, errors: [{ message, field: null, help: null }] };
}
