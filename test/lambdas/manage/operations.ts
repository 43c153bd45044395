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

const documents = new Map<string, { ajv: Ajv; document: OpenApi }>();
type OpenApi = {
  paths: Record<string, Record<string, { responses: Record<string, { content?: unknown; $ref?: string }> }>>;
  components: { responses: Record<string, { content?: unknown }> };
};

function documentOf(group: string) {
  let found = documents.get(group);
  if (!found) {
    const text = readFileSync(new URL(`tsg_${group}_v3.json`, OAI), 'utf8');
    const document = JSON.parse(text, nullableReference) as OpenApi;
    const ajv = new Ajv({ strict: false, allErrors: true, discriminator: false });
    (formats as unknown as (ajv: Ajv) => void)(ajv);
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

/** Of the documented success; undefined: it has no body. */
export function schemaOf({ group, path, method, status }: Operation): ValidateFunction | undefined {
  const { ajv, document } = documentOf(group);
  const verb = method.toLowerCase();
  const inline = document.paths[path]![verb]!.responses[status]!;
  // Some documents keep their answers apart, and name them.
  const shared = inline.$ref?.split('/').at(-1);
  if (!(shared === undefined ? inline : document.components.responses[shared]!).content) return undefined;
  const place =
    shared === undefined ? ['paths', path, verb, 'responses', String(status)] : ['components', 'responses', shared];
  const pointer = [...place, 'content', 'application/json', 'schema'];
  const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
  return ajv.compile({ $ref: `oai#/${escaped.join('/')}` });
}
