/** The limits of `POST /v3/mail/send`, as SendGrid documents them. Code names a limit; it never writes the number. */

export const PERSONALIZATIONS = 1000;
/** To, Cc and Bcc over the whole request; also of each list. */
export const RECIPIENTS = 1000;
export const REPLY_TO_ADDRESSES = 1000;
/** Bytes of the JSON of one personalization's substitutions. */
export const SUBSTITUTION_BYTES = 10_000;
/** Bytes of the JSON of the custom_args of one personalization, merged with those of the root. */
export const CUSTOM_ARGS_BYTES = 10_000;
/** Hours ahead that `send_at` may lie with SendGrid; by SMTP with us, too. */
export const SEND_AT_HOURS = 72;
/** Ours: days ahead that it may lie by the API. */
export const SEND_AT_DAYS = 366;
export const CATEGORIES = 10;
export const CATEGORY_CHARACTERS = 255;
export const GROUPS_TO_DISPLAY = 25;
export const POOL_NAME_CHARACTERS = { least: 2, most: 64 };
/** Ours: SendGrid's batch ids have 32 to 52 characters. */
export const BATCH_ID_CHARACTERS = 100;
export const SPAM_THRESHOLD = { least: 1, most: 10 };
/** Ours: errors in one answer. More would not be read, and a hostile body could make a million. */
export const ERRORS = 50;
/** Ours: levels of arrays and objects in a body. What reads it later (JSON.stringify, templates) is recursive. */
export const JSON_DEPTH = 100;
/** Ours: characters of the sender's text that an error repeats. */
export const QUOTED_CHARACTERS = 100;
