/**
 * Every limit of the relay, with its unit and where it comes from. One table, because a test of a limit gives its own.
 * They are counted per task: behind the load balancer there are at least two.
 */
import { BIG_REQUEST_BYTES } from '../core/limits.ts';
import { HEADER_BYTES } from '../core/submit-mime/limits.ts';

const MB = 1_048_576;

export const LIMITS = {
  // a session ---------------------------------------------------------------------------------------------------------
  /** Octets of a command line without CRLF. RFC 5321 4.5.3.1.4 says 512, and that extensions may add to it. */
  commandBytes: 2_048,
  /** Octets of a line of an AUTH exchange (RFC 4954 4). */
  authBytes: 12_288,
  /** Milliseconds that we wait for the next command (RFC 5321 4.5.3.2.7: at least 5 minutes). */
  idleMs: 300_000,
  /** Milliseconds from a command line's first octet to its last: a line is one packet, or somebody plays for time. */
  lineMs: 60_000,
  /** Milliseconds from the banner to AUTH: who has not said by then who he is, does not want to send. */
  loginMs: 300_000,
  /** Milliseconds of a TLS handshake. */
  tlsMs: 30_000,
  /** Milliseconds that a client may take to read what we said. */
  writeMs: 60_000,
  /** Milliseconds that a message may take before its rate counts. */
  messageMs: 300_000,
  /** Octets a second that a message must come with, over all: 30 MB in an hour. */
  messageRate: 8_192,
  /** Wrong commands, and refused recipients at port 25, until the session is ended. */
  errors: 20,
  /** Commands since the last message or recipient that bring nothing forward (NOOP, RSET, EHLO and kin). */
  idleCommands: 100,
  /** Failed logins until the session is ended. */
  logins: 3,
  /** Milliseconds that the answer to a failed login waits, times the failures of the session. */
  loginDelayMs: 1_000,
  /** Messages on one connection (SendGrid: 5,000). */
  messages: 5_000,
  /** Recipients of one message (SendGrid: 1,000). */
  recipients: 1_000,
  /** Octets of a message (SendGrid: 30 MB). */
  messageBytes: BIG_REQUEST_BYTES,
  /** Octets of a message that are read beyond the limit, so that the session stays in step; then it is ended. */
  excessBytes: 64 * MB,
  headerBytes: HEADER_BYTES,
  /** Octets of a line of a message. RFC 5321 says 998; what is longer is folded or encoded before it leaves. */
  messageLineBytes: 1_000_000,
  /** Received fields of a mail that comes in (RFC 5321 6.3: at least 100 must be allowed). */
  hops: 100,

  // a process ---------------------------------------------------------------------------------------------------------
  /** Connections of all kinds (SendGrid: 10,000 per server). */
  connections: 10_000,
  /** Connections from one address (IPv6: one /64). */
  connectionsOfAddress: 1_000,
  /** Those of them that have not logged in. */
  strangersOfAddress: 250,
  /** Connections to port 25 from one address. */
  inboundOfAddress: 50,
  /** Connections that are logged in with one API key. */
  connectionsOfKey: 1_000,
  /** Messages a minute with one API key. */
  messagesOfKey: 60_000,
  /** Mails a minute that come in from one address. */
  inboundMessagesOfAddress: 1_000,
  /** Failed logins from one address until it must wait, and for how many milliseconds. */
  loginsOfAddress: 10,
  loginsMs: 600_000,
  /** Addresses and keys that are remembered for the limits above; the oldest give way. */
  remembered: 50_000,
  /** Milliseconds that a message waits for memory; then the client is told to come again. */
  memoryWaitMs: 60_000,
  /** Milliseconds that a drain may take. Fargate's stop timeout is at most 120 s, and something is left for the exit. */
  drainMs: 110_000,

  // the big door ------------------------------------------------------------------------------------------------------
  /** Milliseconds for the head of a request, and between two requests on one connection. */
  headMs: 30_000,
  /** Milliseconds that a body may take before `messageRate` counts. */
  bodyMs: 60_000,
};

export type Limits = typeof LIMITS;

/** What a process may hold of mail that is not stored yet, in octets. */
export type Memory = {
  /** Short messages, and the beginnings of long ones. */
  short: number;
  /** Long messages of customers on their way into the bucket; each has one part of it. */
  long: number;
  /** Long mails that come in from strangers: their own share, so that they take none from customers. */
  inbound: number;
  /** Request bodies at the big door. */
  door: number;
};

/** Octets of one part of a long message. S3: at least 5 MiB, but for the last. */
export const PART_BYTES = 5 * MB;
/** Octets of a message that are kept until it is known to be long, and all that a short one costs. */
export const SHORT_BYTES = 65_536;
/** Octets that a long message costs: its part and its header. */
export const LONG_BYTES = PART_BYTES + HEADER_BYTES;

/**
 * Shares the memory of a task out. Half of it is left for Node itself, for requests at work, and for the sockets.
 * @param bytes the memory that the container may have
 */
export function shareMemory(bytes: number): Memory {
  const share = Math.max(512 * MB, Math.min(bytes, 4_096 * MB)) / 16;
  return { short: 2 * share, long: 3 * share, inbound: 1 * share, door: 2 * share };
}
