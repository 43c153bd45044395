/**
 * `/v3/templates` and their versions, in the shapes of SendGrid's OpenAPI document. Beyond it: a version that cannot be rendered is
 * refused when it is saved, and can be rendered before anything is sent.
 */
import type { ApiError } from '../../core/errors.ts';
import {
  type Generation,
  type TemplateRecord,
  type TemplateText,
  type TemplateVersionRecord,
  type TextName,
  templateKey,
  templateVersionKey,
} from '../../core/records/template.ts';
import { variablesIn } from '../../core/template/compile.ts';
import { TEMPLATES, VERSIONS } from '../../core/template/limits.ts';
import { readPreview, renderPreview } from '../../core/template/preview.ts';
import {
  readTemplateFields,
  readVersionFields,
  showTemplate,
  showVersion,
  type VersionFields,
} from '../../core/template/version.ts';
import type { TemplateRefusal } from '../../io/templates.ts';
import type { Answer, Call } from './manage.ts';
import type { Route } from './routes.ts';
import { answerTemplates } from './template-listing.ts';

export type TemplateRouteDeps = {
  /** Milliseconds since the epoch. */
  now: () => number;
  randomId: () => string;
  readTemplate: (account: string, id: string) => Promise<TemplateRecord | undefined>;
  listTemplates: (account: string) => Promise<TemplateRecord[]>;
  readTemplateVersion: (account: string, template: string, id: string) => Promise<TemplateVersionRecord | undefined>;
  listTemplateVersions: (account: string, template: string) => Promise<TemplateVersionRecord[]>;
  createTemplate: (account: string, template: TemplateRecord) => Promise<TemplateRefusal | undefined>;
  /** False: another change came between. */
  changeTemplate: (
    before: TemplateRecord,
    after: Omit<TemplateRecord, 'lock'>,
    version?: { put: TemplateVersionRecord } | { remove: TemplateVersionRecord },
  ) => Promise<boolean>;
  removeTemplate: (account: string, template: TemplateRecord) => Promise<boolean>;
  removeTemplateVersion: (version: TemplateVersionRecord) => Promise<void>;
  storeTemplateText: (account: string, revision: string, text: TemplateText) => Promise<number>;
  readTemplateText: (account: string, name: TextName) => Promise<TemplateText>;
  retireTemplateText: (account: string, name: TextName, now: number) => Promise<void>;
};

/** Bytes of a version as JSON: what fits an answer of Lambda, which has it as JSON in JSON. */
const SHOWN_BYTES = 4_000_000;
const NOT_FOUND: Answer = { status: 404, errors: [{ message: 'template not found', field: null, help: null }] };
const NO_VERSION: Answer = { status: 404, errors: [{ message: 'version not found', field: null, help: null }] };
const BUSY: Answer = {
  status: 503,
  errors: [{ message: 'Somebody else changed it at the same moment. Try again.', field: null, help: null }],
};
/** Copies of texts that are made, or removed, at once. */
const AT_ONCE = 10;

// templates -----------------------------------------------------------------------------------------------------------

async function createTemplate({ account, body }: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const read = readTemplateFields(body, { named: true });
  if (!read.ok) return { status: 400, errors: read.errors };
  const { name = '', generation = 'legacy', strict } = read.value;
  const template = newTemplate(account, { name, generation, ...(strict ? { strict } : {}) }, deps);
  const refusal = await deps.createTemplate(account, template);
  return refusal ? refuseTemplate(refusal) : { status: 201, body: showTemplate(template, []) };
}

function newTemplate(
  account: string,
  fields: Pick<TemplateRecord, 'name' | 'generation' | 'strict'>,
  { now, randomId }: TemplateRouteDeps,
): TemplateRecord {
  const uuid = randomId();
  const id = fields.generation === 'dynamic' ? `d-${uuid.replaceAll('-', '')}` : uuid;
  const at = now();
  return { ...templateKey(account, id), ...fields, id, createdAt: at, updatedAt: at, versions: 0, lock: 0 };
}

async function getTemplate({ account, params }: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const template = await deps.readTemplate(account, params.template_id!);
  return template ? { status: 200, body: await shown(account, template, deps) } : NOT_FOUND;
}

async function shown(account: string, template: TemplateRecord, deps: TemplateRouteDeps): Promise<unknown> {
  return showTemplate(template, template.versions === 0 ? [] : await deps.listTemplateVersions(account, template.id));
}

async function updateTemplate({ account, params, body }: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const read = readTemplateFields(body, { named: false });
  if (!read.ok) return { status: 400, errors: read.errors };
  const before = await deps.readTemplate(account, params.template_id!);
  if (!before) return NOT_FOUND;
  const { name = before.name, strict = before.strict === true } = read.value;
  const { strict: _, ...kept } = before;
  const after = { ...kept, name, updatedAt: deps.now(), ...(strict ? { strict: true as const } : {}) };
  if (!(await deps.changeTemplate(before, after))) return BUSY;
  return { status: 200, body: await shown(account, { ...after, lock: 0 }, deps) };
}

async function deleteTemplate({ account, params }: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const template = await deps.readTemplate(account, params.template_id!);
  if (!template) return NOT_FOUND;
  const versions = await deps.listTemplateVersions(account, template.id);
  if (!(await deps.removeTemplate(account, template))) return BUSY;
  // It is gone; what is left of it here nobody sees, and its texts stay for the mail that was accepted with them.
  await some(versions, async (version) => {
    await deps.removeTemplateVersion(version);
    await deps.retireTemplateText(account, version.text, deps.now());
  });
  return { status: 204 };
}

async function duplicateTemplate({ account, params, body }: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const read = readTemplateFields(body ?? {}, { named: false });
  if (!read.ok) return { status: 400, errors: read.errors };
  const source = await deps.readTemplate(account, params.template_id!);
  if (!source) return NOT_FOUND;
  const { generation, strict } = source;
  const name = read.value.name ?? `Duplicate: ${source.name}`.slice(0, 100);
  const template = newTemplate(account, { name, generation, ...(strict ? { strict } : {}) }, deps);
  const refusal = await deps.createTemplate(account, template);
  if (refusal) return refuseTemplate(refusal);
  const versions = await deps.listTemplateVersions(account, source.id);
  const copies = await some(versions, async (version): Promise<TemplateVersionRecord> => {
    const text = await deps.readTemplateText(account, version.text);
    const id = deps.randomId();
    const revision = deps.randomId();
    const pieces = await deps.storeTemplateText(account, revision, text);
    const reference = { ...version.text, version: id, revision, pieces };
    const key = templateVersionKey(account, template.id, id);
    return { ...version, ...key, id, templateId: template.id, text: reference, updatedAt: deps.now() };
  });
  let current = template;
  for (const [n, copy] of copies.entries()) {
    const isActive = versions[n]!.id === source.active?.version;
    const after = { ...current, versions: current.versions + 1, ...(isActive ? { active: copy.text } : {}) };
    if (!(await deps.changeTemplate(current, after, { put: copy }))) return BUSY;
    current = { ...after, lock: current.lock + 1 };
  }
  return { status: 201, body: showTemplate(current, copies) };
}

async function some<T, R>(list: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let from = 0; from < list.length; from += AT_ONCE)
    done.push(...(await Promise.all(list.slice(from, from + AT_ONCE).map(act))));
  return done;
}

// versions ------------------------------------------------------------------------------------------------------------

type Found = { template: TemplateRecord; version: TemplateVersionRecord };

async function find({ account, params }: Call, deps: TemplateRouteDeps): Promise<Found | Answer> {
  const { template_id: templateId = '', version_id: id = '' } = params;
  const template = await deps.readTemplate(account, templateId);
  if (!template) return NOT_FOUND;
  const version = await deps.readTemplateVersion(account, templateId, id);
  return version ? { template, version } : NO_VERSION;
}

async function createVersion({ account, params, body }: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const template = await deps.readTemplate(account, params.template_id!);
  if (!template) return NOT_FOUND;
  const read = readVersionFields(body, template.generation);
  if (!read.ok) return { status: 400, errors: read.errors };
  if (template.versions >= VERSIONS) return refuse(null, `a template may have ${VERSIONS} versions`);
  const id = deps.randomId();
  const at = deps.now();
  const text = await store(account, id, read.value, template.generation, deps);
  if ('status' in text) return text;
  const { name, editor, generatePlain, active } = read.value;
  const version: TemplateVersionRecord = {
    ...templateVersionKey(account, template.id, id),
    id,
    templateId: template.id,
    name,
    subject: read.value.text.subject,
    editor,
    generatePlain,
    createdAt: at,
    updatedAt: at,
    text,
  };
  const becomesActive = active === true || template.versions === 0;
  const after = {
    ...template,
    updatedAt: at,
    versions: template.versions + 1,
    ...(becomesActive ? { active: text } : {}),
  };
  if (!(await deps.changeTemplate(template, after, { put: version }))) return busy(account, text, deps);
  return { status: 201, body: showVersion({ ...after, lock: 0 }, version, read.value.text) };
}

/** Writes a text under a name of its own, before anything names it. */
async function store(
  account: string,
  version: string,
  { text, compiled }: VersionFields,
  generation: Generation,
  deps: TemplateRouteDeps,
): Promise<TemplateVersionRecord['text'] | Answer> {
  if (Buffer.byteLength(JSON.stringify(text)) > SHOWN_BYTES)
    return refuse('html_content', `a version must not be larger than ${SHOWN_BYTES} bytes as JSON`);
  const revision = deps.randomId();
  const pieces = await deps.storeTemplateText(account, revision, text);
  const variables = generation === 'dynamic' && compiled ? variablesIn(compiled) : [];
  return {
    version,
    revision,
    pieces,
    subject: text.subject.trim() !== '',
    ...(variables.length === 0 ? {} : { variables }),
  };
}

/** Nobody came to name the text that was stored. */
async function busy(account: string, text: TextName, deps: TemplateRouteDeps): Promise<Answer> {
  await deps.retireTemplateText(account, text, deps.now());
  return BUSY;
}

async function getVersion(call: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const found = await find(call, deps);
  if ('status' in found) return found;
  const { template, version } = found;
  const text = await deps.readTemplateText(call.account, version.text);
  return { status: 200, body: showVersion(template, version, text) };
}

async function updateVersion(call: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const { account, body } = call;
  const found = await find(call, deps);
  if ('status' in found) return found;
  const { template, version: before } = found;
  const was = await deps.readTemplateText(account, before.text);
  const read = readVersionFields(body, template.generation, { version: before, text: was });
  if (!read.ok) return { status: 400, errors: read.errors };
  const { name, editor, generatePlain, active, text: now } = read.value;
  const isSame = JSON.stringify(now) === JSON.stringify(was);
  const text = isSame ? before.text : await store(account, before.id, read.value, template.generation, deps);
  if ('status' in text) return text;
  const at = deps.now();
  const version = { ...before, name, subject: now.subject, editor, generatePlain, updatedAt: at, text };
  const isActive = active ?? template.active?.version === before.id;
  const { active: other, ...kept } = template;
  const rest = other && other.version !== before.id ? { active: other } : {};
  const after = { ...kept, updatedAt: at, ...(isActive ? { active: text } : rest) };
  if (!(await deps.changeTemplate(template, after, { put: version }))) return isSame ? BUSY : busy(account, text, deps);
  if (!isSame) await deps.retireTemplateText(account, before.text, at);
  return { status: 200, body: showVersion({ ...after, lock: 0 }, version, now) };
}

async function deleteVersion(call: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const found = await find(call, deps);
  if ('status' in found) return found;
  const { template, version } = found;
  const { active, ...kept } = template;
  const after = {
    ...kept,
    updatedAt: deps.now(),
    versions: template.versions - 1,
    ...(active && active.version !== version.id ? { active } : {}),
  };
  if (!(await deps.changeTemplate(template, after, { remove: version }))) return BUSY;
  await deps.retireTemplateText(call.account, version.text, deps.now());
  return { status: 204 };
}

async function activateVersion(call: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const found = await find(call, deps);
  if ('status' in found) return found;
  const { template, version } = found;
  const after = { ...template, updatedAt: deps.now(), active: version.text };
  if (!(await deps.changeTemplate(template, after))) return BUSY;
  const text = await deps.readTemplateText(call.account, version.text);
  return { status: 200, body: showVersion({ ...after, lock: 0 }, version, text) };
}

/** What a mail would say, and what its data lacks; nothing is sent. */
async function renderVersion(call: Call, deps: TemplateRouteDeps): Promise<Answer> {
  const found = await find(call, deps);
  if ('status' in found) return found;
  const { template, version } = found;
  const text = await deps.readTemplateText(call.account, version.text);
  const read = readPreview(call.body, text, template);
  if (!read.ok) return { status: 400, errors: read.errors };
  const rendered = renderPreview(template.generation, text, read.preview);
  if (!rendered.ok) return { status: 400, errors: rendered.errors };
  return { status: 200, body: rendered.shown };
}

function refuseTemplate(refusal: TemplateRefusal): Answer {
  return refusal === 'full' ? refuse(null, `an account may have ${TEMPLATES} templates`) : BUSY;
}

function refuse(field: string | null, message: string): Extract<Answer, { errors: readonly ApiError[] }> {
  return { status: 400, errors: [{ message, field, help: null }] };
}

const ALL = '/v3/templates';
const ONE = `${ALL}/{template_id}`;
const VERSION = `${ONE}/versions/{version_id}`;
const SCOPE = 'templates';
const OF_VERSION = `${SCOPE}.versions`;
/** Two contents of 1 MB, in which JSON may write a character as six. */
const BODY_BYTES = 5_000_000;

export const TEMPLATE_ROUTES: readonly Route[] = (
  [
    ['POST', ALL, `${SCOPE}.create`, createTemplate],
    ['GET', ALL, `${SCOPE}.read`, answerTemplates],
    ['POST', ONE, `${SCOPE}.create`, duplicateTemplate],
    ['GET', ONE, `${SCOPE}.read`, getTemplate],
    ['PATCH', ONE, `${SCOPE}.update`, updateTemplate],
    ['DELETE', ONE, `${SCOPE}.delete`, deleteTemplate],
    ['POST', `${ONE}/versions`, `${OF_VERSION}.create`, createVersion],
    ['GET', VERSION, `${OF_VERSION}.read`, getVersion],
    ['PATCH', VERSION, `${OF_VERSION}.update`, updateVersion],
    ['DELETE', VERSION, `${OF_VERSION}.delete`, deleteVersion],
    ['POST', `${VERSION}/activate`, `${OF_VERSION}.activate.create`, activateVersion],
    ['POST', `${VERSION}/render`, `${OF_VERSION}.read`, renderVersion],
  ] as const
).map(([method, path, scope, handle]) => ({ method, path, scope, errorIds: true, bodyBytes: BODY_BYTES, handle }));
