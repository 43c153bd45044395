/** A ZIP archive as common programs write it: local records, the central directory, the end. */
import { crc32, deflateRawSync } from 'node:zlib';

export type ZipFile = { name: string; octets: Buffer; stored?: boolean; flags?: number; method?: number };

export function zipOf(files: readonly ZipFile[], comment = ''): Buffer {
  const [records, directory]: [Buffer[], Buffer[]] = [[], []];
  let at = 0;
  for (const { name, octets, stored = false, flags = 0, method = stored ? 0 : 8 } of files) {
    const packed = stored ? octets : deflateRawSync(octets);
    const title = Buffer.from(name);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(method, 4);
    shared.writeUInt32LE(crc32(octets), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(octets.length, 18);
    shared.writeUInt16LE(title.length, 22);
    records.push(Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), shared, title, packed]));
    const entry = Buffer.alloc(16);
    entry.writeUInt32LE(at, 12);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), shared, entry.subarray(2), title]));
    at += records.at(-1)!.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...records, ...directory, end, Buffer.from(comment)]);
}
