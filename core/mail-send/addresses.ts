/**
 * The `{email, name}` objects of a mail. An email is a Mailbox (core/address.ts); a name cannot begin another header.
 */
import { isAscii, type Mailbox, readMailbox } from '../address.ts';
import type { Address } from '../mail.ts';
import { addFault, type Faults, isFull, readArray, readLine, readObject, readString, under } from './faults.ts';
import { REPLY_TO_ADDRESSES } from './limits.ts';

/** An address as it was given, with its parts. */
export type Party = { address: Address; mailbox: Mailbox };

type Words = {
  /** The words for an email that is none. */
  invalid: string;
  /** Recipients' names: SendGrid refuses the characters that once separated addresses. */
  plainName?: boolean;
};

const PROPERTIES = ['email', 'name'];
const INVALID_RECIPIENT = 'Does not contain a valid address.';
const FROM_REQUIRED =
  'The from object must be provided for every email send. It is an object that requires the email parameter, but may also contain a name parameter.  e.g. {"email" : "example@example.com"}  or {"email" : "example@example.com", "name" : "Example Recipient"}.';

/** One of `to`, `cc`, `bcc`. */
export function readRecipient(faults: Faults, value: unknown, field: string): Party | undefined {
  return readParty(faults, value, field, { invalid: INVALID_RECIPIENT, plainName: true });
}

/** The root's `from`: required. */
export function readFrom(faults: Faults, value: unknown): Party | undefined {
  if (value !== undefined) return readSender(faults, value, 'from');
  addFault(faults, 'from.email', FROM_REQUIRED);
  return undefined;
}

/** A `from`: ASCII only, for it goes into the return path and the DKIM domain as it is. */
export function readSender(faults: Faults, value: unknown, field: string): Party | undefined {
  const party = readParty(faults, value, field, { invalid: 'The from email does not contain a valid address.' });
  if (!party || isAscii(party.address.email)) return party;
  const message =
    'The from email does not contain a valid address. It must be ASCII: write an internationalized domain in its xn-- form.';
  addFault(faults, under(field, 'email'), message);
  return undefined;
}

/** `reply_to` or `reply_to_list`, not both. */
export function readReplyTo(faults: Faults, one: unknown, list: unknown): Address[] {
  if (one !== undefined && list !== undefined) {
    addFault(faults, 'reply_to_list', 'The reply_to_list must not be used together with reply_to. Use one of the two.');
    return [];
  }
  const words = { invalid: 'The reply_to email does not contain a valid address.' };
  const single = one === undefined ? undefined : readParty(faults, one, 'reply_to', words);
  if (single) return [single.address];
  return readReplyToList(faults, list);
}

function readReplyToList(faults: Faults, value: unknown): Address[] {
  const list = readArray(faults, value, 'reply_to_list') ?? [];
  if (list.length > REPLY_TO_ADDRESSES) {
    const message = `The reply_to_list must not have more than ${REPLY_TO_ADDRESSES} addresses, you provided ${list.length}.`;
    addFault(faults, 'reply_to_list', message);
    return [];
  }
  const words = { invalid: 'The reply_to_list email does not contain a valid address.' };
  const seen = new Set<string>();
  const addresses: Address[] = [];
  for (const [i, entry] of list.entries()) {
    if (isFull(faults)) break;
    const party = readParty(faults, entry, under('reply_to_list', i), words);
    if (!party) continue;
    const key = sameAddress(party.mailbox);
    if (seen.has(key))
      addFault(
        faults,
        under('reply_to_list', i),
        `The reply_to_list must be unique, [${party.address.email}] is in it twice.`,
      );
    seen.add(key);
    addresses.push(party.address);
  }
  return addresses;
}

/** Two addresses are the same to us when these are equal: SendGrid compares without case. */
export function sameAddress(mailbox: Mailbox): string {
  return `${mailbox.local.toLowerCase()}@${mailbox.asciiDomain}`;
}

function readParty(faults: Faults, value: unknown, field: string, words: Words): Party | undefined {
  const object = readObject(faults, value, field, PROPERTIES);
  if (!object) return undefined;
  const name = readName(faults, object.name, under(field, 'name'), words);
  const email = readString(faults, object.email, under(field, 'email'));
  if (object.email !== undefined && email === undefined) return undefined;
  const mailbox = email === undefined ? undefined : readMailbox(email);
  if (email === undefined || !mailbox) {
    addFault(faults, under(field, 'email'), words.invalid);
    return undefined;
  }
  return { address: name ? { email, name } : { email }, mailbox };
}

function readName(faults: Faults, value: unknown, field: string, words: Words): string | undefined {
  const name = readLine(faults, value, field, 'name');
  if (name !== undefined && words.plainName && /[;,]/.test(name))
    addFault(faults, field, 'The name of a recipient must not contain a semicolon or a comma.');
  return name;
}
