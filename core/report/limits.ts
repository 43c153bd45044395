/**
 * How much of a mail that came back is looked at. Everything in `core/report/` is one pass over at most REPORT_BYTES, so a mail
 * made to be slow (100,000 parts, 10,000 levels, a header of 50 MB) is only ever read in part. What a report has to say
 * stands before the message that it returns, which may be long.
 */

/** Octets of the mail that are read at all. */
export const REPORT_BYTES = 2_000_000;
/** Octets of one header section; more of it is not read (Postfix: header_size_limit). */
export const HEADER_BYTES = 102_400;
/** Fields of one header section. */
export const HEADER_FIELDS = 1_000;
/** Characters of one field's value. */
export const FIELD_CHARACTERS = 4_000;
/** Multiparts within one another (Postfix: mime_nesting_limit); deeper ones are text. */
export const MIME_DEPTH = 100;
/** Parts of one mail; what comes behind them belongs to the last. */
export const MIME_PARTS = 200;
/** Octets of a boundary (RFC 2046 5.1.1 says 70; Postfix: mime_boundary_length_limit). */
export const BOUNDARY_CHARACTERS = 2_048;
/** Octets of one part that are decoded. */
export const PART_BYTES = 131_072;
/** Octets of all parts that are decoded. */
export const DECODED_BYTES = 524_288;
/** Lines of a text part that can say whom it is about. */
export const TEXT_LINES = 500;
/** Characters of one such line. */
export const LINE_CHARACTERS = 1_000;
/** Recipients of one report. A copy has one; a report by a list server may have more. */
export const RECIPIENTS = 100;
