/**
 * The parts of a message that came as MIME (RFC 2045, 2046): where each begins and ends in its octets. Parts that are signed or
 * encrypted as a whole (RFC 1847, RFC 8551) are `frozen`: an octet changed in them breaks them.
 * Bounded: what is nested deeper, or is more parts, than any honest mail stays one leaf; so time is linear in size times depth.
 */
import { parseHeaderValue } from 'nodemailer/lib/mime-funcs';
import { firstNamed, type Header, readHeader, unfold } from './header.ts';

export type Entity = {
  header: Header;
  /** `[from, to)`: the body, without the line end that belongs to the boundary behind it. */
  from: number;
  to: number;
  /** `text/plain`, lower case. */
  type: string;
  charset: string;
  encoding: 'identity' | 'quoted-printable' | 'base64';
  /** Of a multipart. */
  boundary: string;
  attached: boolean;
  frozen: boolean;
  /** Of a multipart or a message; then the gaps are what stands before, between and behind them, delimiters and all. */
  children: Entity[];
  gaps: { from: number; to: number }[];
};

const DEPTH = 30;
const PARTS = 2_000;
const FROZEN = /^(multipart\/(signed|encrypted)|application\/(x-)?pkcs7-(mime|signature)|application\/pgp-encrypted)$/;
const MESSAGE = /^message\/(rfc822|global|news)$/;
const TYPE = /^[!#$%&'*+.^_`{|}~\w-]+\/[!#$%&'*+.^_`{|}~\w-]+$/;

/** Reads the entity whose header begins at `from`. Never throws. */
export function readTree(octets: Buffer, from = 0, until = octets.length): Entity {
  return read(octets, { from, until, depth: 0, type: 'text/plain' }, { left: PARTS });
}

type Place = { from: number; until: number; depth: number; type: string };

function read(octets: Buffer, place: Place, budget: { left: number }): Entity {
  budget.left--;
  const header = readHeader(octets, place.from, place.until);
  const textOfField = (name: string) => {
    const field = firstNamed(header, name);
    return field === undefined ? '' : unfold(octets, field);
  };
  const { value, params } = parseHeaderValue(textOfField('content-type').slice(0, 10_000));
  const lower = value.trim().toLowerCase();
  const type = TYPE.test(lower) ? lower : lower === '' ? place.type : 'text/plain';
  const entity: Entity = {
    header,
    from: header.body,
    to: place.until,
    type,
    charset: (params.charset ?? '').trim().toLowerCase(),
    encoding: encodingOf(textOfField('content-transfer-encoding')),
    boundary: params.boundary ?? '',
    attached: /^[ \t]*attachment\b/i.test(textOfField('content-disposition')),
    frozen: FROZEN.test(type),
    children: [],
    gaps: [],
  };
  if (entity.frozen || place.depth >= DEPTH || budget.left <= 0) return entity;
  if (type.startsWith('multipart/')) readParts(octets, entity, place.depth, budget);
  else if (MESSAGE.test(type) && entity.encoding === 'identity') {
    const inner = { from: entity.from, until: entity.to, depth: place.depth + 1, type: 'text/plain' };
    entity.children = [read(octets, inner, budget)];
  }
  return entity;
}

function encodingOf(value: string): Entity['encoding'] {
  const name = value
    .replace(/\(.*\)/, '')
    .trim()
    .toLowerCase();
  return name === 'base64' || name === 'quoted-printable' ? name : 'identity';
}

/** RFC 2046 5.1.1: delimiters stand at the start of a line, white space may follow. Without a last one the last part ends with the text. */
function readParts(octets: Buffer, entity: Entity, depth: number, budget: { left: number }): void {
  const { boundary } = entity;
  if (boundary === '') return;
  const type = entity.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  const mark = Buffer.from(`--${boundary}`, 'latin1');
  let gap = entity.from;
  let begun: number | undefined;
  const endPart = (to: number) => {
    if (begun === undefined) return;
    entity.children.push(read(octets, { from: begun, until: Math.max(begun, to), depth: depth + 1, type }, budget));
    gap = Math.max(begun, to);
    begun = undefined;
  };
  for (let at = octets.indexOf(mark, entity.from); at >= 0 && at < entity.to; at = octets.indexOf(mark, at + 1)) {
    if (at > entity.from && octets[at - 1] !== 0x0a) continue;
    const line = octets.indexOf(0x0a, at);
    const end = line < 0 || line >= entity.to ? entity.to : line + 1;
    const rest = octets.toString('latin1', at + mark.length, Math.min(end, at + mark.length + 1_000));
    if (!/^(--)?[ \t]*(\r\n|$)/.test(rest)) continue;
    // The line end before a delimiter is the delimiter's.
    endPart(at - 2);
    if (rest.startsWith('--') || budget.left <= 0) {
      entity.gaps.push({ from: gap, to: entity.to });
      return;
    }
    entity.gaps.push({ from: gap, to: end });
    begun = end;
  }
  endPart(entity.to);
  if (entity.children.length === 0) entity.gaps = [];
}
