import { describe, expect, it } from 'vitest';
import { MIME_DEPTH, MIME_PARTS } from '../../../core/report/limits.ts';
import { readMail } from '../../../core/report/parts.ts';

const parts = (...lines: string[]) =>
  readMail(Buffer.from(lines.join('\n'))).parts.map(({ type, text, within }) => ({ type, text: text.trim(), within }));

describe('the parts of a mail', () => {
  it('are one, as text, where no type says otherwise', () =>
    expect(parts('From: a@b.example', '', 'Hello')).toEqual([{ type: 'text/plain', text: 'Hello', within: [] }]));

  it('are flat and in their order, without preamble and epilogue', () =>
    expect(
      parts(
        'Content-Type: multipart/report; report-type=delivery-status;', ' boundary="out er"', '', 'preamble',
        '--out er', 'Content-Type: multipart/alternative; boundary=in', '',
        '--in', '', 'plain', '--in', 'Content-Type: text/html', '', '<b>html</b>', '--in--', 'epilogue',
        '--out er  ', 'Content-Type: Message/Delivery-Status', '', 'Action: failed', '--out er--', '--out er', '', 'too late',
      ), // biome-ignore format: a mail
    ).toEqual([
      { type: 'text/plain', text: 'plain', within: ['multipart/report', 'multipart/alternative'] },
      { type: 'text/html', text: 'html', within: ['multipart/report', 'multipart/alternative'] },
      { type: 'message/delivery-status', text: 'Action: failed', within: ['multipart/report'] },
    ]));

  it('do not look into a message, but end with its multipart', () =>
    expect(
      parts(
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: message/rfc822',
        '',
        'Content-Type: multipart/mixed; boundary=c',
        '',
        '--c',
        '',
        'x',
        '--c--',
        '--b',
        '',
        'y',
        '--b--',
      ).map(({ type }) => type),
    ).toEqual(['message/rfc822', 'text/plain']));

  it('of an inner multipart that never ends, end with the outer one', () =>
    expect(
      parts(
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: multipart/mixed; boundary=c',
        '',
        'no delimiter',
        '--b',
        '',
        'second',
        '--b--',
      ).map(({ text }) => text),
    ).toEqual(['no delimiter', 'second']));

  it('whose boundary never comes are text', () =>
    expect(parts('Content-Type: multipart/mixed; boundary=b', '', 'all of it')).toEqual([
      expect.objectContaining({ type: 'text/plain', text: 'all of it' }),
    ]));

  it('are not told apart by a longer boundary', () =>
    expect(
      parts('Content-Type: multipart/mixed; boundary=b', '', '--b', '', 'one', '--bb', '', 'still', '--b--').map(
        ({ text }) => text,
      ),
    ).toEqual(['one\n--bb\n\nstill']));

  it('are bounded in depth and number', () => {
    const deep = Array.from(
      { length: MIME_DEPTH + 50 },
      (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}`,
    ).join('\n');
    expect(Math.max(...parts(`${deep}\n\nx`).map(({ within }) => within.length))).toBe(MIME_DEPTH);
    const many = parts(
      'Content-Type: multipart/mixed; boundary=b',
      '',
      ...Array.from({ length: MIME_PARTS * 2 }, () => '--b\n\nx'),
    );
    expect(many).toHaveLength(MIME_PARTS);
  });

  it.each([
    ['iso-2022-jp', '\x1b$B%(%i!<\x1b(B', 'エラー'],
    ['windows-1252', 'Empf\xe4nger', 'Empfänger'],
    ['no-such-charset', 'caf\xc3\xa9', 'café'],
    ['', '\x1b$B%(%i!<\x1b(B', 'エラー'],
  ])('are decoded from %j', (charset, octets, text) => {
    const raw = Buffer.from(`Content-Type: text/plain; charset="${charset}"\n\n${octets}`, 'latin1');
    expect(readMail(raw).parts[0]!.text).toBe(text);
  });
});

describe('a header section', () => {
  it('is unfolded; mbox lines, nonsense and repeated fields do no harm', () => {
    const { header } = readMail(
      Buffer.from(
        'From MAILER-DAEMON Thu Jan  1\nSubject: one\n two\n\tthree\nReceived: a\nReceived: b\nX-Empty:\n\nbody',
      ),
    );
    expect(header.get('subject')).toEqual(['one two three']);
    expect(header.get('received')).toEqual(['a', 'b']);
    expect(header.get('x-empty')).toEqual(['']);
  });

  it('ends at a line that is no field, which is body then', () =>
    expect(readMail(Buffer.from('Subject: one\nno field here\nmore')).parts[0]!.text).toBe('no field here\nmore'));
});
