/**
 * Templates with their versions, under the ids that they had: the code that sends names them. A version that is here stays as it is, and so
 * does the mark of the active one where a template was here whole.
 */
import { randomUUID } from 'node:crypto';
import type { Generation } from '../../../core/records/template.ts';
import { readTemplateFields, readVersionFields } from '../../../core/template/version.ts';
import { TEMPLATE_ROUTES } from '../../../lambdas/manage/template-routes.ts';
import type { Here } from './here.ts';
import { attempt } from './lists.ts';
import type { Report } from './report.ts';
import { fieldsIn, listIn, type Source, SourceError } from './source.ts';

type Version = {
  id: string;
  name: string;
  subject?: string;
  active?: number;
  editor?: string;
  generate_plain_content?: boolean;
  html_content?: string;
  plain_content?: string;
  test_data?: string;
  updated_at?: string;
};
type Template = {
  id: string;
  name: string;
  generation?: string;
  updated_at?: string;
  strict_variables?: boolean;
  versions?: Version[];
};

const PAGE = 200;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DYNAMIC = /^d-[0-9a-f]{32}$/;
const ALL = '/v3/templates';
const ONE_VERSIONS = `${ALL}/{template_id}/versions`;
const ONE_VERSION = `${ONE_VERSIONS}/{version_id}`;

export async function copyTemplates(source: Source, here: Here, report: Report): Promise<void> {
  report.begin('templates');
  await attempt(report, async () => {
    for await (const template of readAll(source)) {
      await copyTemplate(source, template, here, report);
      report.step();
    }
  });
}

async function* readAll(source: Source): AsyncGenerator<Template> {
  const seen = new Set<string>();
  let token: string | undefined;
  do {
    const query = {
      generations: 'legacy,dynamic',
      page_size: PAGE,
      ...(token === undefined ? {} : { page_token: token }),
    };
    const page = fieldsIn(await source.get(ALL, query), ALL);
    yield* listIn(page.result ?? page.templates ?? [], ALL) as Template[];
    // The address of the next page is the source's word: only its token is used.
    const { next } = (page._metadata ?? {}) as { next?: unknown };
    token =
      typeof next === 'string'
        ? (new URLSearchParams(next.slice(next.indexOf('?') + 1)).get('page_token') ?? undefined)
        : undefined;
    if (token !== undefined && seen.has(token)) return;
    if (token !== undefined) seen.add(token);
  } while (token !== undefined);
}

async function copyTemplate(source: Source, template: Template, here: Here, report: Report): Promise<void> {
  const { account, stores, dryRun, call } = here;
  const { id, name } = template;
  const what = `${id} "${name}"`;
  const generation: Generation = DYNAMIC.test(id) ? 'dynamic' : 'legacy';
  if (generation === 'legacy' && !UUID.test(id)) return report.failed(what, 'its id is that of no template');
  const before = await stores.readTemplate(account, id);
  const body = { name, generation, ...(template.strict_variables === true ? { strict_variables: true } : {}) };
  const read = readTemplateFields(body, { named: true });
  if (!read.ok) return report.failed(what, read.errors.map(({ message }) => message).join('; '));
  if (!before && !dryRun) {
    const made = await call(TEMPLATE_ROUTES, 'POST', ALL, { body }, at(template.updated_at, uuidOf(id)));
    if (!made.ok) return report.failed(what, made.why);
  }
  if (before) report.already();
  else report.copied();
  // The first version becomes the active one, so that is the first.
  const versions = (listIn(template.versions ?? [], ALL) as Version[]).sort(
    (a, b) => Number(b.active === 1) - Number(a.active === 1),
  );
  for (const lean of versions)
    try {
      await copyVersion(source, { id, generation }, lean, here, report);
    } catch (error) {
      if (!(error instanceof SourceError) || error.status === 401) throw error;
      report.failed(`${what}, version ${lean.id}`, error.message);
    }
}

async function copyVersion(
  source: Source,
  template: { id: string; generation: Generation },
  lean: Version,
  here: Here,
  report: Report,
): Promise<void> {
  const { account, stores, dryRun, call } = here;
  const what = `${template.id}, version ${lean.id} "${lean.name}"${lean.active === 1 ? ', the active one' : ''}`;
  if (!UUID.test(lean.id)) return report.failed(what, 'its id is that of no version');
  if (await stores.readTemplateVersion(account, template.id, lean.id)) return report.already();
  const path = `${ALL}/${encodeURIComponent(template.id)}/versions/${encodeURIComponent(lean.id)}`;
  const version = { ...lean, ...(fieldsIn(await source.get(path), path) as Version) };
  const isActive = version.active === 1;
  const body = {
    name: version.name,
    subject: version.subject ?? '',
    active: isActive ? 1 : 0,
    editor: version.editor === 'design' ? 'design' : 'code',
    ...textOf('html_content', version.html_content),
    ...textOf('plain_content', version.plain_content),
    ...(typeof version.generate_plain_content === 'boolean'
      ? { generate_plain_content: version.generate_plain_content }
      : {}),
    ...(template.generation === 'dynamic' ? textOf('test_data', version.test_data) : {}),
  };
  if (dryRun) {
    const read = readVersionFields(body, template.generation);
    return read.ok ? report.copied() : report.failed(what, read.errors.map(({ message }) => message).join('; '));
  }
  const params = { template_id: template.id };
  const isFirst = (await stores.readTemplate(account, template.id))?.versions === 0;
  const made = await call(TEMPLATE_ROUTES, 'POST', ONE_VERSIONS, { params, body }, at(version.updated_at, lean.id));
  if (!made.ok) return report.failed(what, made.why);
  // There it is not active, and mail with this template is refused.
  if (isFirst && !isActive)
    await call(TEMPLATE_ROUTES, 'PATCH', ONE_VERSION, {
      params: { ...params, version_id: lean.id },
      body: { active: 0 },
    });
  report.copied();
}

const textOf = (field: string, text: unknown) => (typeof text === 'string' && text !== '' ? { [field]: text } : {});

/** The hex digits of a dynamic template's id are those of a UUID. */
function uuidOf(id: string): string {
  if (!DYNAMIC.test(id)) return id;
  return id.slice(2).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Makes something under an id that it had, at the time that it had; what else needs an id gets one of its own. */
function at(time: string | undefined, id: string) {
  const given = [id];
  // SendGrid: `2021-04-28 13:12:46`, UTC.
  const made = Date.parse(`${String(time).replace(' ', 'T').replace(/Z$/, '')}Z`);
  return {
    randomId: () => given.shift() ?? randomUUID(),
    now: () => (made > 0 ? Math.min(made, Date.now()) : Date.now()),
  };
}
