/**
 * What one personalization says: its subject, parts and reply-to with substitutions and sections applied (SendGrid's
 * legacy templating). A section stands for itself inside a substitution's value, and may hold substitutions once; nothing
 * is searched deeper, so no input can make it recurse. custom_args are never touched.
 */
import type { Address, Content, Part, Personalization } from './mail.ts';
import { makeParser, makeReplacer, type Template } from './replace.ts';

/** Characters that substitutions may add to the text of one personalization: hundreds of them are in memory at once. */
export const RENDERED_GROWTH = 1_000_000;

export type Rendered = { from: Address; replyTo: Address[]; subject: string; parts: Part[] };

/**
 * The rendered personalization, or undefined when its text, or the values it is made with, are longer than the text as it
 * was stored and RENDERED_GROWTH. `parts` is the content's own array when nothing in it changed.
 */
export function renderPersonalization(content: Content, personalization: Personalization): Rendered | undefined {
  const from = personalization.from ?? content.from;
  const subject = personalization.subject ?? content.subject ?? '';
  const limit = subject.length + content.parts.reduce((sum, { value }) => sum + value.length, RENDERED_GROWTH);
  const table = expandSections(personalization.substitutions ?? {}, content.sections, limit);
  if (table === undefined) return undefined;
  const keys = Object.keys(table);
  if (keys.length === 0) return { from, subject, parts: content.parts, replyTo: content.replyTo };

  const parse = parserOf(content, keys);
  const values = keys.map((key) => table[key]!);
  let left = limit;
  let whole = true;
  const render = (text: string): string => {
    const rendered = parse(text).fill(values, left);
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
  const parts = content.parts.map(({ type, value }) => {
    const rendered = whole ? render(value) : '';
    changed ||= rendered !== value;
    return { type, value: rendered };
  });
  if (!whole) return undefined;
  return { from, subject: renderedSubject, replyTo, parts: changed ? parts : content.parts };
}

/** Places of keys that are remembered for one text: more would take more memory than finding them again takes time. */
const PLACES = 10_000;

type Parsed = { keys: string; parse: (text: string) => Template; templates: Map<string, Template> };

/** Where the keys stand in the texts of a content: its personalizations mostly have the same keys. */
const parsed = new WeakMap<Content, Parsed>();

function parserOf(content: Content, names: string[]): (text: string) => Template {
  const keys = JSON.stringify(names);
  let known = parsed.get(content);
  if (known?.keys !== keys) {
    known = { keys, parse: makeParser(names), templates: new Map() };
    parsed.set(content, known);
  }
  const { parse, templates } = known;
  const own = new Set([content.subject, ...content.parts.map(({ value }) => value)]);
  return (text) => {
    const before = templates.get(text);
    if (before) return before;
    const template = parse(text);
    // A subject of the personalization's own is seen once.
    if (own.has(text) && template.places <= PLACES) templates.set(text, template);
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
