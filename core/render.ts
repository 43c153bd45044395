/**
 * What one personalization says: its subject, parts and reply-to with substitutions and sections applied (SendGrid's
 * legacy templating). A section stands for itself inside a substitution's value, and may hold substitutions once; nothing
 * is searched deeper, so no input can make it recurse. custom_args are never touched.
 */
import type { Address, Content, Part, Personalization } from './mail.ts';
import { frameOf, withHtml } from './mail-send/plain-content.ts';
import { makeParser, makeReplacer, type Template } from './replace.ts';

/** Characters that substitutions may add to the text of one personalization: hundreds of them are in memory at once. */
export const RENDERED_GROWTH = 1_000_000;

/** A part, and how it was made: parts of one template are encoded alike (core/stencil.ts). */
export type FilledPart = Part & { filled?: { template: Template; values: readonly string[] } };

export type Rendered = { from: Address; replyTo: Address[]; subject: string; parts: FilledPart[] };

/**
 * The rendered personalization, or undefined when its text, or the values it is made with, are longer than the text as it
 * was stored and RENDERED_GROWTH. `parts` is `plainParts` of the content when nothing in them changed.
 */
export function renderPersonalization(content: Content, personalization: Personalization): Rendered | undefined {
  const from = personalization.from ?? content.from;
  const subject = subjectOf(content, personalization.subject ?? content.subject ?? '');
  const limit = subject.length + content.parts.reduce((sum, { value }) => sum + value.length, RENDERED_GROWTH);
  const table = expandSections(personalization.substitutions ?? {}, content.sections, limit);
  if (table === undefined) return undefined;
  const keys = Object.keys(table);
  if (keys.length === 0) return { from, subject, parts: plainParts(content), replyTo: content.replyTo };

  const parse = parserOf(content, keys);
  const values = keys.map((key) => table[key]!);
  let left = limit;
  let whole = true;
  const render = (text: string, template = parse(text)): string => {
    const rendered = template.fill(values, left);
    if (rendered === undefined) whole = false;
    else left -= rendered.length;
    return rendered ?? '';
  };
  const renderedSubject = render(subject);
  const replyTo = content.replyTo.map(({ email, name }) => ({
    email: render(email),
    ...(name === undefined ? {} : { name: render(name) }),
  }));
  let changed = false;
  const parts = content.parts.map(({ type, value }): FilledPart => {
    const template = parse(value);
    const rendered = whole ? render(value, template) : '';
    changed ||= rendered !== value;
    return { type, value: rendered, filled: { template, values } };
  });
  const frame = content.htmlOfText && frameOf(content);
  const filledFrame = frame === undefined || !whole ? frame : render(frame);
  changed ||= filledFrame !== frame;
  if (!whole) return undefined;
  const own = changed ? withHtml(parts, content, filledFrame) : plainParts(content);
  return { from, subject: renderedSubject, replyTo, parts: own };
}

/** By the content's own parts, the same with HTML that was made of their text. */
const alternatives = new WeakMap<Part[], Part[]>();

/** The parts as they are without substitutions: one array for all messages of a content. */
export function plainParts(content: Content): Part[] {
  if (!content.htmlOfText) return content.parts;
  const known = alternatives.get(content.parts) ?? withHtml(content.parts, content, frameOf(content));
  alternatives.set(content.parts, known);
  return known;
}

const SUBJECT = /<%\s*subject\s*%>/gi;

/** The template's, where it has one. */
export function subjectOf({ subjectTemplate = '' }: Pick<Content, 'subjectTemplate'>, own: string): string {
  return subjectTemplate.trim() === '' ? own : subjectTemplate.replace(SUBJECT, () => own);
}

/** Places of keys that are remembered for one text: more would take more memory than finding them again takes time. */
const PLACES = 10_000;

type Parsed = {
  keys: string[];
  /** The texts of the content; a subject of a personalization's own is seen once. */
  own: Set<string | undefined>;
  parse: (text: string) => Template;
  templates: Map<string, Template>;
};

/** Where the keys stand in the texts of a content: its personalizations mostly have the same keys. */
const parsed = new WeakMap<Content, Parsed>();

function parserOf(content: Content, names: string[]): (text: string) => Template {
  let known = parsed.get(content);
  if (!known || known.keys.length !== names.length || !known.keys.every((key, n) => key === names[n])) {
    const own = new Set([content.subject, ...content.parts.map(({ value }) => value)]);
    known = { keys: names, own, parse: makeParser(names), templates: new Map() };
    parsed.set(content, known);
  }
  const { own, parse, templates } = known;
  return (text) => {
    const before = templates.get(text);
    if (before) return before;
    const template = parse(text);
    if (own.has(text) && template.keys.length <= PLACES) templates.set(text, template);
    return template;
  };
}

function expandSections(
  substitutions: Record<string, string>,
  sections: Record<string, string>,
  limit: number,
): Record<string, string> | undefined {
  if (Object.keys(sections).length === 0 || Object.keys(substitutions).length === 0) return substitutions;
  const ofSections = makeReplacer(sections);
  const ofSubstitutions = makeReplacer(substitutions);
  const expanded: [string, string][] = [];
  let left = limit;
  for (const [key, value] of Object.entries(substitutions)) {
    const withSections = ofSections.replace(value, left);
    if (withSections === undefined) return undefined;
    const whole = withSections === value ? value : ofSubstitutions.replace(withSections, left);
    if (whole === undefined) return undefined;
    left -= whole.length;
    expanded.push([key, whole]);
  }
  return Object.fromEntries(expanded);
}
