/**
 * Unsubscribe groups as the API reads and shows them (SendGrid: `/v3/asm/groups`). Names are unique in an account, one group
 * at most is its default. It refuses, naming the field, what is longer than the page of preferences shows.
 */
import type { ApiError } from '../errors.ts';
import type { GroupRecord } from '../records/groups.ts';

export type Group = Pick<GroupRecord, 'name' | 'description' | 'isDefault'>;
export type ReadGroup = { ok: true; group: Group } | { ok: false; errors: ApiError[] };

/** Groups of an account (SendGrid says 200). */
export const GROUPS = 200;
/** Characters (SendGrid's OpenAPI document). */
const NAME = 30;
const DESCRIPTION = 100;

/** @param before what is changed: what is left out stays; absent: a new one, whose name and description are required */
export function readGroup(body: unknown, before?: Group): ReadGroup {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return { ok: false, errors: [fault(null, 'the body must be a JSON object')] };
  const given = body as Record<string, unknown>;
  const errors: ApiError[] = [];
  const text = (field: 'name' | 'description', most: number): string => {
    const value = given[field] ?? before?.[field];
    if (typeof value !== 'string' || value.trim() === '') errors.push(fault(field, `${field} is required`));
    else if (value.length > most) errors.push(fault(field, `${field} must not be longer than ${most} characters`));
    else if (/\p{Cc}/u.test(value)) errors.push(fault(field, `${field} must not contain control characters`));
    return String(value).trim();
  };
  const name = text('name', NAME);
  const description = text('description', DESCRIPTION);
  const { is_default: isDefault = before?.isDefault ?? false } = given;
  if (typeof isDefault !== 'boolean') errors.push(fault('is_default', 'is_default must be true or false'));
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, group: { name, description, isDefault: isDefault as boolean } };
}

/** What the API shows. @param unsubscribes readers who left it; absent where the API does not say */
export function showGroup({ id, name, description, isDefault }: GroupRecord, unsubscribes?: number) {
  return { id, name, description, is_default: isDefault, ...(unsubscribes === undefined ? {} : { unsubscribes }) };
}

function fault(field: string | null, message: string): ApiError {
  return { message, field, help: null };
}
