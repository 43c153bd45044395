import { describe, expect, it } from 'vitest';
import { inboundKey } from '../../../core/inbound/message.ts';
import { readInboundBody } from '../../../core/inbound/ses-received.ts';

const ours = { v: 1, id: 'a', key: inboundKey('a'), receivedAt: 1, mailFrom: '', rcptTo: ['x@in.shop.example'] };
const notification = {
  notificationType: 'Received',
  mail: {
    timestamp: '2026-11-25T12:00:00.000Z',
    source: 'joerg@example.net',
    messageId: 'd6iitobk75ur44p8kdnnp7g2n800',
    destination: ['x@in.shop.example'],
    headers: [
      { name: 'Return-Path', value: '<joerg@example.net>' },
      {
        name: 'Received',
        value:
          'from mail.example.net (mail.example.net [192.0.2.7]) by inbound-smtp.us-east-1.amazonaws.com with SMTP id d6ii for x@in.shop.example; Wed, 25 Nov 2026 12:00:00 +0000 (UTC)',
      },
      { name: 'Received', value: 'from forged (forged [198.51.100.1]) by mail.example.net' },
    ],
  },
  receipt: {
    recipients: ['x@in.shop.example', 'y@in.shop.example'],
    spamVerdict: { status: 'GRAY' },
    action: { type: 'S3', bucketName: 'b', objectKey: 'inbound/d6iitobk75ur44p8kdnnp7g2n800' },
  },
};
type Notification = typeof notification;
const read = (change: (one: Notification) => void = () => {}) => {
  const one = structuredClone(notification);
  change(one);
  return readInboundBody(JSON.stringify(one));
};

describe('a body of the inbound queue', () => {
  it('may be ours, or SES’s in its own words', () => {
    expect(readInboundBody(JSON.stringify(ours))).toEqual(ours);
    expect(read()).toEqual({
      v: 1,
      id: 'd6iitobk75ur44p8kdnnp7g2n800',
      key: 'inbound/d6iitobk75ur44p8kdnnp7g2n800',
      receivedAt: Date.parse('2026-11-25T12:00:00Z'),
      mailFrom: 'joerg@example.net',
      rcptTo: ['x@in.shop.example', 'y@in.shop.example'],
      helo: 'mail.example.net',
      remoteAddress: '192.0.2.7',
      spamVerdict: 'GRAY',
    });
  });

  it('of a bounce has the null sender, however SES writes it', () => {
    for (const source of ['', '<>'])
      expect(
        read((one) => {
          one.mail.source = source;
        })?.mailFrom,
      ).toBe('');
  });

  it('of IPv6, or without a Received field, tells what there is', () => {
    const six = read((one) => {
      one.mail.headers[1]!.value = 'from mail.example.net ([2001:db8::7]) by inbound-smtp.us-east-1.amazonaws.com';
    });
    expect(six?.remoteAddress).toBe('2001:db8::7');
    expect(
      read((one) => {
        one.mail.headers = [];
      }),
    ).not.toHaveProperty('remoteAddress');
  });

  it('about the object that SES tries the bucket with is no mail', () => {
    expect(
      read((one) => {
        one.receipt.action.objectKey = 'inbound/AMAZON_SES_SETUP_NOTIFICATION';
      }),
    ).toBeUndefined();
  });

  it.each<[string, (one: Notification) => void]>([
    [
      'another type',
      (one) => {
        one.notificationType = 'Bounce';
      },
    ],
    [
      'another action',
      (one) => {
        one.receipt.action.type = 'SNS';
      },
    ],
    [
      'another prefix',
      (one) => {
        one.receipt.action.objectKey = 'requests/a/b.json';
      },
    ],
    [
      'a path for an id',
      (one) => {
        one.receipt.action.objectKey = 'inbound/../requests';
      },
    ],
    [
      'no recipients',
      (one) => {
        one.receipt.recipients = [];
      },
    ],
    [
      'no time',
      (one) => {
        one.mail.timestamp = 'then';
      },
    ],
  ])('with %s is refused', (_, change) => {
    expect(() => read(change)).toThrow();
  });
});
