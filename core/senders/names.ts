/**
 * Names that are made from others, the same whenever they are made again: SendGrid's API names domains, links and users by
 * numbers, and we by themselves; and labels in DNS that must tell two accounts apart.
 */
import { createHash } from 'node:crypto';

/** Clients in typed languages read ids into 32 bits. */
const LARGEST = 0x7fff_ffff;

/** A number from 1 to 2^31 - 1. Of 3,000 names of one account two are alike once in 500 accounts: `freeNumber` parts them. */
export function numberOf(...names: readonly string[]): number {
  return (digestOf(names).readUInt32BE(0) % LARGEST) + 1;
}

/** The number of a thing, or the next one that none of its kind has. */
export function freeNumber(taken: ReadonlySet<number>, ...names: readonly string[]): number {
  let number = numberOf(...names);
  while (taken.has(number)) number = (number % LARGEST) + 1;
  return number;
}

/** A DNS label of 17 characters, of 64 bits: nobody finds a second pair of account and domain for it by accident. */
export const labelOf = (...names: readonly string[]): string => `d${digestOf(names).subarray(0, 8).toString('hex')}`;

function digestOf(names: readonly string[]): Buffer {
  return createHash('sha256').update(names.join('\0')).digest();
}
