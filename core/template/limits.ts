/** What a template may be, and what making a mail of it may cost. Code names a limit; it never writes the number. */

/** SendGrid's: of an account, and of a template. */
export const TEMPLATES = 300;
export const VERSIONS = 300;
/** Bytes of a version's html_content, and of its plain_content. */
export const CONTENT_BYTES = 1_048_576;
export const NAME_CHARACTERS = 100;
export const SUBJECT_CHARACTERS = 255;
/** Ours: bytes of test_data. */
export const TEST_DATA_BYTES = 262_144;

/** Ours: `{{…}}` in one text. The parser of Handlebars takes some 0.1 ms for each. */
export const TAGS = 5_000;
/** Ours: characters of one `{{…}}` that is no comment. */
export const TAG_CHARACTERS = 4_000;
/** Ours: blocks in blocks, each `{{else if}}` counted; also brackets in brackets. The parser's time grows with the square of it. */
export const DEPTH = 100;
/** Ours: what is evaluated for one mail: tags, turns of loops, names looked up. Some 20 ms. */
export const STEPS = 200_000;
/** Ours: characters that data may add to the texts of one mail. */
export const GROWTH = 1_000_000;
/** Ours: names that a strict template is checked for when mail is accepted. */
export const VARIABLES = 50;
/** Ours: characters of the format of a date. */
export const FORMAT_CHARACTERS = 200;
