/**
 * Reading the fields of a JSON body one by one. It promises that whatever is wrong is named by its field and in words, all of it at
 * once, and that nothing is taken for what it is not; a body that is no object has no fields, and says so.
 */
import type { ApiError } from './errors.ts';

export type Fields = {
  errors: ApiError[];
  has: (field: string) => boolean;
  /** Text without control characters, spaces around it taken away; '' where it is absent or wrong, and then there is an error. */
  text: (field: string, options?: { most?: number; absent?: string }) => string;
  flag: (field: string, absent?: boolean) => boolean;
  whole: (field: string, least: number, most: number) => number;
  oneOf: <T extends string | number>(field: string, values: readonly T[], absent?: T) => T;
  /** An array of distinct strings. */
  texts: (
    field: string,
    options: { least?: number; most: number; each: string; fits: (one: string) => boolean },
  ) => string[];
  refuse: (field: string | null, message: string) => void;
};

const TEXT = 255;

export function fieldsOf(body: unknown): Fields {
  const errors: ApiError[] = [];
  const refuse = (field: string | null, message: string) => void errors.push({ message, field, help: null });
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  if (!isObject) refuse(null, 'the body must be a JSON object');
  const given = (field: string): unknown =>
    isObject && Object.hasOwn(body, field) ? (body as Record<string, unknown>)[field] : undefined;
  /** Once for a body that has no fields at all. */
  const wrong = (field: string, message: string) => isObject && refuse(field, message);
  return {
    errors,
    refuse,
    has: (field) => given(field) !== undefined,
    text: (field, { most = TEXT, absent } = {}) => {
      const value = given(field) ?? absent;
      if (typeof value !== 'string' || (value.trim() === '' && value !== absent)) wrong(field, `${field} is required`);
      else if (value.length > most) wrong(field, `${field} must not be longer than ${most} characters`);
      else if (/[\p{Cc}\p{Cs}]/u.test(value)) wrong(field, `${field} must not contain control characters`);
      else return value.trim();
      return '';
    },
    flag: (field, absent) => {
      const value = given(field) ?? absent;
      if (typeof value !== 'boolean') wrong(field, `${field} must be true or false`);
      return value === true;
    },
    whole: (field, least, most) => {
      const value = given(field);
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value;
      wrong(field, `${field} must be a whole number, from ${least} to ${most}`);
      return least;
    },
    oneOf: (field, values, absent) => {
      const value = given(field) ?? absent;
      const found = values.find((one) => one === value);
      if (found === undefined) wrong(field, `${field} must be one of ${values.join(', ')}`);
      return found ?? values[0]!;
    },
    texts: (field, { least = 0, most, each, fits }) => {
      const value = given(field);
      if (!Array.isArray(value) || value.length < least || value.length > most)
        wrong(field, `${field} must be an array of ${least === 0 ? 'up to' : `${least} to`} ${most} ${each}s`);
      else if (value.every((one) => typeof one === 'string' && fits(one))) return [...new Set(value as string[])];
      else wrong(field, `each of ${field} must be ${/^[aeiou]/i.test(each) ? 'an' : 'a'} ${each}`);
      return [];
    },
  };
}
