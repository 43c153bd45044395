import { describe, expect, it } from 'vitest';
import { readBdat, readCommand, readHelo } from '../../../core/smtp-server/command.ts';
import { readPlain, readResponse } from '../../../core/smtp-server/sasl.ts';

const command = (text: string) => readCommand(Buffer.from(text, 'latin1'));

describe('a command', () => {
  it.each([
    ['NOOP', { verb: 'NOOP', argument: '' }],
    ['ehlo  client.example ', { verb: 'EHLO', argument: 'client.example' }],
    ['MAIL FROM:<a@b.example>', { verb: 'MAIL', argument: 'FROM:<a@b.example>' }],
    ['MAILFROM:<a@b.example>', { verb: 'unknown' }],
    ['', { verb: 'unknown' }],
    [' NOOP', { verb: 'unknown' }],
    ['GET / HTTP/1.1', { verb: 'unknown' }],
    ['NOOP\t', { verb: 'malformed' }],
    ['NOOP\r', { verb: 'malformed' }],
    ['NOOP\nRSET', { verb: 'malformed' }],
    ['NOOP \x7f', { verb: 'malformed' }],
    ['NOOP \xe4', { verb: 'malformed' }],
  ])('%j', (text, expected) => expect(command(text)).toEqual(expected));
});

it.each([
  ['client.example', 'client.example'],
  ['[192.0.2.1]', '[192.0.2.1]'],
  ['[IPv6:2001:db8::1]', '[IPv6:2001:db8::1]'],
  ['MY_PC', 'MY_PC'],
  ['a b', 'a'],
  ['', undefined],
  ['a(comment)', undefined],
  ['a;b', undefined],
  ['ä', undefined],
  ['x'.repeat(256), undefined],
])('EHLO %j', (argument, helo) => expect(readHelo(argument)).toBe(helo));

it.each([
  ['10', { octets: 10, last: false }],
  ['0 LAST', { octets: 0, last: true }],
  ['10 last', { octets: 10, last: true }],
  ['-1', undefined],
  ['1e3', undefined],
  ['10 FIRST', undefined],
  ['99999999999', undefined],
  ['', undefined],
])('BDAT %j', (argument, expected) => expect(readBdat(argument)).toEqual(expected));

it.each([
  ['=', ''],
  ['', ''],
  ['YQ==', 'a'],
  ['YQ', undefined],
  ['Y Q==', undefined],
  ['/w==', undefined],
])('a response %j', (line, text) => expect(readResponse(line)).toBe(text));

it.each([
  ['\0apikey\0SG.x', { user: 'apikey', password: 'SG.x' }],
  ['apikey\0apikey\0SG.x', { user: 'apikey', password: 'SG.x' }],
  ['root\0apikey\0SG.x', undefined],
  ['apikey\0SG.x', undefined],
  ['\0\0SG.x', undefined],
  ['\0apikey\0SG.x\0', undefined],
])('PLAIN %j', (response, credentials) => expect(readPlain(response)).toEqual(credentials));
