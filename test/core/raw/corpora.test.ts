/** Real mails, good and broken: each goes out by the rules of the wire, and reads as it did before. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type ParsedMail, simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { readRaw } from '../../../core/raw/compose.ts';
import { readSubmitted } from '../../../core/submit-mime/index.ts';
import { normaliseLines } from '../../../core/wire.ts';
import { assertWire, compose } from './raw-mail.ts';

const CORPUS = '../shared/corpus';
const FOLDERS = ['mail-parser', 'ruby-mail', 'mailparser'];
const files = FOLDERS.flatMap((folder) => globSync(`${CORPUS}/${folder}/**/*.{eml,txt}`)).filter(
  (file) => !/LICENSE|MIT|COPYING/.test(basename(file)),
);

describe.skipIf(!existsSync(CORPUS))('corpora of mails, as MIME', () => {
  it('are there', () => expect(files.length).toBeGreaterThan(200));

  for (const folder of new Set(files.map(dirname)))
    it(`${folder.slice(CORPUS.length + 1)}: is never a crash, obeys the wire, and reads as before`, async () => {
      for (const file of files.filter((one) => dirname(one) === folder)) await assertSame(file);
    });
});

describe.skipIf(!existsSync(CORPUS))('mails with octets changed', () => {
  // Attack: a message broken just so that a parser loses its way: at a boundary, within an encoding, in the middle of a field.
  it('are never a crash, and obey the wire', () => {
    const mails = files.map((file) => readFileSync(file)).filter(({ length }) => length < 20_000);
    let seed = 12_345;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    const special = Buffer.from('\r\n\0 :-=">?<(),;\xff\xc3', 'latin1');
    for (let n = 0; n < 5_000; n++) {
      const octets = Buffer.from(mails[random(mails.length)]!);
      for (let changes = random(3); changes >= 0 && octets.length > 0; changes--)
        octets[random(octets.length)] = special[random(special.length)]!;
      const { header, octets: normal } = readRaw(octets);
      const read = readSubmitted(submittedOf(normal, header.body), { now: 0, pools: new Set() });
      const from = read.ok === false ? { email: 'news@sender.example' } : read.request.content.from;
      const edit = (text: string) => text.replaceAll('the', 'thé');
      const made = compose(octets, { from, fill: edit }, { sevenBit: n % 2 === 0, edit });
      if (!('dropped' in made)) assertWire(made);
    }
  });
});

const submittedOf = (octets: Buffer, body: number) => ({
  header: octets.subarray(0, body),
  size: octets.length,
  mime: { octets: octets.toString('latin1') },
  mailFrom: 'me@sender.example',
  rcptTo: ['you@x.example'],
  eightBit: true,
  smtpUtf8: false,
});

async function assertSame(file: string): Promise<void> {
  const octets = normaliseLines(readFileSync(file));
  const { header } = readRaw(octets);
  const read = readSubmitted(submittedOf(octets, header.body), { now: Date.UTC(2026, 10, 23), pools: new Set() });
  // Junk in the header is refused at the door, and left out behind it: such a mail has no text to compare.
  const isWhole = read.ok !== false || !read.reply.text.includes('no field');
  const from = read.ok === true ? read.request.content.from : { email: 'news@sender.example' };
  const before = isWhole ? await simpleParser(octets) : undefined;
  for (const sevenBit of [false, true]) {
    const made = compose(octets, { from }, { sevenBit });
    if ('dropped' in made) {
      expect(made.dropped, file).toMatch(/^5\.6\.[23] /);
      continue;
    }
    try {
      assertWire(made);
      if (sevenBit && !made.eightBit) expect(made.body.toString('latin1')).not.toMatch(/[\x80-\xff]/);
      if (before) expect(summary(await simpleParser(made.message), before)).toEqual(summary(before));
    } catch (error) {
      throw new Error(`${join(file)}, ${sevenBit ? 'seven' : 'eight'} bits: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
}

/**
 * What a reader sees; white space at line ends is nobody's. What could not be read before (mailparser takes octets above 127
 * in a header for UTF-8, whatever they are) may be read now.
 * @param before what was read of the message as it came
 */
function summary({ text, html, subject = '', to, attachments, headers }: ParsedMail, before?: ParsedMail) {
  const shown = (value: string, was = value) => (/\ufffd|ï¿½/.test(was) ? was : value).replace(/\s+/g, ' ');
  const textOf = (one: ParsedMail['to']) =>
    [one ?? []]
      .flat()
      .map((list) => list.text)
      .join();
  const plain = (value: string | false | undefined) => (value || '').replace(/[ \t\r]+$/gm, '').trimEnd();
  return {
    text: plain(text),
    html: plain(html),
    subject: shown(subject, before?.subject),
    to: shown(textOf(to), before && textOf(before.to)),
    type: (headers.get('content-type') as { value?: string } | undefined)?.value,
    attachments: attachments.map(({ filename, contentType, content }) => ({
      filename,
      contentType,
      content: content.toString('latin1').trimEnd(),
    })),
  };
}
