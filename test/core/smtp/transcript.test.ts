import { describe, expect, it } from 'vitest';
import { TRANSCRIPT_LINES } from '../../../core/smtp/limits.ts';
import { createTranscript, cutTranscript, TRANSCRIPT_RECORDED } from '../../../core/smtp/transcript.ts';

describe('transcript', () => {
  it('tells who said what', () => {
    const { note, lines } = createTranscript();
    for (const entry of ['220 hello', 'MAIL FROM:<>\r\nDATA\r\n', '354 go', 1_234, '# timeout']) note(entry);
    expect(lines()).toEqual([
      'S: 220 hello',
      'C: MAIL FROM:<>',
      'C: DATA',
      'S: 354 go',
      'C: (1234 octets)',
      '# timeout',
    ]);
  });

  it('keeps the last lines, in order', () => {
    const { note, lines } = createTranscript();
    for (let n = 0; n < TRANSCRIPT_LINES * 2.5; n++) note(`# ${n}`);
    expect(lines()).toHaveLength(TRANSCRIPT_LINES);
    expect(lines()[0]).toBe(`# ${TRANSCRIPT_LINES * 1.5}`);
    expect(lines().at(-1)).toBe(`# ${TRANSCRIPT_LINES * 2.5 - 1}`);
    note('RSET\r\nMAIL\r\nRCPT\r\n');
    expect(lines()).toHaveLength(TRANSCRIPT_LINES);
    expect(lines().at(-1)).toBe('C: RCPT');
  });

  it('of one message: the greeting and its own part, however long the session is', () => {
    const { note, greeted, begin, own } = createTranscript();
    for (const entry of ['220 hello', 'EHLO me\r\n', '250 ok']) note(entry);
    greeted();
    for (let n = 0; n < TRANSCRIPT_LINES; n++) {
      begin();
      for (const entry of [`RCPT TO:<${n}>\r\n`, '550 no']) note(entry);
    }
    const greeting = ['S: 220 hello', 'C: EHLO me', 'S: 250 ok'];
    expect(own()).toEqual([...greeting, `C: RCPT TO:<${TRANSCRIPT_LINES - 1}>`, 'S: 550 no']);
    begin();
    expect(own()).toEqual(greeting);
  });

  it('hides what it is told to, whoever says it', () => {
    const { note, hide, lines } = createTranscript();
    hide(['secret', '']);
    for (const entry of ['AUTH secret\r\n', '500 AUTH secret?', '# lost: secret']) note(entry);
    expect(lines()).toEqual(['C: AUTH (hidden)', 'S: 500 AUTH (hidden)?', '# lost: (hidden)']);
  });

  it('is cut for a record: the end stays', () => {
    expect(cutTranscript(['S: 220 hello', 'S: 550 no'])).toBe('S: 220 hello\nS: 550 no');
    const cut = cutTranscript(Array.from({ length: 100 }, (_, n) => `S: ${n} ${'x'.repeat(n * 10)}`));
    expect(cut.length).toBeLessThanOrEqual(TRANSCRIPT_RECORDED);
    expect(cut).toMatch(/^# …\nS: 9\d x+…\n(?:.*\n)*S: 99 x+…$/);
  });
});
