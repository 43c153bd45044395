/**
 * Texts of templates, read and parsed once for the life of the environment: a revision's text never changes. The ones that were longest
 * unused give way. What cannot be parsed is known as such, and drops the mail that is made of it, with the reason.
 */
import type { Content } from '../../core/mail.ts';
import type { TemplateText, TextName } from '../../core/records/template.ts';
import { type CompiledTemplate, charactersOf, compileTemplate } from '../../core/template/compile.ts';

export type LoadedTemplate =
  | { kind: 'dynamic'; template: CompiledTemplate }
  | { kind: 'legacy'; text: TemplateText }
  /** `reason`: why no mail can be made of it. */
  | { kind: 'broken'; reason: string };

export type ReadTemplate = (
  account: string,
  content: Pick<Content, 'templateId' | 'template'>,
) => Promise<LoadedTemplate | undefined>;

/** Characters of texts that are kept; their trees take some times that. */
const KEPT = 4_000_000;

export function createTemplates(
  read: (account: string, name: TextName) => Promise<TemplateText>,
  kept = KEPT,
): ReadTemplate {
  type Entry = { loading: Promise<LoadedTemplate>; characters: number };
  const known = new Map<string, Entry>();
  let characters = 0;
  const forget = (key: string) => {
    characters -= known.get(key)?.characters ?? 0;
    known.delete(key);
  };
  return async (account, { templateId = '', template }) => {
    if (!template) return undefined;
    const key = `${account}#${template.revision}`;
    const before = known.get(key);
    known.delete(key);
    const entry: Entry = before ?? { characters: 0, loading: Promise.resolve({ kind: 'broken', reason: '' }) };
    known.set(key, entry);
    if (before) return before.loading;
    entry.loading = read(account, template).then((text) => {
      if (known.get(key) === entry) {
        entry.characters = charactersOf(text);
        characters += entry.characters;
        for (const oldest of known.keys()) {
          if (characters <= kept || oldest === key) break;
          forget(oldest);
        }
      }
      return load(templateId, text);
    });
    entry.loading.catch(() => forget(key));
    return entry.loading;
  };
}

function load(templateId: string, text: TemplateText): LoadedTemplate {
  if (!templateId.startsWith('d-')) return { kind: 'legacy', text };
  const compiled = compileTemplate(text);
  if (compiled.ok) return { kind: 'dynamic', template: compiled.template };
  const wrong = compiled.errors.map(({ message }) => message).join('; ');
  return { kind: 'broken', reason: `its template cannot be read: ${wrong}` };
}
