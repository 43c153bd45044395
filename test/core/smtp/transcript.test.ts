import { describe, expect, it } from 'vitest';
import { TRANSCRIPT_LINES } from '../../../core/smtp/limits.ts';
import { createTranscript } from '../../../core/smtp/transcript.ts';

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
});
