/**
 * `template_id`: a UUID names a legacy template, `d-` and 32 hex digits a dynamic one. An id that no template has is
 * refused: the mail would go out empty.
 */
import type { Content } from '../mail.ts';
import type { TemplateRecord, TextName } from '../records/template.ts';
import { addFault, type Faults, isFull, quoted, readString, under } from './faults.ts';

/** `none` also stands for an id that was refused. */
export type TemplateKind = 'none' | 'legacy' | 'dynamic';

const LEGACY = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DYNAMIC = /^d-[0-9a-f]{32}$/i;
const FIELD = 'template_id';

/** What accepting knows of a template. */
export type KnownTemplate = Pick<TemplateRecord, 'active' | 'strict'>;

/** `exists`: there is one, and it has content. `subject`: it has a subject of its own. */
export type NamedTemplate = {
  id?: string;
  kind: TemplateKind;
  exists: boolean;
  subject: boolean;
  known?: KnownTemplate;
};

/** The id of a template that a request names, before anything of it is checked; undefined: it names none that could be. */
export function templateNamed(body: unknown): string | undefined {
  const { template_id: id } = (body ?? {}) as { template_id?: unknown };
  return typeof id === 'string' && (DYNAMIC.test(id) || LEGACY.test(id)) ? id : undefined;
}

/**
 * @param templates those that exist, by id
 * @returns `kind` as the id says it, and what is known of such a template
 */
export function readTemplate(
  faults: Faults,
  value: unknown,
  templates: ReadonlyMap<string, KnownTemplate> | undefined,
): NamedTemplate {
  const none = { exists: false, subject: false };
  const id = readString(faults, value, FIELD);
  if (id === undefined) return { kind: 'none', ...none };
  const kind = DYNAMIC.test(id) ? 'dynamic' : LEGACY.test(id) ? 'legacy' : 'none';
  if (kind === 'none') {
    addFault(
      faults,
      FIELD,
      `The template_id must be a valid GUID, you provided '${quoted(id)}'. A dynamic template's id is "d-" and 32 hexadecimal digits.`,
    );
    return { kind, ...none };
  }
  const known = templates?.get(id);
  if (known?.active) return { id, kind, exists: true, subject: known.active.subject, known };
  addFault(
    faults,
    FIELD,
    known
      ? `The template_id must be that of a template with an active version: '${id}' has none.`
      : `The template_id must be that of a template: there is no template with the id '${id}'.`,
  );
  return { id, kind, ...none };
}

/** What travels of a reference: not what only accepting needs. */
export function nameText({ version, revision, pieces }: TextName, strict: boolean): NonNullable<Content['template']> {
  return { version, revision, pieces, ...(strict ? { strict } : {}) };
}

/**
 * Strict templates: names that the template always prints must be in every personalization's data.
 * @param strict whether the request wants it so, or not; undefined: as the template says
 * @returns whether the mail is to be strict
 */
export function checkVariables(
  faults: Faults,
  { kind, known }: NamedTemplate,
  personalizations: readonly { index: number; dynamicTemplateData?: Record<string, unknown> }[],
  strict: boolean | undefined,
): boolean {
  if (kind !== 'dynamic' || !(strict ?? known?.strict === true)) return false;
  for (const { index, dynamicTemplateData = {} } of personalizations)
    for (const name of known?.active?.variables ?? []) {
      if (isFull(faults)) return true;
      if (has(dynamicTemplateData, name.split('.'))) continue;
      const field = `personalizations.${index}.dynamic_template_data`;
      addFault(
        faults,
        under(field, name),
        `The dynamic_template_data must have "${quoted(name)}": the template prints it.`,
        null,
      );
    }
  return true;
}

function has(data: unknown, path: readonly string[]): boolean {
  let value = data;
  for (const name of path) {
    if (value === undefined || value === null || !Object.hasOwn(value, name)) return false;
    value = (value as Record<string, unknown>)[name];
  }
  return value !== undefined && value !== null;
}
