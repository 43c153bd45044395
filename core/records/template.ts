/**
 * Templates in the accounts table. A template's item names its active version and the text of it, so that one read tells whoever accepts
 * mail all he needs. Texts are never changed: another text of a version is an item of its own, and the one before stays for as long as
 * mail that was accepted with it may wait. Large ones are cut into pieces.
 */

export type Generation = 'legacy' | 'dynamic';

/** A text of a version, as jobs name it. */
export type TextName = {
  /** Of the version. */
  version: string;
  /** Another one with each change of the text. */
  revision: string;
  /** Items that it is cut into. */
  pieces: number;
};

/** What accepting needs to know of a text. */
export type TextReference = TextName & {
  /** It has a subject of its own. */
  subject: boolean;
  /** Names that it prints outside its blocks. */
  variables?: string[];
};

export type TemplateRecord = {
  pk: string;
  sk: string;
  id: string;
  name: string;
  generation: Generation;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
  /** How many versions it has. */
  versions: number;
  active?: TextReference;
  /** What is printed and not in the data is an error (ours; SendGrid prints nothing). */
  strict?: true;
  /** Grows with each write; a write names the one it read. */
  lock: number;
};

/** Without its text. */
export type TemplateVersionRecord = {
  pk: string;
  sk: string;
  id: string;
  templateId: string;
  name: string;
  subject: string;
  editor: 'code' | 'design';
  generatePlain: boolean;
  createdAt: number;
  updatedAt: number;
  text: TextReference;
};

/** How many templates an account has. */
export type TemplatesRecord = { pk: string; sk: 'templates'; count: number; lock: number };

/** gzip of the JSON of a `TemplateText`, or a piece of it. */
export type TemplatePieceRecord = {
  pk: string;
  sk: string;
  bytes: Uint8Array;
  /** Unix seconds; of texts that no version has any more. */
  expiresAt?: number;
};

/** What a version says. `testData` is JSON, for previews alone. */
export type TemplateText = { subject: string; html: string; plain: string; testData?: string };

/** Days for which the text of a version that is gone is kept: longer than the mail that was accepted with it may wait. */
export const RETIRED_DAYS = 400;

export const templatesKey = (account: string) => ({ pk: account, sk: 'templates' as const });
export const templateKey = (account: string, id: string) => ({ pk: account, sk: `template#${id}` });
export const templateVersionKey = (account: string, templateId: string, id: string) => ({
  pk: account,
  sk: `template-version#${templateId}#${id}`,
});
export const templatePieceKey = (account: string, revision: string, piece: number) => ({
  pk: account,
  sk: `template-text#${revision}#${piece}`,
});
