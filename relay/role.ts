/**
 * What a port is for: submission, where customers send, or inbound, where the world delivers to us. The session knows SMTP;
 * its role knows who may, to whom, and where the mail goes.
 */
import type { SmtpReply } from '../core/smtp-server/replies.ts';
import type { Credentials } from '../core/smtp-server/sasl.ts';
import type { Letter, LetterWriter } from './letter.ts';

/** A client, as its connection and its session tell of it. */
export type Client = {
  /** Its IP address: the load balancer preserves it. */
  address: string;
  /** What it said in EHLO or HELO; '' before that. */
  helo: string;
  /** The protocol of its TLS (`TLSv1.3`). */
  tls?: string;
  esmtp: boolean;
  /** Whose API key it has shown. */
  login?: Login;
};

export type Login = { account: string; keyId: string };

export type Envelope = {
  mailFrom: string;
  rcptTo: string[];
  eightBit: boolean;
  smtpUtf8: boolean;
};

/** A message that is coming in: where its octets go, under an id that is already its own. */
export type Incoming = { id: string; writer: LetterWriter };

export type Role = {
  name: 'submission' | 'inbound';
  /** Absent: nobody logs in here. @returns whose key it is, or the reply; never throws */
  login?: (credentials: Credentials, client: Pick<Client, 'address'>) => Promise<Login | SmtpReply>;
  /** Whether MAIL FROM may be this, and whether now; undefined: it may. */
  sender: (address: string, smtpUtf8: boolean, client: Client) => SmtpReply | undefined;
  /** The recipient as it is sent to, or the reply that refuses it; never throws. */
  recipient: (address: string, smtpUtf8: boolean) => Promise<string | SmtpReply>;
  /** Makes ready for a message; undefined: there is no memory for it at present. */
  open: (client: Client, envelope: Envelope) => Promise<Incoming | undefined>;
  /** Takes a message that came whole: 250 only when it is durable; never throws. */
  take: (letter: Letter, id: string, envelope: Envelope, client: Client) => Promise<SmtpReply>;
};

/**
 * The trace of one hop (RFC 5321 4.4), CRLF and all. What the client said of itself was checked before; its address is as
 * the connection has it.
 */
export function makeReceived(client: Client, host: string, id: string, now: number): string {
  const { helo, address, tls, esmtp, login } = client;
  const literal = address.includes(':') ? `IPv6:${address}` : address;
  // RFC 3848.
  const protocol = esmtp ? `ESMTP${tls ? 'S' : ''}${login ? 'A' : ''}` : 'SMTP';
  const date = new Date(now).toUTCString().replace('GMT', '+0000');
  return `Received: from ${helo} ([${literal}])\r\n\tby ${host} with ${protocol} id ${id};\r\n\t${date}\r\n`;
}
