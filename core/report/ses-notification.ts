/**
 * SES's notifications (SES: "Amazon SNS notification contents") as they come by mail from an SNS topic with a mail
 * subscription: JSON in the text, perhaps cut into lines on the way.
 */
import type { StatusGroup } from './delivery-status.ts';
import { RECIPIENTS } from './limits.ts';

export type SesNotification = {
  kind: 'delivery' | 'complaint';
  groups: StatusGroup[];
  reportingMta: string;
  feedbackType: string;
  /** MAIL FROM, as SES was given it. */
  source: string;
};

export function readSesNotification(text: string): SesNotification | undefined {
  const start = text.indexOf('{');
  if (start < 0 || start > 200 || !text.includes('notificationType')) return undefined;
  // sendmail cuts long lines so (its "!" and a newline).
  const whole = text.slice(start).replace(/!\n ?/g, '');
  const outer = parse(whole);
  const message = typeof outer?.Message === 'string' ? parse(outer.Message) : outer;
  const type = asText(message?.notificationType);
  const mail = asObject(message?.mail);
  const base = { source: asText(mail.source), feedbackType: '' };
  if (type === 'Bounce') {
    const bounce = asObject(message!.bounce);
    const groups = asList(bounce.bouncedRecipients).map((one) => toGroup(asObject(one)));
    return { ...base, kind: 'delivery', groups, reportingMta: hostOf(bounce.reportingMTA) };
  }
  if (type === 'Delivery') {
    const delivery = asObject(message!.delivery);
    const groups = asList(delivery.recipients).map((one) =>
      toGroup({ emailAddress: one, action: 'delivered', diagnosticCode: delivery.smtpResponse }),
    );
    return { ...base, kind: 'delivery', groups, reportingMta: hostOf(delivery.reportingMTA) };
  }
  if (type === 'Complaint') {
    const complaint = asObject(message!.complaint);
    const groups = asList(complaint.complainedRecipients).map((one) => toGroup(asObject(one)));
    const feedbackType = asText(complaint.complaintFeedbackType) || 'abuse';
    return { ...base, kind: 'complaint', groups, reportingMta: '', feedbackType };
  }
  return undefined;
}

function toGroup(recipient: Json): StatusGroup {
  const diagnostic = asText(recipient.diagnosticCode);
  const address = asText(recipient.emailAddress);
  return {
    ...(address.includes('@') ? { final: address } : {}),
    name: address,
    action: asText(recipient.action).toLowerCase() || 'failed',
    status: /[245]\.\d{1,3}\.\d{1,3}/.exec(`${asText(recipient.status)} ${diagnostic}`)?.[0] ?? '',
    diagnostic: diagnostic.replace(/^smtp\s?;\s?/i, ''),
    diagnosticType: 'smtp',
    mta: '',
  };
}

/** The value that a text begins with; what stands behind it is left out. */
function parse(text: string): Json | undefined {
  const end = text.search(/\n--|\n\n/);
  for (const candidate of [text, end < 0 ? text : text.slice(0, end), text.slice(0, text.lastIndexOf('}') + 1)])
    try {
      const value: unknown = JSON.parse(candidate);
      return asObject(value);
    } catch {
      // The next candidate is shorter.
    }
  return undefined;
}

type Json = Record<string, unknown>;
const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value.slice(0, RECIPIENTS) : []);
const asText = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 4_000) : '');
const hostOf = (value: unknown): string => /[\w.-]{1,255}$/.exec(asText(value))?.[0] ?? '';
