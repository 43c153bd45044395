/** The settings of mail that comes in: which way, and for how long it is kept. It refuses two ways, and one that is not there. */
import { z } from 'zod';
import { PARSE_HOURS } from '../core/parse/message.ts';
import { whole } from './fields.ts';
import type { OwnRelaySettings } from './relay-settings.ts';
import { DEAD_LETTER_DAYS } from './retention.ts';

/** A mail is read last when the dead letter of its last post to a customer is redriven. */
const SHORTEST_MAIL = PARSE_HOURS / 24 + DEAD_LETTER_DAYS + 1;

export const InboundMail = z.strictObject({
  /**
   * How mail that comes back gets in. `relay`: at port 25 of the relay (`relay.inbound`). `ses`: through SES receiving, in
   * regions that have it; $0.10 for a thousand mails.
   */
  by: z.enum(['relay', 'ses']),
  /** SES refuses mail that does not come by TLS. Default false: a bounce in clear is better than none. */
  requireTls: z.boolean().default(false),
  /** Days that mails are kept as they came: at least 18 (3 for a customer's URL, dead letters 14, and one more). Default 18. */
  mailDays: whole(SHORTEST_MAIL, 3650).default(SHORTEST_MAIL),
});
export type InboundMailSettings = z.output<typeof InboundMail>;

type Ways = { inbound?: InboundMailSettings | undefined; relay: OwnRelaySettings | false };

const takesMail = (relay: Ways['relay']): boolean => (relay ? relay.inbound : false);

/** How mail comes in; a relay that takes it needs no word about it. Undefined: none does, and nothing of it costs anything. */
export function inboundOf({ inbound, relay }: Ways): InboundMailSettings | undefined {
  if (inbound) return inbound;
  return takesMail(relay) ? InboundMail.parse({ by: 'relay' }) : undefined;
}

/** @param refuse is told each fault, with the field's path from `inbound` on */
export function checkInbound({ inbound, relay }: Ways, refuse: (path: string[], message: string) => void): void {
  const byRelay = takesMail(relay);
  if (inbound?.by === 'relay' && !byRelay) refuse(['by'], 'needs a `relay` whose `inbound` is true');
  if (inbound?.by === 'ses' && byRelay) refuse(['by'], 'and relay.inbound are two ways in: set relay.inbound to false');
  if (inbound?.by === 'relay' && inbound.requireTls)
    refuse(['requireTls'], 'is for SES: port 25 of the relay takes mail with and without TLS');
}
