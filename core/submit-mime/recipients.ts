/**
 * Who gets a copy of a submitted message, and what differs between them. Without X-SMTPAPI all of the RCPT list read one
 * message, its own To and Cc. With `to` each of those gets a message of his own, with his own To; with tags or times of
 * their own, too, but then the message's To stays.
 */
import { asciiAddress, type Mailbox } from '../address.ts';
import type { Copy, MailRequest, Personalization } from '../mail.ts';
import { sameAddress } from '../mail-send/addresses.ts';
import { addCopies } from '../mail-send/copied.ts';
import { jsonBytes } from '../mail-send/data.ts';
import { addFault, type Faults } from '../mail-send/faults.ts';
import { CUSTOM_ARGS_BYTES } from '../mail-send/limits.ts';
import { readArchive } from '../mail-send/settings.ts';
import { makeFill } from '../raw/tags.ts';
import { makeParser } from '../replace.ts';
import { ALL_ARGS_BYTES } from './limits.ts';
import { type SmtpApi, subOf } from './smtpapi.ts';

/** Where the header shows an address, by `sameAddress`: whoever is in neither was a Bcc. */
export type Shown = ReadonlyMap<string, 'to' | 'cc'>;

type Recipients = Pick<MailRequest, 'personalizations' | 'copies' | 'sendAt'>;

/** One message for the whole RCPT list. An address that is in it twice gets one copy. */
export function shareCopies(rcpts: readonly Mailbox[], shown: Shown): Recipients {
  const copies: Copy[] = [];
  const seen = new Set<string>();
  for (const mailbox of rcpts) {
    const key = sameAddress(mailbox);
    if (seen.has(key)) continue;
    seen.add(key);
    const role = shown.get(key) ?? 'bcc';
    copies.push({ personalization: 0, role, address: asciiAddress(mailbox), index: copies.length });
  }
  return { personalizations: [{ index: 0, to: [], cc: [] }], copies, sendAt: {} };
}

/** The copies as X-SMTPAPI wants them. */
export function applySmtpApi(faults: Faults, api: SmtpApi, rcpts: readonly Mailbox[], shown: Shown): Recipients {
  const isSplit = api.to.length > 0 || Object.keys(api.sub).length > 0 || api.sendEachAt !== undefined;
  const all = isSplit ? splitCopies(api, rcpts) : shareCopies(rcpts, shown);
  renderArgs(faults, api, all.personalizations);
  for (const { index } of all.personalizations) {
    const at = api.sendEachAt ? api.sendEachAt[index] : api.sendAt;
    if (at !== undefined) all.sendAt[index] = at;
  }
  const archive = readArchive(api.content.mailSettings);
  return archive ? { ...all, copies: addCopies(all, archive) } : all;
}

/** A message for each recipient. */
function splitCopies({ to, sub }: SmtpApi, rcpts: readonly Mailbox[]): Recipients {
  const recipients = to.length > 0 ? to : rcpts.map((mailbox) => ({ address: undefined, mailbox }));
  const hasTags = Object.keys(sub).length > 0;
  const personalizations = recipients.map(
    ({ address }, index): Personalization => ({
      index,
      to: address ? [address] : [],
      cc: [],
      ...(hasTags ? { substitutions: subOf(sub, index) } : {}),
    }),
  );
  const copies = recipients.map(
    ({ mailbox }, index): Copy => ({ personalization: index, role: 'to', address: asciiAddress(mailbox), index }),
  );
  return { personalizations, copies, sendAt: {} };
}

/** unique_args with each recipient's tags replaced, where there are tags in them. */
function renderArgs(faults: Faults, { sub, content }: SmtpApi, personalizations: Personalization[]): void {
  const { customArgs, sections } = content;
  const parse = makeParser(Object.keys(sub));
  const tagged = Object.entries(customArgs).filter(([, value]) => parse(value).keys.length > 0);
  if (tagged.length === 0) return;
  let bytes = 0;
  for (const personalization of personalizations) {
    const fill = makeFill(personalization.substitutions ?? {}, sections);
    const args = tagged.map(([key, value]) => [key, fill?.(value)] as const);
    const own = Object.fromEntries(args) as Record<string, string>;
    const size = args.some(([, value]) => value === undefined) ? Infinity : jsonBytes({ ...customArgs, ...own });
    bytes += size;
    if (size > CUSTOM_ARGS_BYTES || bytes > ALL_ARGS_BYTES) {
      const message = `The unique_args of one recipient must not exceed ${CUSTOM_ARGS_BYTES} bytes once tags are replaced, those of all together ${ALL_ARGS_BYTES}.`;
      addFault(faults, 'unique_args', message);
      return;
    }
    personalization.customArgs = own;
  }
}
