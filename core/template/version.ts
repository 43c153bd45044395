/**
 * Bodies of `/v3/templates` and of versions, and what they show: the shapes of SendGrid's OpenAPI document. A dynamic version is read by
 * the parser before it is stored, so that what cannot be rendered is refused with its line where SendGrid's users learn it from mail
 * that never comes.
 */

import type { ApiError } from '../errors.ts';
import { BODY_TAGS } from '../mail-send/defaults.ts';
import type { Generation, TemplateRecord, TemplateText, TemplateVersionRecord } from '../records/template.ts';
import { type CompiledTemplate, compileTemplate } from './compile.ts';
import { CONTENT_BYTES, NAME_CHARACTERS, SUBJECT_CHARACTERS, TEST_DATA_BYTES } from './limits.ts';
import { BODY } from './mail.ts';
import { plainOf } from './plain.ts';

type Json = Record<string, unknown>;
type Read<T> = { ok: true; value: T } | { ok: false; errors: ApiError[] };

export type TemplateFields = { name?: string; generation?: Generation; strict?: boolean };

/** What a version says of itself, beside its text. */
export type VersionFields = {
  name: string;
  editor: 'code' | 'design';
  generatePlain: boolean;
  /** Whether it is to be the active one; absent: as it is. */
  active?: boolean;
  text: TemplateText;
  /** Of a dynamic one. */
  compiled?: CompiledTemplate;
};

const GENERATIONS: readonly unknown[] = ['legacy', 'dynamic'];

export function readTemplateFields(body: unknown, { named }: { named: boolean }): Read<TemplateFields> {
  const errors: ApiError[] = [];
  const given = asObject(body, errors);
  const { generation, strict_variables: strict } = given;
  const name = readText(given, 'name', errors, NAME_CHARACTERS);
  if (name === undefined && named && given.name === undefined) fault(errors, 'name', 'name is required');
  if (name !== undefined && name.trim() === '') fault(errors, 'name', 'name must not be empty');
  if (generation !== undefined && !GENERATIONS.includes(generation))
    fault(errors, 'generation', 'generation must be legacy or dynamic');
  if (strict !== undefined && typeof strict !== 'boolean')
    fault(errors, 'strict_variables', 'strict_variables must be true or false');
  if (errors.length > 0) return { ok: false, errors };
  return {
    ok: true,
    value: {
      ...(name === undefined ? {} : { name }),
      ...(generation === undefined ? {} : { generation: generation as Generation }),
      ...(strict === undefined ? {} : { strict: strict as boolean }),
    },
  };
}

/** @param before the version that is changed, and its text; absent: it is a new one */
export function readVersionFields(
  body: unknown,
  generation: Generation,
  before?: { version: TemplateVersionRecord; text: TemplateText },
): Read<VersionFields> {
  const errors: ApiError[] = [];
  const given = asObject(body, errors);
  const old = before?.text;
  const name = readText(given, 'name', errors, NAME_CHARACTERS) ?? before?.version.name;
  const subject = readText(given, 'subject', errors, SUBJECT_CHARACTERS) ?? old?.subject;
  if (name === undefined && given.name === undefined) fault(errors, 'name', 'name is required');
  if (subject === undefined && given.subject === undefined) fault(errors, 'subject', 'subject is required');
  if (/[\r\n\0]/.test(subject ?? '')) fault(errors, 'subject', 'subject must be one line');
  const html = readText(given, 'html_content', errors) ?? old?.html ?? '';
  const givenPlain = readText(given, 'plain_content', errors);
  const testData = readTestData(given, generation, errors) ?? old?.testData;
  const editor = readChoice(given, errors) ?? before?.version.editor ?? 'code';
  const active = readActive(given, errors);
  const { generate_plain_content: generate } = given;
  if (generate !== undefined && typeof generate !== 'boolean')
    fault(errors, 'generate_plain_content', 'generate_plain_content must be true or false');
  if (errors.length > 0) return { ok: false, errors };

  const generatePlain = (generate as boolean | undefined) ?? before?.version.generatePlain ?? true;
  const isGenerated = generatePlain && html !== '';
  const plain = isGenerated ? plainOf(html) : (givenPlain ?? old?.plain ?? '');
  const text: TemplateText = { subject: subject!, html, plain, ...(testData === undefined ? {} : { testData }) };
  const fields = { name: name!, editor, generatePlain, ...(active === undefined ? {} : { active }), text };
  if (generation === 'legacy') {
    for (const [field, value] of [
      ['html_content', html],
      ['plain_content', plain],
    ] as const)
      if ((value.match(BODY)?.length ?? 0) > BODY_TAGS)
        fault(errors, field, `${field} must not hold <%body%> more than ${BODY_TAGS} times`);
    return errors.length > 0 ? { ok: false, errors } : { ok: true, value: fields };
  }
  const compiled = compileTemplate(text);
  if (compiled.ok) return { ok: true, value: { ...fields, compiled: compiled.template } };
  const found = compiled.errors.filter(({ field }) => !isGenerated || field !== 'plain_content');
  if (found.length > 0) return { ok: false, errors: found };
  fault(
    errors,
    'plain_content',
    'plain_content could not be made from html_content, whose {{…}} lie across its tags: give one, and set generate_plain_content to false',
  );
  return { ok: false, errors };
}

export function showTemplate(template: TemplateRecord, versions: readonly TemplateVersionRecord[]): Json {
  const { id, name, generation, updatedAt, strict } = template;
  return {
    id,
    name,
    generation,
    updated_at: timeOf(updatedAt),
    ...(strict ? { strict_variables: true } : {}),
    versions: versions.map((version) => showLean(template, version)),
  };
}

export function showVersion(template: TemplateRecord, version: TemplateVersionRecord, text: TemplateText): Json {
  const { html, plain, testData } = text;
  return {
    ...showLean(template, version),
    html_content: html,
    plain_content: plain,
    ...(testData === undefined ? {} : { test_data: testData }),
  };
}

function showLean({ active }: TemplateRecord, version: TemplateVersionRecord): Json {
  const { id, templateId, name, subject, editor, generatePlain, updatedAt } = version;
  return {
    id,
    template_id: templateId,
    active: active?.version === id ? 1 : 0,
    name,
    subject,
    generate_plain_content: generatePlain,
    editor,
    updated_at: timeOf(updatedAt),
  };
}

/** SendGrid: `2021-04-28 13:12:46`, UTC. */
function timeOf(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

function asObject(body: unknown, errors: ApiError[]): Json {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Json;
  fault(errors, null, 'the body must be a JSON object');
  return {};
}

/** @param most characters; absent: the bytes of a content */
function readText(given: Json, field: string, errors: ApiError[], most?: number): string | undefined {
  const value = given[field];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') fault(errors, field, `${field} must be a string`);
  else if (most !== undefined && value.length > most)
    fault(errors, field, `${field} must not be longer than ${most} characters`);
  else if (most === undefined && Buffer.byteLength(value) > CONTENT_BYTES)
    fault(errors, field, `${field} must not be larger than ${CONTENT_BYTES} bytes`);
  else return value;
  return undefined;
}

function readTestData(given: Json, generation: Generation, errors: ApiError[]): string | undefined {
  const { test_data: data } = given;
  if (data === undefined || data === null) return undefined;
  if (generation === 'legacy' && data !== '') fault(errors, 'test_data', 'test_data is for dynamic templates only');
  else if (typeof data !== 'string' || (data !== '' && !isObject(data)))
    fault(errors, 'test_data', 'test_data must be the JSON of an object, as a string');
  else if (Buffer.byteLength(data) > TEST_DATA_BYTES)
    fault(errors, 'test_data', `test_data must not be larger than ${TEST_DATA_BYTES} bytes`);
  else return data === '' ? undefined : data;
  return undefined;
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function readChoice({ editor }: Json, errors: ApiError[]): 'code' | 'design' | undefined {
  if (editor === undefined || editor === 'code' || editor === 'design') return editor;
  fault(errors, 'editor', 'editor must be code or design');
  return undefined;
}

function readActive({ active }: Json, errors: ApiError[]): boolean | undefined {
  if (active === undefined || active === 0 || active === 1) return active === undefined ? undefined : active === 1;
  fault(errors, 'active', 'active must be 0 or 1');
  return undefined;
}

function fault(errors: ApiError[], field: string | null, message: string): void {
  errors.push({ message, field, help: null });
}
