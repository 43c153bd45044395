/**
 * Copies that a message has beside those of its own recipients: of an account's `mail_settings.bcc`, or of a parent that has samples of a
 * subuser's mail. No header shows them. Whoever is among the recipients of a message has it already, and gets it once.
 */
import { createHash } from 'node:crypto';
import { asciiAddress, type Mailbox } from '../address.ts';
import type { Copy, MailRequest } from '../mail.ts';
import type { Monitor } from '../records/subusers.ts';

type Recipients = Pick<MailRequest, 'personalizations' | 'copies'>;

/**
 * One more copy of each message, behind its others.
 * @param wanted of which messages, by their personalization; absent: of all
 */
export function addCopies(
  { personalizations, copies }: Recipients,
  to: Mailbox,
  { wanted = () => true, hidden }: { wanted?: (personalization: number) => boolean; hidden?: true } = {},
): Copy[] {
  const address = asciiAddress(to);
  const all: Copy[] = [];
  const byPersonalization = Map.groupBy(copies, ({ personalization }) => personalization);
  for (const { index: personalization } of personalizations) {
    const own = byPersonalization.get(personalization) ?? [];
    for (const copy of own) all.push({ ...copy, index: all.length });
    const has = own.some((copy) => copy.address.toLowerCase() === address.toLowerCase());
    if (has || !wanted(personalization)) continue;
    all.push({ personalization, role: 'bcc', address, index: all.length, ...(hidden && { hidden }) });
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
