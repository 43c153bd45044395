import { describe, expect, it } from 'vitest';
import { NO_EXTENSIONS, readExtensions } from '../../../core/smtp/extensions.ts';

describe('extensions', () => {
  it('reads what we use, in any case, and passes over the rest', () => {
    const lines = [
      'mx.x.example SIZE 5',
      'size 35882577',
      '8BITMIME',
      'StartTLS',
      'PIPELINING ',
      'SMTPUTF8',
      'CHUNKING',
    ];
    expect(readExtensions(lines)).toEqual({
      starttls: true,
      pipelining: true,
      eightBitMime: true,
      smtpUtf8: true,
      size: 35_882_577,
      auth: [],
    });
  });

  it('takes nothing of the greeting for an extension, and nothing of nonsense', () => {
    expect(readExtensions(['PIPELINING'])).toEqual(NO_EXTENSIONS);
    expect(readExtensions([])).toEqual(NO_EXTENSIONS);
    expect(readExtensions(['x', 'PIPELININGS', '', '   '])).toEqual(NO_EXTENSIONS);
  });

  it.each([
    ['SIZE', 0],
    ['SIZE 0', 0],
    ['SIZE=100', 100],
    ['SIZE -5', 0],
    ['SIZE many', 0],
    ['SIZE 99999999999999999999', 0],
  ])('%s is %i octets', (line, size) => expect(readExtensions(['x', line]).size).toBe(size));

  it('reads AUTH, also as it was before RFC 2554, and shares no list with others', () => {
    expect(readExtensions(['x', 'AUTH plain LOGIN', 'AUTH=CRAM-MD5']).auth).toEqual(['PLAIN', 'LOGIN', 'CRAM-MD5']);
    expect(NO_EXTENSIONS.auth).toEqual([]);
  });
});
