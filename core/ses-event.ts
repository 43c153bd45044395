/**
 * SES's events about mail that went through it (SES: "Contents of event data"), read into what they mean for a copy.
 * SES has its own retries (14 hours), so a transient bounce is an end too, of type `blocked`. What the receiving server said
 * counts more than SES's own class, as for mail that we deliver ourselves.
 * It refuses what is no event of a message of ours; that is a value, since other mail may use the same configuration set.
 */
import { judge } from './outcome.ts';
import { type About, aboutOf } from './ses.ts';
import type { Shaping } from './shaping/compile.ts';
import type { Classification } from './shaping/rule.ts';
import { REPLY_RECORDED } from './smtp/limits.ts';
import { makeReply } from './smtp/reply.ts';

/** What became of a copy, by SES's word. `complained` and a bounce after a delivery come late: the outcome stands. */
export type Heard = {
  about: About;
  /** The recipient, as we gave it to SES. */
  address: string;
  event: 'delivered' | 'bounced' | 'deferred' | 'complained';
  /** Milliseconds since the epoch. */
  at: number;
  reply: string;
  status?: string;
  type?: 'bounce' | 'blocked';
  classification?: Classification;
  rule?: string;
  /** SES's id of the message. */
  relayId: string;
  /** The server that SES talked to, or that answered. */
  mx?: string;
  /** Of `deferred`, milliseconds since the epoch: SES gives up then. */
  due?: number;
};

/** What SES publishes once to a topic that was given to it. */
const VALIDATION = /^Successfully validated SNS topic/;

/** @returns a sentence when it is nothing of ours; it can be let go */
export function readSesEvent(body: string, shaping: Shaping): Heard | string {
  if (VALIDATION.test(body)) return 'SES has tried the topic';
  let event: Json;
  try {
    event = asObject(JSON.parse(body));
  } catch {
    return 'not JSON';
  }
  const mail = asObject(event.mail);
  const about = aboutOf(asObject(mail.tags));
  const address = asList(mail.destination)[0];
  const relayId = asText(mail.messageId);
  if (!about || typeof address !== 'string' || !relayId) return 'not about a message of ours';
  const base = { about, address, relayId };
  switch (event.eventType) {
    case 'Delivery':
      return { ...base, ...delivered(asObject(event.delivery)) };
    case 'Bounce':
      return { ...base, ...bounced(asObject(event.bounce), shaping) };
    case 'Complaint':
      return { ...base, ...complained(asObject(event.complaint)) };
    case 'DeliveryDelay':
      return { ...base, ...delayed(asObject(event.deliveryDelay)) };
    case 'Reject':
      return { ...base, ...refused(`SES refused it: ${asText(asObject(event.reject).reason)}`, mail) };
    case 'Rendering Failure':
      return { ...base, ...refused(`SES could not make it: ${asText(asObject(event.failure).errorMessage)}`, mail) };
    default:
      return `an event that is not used: ${JSON.stringify(event.eventType)?.slice(0, 40)}`;
  }
}

type Told = Omit<Heard, 'about' | 'address' | 'relayId'>;

function delivered(delivery: Json): Told {
  const reply = makeReply(250, [asText(delivery.smtpResponse).replace(/^250[ -]?/, '')]);
  const ip = asText(delivery.remoteMtaIp);
  return {
    event: 'delivered',
    at: instant(delivery.timestamp),
    reply: cut(reply.text),
    status: reply.enhanced ?? '250',
    ...(ip ? { mx: `[${ip}]` } : {}),
  };
}

function bounced(bounce: Json, shaping: Shaping): Told {
  const recipient = asObject(asList(bounce.bouncedRecipients)[0]);
  const [kind, subType] = [asText(bounce.bounceType), asText(bounce.bounceSubType)];
  const at = instant(bounce.timestamp);
  const said = readDiagnostic(asText(recipient.diagnosticCode));
  const mta = /^dns; *(\S+)/i.exec(asText(bounce.reportingMTA))?.[1];
  const place = mta === undefined ? {} : { mx: mta };
  if (said && said.code >= 500) {
    const verdict = judge({ ok: false, stage: 'rcpt', reply: said, afterDot: false }, shaping, 'other');
    if (verdict.event === 'bounced') {
      const { act: _, ...cause } = verdict;
      return { ...cause, at, ...place };
    }
  }
  // SES's lists of addresses that failed for somebody else prove nothing of this one.
  const ofAddress = kind === 'Permanent' && (subType === 'General' || subType === 'NoEmail') && !said;
  const status = asText(recipient.status);
  return {
    event: 'bounced',
    at,
    type: ofAddress ? 'bounce' : 'blocked',
    reply: cut(said ? said.text : `SES: ${kind} bounce, ${subType || 'no reason given'}`),
    status: /^[45]\.\d{1,3}\.\d{1,3}$/.test(status) ? status : kind === 'Permanent' ? '5.0.0' : '4.4.7',
    classification: ofAddress ? 'Invalid Address' : 'Unclassified',
    ...place,
  };
}

function complained(complaint: Json): Told {
  const kind = asText(complaint.complaintFeedbackType);
  return {
    event: 'complained',
    at: instant(complaint.timestamp),
    reply: cut(kind ? `complaint: ${kind}` : 'complaint'),
  };
}

function delayed(delay: Json): Told {
  const recipient = asObject(asList(delay.delayedRecipients)[0]);
  const said = readDiagnostic(asText(recipient.diagnosticCode));
  const status = asText(recipient.status);
  return {
    event: 'deferred',
    at: instant(delay.timestamp),
    reply: cut(said?.text ?? `SES: ${asText(delay.delayType) || 'delayed'}`),
    ...(status ? { status } : {}),
    due: instant(delay.expirationTime),
  };
}

function refused(reply: string, mail: Json): Told {
  return {
    event: 'bounced',
    at: instant(mail.timestamp),
    type: 'blocked',
    reply: cut(reply),
    status: '5.7.1',
    classification: 'Content',
  };
}

/** `smtp; 550 5.1.1 no such user` (RFC 3464 2.3.6) as a reply. */
function readDiagnostic(text: string) {
  const match = /^(?:smtp\s*;\s*)?([245]\d\d)[ -]?([\s\S]*)$/i.exec(text.trim());
  return match ? makeReply(Number(match[1]), [(match[2] ?? '').replace(/\s+/g, ' ').trim()]) : undefined;
}

type Json = Record<string, unknown>;
const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const asText = (value: unknown): string => (typeof value === 'string' ? value : '');
/** 0 when it is no time: the reader then takes his own. */
const instant = (value: unknown): number => Date.parse(asText(value)) || 0;
const cut = (text: string): string => text.replace(/[\x00-\x1f\x7f]/g, ' ').slice(0, REPLY_RECORDED);
