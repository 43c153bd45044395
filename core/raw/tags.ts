/**
 * The tags of X-SMTPAPI for one recipient: what each stands for, sections put in and tags within tags replaced, to four levels
 * (SendGrid). Bounded: no input makes it recurse, and what grows beyond a megabyte is too long.
 */
import { RENDERED_GROWTH } from '../render.ts';
import { makeReplacer } from '../replace.ts';

/** Levels to which tags may stand in the values of tags. */
export const TAG_LEVELS = 4;

type Table = Readonly<Record<string, string>>;

/** Replaces tags in a text; undefined where that is longer than the text and RENDERED_GROWTH. */
export type Fill = (text: string) => string | undefined;

/** @returns undefined where the values alone are too long; a function that changes nothing where there are no tags */
export function makeFill(substitutions: Table, sections: Table): Fill | undefined {
  const table = expandTags(substitutions, sections);
  if (table === undefined) return undefined;
  const { replace } = makeReplacer(table);
  return (text) => replace(text, text.length + RENDERED_GROWTH);
}

/** What each tag stands for, in full. */
function expandTags(substitutions: Table, sections: Table): Table | undefined {
  const tags = Object.keys(substitutions);
  if (tags.length === 0) return substitutions;
  const ofSections = makeReplacer(sections);
  const first = replaceAll(substitutions, ofSections.replace);
  if (first === undefined || !hasTags(first, tags)) return first;
  const ofTags = makeReplacer(first);
  let table = first;
  for (let level = 2; level <= TAG_LEVELS; level++) {
    const next = replaceAll(table, ofTags.replace);
    if (next === undefined) return undefined;
    if (tags.every((tag) => next[tag] === table[tag])) break;
    table = next;
  }
  return table;
}

function hasTags(table: Table, tags: readonly string[]): boolean {
  const { replace } = makeReplacer(Object.fromEntries(tags.map((tag) => [tag, ''])));
  return Object.values(table).some((value) => replace(value, value.length) !== value);
}

function replaceAll(table: Table, replace: (text: string, limit: number) => string | undefined): Table | undefined {
  let left = RENDERED_GROWTH;
  const replaced: [string, string][] = [];
  for (const [tag, value] of Object.entries(table)) {
    const whole = replace(value, left);
    if (whole === undefined) return undefined;
    left -= whole.length;
    replaced.push([tag, whole]);
  }
  return Object.fromEntries(replaced);
}
