/**
 * A version's text, read once for many mails: its trees where it is dynamic, its texts where it is legacy. What cannot be read is told
 * by field and line.
 */
import type { ApiError } from '../errors.ts';
import type { TemplateText } from '../records/template.ts';
import { parseText, type Tree, variablesOf } from './parse.ts';

export type CompiledTemplate = {
  subject: Tree;
  html: Tree;
  plain: Tree;
  /** Of the texts, as they are stored. */
  characters: number;
};

export type Compiled = { ok: true; template: CompiledTemplate } | { ok: false; errors: ApiError[] };

const FIELDS = { subject: 'subject', html: 'html_content', plain: 'plain_content' } as const;

/** Never throws, whatever stands in the fields. */
export function compileTemplate(text: TemplateText): Compiled {
  const errors: ApiError[] = [];
  const read = (name: keyof typeof FIELDS): Tree => {
    const parsed = parseText(text[name]);
    if (parsed.ok) return parsed.tree;
    const field = FIELDS[name];
    errors.push({ message: `${field}, line ${parsed.line}: ${parsed.message}`, field, help: null });
    return [];
  };
  const template = { subject: read('subject'), html: read('html'), plain: read('plain') };
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, template: { ...template, characters: charactersOf(text) } };
}

/** Names that mail made with it always prints. */
export function variablesIn({ subject, html, plain }: CompiledTemplate): string[] {
  return variablesOf([...subject, ...html, ...plain]);
}

export function charactersOf({ subject, html, plain }: TemplateText): number {
  return subject.length + html.length + plain.length;
}
