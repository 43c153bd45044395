/**
 * What events tell of a copy beside what became of it: written into each of its records by whoever writes one, so that an event
 * can be made from one item alone, whenever it comes. Only what the sender gave takes room: of plain mail it is some 100 bytes,
 * and the record stays within one write unit.
 */
import { domainOf } from '../domain.ts';
import { messageIdHeader } from '../ids.ts';
import type { Job } from '../job.ts';
import type { Content, Copy, Personalization } from '../mail.ts';

export type About = {
  /** The value of its `Message-ID` field, angle brackets included (SendGrid: `smtp-id`). */
  smtpId: string;
  from: string;
  pool: string;
  /** Where the pool was made over the API: its id. */
  poolId?: string;
  /** The address that the mail is sent from; absent where it goes by SES or a relay. */
  ip?: string;
  /** Whose servers its reader has (core/shaping/providers.ts); absent: nobody's whom we know. */
  provider?: string;
  /** Unix seconds; absent: at once. */
  sendAt?: number;
  categories?: string[];
  customArgs?: Record<string, string>;
  asmGroupId?: number;
  templateId?: string;
};

/** @param place what the lane adds: its pool, its address, and the provider of the site it went to */
export function aboutCopy(
  { requestId, sendAt }: Pick<Job, 'requestId' | 'sendAt'>,
  { personalization }: Pick<Copy, 'personalization'>,
  content: Content,
  own: Personalization | undefined,
  place: Pick<About, 'pool' | 'poolId' | 'ip' | 'provider'>,
): About {
  const from = (own?.from ?? content.from).email;
  const customArgs = { ...content.customArgs, ...own?.customArgs };
  const { categories, asm, templateId } = content;
  return {
    smtpId:
      content.messageId ??
      givenMessageId({ ...content.headers, ...own?.headers }) ??
      messageIdHeader(requestId, personalization, domainOf(from)),
    from,
    ...place,
    ...(sendAt === undefined ? {} : { sendAt }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(Object.keys(customArgs).length === 0 ? {} : { customArgs }),
    ...(asm === undefined ? {} : { asmGroupId: asm.groupId }),
    ...(templateId === undefined ? {} : { templateId }),
  };
}

/** A Message-ID of the sender's own goes out as it is (core/compose.ts). */
function givenMessageId(headers: Record<string, string>): string | undefined {
  const name = Object.keys(headers).findLast((one) => one.toLowerCase() === 'message-id');
  const [, id] = /<([^<>\s]{1,900})>/.exec(name === undefined ? '' : headers[name]!) ?? [];
  return id === undefined ? undefined : `<${id}>`;
}
