/**
 * The letter of a message that came as MIME (core/raw), signed. It has two forms where its body has octets above 127: as it
 * came, and converted for hosts that take seven bits only; each has signatures of its own. Personalizations whose texts stay
 * as they came share one body; tracked copies, whose links name them, have one each.
 */
import { hashBody, signDkim } from '../../core/dkim.ts';
import { domainOf } from '../../core/domain.ts';
import { requestIdTime } from '../../core/ids.ts';
import { dueOf } from '../../core/job.ts';
import type { Content, Copy, Part, Personalization } from '../../core/mail.ts';
import { BODY_TAG } from '../../core/mail-send/defaults.ts';
import { addFooter } from '../../core/mail-send/footer.ts';
import { readFooter } from '../../core/mail-send/settings.ts';
import type { Rewrite } from '../../core/raw/body.ts';
import {
  composeRawBody,
  composeRawHeader,
  type Dropped,
  type RawBody,
  type RawMessage,
} from '../../core/raw/compose.ts';
import { type Fill, makeFill } from '../../core/raw/tags.ts';
import { templateOf } from '../../core/submit-mime/filters.ts';
import { NO_UNSUBSCRIBE, type Tracker } from '../../core/tracking/track.ts';
import { FINAL_DOT, measureLines, stuffDots } from '../../core/wire.ts';
import type { Letter, Written } from './letter.ts';
import type { Task } from './take.ts';
import { trackerOf } from './tracking.ts';

type Body = RawBody & { stuffed: Buffer; hash: string };

const EMPTY_LINE = Buffer.from('\r\n');
/** Its octets are its own; they go when nobody refers to them. */
const KEPT = () => {};
const TOO_LONG = '5.3.4 the message is too long once its substitutions are made';

/** Bodies that nothing personal changes, by the message they were made from. */
const shared = new WeakMap<RawMessage, Map<boolean, Body | Dropped>>();

/** @param sevenBit converted, as far as that can be: signed parts stay, and the letter says so */
export function writeRaw(
  task: Pick<Task, 'job' | 'content' | 'domains' | 'tracking'> & { mime: RawMessage },
  personalization: Personalization,
  copy: Copy,
  pool: string,
  sevenBit: boolean,
): Written {
  const drop = (dropped: string): Written => ({ letter: { dropped }, bytes: 0, free: KEPT });
  const { job, content, domains, mime } = task;
  const { from } = content;
  const domain = domains.get(domainOf(from.email));
  if (!domain) return drop(`5.7.20 ${domainOf(from.email)} is not a domain of this account any more`);
  const substitutions = personalization.substitutions ?? {};
  const isPersonal = Object.keys(substitutions).length > 0;
  const fill = isPersonal ? makeFill(substitutions, content.sections) : undefined;
  if (isPersonal && !fill) return drop(TOO_LONG);

  const given = mime.header.fields.map(({ name }) => name);
  const tracker = trackerOf(task, from, given, copy, domain);
  if (tracker && 'dropped' in tracker) return drop(tracker.dropped);
  const body = bodyOf(mime, content, fill, tracker, sevenBit);
  if ('dropped' in body) return drop(body.dropped);
  const header = composeRawHeader(
    mime,
    {
      requestId: job.requestId,
      personalization: personalization.index,
      account: job.account,
      pool,
      categories: content.categories,
      acceptedAt: dueOf(job, requestIdTime(job.requestId)),
      from,
      to: personalization.to,
      ...(fill ? { fill } : {}),
      ...(tracker ? { added: tracker.headers } : {}),
    },
    body.edits,
  );
  if (!header) return drop(TOO_LONG);
  const { eightBit } = measureLines(header);
  const signatures = signDkim(header, body.hash, domain.keys);
  const seal = (chosen: readonly string[]): Letter => ({
    octets: [stuffDots(Buffer.concat([Buffer.from(chosen.join('')), header, EMPTY_LINE])), body.stuffed, FINAL_DOT],
    eightBit,
    eightBitBody: body.eightBit,
    returnPathDomain: domain.returnPath,
  });
  const rsaOnly = signatures.filter((_, n) => domain.keys[n]?.algorithm !== 'ed25519');
  const plain = rsaOnly.length < signatures.length ? seal(rsaOnly) : undefined;
  const heads = (plain ? 2 : 1) * (header.length + signatures.join('').length);
  // A body that is the message's own octets takes nothing that its content has not taken already.
  const own = body.stuffed.buffer === mime.octets.buffer ? 0 : body.stuffed.length;
  return { letter: seal(signatures), bytes: heads + own, free: KEPT, ...(plain && { plain }) };
}

/** Whether a letter has a body of its own. */
export function changesRaw(
  { mailSettings }: Content,
  substitutions: Personalization['substitutions'],
  sevenBit: boolean,
): boolean {
  const isPersonal = Object.keys(substitutions ?? {}).length > 0;
  return sevenBit || isPersonal || readFooter(mailSettings) !== undefined || templateOf(mailSettings) !== undefined;
}

function bodyOf(
  mime: RawMessage,
  content: Content,
  fill: Fill | undefined,
  tracker: Tracker | undefined,
  sevenBit: boolean,
): Body | Dropped {
  const isShared = !fill && !tracker;
  const known = isShared ? shared.get(mime)?.get(sevenBit) : undefined;
  if (known) return known;
  const edit = editOf(mime, content, fill, tracker);
  const made = composeRawBody(mime, { sevenBit, ...(edit ? { edit } : {}) });
  const body = 'dropped' in made ? made : { ...made, stuffed: stuffDots(made.body), hash: hashBody(made.body) };
  if (isShared) shared.set(mime, (shared.get(mime) ?? new Map()).set(sevenBit, body));
  return body;
}

/**
 * What becomes of a text: the template around the message's HTML, the footer under its texts, then tags in all of it, and the
 * copy's links last.
 */
function editOf(
  mime: RawMessage,
  { mailSettings }: Content,
  fill: Fill | undefined,
  tracker: Tracker | undefined,
): Rewrite['edit'] | undefined {
  const footer = readFooter(mailSettings);
  const template = templateOf(mailSettings);
  if (!footer && template === undefined && !fill && !tracker) return undefined;
  return (text, type, isBody) => {
    let value = text;
    if (isBody && type === 'text/html' && template !== undefined) value = template.replaceAll(BODY_TAG, () => text);
    if (isBody) value = addFooter([{ type, value }], footer)[0]!.value;
    const filled = fill ? fill(value) : value;
    if (filled === undefined) return { problem: TOO_LONG };
    if (!tracker) return filled;
    if (tracker.lacksLink(filled)) return { problem: NO_UNSUBSCRIBE };
    return tracker.part(fill ? { type, value: filled } : samePart(mime, type, filled), isBody).value;
  };
}

/** Texts that every copy has, by the message they are of: where their links stand is found out once for a part (core/tracking). */
const parts = new WeakMap<RawMessage, Part[]>();
function samePart(mime: RawMessage, type: string, value: string): Part {
  const known = parts.get(mime) ?? [];
  parts.set(mime, known);
  const found = known.find((one) => one.type === type && one.value === value);
  if (found) return found;
  const made = { type, value };
  known.push(made);
  return made;
}
