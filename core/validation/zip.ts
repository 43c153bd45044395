/**
 * The one file in a ZIP archive (PKWARE APPNOTE 6.3): where its octets lie, and whether they are deflated. It reads the central directory
 * and nothing that is packed; what that says of lengths is held against the archive itself. It refuses more than one file, encryption,
 * archives in parts or beyond 4 GB, and other methods than stored and deflated.
 */

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** Octets of the three records, without their names and comments. */
const LOCAL_OCTETS = 30;
const CENTRAL_OCTETS = 46;
const END_OCTETS = 22;
const COMMENT = 65_535;
/** Entries that are looked at: beside the file some folders, and what macOS adds. */
const ENTRIES = 100;

export type Packed = { ok: true; deflated: boolean; octets: Buffer } | { ok: false; message: string };
type Entry = { name: string; flags: number; method: number; packed: number; at: number };

export const isZip = (octets: Buffer): boolean => octets.length >= 4 && octets.readUInt32LE(0) === LOCAL;

export function findOnlyFile(archive: Buffer): Packed {
  const entries = readEntries(archive);
  if (typeof entries === 'string') return refuse(entries);
  const files = entries.filter(({ name }) => !name.endsWith('/') && !/(^|\/)(__MACOSX\/|\.)/.test(name));
  const [file] = files;
  if (!file || files.length > 1) return refuse(`the archive must hold one file, and holds ${files.length}`);
  const { flags, method, packed, at } = file;
  if (flags & 1) return refuse('the archive is encrypted');
  if (method !== 0 && method !== 8) return refuse('the archive is packed by another method than deflate');
  if (packed === 0xffffffff || at === 0xffffffff) return refuse('the archive is one of ZIP64');
  if (at + LOCAL_OCTETS > archive.length || archive.readUInt32LE(at) !== LOCAL) return refuse(BROKEN);
  const from = at + LOCAL_OCTETS + archive.readUInt16LE(at + 26) + archive.readUInt16LE(at + 28);
  if (from + packed > archive.length) return refuse(BROKEN);
  return { ok: true, deflated: method === 8, octets: archive.subarray(from, from + packed) };
}

const BROKEN = 'the archive is broken';
const refuse = (message: string) => ({ ok: false as const, message });

/** The central directory; or, as text, why it cannot be read. */
function readEntries(archive: Buffer): Entry[] | string {
  const end = findEnd(archive);
  if (end === undefined) return BROKEN;
  const [disk, count, directoryAt] = [
    archive.readUInt16LE(end + 4),
    archive.readUInt16LE(end + 10),
    archive.readUInt32LE(end + 16),
  ];
  if (disk !== 0) return 'the archive is one in parts';
  if (count > ENTRIES) return 'the archive must hold one file, and holds many';
  const entries: Entry[] = [];
  let at = directoryAt;
  for (let n = 0; n < count; n++) {
    if (at + CENTRAL_OCTETS > end || archive.readUInt32LE(at) !== CENTRAL) return BROKEN;
    const nameOctets = archive.readUInt16LE(at + 28);
    entries.push({
      name: archive.toString('latin1', at + CENTRAL_OCTETS, at + CENTRAL_OCTETS + nameOctets),
      flags: archive.readUInt16LE(at + 8),
      method: archive.readUInt16LE(at + 10),
      packed: archive.readUInt32LE(at + 20),
      at: archive.readUInt32LE(at + 42),
    });
    at += CENTRAL_OCTETS + nameOctets + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return entries;
}

/** The record at the archive's end, behind which there is a comment at most. */
function findEnd(archive: Buffer): number | undefined {
  for (let at = archive.length - END_OCTETS; at >= 0 && at >= archive.length - END_OCTETS - COMMENT; at--)
    if (archive.readUInt32LE(at) === END) return at;
  return undefined;
}
