/**
 * Copies that a message has beside those of the recipients that its sender named: of the account's `mail_settings.bcc`, which are told of as
 * any other, and a parent's samples of a subuser's mail, of which the subuser is not told. A sample is known by its index, which is in
 * every record, token, tag and id of it: so whoever meets one knows it for a sample, also when nothing else of it is left.
 */
import type { Copy } from './mail.ts';

/** Above the copies that a request can have: 10,000 recipients, and a Bcc for each. Below 65,536, the end of what tokens name. */
const SAMPLES_FROM = 50_000;

/** The index of the one sample that there can be of a message. */
export const sampleIndex = (personalization: number): number => SAMPLES_FROM + personalization;

/** Whether the copy is a sample: neither webhooks nor statistics, activity, notices or counts tell its account of it. */
export const isSampleCopy = ({ index }: Pick<Copy, 'index'>): boolean => index >= SAMPLES_FROM;

/** The copies of whom the sender named. */
export const namedCopies = <C extends Pick<Copy, 'index' | 'added'>>(copies: readonly C[]): C[] =>
  copies.filter((copy) => !copy.added && !isSampleCopy(copy));

/** `copies`: all that are on their way. `samples`: how many of them are some. */
export type CopyCount = { copies: number; samples?: number };

export function countCopies(copies: readonly Pick<Copy, 'index'>[]): CopyCount {
  const samples = copies.filter(isSampleCopy).length;
  return { copies: copies.length, ...(samples > 0 && { samples }) };
}

/** How many copies the account is told of. */
export const toldCopies = ({ copies, samples = 0 }: CopyCount): number => copies - samples;
