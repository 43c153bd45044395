/** SendGrid's operations of the 26 core groups, as ../shared/oai lists them, and the schema of what each answers. */
import { existsSync, readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import { ROUTES } from '../../../lambdas/manage/routes.ts';

const OAI = new URL('../../../../shared/oai/', import.meta.url);

export type Operation = {
  /** `suppressions`, of `tsg_suppressions_v3.json`. */
  group: string;
  method: string;
  path: string;
  /** Some are in two groups: with the group it is unique. */
  id: string;
  /** Of success. */
  status: number;
};

export const OPERATIONS: readonly Operation[] = existsSync(OAI)
  ? readFileSync(new URL('operations.csv', OAI), 'utf8')
      .split('\n')
      .map((line) => line.split(','))
      .filter(([kind]) => kind === 'core')
      .map(([, group = '', method = '', path = '', id = '', statuses = '']) => ({
        group,
        method,
        path,
        id,
        status: Number(statuses.split(' ')[0]),
      }))
  : [];

/** `GET /v3/asm/groups/{group_id}` */
export const nameOf = ({ method, path }: Pick<Operation, 'method' | 'path'>) => `${method} ${path}`;
/** The same whatever the names in it are called. */
export const plain = (name: string) => name.replaceAll(/\{[^}]+\}/g, '{}');

const BUILT = new Set([...ROUTES.map((route) => plain(nameOf(route))), 'POST /v3/mail/send']);
export const isBuilt = (operation: Operation) => BUILT.has(plain(nameOf(operation)));

const documents = new Map<string, { ajv: Ajv; document: object }>();

function makeAjv(): Ajv {
  const ajv = new Ajv({ strict: false, allErrors: true, discriminator: false, unicodeRegExp: false });
  (formats as unknown as (ajv: Ajv) => void)(ajv);
  // What the documents have for formats, though they are none.
  return ajv.addFormat('^\\d+$', /^\d+$/).addFormat('string', true);
}

function documentOf(group: string) {
  let found = documents.get(group);
  if (!found) {
    const text = readFileSync(new URL(`tsg_${group}_v3.json`, OAI), 'utf8');
    const document = JSON.parse(text, nullableReference) as object;
    const ajv = makeAjv();
    ajv.addSchema(document, 'oai');
    found = { ajv, document };
    documents.set(group, found);
  }
  return found;
}

/** `nullable` beside a reference is meant, though OpenAPI 3.0 passes over what stands beside one. */
function nullableReference(_name: string, value: unknown): unknown {
  const { nullable, $ref } = (value ?? {}) as { nullable?: unknown; $ref?: unknown };
  return nullable === true && typeof $ref === 'string'
    ? { anyOf: [{ $ref }, { type: 'null', nullable: true }] }
    : value;
}

/** Of the documented success; undefined: it has no body. @param mend what of it is not asked for */
export function schemaOf(
  { group, path, method, status }: Operation,
  mend?: (schema: never) => void,
): ValidateFunction | undefined {
  const { ajv, document } = documentOf(group);
  const at = (pointer: readonly string[], root: unknown) =>
    pointer.reduce((one, part) => (one as Record<string, unknown>)[part], root) as { $ref?: string; content?: unknown };
  const own = ['paths', path, method.toLowerCase(), 'responses', String(status)];
  const { $ref } = at(own, document);
  const response = $ref === undefined ? own : $ref.slice('#/'.length).split('/');
  if (!at(response, document).content) return undefined;
  const pointer = [...response, 'content', 'application/json', 'schema'];
  const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
  const reference = { $ref: `oai#/${escaped.join('/')}` };
  if (!mend) return ajv.compile(reference);
  const mended = structuredClone(document);
  mend(at(pointer, mended) as never);
  return makeAjv().addSchema(mended, 'oai').compile(reference);
}
