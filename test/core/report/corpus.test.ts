/** Real mail, where the corpora lie beside the repository: what is read, what is not taken for a report, and nothing that crashes. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Report, readReport } from '../../../core/report/index.ts';
import type { Classification } from '../../../core/shaping/rule.ts';

const CORPUS = '../shared/corpus';
const BOUNCES = join(CORPUS, 'bounces');
/** One-byte mutations; they take some seconds. */
const MUTATIONS = 20_000;

/** What the corpus's words are in SendGrid's; `filtered` (refused without saying why) is nobody's. */
const CLASSES: Record<string, Classification> = Object.fromEntries(
  Object.entries({
    'Invalid Address': 'userunknown hasmoved',
    'Mailbox Unavailable': 'mailboxfull suspend onhold notaccept',
    Reputation: 'blocked badreputation requireptr authfailure rejected',
    Content: 'spamdetected contenterror virusdetected mesgtoobig exceedlimit notcompliantrfc policyviolation',
    'Frequency or Volume Too High': 'toomanyconn speeding ratelimited',
    'Technical Failure':
      'hostunknown networkerror expired systemerror systemfull mailererror syntaxerror norelaying securityerror failedstarttls',
  }).flatMap(([name, words]) => words.split(' ').map((word) => [word, name as Classification])),
);

type Label = { file: string; recipient: string; action: string; reason: string; tier: string };

function readLabels(): Label[] {
  const [head = '', ...lines] = readFileSync(join(BOUNCES, 'expected.tsv'), 'utf8').trimEnd().split('\n');
  const names = head.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(names.map((name, n) => [name, cells[n] ?? ''])) as Label;
  });
}

const files = (folder: string) =>
  globSync(`${CORPUS}/${folder}/**/*`, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^(?:LICENSE|SOURCE|MIT|Apache|.*\.(?:json|toml|py|tsv))/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
const recipientsOf = (report: Report) => ('recipients' in report ? report.recipients : []);

describe.skipIf(!existsSync(BOUNCES))('a corpus of bounces', () => {
  const labels = existsSync(BOUNCES) ? readLabels().filter(({ tier }) => tier !== 'N') : [];
  const reports = new Map(
    labels.map(({ file }) => file).map((file) => [file, readReport(readFileSync(join(BOUNCES, file)))]),
  );
  const bounces = labels.filter(({ tier, reason }) => (tier === 'A' || tier === 'B') && reason in CLASSES);
  const found = bounces.flatMap((label) => {
    const told = recipientsOf(reports.get(label.file)!);
    const one = told.find(({ address }) => address.toLowerCase() === label.recipient.toLowerCase());
    return one ? [{ label, one }] : [];
  });

  it('is there', () => expect(bounces.length).toBeGreaterThan(200));

  it('names its recipients', () => expect(found.length / bounces.length).toBeGreaterThan(0.97));

  it('is classed as people did', () => {
    const right = found.filter(({ label, one }) => one.classification === CLASSES[label.reason]);
    expect(right.length / found.length).toBeGreaterThan(0.94);
  });

  it('costs hardly an address that is good', () => {
    const invalid = found.filter(({ one }) => one.classification === 'Invalid Address');
    expect(
      invalid.filter(({ label }) => CLASSES[label.reason] === 'Invalid Address').length / invalid.length,
    ).toBeGreaterThanOrEqual(0.98);
    const suppressed = found.filter(({ one }) => one.type === 'bounce');
    // Google says of some full mailboxes that their reader is gone.
    const gone = suppressed.filter(
      ({ label, one }) => /^(?:userunknown|hasmoved|suspend)$/.test(label.reason) || /inactive/.test(one.diagnostic),
    );
    expect(suppressed.length).toBeGreaterThan(50);
    expect(gone.length / suppressed.length).toBeGreaterThanOrEqual(0.98);
  });

  it('never makes a bounce of a delay', () => {
    for (const [file, report] of reports) {
      const raw = readFileSync(join(BOUNCES, file), 'latin1');
      if (!/^Action: *delayed/im.test(raw) || /^Action: *failed/im.test(raw)) continue;
      expect({ file, kind: report.kind }).toEqual({ file, kind: 'delayed' });
    }
  });

  it('says the same with LF, CRLF and CR', () => {
    for (const [file, report] of reports) {
      const text = readFileSync(join(BOUNCES, file), 'latin1').replace(/\r\n?/g, '\n');
      for (const end of ['\r\n', '\r'])
        expect(readReport(Buffer.from(text.replaceAll('\n', end), 'latin1')), file).toEqual(report);
    }
  });

  it('has complaints, answering machines and deliveries, too', () => {
    const kinds = (reason: string) =>
      new Set(labels.filter((label) => label.reason === reason).map(({ file }) => reports.get(file)!.kind));
    expect(kinds('feedback')).toEqual(new Set(['complaint']));
    expect(kinds('vacation')).toEqual(new Set(['auto-reply']));
    expect(kinds('delivered')).toEqual(new Set(['delivered']));
  });
});

describe.skipIf(!existsSync(CORPUS))('other corpora', () => {
  it('ordinary mail is not taken for a report', () => {
    for (const folder of ['mail-parser', 'ruby-mail', 'mailparser', 'mox', 'bounces/not'])
      for (const file of files(folder)) {
        const raw = readFileSync(file);
        const isReport =
          /report-type="?(?:delivery-status|feedback-report)|message\/(?:delivery-status|feedback-report)/i.test(
            raw.toString('latin1'),
          );
        if (!isReport) expect({ file, kind: readReport(raw).kind }).toEqual({ file, kind: 'other' });
      }
  });

  it('every ARF is a complaint', () => {
    const arf = ['bounces', 'kumomta', 'mox', 'xarf', 'parsedmarc']
      .flatMap(files)
      .filter((file) => /^content-type: *message\/feedback-report/im.test(readFileSync(file, 'latin1')));
    expect(arf.length).toBeGreaterThan(10);
    for (const file of arf)
      expect({ file, kind: readReport(readFileSync(file)).kind }).toEqual({ file, kind: 'complaint' });
  });

  it(`${MUTATIONS} mutations of one octet have an answer, within 2 s and 256 MB`, { timeout: 120_000 }, () => {
    const mails = ['bounces', 'mail-parser', 'ruby-mail', 'mailparser', 'kumomta']
      .flatMap(files)
      .map((file) => readFileSync(file));
    // A fixed sequence (Park and Miller), so that a failure can be seen again.
    let seed = 20_260_101;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const before = process.memoryUsage().rss;
    for (let n = 0; n < MUTATIONS; n++) {
      const raw = Buffer.from(mails[n % mails.length]!);
      if (raw.length === 0) continue;
      raw[random(raw.length)] = random(256);
      const began = performance.now();
      readReport(raw);
      expect(performance.now() - began, `mutation ${n}`).toBeLessThan(2_000);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1_048_576);
  });
});
