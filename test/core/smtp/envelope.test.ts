import { describe, expect, it } from 'vitest';
import { makeEnvelope } from '../../../core/smtp/envelope.ts';
import { type Extensions, NO_EXTENSIONS } from '../../../core/smtp/extensions.ts';

const ALL: Extensions = { ...NO_EXTENSIONS, eightBitMime: true, smtpUtf8: true, size: 1_000 };
const from = 'bounce@em.sender.example';
const make = (changes: object = {}, offered = ALL) =>
  makeEnvelope({ from, to: 'b@x.example', size: 10, ...changes }, offered, 'mx.x.example');

describe('envelope', () => {
  it('declares what is offered, and only what is needed', () => {
    expect(make()).toEqual({
      mail: 'MAIL FROM:<bounce@em.sender.example> SIZE=10\r\n',
      rcpt: 'RCPT TO:<b@x.example>\r\n',
      ascii: true,
    });
    expect(make({ from: '' }, NO_EXTENSIONS)).toMatchObject({ mail: 'MAIL FROM:<>\r\n' });
    expect(make({ eightBit: true })).toMatchObject({
      mail: 'MAIL FROM:<bounce@em.sender.example> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n',
      ascii: true,
    });
  });

  it('says of a body above 127 what is offered, and refuses where nothing is: it may not be converted', () => {
    expect(make({ eightBitBody: true })).toMatchObject({
      mail: 'MAIL FROM:<bounce@em.sender.example> SIZE=10 BODY=8BITMIME\r\n',
    });
    expect(make({ eightBitBody: true }, NO_EXTENSIONS)).toMatchObject({
      ok: false,
      stage: 'mail',
      reply: { code: 554, text: expect.stringContaining('5.6.3') },
    });
  });

  it('writes domains in ASCII and local parts as they are', () => {
    expect(make({ to: 'Bob@BÜCHER.example' }, NO_EXTENSIONS)).toMatchObject({
      rcpt: 'RCPT TO:<Bob@xn--bcher-kva.example>\r\n',
      ascii: true,
    });
    expect(make({ to: 'jörg@bücher.example' })).toMatchObject({
      mail: expect.stringMatching(/ SMTPUTF8\r\n$/),
      rcpt: 'RCPT TO:<jörg@xn--bcher-kva.example>\r\n',
      ascii: false,
    });
  });

  it.each([
    [
      { to: 'jörg@x.example' },
      '553 5.6.7 the address jörg@x.example is not ASCII, and mx.x.example does not offer SMTPUTF8',
    ],
    [
      { from: 'jörg@y.example' },
      '553 5.6.7 the address jörg@y.example is not ASCII, and mx.x.example does not offer SMTPUTF8',
    ],
    [{ eightBit: true }, "553 5.6.7 the message's header is not ASCII, and mx.x.example does not offer SMTPUTF8"],
  ])('says clearly what a host without SMTPUTF8 cannot take (%j)', (changes, text) => {
    expect(make(changes, NO_EXTENSIONS)).toMatchObject({
      ok: false,
      stage: 'mail',
      reply: { enhanced: '5.6.7', text },
    });
  });

  it('refuses what is longer than the host takes', () => {
    expect(make({ size: 1_001 })).toMatchObject({
      ok: false,
      stage: 'mail',
      reply: { text: '552 5.3.4 message of 1001 octets, mx.x.example takes 1000' },
    });
    expect(make({ size: 1_000 })).toHaveProperty('mail');
    expect(make({ size: 1_001 }, { ...ALL, size: 0 })).toHaveProperty('mail');
  });

  // Attack: an address that ends its command and begins another.
  it.each([
    'a@x>\r\nRCPT TO:<e@x',
    'a b@x',
    'a@x\n',
    'a@x> SIZE=1',
    '<a@x',
    'a@x\0',
    '@',
    'a@',
    '"a\r"@x',
    'a\\@x',
    '"a"b"@x',
    'a@b@c',
    'a\u0085@x',
  ])('refuses %j, from and to', (address) => {
    const refused = { ok: false, stage: 'rcpt', reply: { code: 501, enhanced: '5.1.3' } };
    expect(make({ to: address })).toMatchObject(refused);
    expect(make({ from: address })).toMatchObject(refused);
    expect(make({ to: '' })).toMatchObject(refused);
  });
});
