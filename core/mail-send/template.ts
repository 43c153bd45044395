/**
 * `template_id`: a UUID names a legacy template, `d-` and 32 hex digits a dynamic one. An id that no template has is
 * refused: the mail would go out empty.
 */
import { addFault, type Faults, quoted, readString } from './faults.ts';

/** `none` also stands for an id that was refused. */
export type TemplateKind = 'none' | 'legacy' | 'dynamic';

const LEGACY = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DYNAMIC = /^d-[0-9a-f]{32}$/i;
const FIELD = 'template_id';

/**
 * @param templates the ids that exist
 * @returns `kind` as the id says it, and whether such a template exists
 */
export function readTemplate(
  faults: Faults,
  value: unknown,
  templates: ReadonlySet<string> | undefined,
): { id?: string; kind: TemplateKind; exists: boolean } {
  const id = readString(faults, value, FIELD);
  if (id === undefined) return { kind: 'none', exists: false };
  const kind = DYNAMIC.test(id) ? 'dynamic' : LEGACY.test(id) ? 'legacy' : 'none';
  if (kind === 'none') {
    addFault(
      faults,
      FIELD,
      `The template_id must be a valid GUID, you provided '${quoted(id)}'. A dynamic template's id is "d-" and 32 hexadecimal digits.`,
    );
    return { kind, exists: false };
  }
  const exists = templates?.has(id) ?? false;
  if (!exists)
    addFault(faults, FIELD, `The template_id must be that of a template: there is no template with the id '${id}'.`);
  return { id, kind, exists };
}
