/**
 * The sender's own data in a mail: custom_args (carried to every event, never rendered), tags of substitutions and
 * sections (rendered into the content), categories.
 */
import { addFault, type Faults, isFull, quoted, readArray, readString, readStrings, under } from './faults.ts';
import { CATEGORIES, CATEGORY_CHARACTERS, CUSTOM_ARGS_BYTES } from './limits.ts';

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/**
 * @param root the root's custom_args where `value` is a personalization's: both together must keep the limit
 */
export function readCustomArgs(
  faults: Faults,
  value: unknown,
  field: string,
  root: Record<string, string> = {},
): Record<string, string> | undefined {
  const args = readStrings(faults, value, field);
  if (!args) return undefined;
  const count = Object.keys(args).length;
  if (count === 0)
    addFault(faults, field, 'The custom_args must not be empty. Leave the field out to send without custom arguments.');
  else if (count > CUSTOM_ARGS_BYTES || jsonBytes({ ...root, ...args }) > CUSTOM_ARGS_BYTES)
    addFault(
      faults,
      field,
      `The combined size of the custom_args of the request and of the personalization must not exceed ${CUSTOM_ARGS_BYTES} bytes, measured as JSON.`,
    );
  else return args;
  return undefined;
}

/** The size that a map of strings is measured by. */
export function jsonBytes(map: Record<string, string>): number {
  return Buffer.byteLength(JSON.stringify(map));
}

/** Tags and their texts. An empty tag would stand between any two characters. */
export function readTags(faults: Faults, value: unknown, field: string): Record<string, string> | undefined {
  const tags = readStrings(faults, value, field);
  if (tags && Object.hasOwn(tags, '')) addFault(faults, field, 'The tags must be at least one character in length.');
  return tags;
}

export function readCategories(faults: Faults, value: unknown): string[] {
  const list = readArray(faults, value, 'categories') ?? [];
  if (list.length > CATEGORIES) {
    const message = `The categories are limited to ${CATEGORIES} for each email, you provided ${list.length}.`;
    addFault(faults, 'categories', message);
    return [];
  }
  const categories: string[] = [];
  for (const [i, entry] of list.entries()) {
    if (isFull(faults)) break;
    const field = under('categories', i);
    const category = readString(faults, entry, field);
    if (category === undefined) continue;
    const fault = faultOf(category, categories);
    if (fault) addFault(faults, field, fault);
    categories.push(category);
  }
  return categories;
}

function faultOf(category: string, before: string[]): string | undefined {
  if (category === '') return 'Each category must be at least one character in length.';
  if (category.length > CATEGORY_CHARACTERS)
    return `Each category must not be longer than ${CATEGORY_CHARACTERS} characters, "${quoted(category)}" is.`;
  if (!PRINTABLE_ASCII.test(category))
    return 'The categories must not contain control characters or non-ASCII characters.';
  if (before.includes(category)) return `The categories must be unique, "${quoted(category)}" is there more than once.`;
  return undefined;
}
