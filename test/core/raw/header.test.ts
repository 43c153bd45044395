import { describe, expect, it } from 'vitest';
import { isMboxLine, readHeader, textOf, unfold } from '../../../core/raw/header.ts';
import { decodeQuotedPrintable } from '../../../core/raw/transfer.ts';
import { readTree } from '../../../core/raw/tree.ts';

describe('a header section', () => {
  it('is its fields with their places, its junk, and where the body begins', () => {
    const octets = Buffer.from('From me\r\nA: 1\r\n b\r\nb : 2\r\nno field\r\n of mine\r\nC:\r\n\r\nD: body\r\n');
    const { fields, junk, end, body } = readHeader(octets);
    expect(fields.map((field) => [field.name, unfold(octets, field)])).toEqual([
      ['a', '1 b'],
      ['b', '2'],
      ['c', ''],
    ]);
    expect(junk.map(({ from, to }) => octets.toString('latin1', from, to))).toEqual([
      'From me\r\n',
      'no field\r\n of mine\r\n',
    ]);
    expect([isMboxLine(octets, junk[0]!), isMboxLine(octets, junk[1]!)]).toEqual([true, false]);
    expect(octets.toString('latin1', end)).toBe('\r\nD: body\r\n');
    expect(octets.toString('latin1', body)).toBe('D: body\r\n');
    const subject = Buffer.from('Subject: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\n');
    expect(textOf(subject, readHeader(subject).fields[0]!)).toBe('ab');
  });
});

describe('the parts of a message', () => {
  const part = (text: string) => `Content-Type: text/plain\r\n\r\n${text}`;
  it('are found by their boundaries alone: not by what only looks like one', () => {
    const octets = Buffer.from(
      [
        'Content-Type: multipart/mixed; boundary="a"\r\n\r\npreamble --a\r\n--ab\r\n--a \t\r\n',
        part('one\r\n --a\r\n--a-\r\n'),
        '\r\n--a\r\n',
        part('two'),
        '\r\n--a--\r\n--a\r\nepilogue\r\n',
      ].join(''),
    );
    const tree = readTree(octets);
    expect(tree.children.map(({ from, to }) => octets.toString('latin1', from, to))).toEqual([
      'one\r\n --a\r\n--a-\r\n',
      'two',
    ]);
    expect(tree.gaps.map(({ from, to }) => octets.toString('latin1', from, to))).toEqual([
      'preamble --a\r\n--ab\r\n--a \t\r\n',
      '\r\n--a\r\n',
      '\r\n--a--\r\n--a\r\nepilogue\r\n',
    ]);
  });

  it('end with the text where the last boundary is missing; a digest is of messages', () => {
    const octets = Buffer.from(
      'Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: x\r\n\r\nhello\r\n',
    );
    const [message] = readTree(octets).children;
    expect(message?.type).toBe('message/rfc822');
    expect(octets.toString('latin1', message?.children[0]?.from)).toBe('hello\r\n');
  });

  it('are frozen where they are signed or encrypted', () => {
    for (const type of [
      'multipart/signed',
      'multipart/encrypted',
      'application/pkcs7-mime',
      'application/x-pkcs7-mime',
    ])
      expect(readTree(Buffer.from(`Content-Type: ${type}; boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n`))).toMatchObject({
        frozen: true,
        children: [],
      });
  });
});

it('quoted-printable is decoded as readers decode it', () => {
  const text = 'a=3D=\r\nb= \t\r\nc \t\r\n=zz=4\r\n=e4=';
  expect(decodeQuotedPrintable(Buffer.from(text)).toString('latin1')).toBe('a=bc\r\n=zz=4\r\nä');
});
