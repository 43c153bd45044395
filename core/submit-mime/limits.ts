/** The limits of a submitted header and of X-SMTPAPI. Code names a limit; it never writes the number. */

/** Octets of a header section: 10,000 recipients with their substitutions fit. */
export const HEADER_BYTES = 4_194_304;
/** Octets of all fields but X-SMTPAPI: they are read again for each personalization. */
export const FIELDS_BYTES = 262_144;
/** Fields of a header section. */
export const FIELDS = 1_000;
/** Received fields, from which on a message is in a loop (RFC 5321 6.3: at least 100). */
export const HOPS = 100;
/** `to` of X-SMTPAPI (SendGrid: "a hard limit of 10,000 addresses"). */
export const SMTPAPI_RECIPIENTS = 10_000;
/** Bytes of all recipients' unique_args together, tags replaced: a section could make megabytes of each. */
export const ALL_ARGS_BYTES = 5_000_000;
/** Characters of a subject that a request keeps: the message itself has the whole. */
export const SUBJECT_CHARACTERS = 500;
