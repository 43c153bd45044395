/**
 * A legacy template around the texts of a message that came as MIME: the same as around those of mail/send (core/template/mail.ts).
 * What the template has replaces the text of its type where that stands; a text that the message has not becomes its alternative. All
 * else, attachments and their order, stays as it came. Tags are still to be replaced, in all of it.
 *
 * What is signed or encrypted has no text that may change: such a message is not sent, since it would go out without its template.
 */
import { createHash } from 'node:crypto';
import { textField } from '../compose.ts';
import type { Part } from '../mail.ts';
import { composeEntity } from '../mime.ts';
import type { TemplateText } from '../records/template.ts';
import { subjectOf } from '../render.ts';
import { legacyTexts } from '../template/mail.ts';
import { rewriteParts } from './body.ts';
import { type RawMessage, readRaw } from './compose.ts';
import { applyEdits, type Edit } from './edits.ts';
import { firstNamed, type Header, textOf } from './header.ts';
import { type Entity, readTree } from './tree.ts';

/** In the order of alternatives (RFC 2046 5.1.4). */
const TYPES = ['text/plain', 'text/html'] as const;
type Type = (typeof TYPES)[number];
type Texts = ReadonlyMap<Type, string>;
/** Where a message's own text stands, and what is around it, from the outside in. */
type Place = { entity: Entity; around: readonly Entity[] };

const FROZEN = 'its template cannot be put around what is signed, encrypted or of an unknown charset';
const isOwn = (type: string): type is Type => (TYPES as readonly string[]).includes(type);

/** `refused`: why there is no such message. */
export function applyTemplate(raw: RawMessage, template: TemplateText): RawMessage | { refused: string } {
  const { octets } = raw;
  const tree = readTree(octets);
  const { places, frozen } = findTexts(tree);
  const own = readTexts(octets, tree);
  if ((frozen && places.size === 0) || [...places.keys()].some((type) => !own.has(type))) return { refused: FROZEN };

  const texts = legacyTexts({ plain: own.get('text/plain'), html: own.get('text/html') }, template);
  const made = new Map<Type, string>();
  if (texts.plain.trim() !== '') made.set('text/plain', texts.plain);
  if (texts.html.trim() !== '') made.set('text/html', texts.html);
  const edits = [...subjectEdits(raw, template), ...textEdits(octets, tree, places, own, made)];
  return edits.length === 0 ? raw : readRaw(applyEdits(octets, 0, octets.length, edits));
}

/** The first text of each type that is no attachment: what readers take for the message (as `rewriteParts` does). */
function findTexts(tree: Entity): { places: ReadonlyMap<Type, Place>; frozen: boolean } {
  const places = new Map<Type, Place>();
  let frozen = false;
  const visit = (entity: Entity, around: readonly Entity[]) => {
    frozen ||= entity.frozen;
    const { type, header, attached, children } = entity;
    if (entity.frozen || type.startsWith('message/')) return;
    for (const child of children) visit(child, [...around, entity]);
    const isLeaf = children.length === 0 && header.end !== header.body;
    if (isLeaf && isOwn(type) && !attached && !places.has(type)) places.set(type, { entity, around });
  };
  visit(tree, []);
  return { places, frozen };
}

function readTexts(octets: Buffer, tree: Entity): Texts {
  const own = new Map<Type, string>();
  rewriteParts(octets, tree, {
    sevenBit: false,
    edit: (text, type, isBody) => {
      // The last line end is the message's, not the text's: in HTML it would be an empty line.
      if (isBody && isOwn(type)) own.set(type, text.replace(/\r?\n$/, ''));
      return text;
    },
  });
  return own;
}

function subjectEdits({ octets, header }: RawMessage, { subject }: TemplateText): Edit[] {
  const field = firstNamed(header, 'subject');
  const before = field ? textOf(octets, field) : '';
  const after = subjectOf({ subjectTemplate: subject }, before);
  if (after === before) return [];
  const { from, to } = field ?? { from: header.end, to: header.end };
  return [{ from, to, by: textField('Subject', after) }];
}

function textEdits(octets: Buffer, tree: Entity, places: ReadonlyMap<Type, Place>, own: Texts, made: Texts): Edit[] {
  const name = createHash('sha256').update(octets).digest('hex').slice(0, 24);
  const compose = (texts: Texts) => {
    const parts = TYPES.flatMap((type): Part[] => (texts.has(type) ? [{ type, value: texts.get(type)! }] : []));
    const { header, body } = composeEntity(parts, [], name);
    return { header, body };
  };
  const missing = TYPES.filter((type) => made.has(type) && !places.has(type));
  if (missing.length === 0) return replaceTexts(octets, tree, made);
  const [place] = places.values();
  if (!place) return putFirst(octets, tree, compose(made), `=_${name}-0`);
  const [type] = missing as [Type];
  const depth = place.around.findLastIndex((entity) => entity.type === 'multipart/alternative');
  if (depth < 0) return replaceBy(place.entity, compose(new Map([...own, ...made])), place.entity === tree);
  const alternatives = place.around[depth]!;
  const sibling = place.around[depth + 1] ?? place.entity;
  const added = compose(new Map([[type, made.get(type)!]]));
  return [...putBeside(alternatives, sibling, added, type), ...replaceTexts(octets, tree, made)];
}

/** A part: its Content-* fields, each with its CRLF, and its body, which ends in one. */
type Composed = { header: string; body: Buffer };

function replaceTexts(octets: Buffer, tree: Entity, made: Texts): Edit[] {
  const edit = (text: string, type: string, isBody: boolean) => (isBody && made.get(type as Type)) || text;
  return rewriteParts(octets, tree, { sevenBit: false, edit }).edits;
}

/** text/plain before the alternatives that are there, text/html behind its text. */
function putBeside(
  { boundary, children, gaps }: Entity,
  sibling: Entity,
  { header, body }: Composed,
  type: Type,
): Edit[] {
  const delimiter = `--${boundary}\r\n`;
  const part = `${header}\r\n${withoutLineEnd(body)}`;
  if (type === 'text/html') return [insert(sibling.to, `\r\n${delimiter}${part}`)];
  return [insert(gaps[children.indexOf(sibling)]!.to, `${part}\r\n${delimiter}`)];
}

function replaceBy(entity: Entity, { header, body }: Composed, isRoot: boolean): Edit[] {
  const before = entity.header.fields.filter(({ name }) => /^content-(type|transfer-encoding|disposition)$/.test(name));
  return [
    ...before.map(({ from, to }) => ({ from, to, by: '' })),
    insert(entity.header.end, header),
    { from: entity.from, to: entity.to, by: isRoot ? body : withoutLineEnd(body) },
  ];
}

/** Before all that the message has. */
function putFirst(octets: Buffer, tree: Entity, { header, body }: Composed, boundary: string): Edit[] {
  if (header === '' || body.length === 0) return [];
  const part = `${header}\r\n${body.toString('latin1')}`;
  const [first] = tree.gaps;
  if (tree.type === 'multipart/mixed' && first && tree.children.length > 0)
    return [insert(first.to, `${part}--${tree.boundary}\r\n`)];
  const moved = contentFields(octets, tree.header);
  return [
    ...moved.map(({ from, to }) => ({ from, to, by: '' })),
    insert(tree.header.end, `Content-Type: multipart/mixed;\r\n boundary="${boundary}"\r\n`),
    insert(tree.from, `--${boundary}\r\n${part}--${boundary}\r\n${moved.map(({ text }) => text).join('')}\r\n`),
    insert(tree.to, `\r\n--${boundary}--\r\n`),
  ];
}

function contentFields(octets: Buffer, { fields }: Header): { from: number; to: number; text: string }[] {
  return fields
    .filter(({ name }) => name.startsWith('content-'))
    .map(({ from, to }) => ({ from, to, text: octets.toString('latin1', from, to) }));
}

const insert = (at: number, by: string): Edit => ({ from: at, to: at, by });

/** The line end before a delimiter is the delimiter's (RFC 2046 5.1.1). */
const withoutLineEnd = (body: Buffer): string => body.toString('latin1').replace(/\r\n$/, '');
