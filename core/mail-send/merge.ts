/**
 * What one message says once the root and its personalization are put together (SendGrid: personalization `from` and
 * `subject` replace the root's, `headers` and `custom_args` are merged key by key and the personalization wins).
 */
import type { Address, Content, Personalization } from '../mail.ts';
import { spellAsRoot, spellingOf } from './headers.ts';

export type MergedMessage = {
  from: Address;
  /** Absent where only a template has one. */
  subject?: string;
  headers: Record<string, string>;
  customArgs: Record<string, string>;
};

/** Pure; the arguments stay as they are. */
export function mergePersonalization(content: Content, personalization: Personalization): MergedMessage {
  const subject = personalization.subject ?? content.subject;
  const headers = personalization.headers && spellAsRoot(personalization.headers, spellingOf(content.headers));
  return {
    from: personalization.from ?? content.from,
    ...(subject === undefined ? {} : { subject }),
    headers: { ...content.headers, ...headers },
    customArgs: { ...content.customArgs, ...personalization.customArgs },
  };
}
