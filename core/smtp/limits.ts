/**
 * What an SMTP session of ours waits for and how much it keeps. RFC 5321 4.5.3.2 names longer times; a function that
 * may live 180 seconds takes shorter ones and tries again later, which the RFC's retry rules allow.
 */

/** Octets of one reply line. RFC 5321 4.5.3.1.5 says 512; real servers send more. */
export const REPLY_LINE_BYTES = 4_096;
/** Octets of one reply, all its lines together; more is an attack or a fault. */
export const REPLY_BYTES = 65_536;
/** Characters of a reply that are kept: no pattern ever sees more (reliability: regular expressions). */
export const REPLY_KEPT = 2_000;
/** Characters of a reply that go into a record. */
export const REPLY_RECORDED = 500;
/** Lines of a session's transcript that are kept. */
export const TRANSCRIPT_LINES = 200;
/** Octets of a line of a message without its CRLF (RFC 5322 2.1.1). */
export const MESSAGE_LINE_BYTES = 998;
/** Octets of a local part (RFC 5321 4.5.3.1.1). */
export const LOCAL_PART_BYTES = 64;

/** Milliseconds that each step may take when the function has its whole 180 seconds; a shorter life shortens all alike. */
export type Waits = {
  connect: number;
  /** The 220, and each reply to EHLO, STARTTLS, MAIL, RCPT, RSET. */
  command: number;
  tls: number;
  /**
   * All of these together, and `data`, from connecting or from the last message's end: so a host that is just quick enough
   * with each of them cannot keep a run, and the lane's other mail, for minutes. The minima of RFC 5321 4.5.3.2 (5 minutes
   * for each command) cannot be kept by a function of 180 seconds.
   */
  session: number;
  /** From DATA to 354. */
  data: number;
  /** The message itself, whatever its size, before its last octet has left. */
  body: number;
  /** From the final dot to its reply. RFC 5321 4.5.3.2.6 says 10 minutes; KumoMTA waits as long as this. */
  dot: number;
};
export const WAITS: Waits = {
  connect: 10_000,
  command: 30_000,
  tls: 15_000,
  session: 45_000,
  data: 15_000,
  body: 30_000,
  dot: 60_000,
};
/** The life that WAITS are made for, in milliseconds: deliver's longest timeout. */
export const WAITS_LIFE = 180_000;

/** Sessions to one site, both environments of a lane together. */
export const CONNECTIONS_PER_SITE = 20;
/** Environments that share a lane (its mapping's maximum concurrency). */
export const ENVIRONMENTS_PER_LANE = 2;
/** Messages on one session before a new one is opened. */
export const MESSAGES_PER_CONNECTION = 50;
/** Copies that are worth one more session: a session costs about as much as two messages on an open one. */
export const COPIES_PER_SESSION = 2;
/** Sessions open at once in one invocation, all sites together. */
export const SESSIONS = 250;
