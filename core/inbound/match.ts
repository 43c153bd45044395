/**
 * Which copy a mail that came back is about. Only what we have signed counts, because whoever names somebody else's copy
 * here has him suppressed: the token of the address it came to, the one of Original-Mail-From (RFC 5965 3.2), the field in the
 * returned message (core/copy-header.ts), the token of its List-Unsubscribe. What a report merely says is nobody's word.
 */
import type { TokenSecret } from '../address-token.ts';
import { COPY_HEADER, readCopyField } from '../copy-header.ts';
import type { Report } from '../report/report.ts';
import { type ReturnPath, readReturnPath } from '../return-path.ts';
import { readUnsubscribeAddress } from '../unsubscribe-address.ts';

/** Values of one field, and addresses of one mail, that are looked at: each costs a MAC. */
const LOOKED_AT = 10;
const MAILTO = /mailto:([^>?,\s]{1,320})/gi;

/** @param rcptTo the address that the mail came to, where that is a return path */
export function matchReport(
  report: Report,
  rcptTo: ReturnPath | undefined,
  secret: TokenSecret,
): ReturnPath | undefined {
  return (
    (report.kind === 'complaint' ? undefined : rcptTo) ??
    originalSender(report, secret) ??
    copyField(report, secret) ??
    listUnsubscribe(report, secret) ??
    rcptTo
  );
}

function originalSender(report: Report, secret: TokenSecret): ReturnPath | undefined {
  const named = report.kind === 'complaint' ? report.originalMailFrom : undefined;
  return first([named, report.original.returnPath], (address) => readReturnPath(address, secret));
}

function copyField({ original }: Report, secret: TokenSecret): ReturnPath | undefined {
  return first(original.headers.get(COPY_HEADER.toLowerCase()) ?? [], (value) => readCopyField(value, secret));
}

function listUnsubscribe({ original }: Report, secret: TokenSecret): ReturnPath | undefined {
  const [value = ''] = original.headers.get('list-unsubscribe') ?? [];
  const addresses = [...value.slice(0, 10_000).matchAll(MAILTO)].map(([, address]) => decode(address!));
  return first(addresses, (address) => {
    const found = readUnsubscribeAddress(address, secret);
    return found && { account: found.account, requestId: found.requestId, index: found.index };
  });
}

function first(
  values: readonly (string | undefined)[],
  read: (value: string) => ReturnPath | undefined,
): ReturnPath | undefined {
  for (const value of values.slice(0, LOOKED_AT)) {
    const found = value === undefined ? undefined : read(value);
    if (found) return found;
  }
  return undefined;
}

/** A URI's escapes (RFC 6068 2); one that is broken is left as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
