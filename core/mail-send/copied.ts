/**
 * Copies that a message has beside those of its own recipients: of an account's `mail_settings.bcc`, or of a parent that has samples of a
 * subuser's mail. No header shows them. Whoever is among the recipients of a message has it already, and gets it once.
 */
import { createHash } from 'node:crypto';
import { asciiAddress, type Mailbox } from '../address.ts';
import { sampleIndex } from '../copies.ts';
import type { Copy, MailRequest } from '../mail.ts';
import type { Monitor } from '../records/subusers.ts';

type Recipients = Pick<MailRequest, 'personalizations' | 'copies'>;

/** One more copy of each message, behind its others, which are counted anew. */
export function addCopies(request: Recipients, to: Mailbox): Copy[] {
  return beside(request, to, () => ({ added: true })).map((copy, index) => ({ ...copy, index }));
}

/** One more copy of some messages, of which the account is not told. @param wanted of which, by their personalization */
export function addSamples(request: Recipients, to: Mailbox, wanted: (personalization: number) => boolean): Copy[] {
  return beside(request, to, (personalization) =>
    wanted(personalization) ? { index: sampleIndex(personalization) } : undefined,
  );
}

/** @param make what there is to say of a message's further copy; undefined: it has none */
function beside(
  { personalizations, copies }: Recipients,
  to: Mailbox,
  make: (personalization: number) => Partial<Copy> | undefined,
): Copy[] {
  const address = asciiAddress(to);
  const all: Copy[] = [];
  const byPersonalization = Map.groupBy(copies, ({ personalization }) => personalization);
  for (const { index: personalization } of personalizations) {
    const own = byPersonalization.get(personalization) ?? [];
    for (const copy of own) all.push(copy);
    const has = own.some((copy) => copy.address.toLowerCase() === address.toLowerCase());
    const more = has ? undefined : make(personalization);
    if (more) all.push({ personalization, role: 'bcc', address, index: 0, ...more });
  }
  return all;
}

/**
 * Whether a message is one of those that a monitor gets: about one in `frequency`, by chance of its request's id. The same message is chosen
 * again whenever it is asked, so that a second run of a request makes the copies of the first.
 */
export function isSample(
  requestId: string,
  personalization: number,
  { frequency }: Pick<Monitor, 'frequency'>,
): boolean {
  const digest = createHash('sha256').update(`monitor\0${requestId}\0${personalization}`).digest();
  return digest.readUIntBE(0, 6) % frequency === 0;
}
