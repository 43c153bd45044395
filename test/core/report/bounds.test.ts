/**
 * Attack: a stranger mails us what is made to be read slowly, or to take the memory of the function that reads bounces: ten
 * thousand levels, a hundred thousand parts, headers of megabytes, boundaries in boundaries. Each must end in an answer within
 * two seconds, and time must grow with the size, not with its square.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textOfHtml } from '../../../core/report/decode.ts';
import { readReport } from '../../../core/report/index.ts';
import { lintReportRules } from '../../../core/report/lint.ts';
import { CERTAIN, WORDS } from '../../../core/report/rules/index.ts';

/** As a mail system's, so that every reader is reached. */
const HEADER = 'Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: a@b.example\nSubject: Undelivered Mail\n';
const repeat = (count: number, make: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => make(n)).join('');

/** Each makes a mail of about `size` octets. */
const GENERATORS: Record<string, (size: number) => string> = {
  'multiparts in multiparts': (size) =>
    `${HEADER}${repeat(size / 60, (n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n`)}\ntext`,
  'many parts': (size) =>
    `${HEADER}Content-Type: multipart/report; boundary=b\n\n${repeat(size / 30, () => '--b\nContent-Type: text/plain\n\nx\n')}`,
  'a long field': (size) => `${HEADER}X-Long: ${'x'.repeat(size)}\n\nbody`,
  'a field of many lines': (size) => `${HEADER}X-Long: x\n${' y\n'.repeat(size / 3)}\nbody`,
  'many fields': (size) => `${HEADER}${repeat(size / 12, (n) => `X-${n}: v\n`)}\nbody`,
  'the same boundary again and again': (size) =>
    `${HEADER}Content-Type: multipart/mixed; boundary=b\n\n${repeat(size / 50, () => '--b\nContent-Type: multipart/mixed; boundary=b\n\n')}`,
  'a long boundary': (size) =>
    `${HEADER}Content-Type: multipart/mixed; boundary="${'b'.repeat(size / 2)}"\n\n--${'b'.repeat(size / 2)}\n\nx`,
  base64: (size) => `${HEADER}Content-Transfer-Encoding: base64\n\n${'QUFB'.repeat(size / 4)}`,
  'continued parameters': (size) =>
    `${HEADER}Content-Type: multipart/mixed;${repeat(size / 20, (n) => `\n boundary*${n}=abc;`)}\n\nx`,
  'encoded words': (size) => `${HEADER}Subject: ${'=?utf-8?q?a?= '.repeat(size / 14)}\n\nx`,
  'messages in messages': (size) => `${HEADER}${'Content-Type: message/rfc822\n\n'.repeat(size / 30)}x`,
  'no end': (size) => `${HEADER}Content-Type: multipart/mixed; boundary=b\n\n--b\n\n${'line\n'.repeat(size / 5)}`,
  NUL: (size) => `${HEADER}\n${'\0'.repeat(size)}`,
  'UTF-16': (size) => `${HEADER}Content-Type: text/plain; charset=utf-16\n\n${'a\0'.repeat(size / 2)}`,
  'a partial message that is itself': (size) =>
    `${HEADER}Content-Type: message/partial; id=x; number=1; total=1\n\n${'Content-Type: message/partial; id=x\n\n'.repeat(size / 37)}`,
  'a charset of megabytes': (size) => `${HEADER}Content-Type: text/plain; charset="${'c'.repeat(size)}"\n\nx`,
  comments: (size) => `${HEADER}To: ${'('.repeat(size)}a@b.example\n\nx`,
  addresses: (size) =>
    `${HEADER}X-Failed-Recipients: ${'a@b.example, '.repeat(size / 13)}\n\n${'<a@b.example>: failed\n'.repeat(size / 23)}`,
  'recipients of a delivery status': (size) =>
    `${HEADER}Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n${repeat(size / 70, (n) => `Final-Recipient: rfc822; a${n}@b.example\nAction: failed\nStatus: 5.1.1\n\n`)}`,
  'carriage returns': (size) => `${HEADER}\n${'\r'.repeat(size)}`,
  'angle brackets': (size) => `${HEADER}Content-Type: text/html\n\n${'<'.repeat(size)}`,
  'scripts that never end': (size) => `${HEADER}Content-Type: text/html\n\n${'<script>'.repeat(size / 8)}`,
  'JSON of brackets': (size) => `${HEADER}\n{"notificationType":${'['.repeat(size)}`,
  'delimiters without boundary': (size) => `${HEADER}\n${'--x\nContent-Type: text/plain\n\n'.repeat(size / 30)}`,
  'quotes before an at sign': (size) => `${HEADER}\n${'"'.repeat(size)}@b.example`,
};

function run(text: string): { kind: string; ms: number } {
  const raw = Buffer.from(text, 'latin1');
  const began = performance.now();
  const { kind } = readReport(raw);
  return { kind, ms: performance.now() - began };
}

describe('mails made to be slow', () => {
  it.each(Object.entries(GENERATORS))('%s', (_, make) => {
    const before = process.memoryUsage();

    for (const size of [10_000, 300_000, 3_000_000]) {
      const { kind, ms } = run(make(size));
      expect(['bounce', 'delayed', 'other', 'auto-reply', 'complaint', 'delivered']).toContain(kind);
      expect(ms, `${size} octets`).toBeLessThan(2_000);
    }

    const after = process.memoryUsage();
    expect(after.rss - before.rss).toBeLessThan(256 * 1_048_576);
  });

  it('of 50 MB of header has its answer, too', () => {
    const raw = Buffer.alloc(50_000_000, 'X-Field: value\n');
    const began = performance.now();
    expect(readReport(raw).kind).toBe('other');
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it('is not read beyond its bound', () => {
    const report = readReport(Buffer.from(`${HEADER}\n${'x'.repeat(3_000_000)}\n<late@b.example>: 550 User unknown`));
    expect('recipients' in report ? report.recipients.map(({ address }) => address) : []).not.toContain(
      'late@b.example',
    );
  });
});

describe('any octets', () => {
  it('have an answer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), (octets) => {
        expect(readReport(Buffer.from(octets)).kind).toBeDefined();
      }),
      { numRuns: 500 },
    );
  });

  it("of a mail's own words have an answer, the same for every line end", () => {
    const line = fc.constantFrom(
      'From: MAILER-DAEMON@a.example', 'Subject: failure notice', '', '', '--b', '--b--', 'Content-Type: multipart/report; boundary=b',
      'Content-Type: message/delivery-status', 'Final-Recipient: rfc822; x@y.example', 'Action: failed', 'Action: delayed', 'Status: 5.1.1',
      'Diagnostic-Code: smtp; 550 5.1.1 no such user', '<x@y.example>:', 'Remote host said: 550 5.1.1 User unknown',
      '--- Below this line is a copy of the message.', 'Content-Type: message/rfc822', 'Feedback-Type: abuse', 'Content-Type: message/feedback-report',
      'Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: quoted-printable', '=3D=', 'QUJD', ' folded', 'Received: from a by b',
    ); // biome-ignore format: a table
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        const read = (end: string) => readReport(Buffer.from(lines.join(end)));
        expect(read('\r\n')).toEqual(read('\n'));
        expect(read('\r')).toEqual(read('\n'));
      }),
      { numRuns: 500 },
    );
  });
});

describe('texts made to stall a pattern (R1)', () => {
  it('are read in time that grows with their length, wherever they stand', () => {
    const UNITS = [
      'a', ' ', '-', '=', '<', '>', '"', '@', '.', ':', '=?', '?=', 'a@', '<a@b', '550 ', '5.1.1 ', 'to ', 'for ', 'message ', 'mail ', 'original ', 'copy of the ',
      'delivery ', 'failed ', 'could not ', 'be delivered ', 'recipient ', 'address ', 'will be ', 'auto ', 'out of ', 're: ', 'from ', 'said: ',
      'host ', 'in reply to ', '>>> rcpt to:', 'x-unix; ', '#5.', 'final-recipient: ',
    ]; // biome-ignore format: a table
    const time = (length: number) => {
      const began = performance.now();
      for (const unit of UNITS) {
        const long = unit.repeat(Math.ceil(length / unit.length));
        const lines = `${unit.repeat(Math.ceil(80 / unit.length))}\n`.repeat(length / 80);
        readReport(Buffer.from(`From: ${long}\nSubject: ${long}\n\n${long}`));
        readReport(Buffer.from(`${HEADER}\n${lines}`));
      }
      return performance.now() - began;
    };
    time(500);
    const [short, long] = [time(2_000), time(200_000)];
    expect(long / short).toBeLessThan(200);
  });
});

describe('rules for reports', () => {
  it('have nothing that the linter finds', () => expect(lintReportRules()).toEqual([]));

  it('are found out when they are wrong', () => {
    const rule = { ...WORDS[0]!, name: 'report-test', sample: 'quota' };
    const told = (change: object) => lintReportRules([[{ ...rule, ...change }]]).map(({ message }) => message);
    expect(told({ match: /full|/ })).toContain('matches an empty text');
    expect(told({ match: /(?:a+)+quota/ })).toContain('has a quantifier without bound');
    expect(told({ match: /nothing/ })).toContain('does not match its own sample');
    expect(told({ match: /quota/, type: 'bounce' })).toContain(
      'only what is wrong with the address for good may suppress',
    );
    expect(told({ match: /quota/, status: '5.9.9' })).toContain('has a status that means nothing');
    expect(told({ match: /quota/, name: 'mailbox-full' })).toContain('names two rules');
  });

  it('take time that grows with their length, not with its square (R1)', () => {
    const UNITS = [
      'a', ' ', '5', '1.', '<', 'a@', 'user ', 'mailbox ', 'not ', 'no such ', 'account is ', 'recipient ', 'host ', 'domain ', 'name ', 'address ',
      'message ', 'mail ', 'exceed ', 'size ', 'quota ', 'full ', 'connection ', 'timed ', 'out ', 'queue ', 'in the ', 'sender ', 'your ', 'relay ',
      'tls ', 'header ', 'system ', 'error ', 'cannot ', 'unable to ', 'does ', 'from ', 'pipe to ', 'group ',
    ]; // biome-ignore format: a table
    const patterns = [...CERTAIN, ...WORDS].flatMap(({ match, unless }) => (unless ? [match, unless] : [match]));
    const time = (length: number) => {
      const texts = UNITS.map((unit) => unit.repeat(Math.ceil(length / unit.length)));
      const began = performance.now();
      for (const text of texts) for (const pattern of patterns) pattern.test(text);
      return performance.now() - began;
    };
    time(500);
    // Linear is 100 times, a square 10,000 times as much.
    const [short, long] = [time(2_000), time(200_000)];
    expect(long / short).toBeLessThan(1_000);
  });
});

it('HTML is read as words, once', () => {
  expect(textOfHtml('<style>p{}</style><p>One &lt;a@b.example&gt;</p><p>Two<br>Three</p>').split('\n').map((line) => line.trim())).toEqual([
    'One <a@b.example>', 'Two', 'Three', '',
  ]); // biome-ignore format: one line
});
