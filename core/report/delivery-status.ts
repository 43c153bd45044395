/**
 * Delivery status notifications (RFC 3464; RFC 6533 for internationalised addresses): groups of fields, first one about the
 * message, then one for each recipient. Servers forget the empty line between groups, or begin with a recipient: what a
 * field says decides, not where it stands.
 */
import { addressOf } from './addresses.ts';
import { first, type Header, readHeader } from './header.ts';
import { RECIPIENTS } from './limits.ts';

export type StatusGroup = {
  /** Final-Recipient, or what stands for it; undefined when what it names is no address (a file, a program). */
  final?: string;
  /** What Final-Recipient names when it is no address. */
  name: string;
  original?: string;
  /** X-Actual-Recipient: where the final recipient was forwarded to. */
  actual?: string;
  action: string;
  /** RFC 3463, without its comment. */
  status: string;
  /** Without its type. */
  diagnostic: string;
  diagnosticType: string;
  mta: string;
};
export type DeliveryStatus = {
  groups: StatusGroup[];
  envelopeId: string;
  reportingMta: string;
  arrivalDate: string;
};

const RECIPIENT_FIELDS = ['final-recipient', 'original-recipient', 'action', 'status', 'diagnostic-code'];

/** @param text that of one or more message/delivery-status parts, or text that holds such fields */
export function readDeliveryStatus(text: string): DeliveryStatus {
  const result: DeliveryStatus = { groups: [], envelopeId: '', reportingMta: '', arrivalDate: '' };
  for (const block of blocksOf(text)) {
    const { header } = readHeader(block);
    result.envelopeId ||= first(header, 'original-envelope-id');
    result.reportingMta ||= hostOf(first(header, 'reporting-mta'));
    result.arrivalDate ||= first(header, 'arrival-date');
    if (!RECIPIENT_FIELDS.some((name) => header.has(name))) continue;
    const previous = result.groups.at(-1);
    // A group without its own recipient is the rest of the one before.
    const group = toGroup(header);
    if (previous && !header.has('final-recipient') && !header.has('original-recipient')) fill(previous, group);
    else if (result.groups.length < RECIPIENTS) result.groups.push(group);
  }
  return result;
}

/** Cuts at empty lines, and where a field of recipients comes again. */
function blocksOf(text: string): string[] {
  const blocks: string[][] = [[]];
  let seen = false;
  for (const line of text.split('\n', 5_000)) {
    if (line.trim() === '') {
      blocks.push([]);
      seen = false;
      continue;
    }
    if (/^final-recipient[ \t]{0,5}:/i.test(line)) {
      if (seen) blocks.push([]);
      seen = true;
    }
    blocks.at(-1)!.push(line);
  }
  return blocks.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
}

function toGroup(header: Header): StatusGroup {
  const [, diagnosticType = '', diagnostic = ''] =
    /^[ \t]*(?:([\w-]{1,40})[ \t]*;)?[ \t]*([\s\S]*)$/.exec(first(header, 'diagnostic-code')) ?? [];
  const final = recipientOf(first(header, 'final-recipient'));
  const original = recipientOf(first(header, 'original-recipient'));
  const actual = recipientOf(first(header, 'x-actual-recipient'));
  return {
    ...(final === undefined ? {} : { final }),
    name: first(header, 'final-recipient')
      .replace(/^[ \t]*[\w-]{1,40}[ \t]*;/, '')
      .trim()
      .slice(0, 320),
    ...(original === undefined ? {} : { original }),
    ...(actual === undefined ? {} : { actual }),
    action: /^[a-z]{1,20}/.exec(first(header, 'action').toLowerCase())?.[0] ?? '',
    status: /[245]\.\d{1,3}\.\d{1,3}/.exec(first(header, 'status'))?.[0] ?? '',
    diagnostic: diagnostic.trim() || commentOf(first(header, 'status')),
    diagnosticType: diagnosticType.toLowerCase(),
    mta: hostOf(first(header, 'remote-mta')),
  };
}

function fill(into: StatusGroup, from: StatusGroup): void {
  for (const name of ['action', 'status', 'diagnostic', 'diagnosticType', 'mta'] as const) into[name] ||= from[name];
}

/** RFC 6533 3: `\x{HEX}` in an address of type utf-8. */
function recipientOf(value: string): string | undefined {
  const text = /^[ \t]*utf-8/i.test(value)
    ? value.replace(/\\x\{([0-9a-f]{2,6})\}/gi, (_, hex: string) => {
        const code = Number.parseInt(hex, 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : '';
      })
    : value;
  const address = addressOf(text);
  // A mailbox file of a local delivery may hold an at sign, too.
  return address?.startsWith('/') || address?.startsWith('|') ? undefined : address;
}

/** `5.2.2 (Over quota)` */
function commentOf(status: string): string {
  return /\(([^()]{3,300})\)/.exec(status)?.[1] ?? '';
}

/** `dns; mx.example.com (192.0.2.1, the server for the domain.)` as the name. */
function hostOf(value: string): string {
  const name = value.replace(/^[ \t]*[\w-]{1,20}[ \t]*;/, '').trim();
  return /^[\w.:[\]-]{1,255}/.exec(name)?.[0].replace(/\.$/, '').toLowerCase() ?? '';
}
