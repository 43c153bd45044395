/** Examples of templates and their versions. */
import { and, type Examples, type Given, type Path, plainly } from './example.ts';

/** Legacy: the document has UUIDs for ids, and those of dynamic templates begin with `d-`, here as there. */
const TEMPLATE = { name: 'Orders', generation: 'legacy' };
const VERSION = { name: 'First', subject: 'Your order {{number}}', html_content: '<p>{{name}}</p>' };

async function oneTemplate({ ask }: Given): Promise<Path> {
  const { json } = await ask('POST', '/v3/templates', TEMPLATE);
  return { path: { template_id: json.id } };
}

export async function oneVersion(given: Given): Promise<Path> {
  const { path } = await oneTemplate(given);
  const { json } = await given.ask('POST', `/v3/templates/${path.template_id}/versions`, VERSION);
  return { path: { ...path, version_id: json.id } };
}

export const TEMPLATES: Examples = {
  templates: {
    CreateTemplate: plainly({ body: TEMPLATE }),
    ListTemplate: and(oneVersion, { query: 'generations=legacy,dynamic&page_size=10' }),
    DuplicateTemplate: and(oneVersion, { body: { name: 'Orders again' } }),
    GetTemplate: oneVersion,
    UpdateTemplate: and(oneVersion, { body: { name: 'Invoices' } }),
    DeleteTemplate: oneVersion,
    CreateTemplateVersion: and(oneTemplate, { body: { ...VERSION, active: 1 } }),
    GetTemplateVersion: oneVersion,
    UpdateTemplateVersion: and(oneVersion, { body: { ...VERSION, name: 'Second', active: 1 } }),
    DeleteTemplateVersion: oneVersion,
    ActivateTemplateVersion: oneVersion,
  },
};
