/**
 * What SES receiving says of a mail that it has put into the inbound bucket (Amazon SES Developer Guide, "Contents of
 * notifications for Amazon SES email receiving"), in the words of our own inbound message. Only what came by the S3 action counts.
 */
import { INBOUND_PREFIX, type InboundMessage, parseInboundMessage } from './message.ts';

type Notification = {
  notificationType?: unknown;
  mail?: {
    timestamp?: unknown;
    source?: unknown;
    messageId?: unknown;
    headers?: { name?: unknown; value?: unknown }[];
  };
  receipt?: {
    recipients?: unknown;
    spamVerdict?: { status?: unknown };
    action?: { type?: unknown; objectKey?: unknown };
  };
};

/** The object SES writes when it is given a bucket, to see whether it may. It is no mail. */
const SETUP = 'AMAZON_SES_SETUP_NOTIFICATION';
/** SES writes it on top: `from mail.example (mail.example [192.0.2.1])`, `from mail.example ([2001:db8::1])`. */
const RECEIVED = /^from (\S{1,255}) \([^[\]]{0,300}\[(?:IPv6:)?([0-9a-fA-F.:]{2,45})\]\)/;

/**
 * Reads a body of the inbound queue: ours, or SES's.
 * @returns undefined for what is no mail
 * @throws Error naming what is wrong; such a message can never succeed
 */
export function readInboundBody(body: string): InboundMessage | undefined {
  const notification = JSON.parse(body) as Notification | null;
  if (typeof notification !== 'object' || notification === null || !('notificationType' in notification))
    return parseInboundMessage(body);
  const { mail, receipt } = notification;
  const key = receipt?.action?.objectKey;
  if (mail?.messageId === SETUP || (typeof key === 'string' && key.endsWith(SETUP))) return undefined;
  if (notification.notificationType !== 'Received' || receipt?.action?.type !== 'S3' || typeof key !== 'string')
    throw new Error('a notification of SES that is not about a received mail in a bucket');
  const received = mail?.headers?.find(({ name }) => String(name).toLowerCase() === 'received')?.value;
  const [, helo, remoteAddress] = RECEIVED.exec(String(received ?? '')) ?? [];
  const spamVerdict = receipt.spamVerdict?.status;
  return parseInboundMessage(
    JSON.stringify({
      v: 1,
      id: key.slice(INBOUND_PREFIX.length),
      key,
      receivedAt: Date.parse(String(mail?.timestamp)),
      mailFrom: String(mail?.source ?? '').replace(/^<(.*)>$/, '$1'),
      rcptTo: receipt.recipients,
      ...(helo && remoteAddress ? { helo, remoteAddress } : {}),
      ...(typeof spamVerdict === 'string' ? { spamVerdict } : {}),
    }),
  );
}
