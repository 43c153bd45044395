import { describe, expect, it } from 'vitest';
import { type InboundMessage, inboundKey, parseInboundMessage } from '../../../core/inbound/message.ts';

const message: InboundMessage = {
  v: 1,
  id: 'AZq3',
  key: inboundKey('AZq3'),
  receivedAt: 1_790_000_000_000,
  mailFrom: '',
  rcptTo: ['postmaster@em.shop.example'],
};

describe('an inbound message on its queue', () => {
  it('is read as it was written', () => {
    expect(message.key).toBe('inbound/AZq3.eml');
    expect(parseInboundMessage(JSON.stringify(message))).toEqual(message);
  });

  it.each([
    ['null', 'version 1'],
    ['"text"', 'version 1'],
    [JSON.stringify({ ...message, v: 2 }), 'version 1'],
    [JSON.stringify({ ...message, id: '../x' }), 'without an id'],
    [JSON.stringify({ ...message, key: 'requests/customer/x.json' }), 'without a key'],
    [JSON.stringify({ ...message, receivedAt: '1' }), 'without a time'],
    [JSON.stringify({ ...message, mailFrom: null }), 'without a sender'],
    [JSON.stringify({ ...message, rcptTo: [] }), 'without recipients'],
    [JSON.stringify({ ...message, rcptTo: [1] }), 'without recipients'],
  ])('is refused where it is none: %s', (body, why) => {
    expect(() => parseInboundMessage(body)).toThrow(why);
  });
});
