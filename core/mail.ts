/**
 * What a request, a personalization and a copy are (docs/architecture.md, "Words").
 * A request is one API call; a personalization is one message as its readers see it; a copy is that message for one
 * recipient: one MAIL FROM/RCPT TO/DATA, one DKIM signature, one return path. Types only; nothing here runs.
 */

import type { TextName } from './records/template.ts';

/** An address as SendGrid writes it: `{email, name}`. `email` is an addr-spec (RFC 5321 4.1.2), at most 320 characters. */
export type Address = { email: string; name?: string };

/** One body part, in SendGrid's order: text/plain, text/html, then others. */
export type Part = { type: string; value: string };

/** `content` is base64 as the sender gave it; `contentId` only matters for `inline`. */
export type Attachment = {
  content: string;
  filename: string;
  type?: string;
  disposition: 'inline' | 'attachment';
  contentId?: string;
};

/**
 * A message that came as MIME (SMTP): its octets as they came, one latin1 character an octet, dots not stuffed; or the object
 * of the content bucket that holds them (`mimeKey`), and how many they are.
 */
export type RawMime = { octets: string } | { key: string; bytes: number };

/** What all personalizations of a request share. Root values of the request; a personalization overrides them. */
export type Content = {
  from: Address;
  replyTo: Address[];
  subject?: string;
  parts: Part[];
  attachments: Attachment[];
  headers: Record<string, string>;
  sections: Record<string, string>;
  categories: string[];
  customArgs: Record<string, string>;
  asm?: { groupId: number; groupsToDisplay: number[] };
  ipPoolName?: string;
  /** The id of that pool, where it was made over the API and the mail goes out by it. */
  poolId?: string;
  /** The lanes it may take: of such a pool, or where the account is a subuser with source addresses assigned to it. */
  lanes?: string[];
  batchId?: string;
  templateId?: string;
  /** A legacy template's subject, in which `<%subject%>` stands for the mail's own; made by deliver, and in no job. */
  subjectTemplate?: string;
  /** The text of the template as it was when the mail was accepted. */
  template?: TextName & {
    /** A name that it prints and the data has not drops the mail. */
    strict?: true;
  };
  /** As the sender gave them, validated; read by tracking, footers and bypasses. */
  mailSettings?: Record<string, unknown>;
  trackingSettings?: Record<string, unknown>;
  /**
   * The message itself, where it came as MIME; then there are no parts, attachments and headers, and `from` and `subject`
   * are what its header says. A personalization that names `to` has it replaced; one that does not leaves the header's To and Cc.
   */
  mime?: RawMime;
  /** Of text/plain without text/html a text/html part is made, when all of it stands (core/mail-send/plain-content.ts). */
  htmlOfText?: true;
  /** The Message-ID that it came with, angle brackets included; absent: it gets one of ours. */
  messageId?: string;
  /** Why no copy of it may be sent: each has the outcome `dropped`, and this as its reason. */
  dropped?: string;
};

/** One message as its readers see it. Bcc is not here: it only makes copies, and never reaches the wire. */
export type Personalization = {
  /** Place in the request, from 0. */
  index: number;
  to: Address[];
  cc: Address[];
  from?: Address;
  subject?: string;
  headers?: Record<string, string>;
  substitutions?: Record<string, string>;
  customArgs?: Record<string, string>;
  dynamicTemplateData?: Record<string, unknown>;
  /** Filler, as long as what was erased of it (core/erasure/stored.ts). */
  erased?: string;
};

/**
 * One recipient of one personalization. `index` counts over the whole request, from 0, but for samples (core/copies.ts); it is the recipient
 * index of `sg_message_id`.
 */
export type Copy = {
  personalization: number;
  role: 'to' | 'cc' | 'bcc';
  address: string;
  index: number;
  /** The account has it of each of its messages (`mail_settings.bcc`): its sender did not ask for it. */
  added?: true;
  /** How often the link broke after the final dot (DESIGN: in doubt); absent is 0. */
  doubts?: number;
};

/** A request that has been validated and merged, before it is cut into jobs. */
export type MailRequest = {
  content: Content;
  personalizations: Personalization[];
  /** In order of personalization, then to, cc, bcc; a sample of a message behind its others. */
  copies: Copy[];
  /** Unix seconds per personalization index; absent means now. */
  sendAt: Record<number, number>;
  /** `mail_settings.sandbox_mode.enable`: validate, answer 200, send nothing. */
  sandbox: boolean;
};
