/** `POST …/render`: what a mail would say that is made of a version, with data of the call's own or the version's test data. */
import type { ApiError } from '../errors.ts';
import type { Generation, TemplateRecord, TemplateText } from '../records/template.ts';
import { subjectOf } from '../render.ts';
import { makeReplacer } from '../replace.ts';
import { compileTemplate } from './compile.ts';
import { GROWTH } from './limits.ts';
import { applyLegacy, renderTexts } from './mail.ts';

export type Preview = {
  data: unknown;
  strict: boolean;
  /** Of a legacy template: what the mail itself says. */
  substitutions: Record<string, string>;
  subject: string;
  html: string;
  plain: string;
};

const FIELDS = [
  'dynamic_template_data',
  'substitutions',
  'subject',
  'html_content',
  'plain_content',
  'strict_variables',
];

export function readPreview(
  body: unknown,
  { testData }: TemplateText,
  { strict }: Pick<TemplateRecord, 'strict'>,
): { ok: true; preview: Preview } | { ok: false; errors: ApiError[] } {
  const errors: ApiError[] = [];
  const fault = (field: string | null, message: string) => void errors.push({ message, field, help: null });
  const given = body === undefined ? {} : body;
  if (!isObject(given))
    return { ok: false, errors: [{ message: 'the body must be a JSON object', field: null, help: null }] };
  for (const field of Object.keys(given))
    if (!FIELDS.includes(field)) fault(field.slice(0, 100), 'there is no such property');
  const { dynamic_template_data: data, substitutions = {}, strict_variables: wanted = strict === true } = given;
  if (data !== undefined && !isObject(data)) fault('dynamic_template_data', 'dynamic_template_data must be an object');
  if (typeof wanted !== 'boolean') fault('strict_variables', 'strict_variables must be true or false');
  if (
    !isObject(substitutions) ||
    Object.entries(substitutions).some(([tag, text]) => tag === '' || typeof text !== 'string')
  )
    fault('substitutions', 'substitutions must be an object of strings');
  const text = (field: string, otherwise: string): string => {
    const value = given[field] ?? otherwise;
    if (typeof value === 'string') return value;
    fault(field, `${field} must be a string`);
    return '';
  };
  const preview = {
    data: data ?? (testData === undefined ? {} : JSON.parse(testData)),
    strict: wanted === true,
    substitutions: substitutions as Record<string, string>,
    subject: text('subject', '<%subject%>'),
    html: text('html_content', '<%body%>'),
    plain: text('plain_content', '<%body%>'),
  };
  return errors.length > 0 ? { ok: false, errors } : { ok: true, preview };
}

export type Previewed =
  | { ok: true; shown: { subject: string; html_content: string; plain_content: string; missing_variables: string[] } }
  | { ok: false; errors: ApiError[] };

export function renderPreview(generation: Generation, text: TemplateText, preview: Preview): Previewed {
  return generation === 'dynamic' ? renderDynamic(text, preview) : renderLegacy(text, preview);
}

function renderDynamic(text: TemplateText, { data, strict }: Preview): Previewed {
  const compiled = compileTemplate(text);
  if (!compiled.ok) return compiled;
  const missing = new Set<string>();
  const rendered = renderTexts(compiled.template, data, { strict, missing });
  if (!rendered.ok) {
    const { field, reason } = rendered;
    return { ok: false, errors: [{ message: `${field}, ${reason}`, field, help: null }] };
  }
  const { subject, html, plain } = rendered.made;
  return { ok: true, shown: { subject, html_content: html, plain_content: plain, missing_variables: [...missing] } };
}

function renderLegacy(text: TemplateText, { substitutions, subject, html, plain }: Preview): Previewed {
  const parts = [
    { type: 'text/plain', value: plain },
    { type: 'text/html', value: html },
  ];
  const applied = applyLegacy({ ...NO_CONTENT, parts }, text).parts;
  const replacer = makeReplacer(substitutions);
  const shown: string[] = [];
  for (const value of [subjectOf({ subjectTemplate: text.subject }, subject), ...applied.map((part) => part.value)]) {
    const replaced = replacer.replace(value, value.length + GROWTH);
    if (replaced === undefined)
      return {
        ok: false,
        errors: [{ message: 'it is too long once its substitutions are made', field: 'substitutions', help: null }],
      };
    shown.push(replaced);
  }
  const [made = '', plainMade = '', htmlMade = ''] = shown;
  return {
    ok: true,
    shown: { subject: made, html_content: htmlMade, plain_content: plainMade, missing_variables: [] },
  };
}

const NO_CONTENT = {
  from: { email: '' },
  replyTo: [],
  attachments: [],
  headers: {},
  sections: {},
  categories: [],
  customArgs: {},
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
