import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  makeClickToken,
  makeOpenToken,
  makeTrackingKey,
  makeUnsubscribeToken,
  nameReader,
  readClickToken,
  readOpenToken,
  readUnsubscribeToken,
  type UnsubscribeLink,
} from '../../../core/tracking/token.ts';

const HOST = 'links.example.com';
const key = makeTrackingKey(Buffer.alloc(64, 'k'));
const next = makeTrackingKey(Buffer.alloc(64, 'n'));
const copy = { account: 'abcdefgh', requestId: 'AZq4sZ3HfjCyGyQ0bV1q7g', index: 3, address: 'reader@example.net' };
const other = { account: 'zzzzzzzz', requestId: 'AZq4sZ3HfjCyGyQ0bV1q7w', index: 0, address: 'else@x.example' };
const name = nameReader(copy);
const link = { url: 'https://shop.example.net/a?b=c&d=%20#e', index: 7, part: 'html' as const };
const leave: UnsubscribeLink = { ...copy, action: 'list', groupId: 12, shown: [12, 13] };

describe('tokens', () => {
  it('say what was put into them', () => {
    expect(readOpenToken(makeOpenToken(name, HOST, key), HOST, [key])).toEqual(copy);
    expect(readClickToken(makeClickToken(name, link, HOST, key), HOST, [key])).toEqual({ ...copy, link });
    expect(readUnsubscribeToken(makeUnsubscribeToken(name, leave, HOST, key), HOST, [key])).toEqual(leave);
  });

  it('are short, and the same each time: every attempt of a copy is the same message', () => {
    expect(makeOpenToken(name, HOST, key)).toHaveLength(79);
    expect(makeUnsubscribeToken(name, leave, HOST, key)).toBe(makeUnsubscribeToken(name, leave, HOST, key));
  });

  it('show no address: links lie about in logs and histories', () => {
    const token = makeUnsubscribeToken(name, leave, HOST, key);
    const octets = Buffer.from(token, 'base64url').toString('latin1');
    expect(octets).not.toContain('reader');
    expect(octets).not.toContain('example');
  });

  it('take any address and any destination that a mail can have', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'grapheme', maxLength: 100 }),
        fc.nat(4_000_000_000),
        (address, groupId) => {
          const one: UnsubscribeLink = {
            ...copy,
            action: 'preferences',
            address,
            shown: [],
            ...(groupId > 0 && { groupId }),
          };
          expect(readUnsubscribeToken(makeUnsubscribeToken(nameReader(one), one, HOST, key), HOST, [key])).toEqual(one);
        },
      ),
    );
    fc.assert(
      fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
        const read = readClickToken(makeClickToken(name, { ...link, url }, HOST, key), HOST, [key]);
        expect(read?.link.url).toBe(url);
      }),
    );
  });
});

/**
 * Attack: someone has a link from a mail of his own and wants another: one that leads elsewhere, that speaks for another reader, or
 * that works at another customer's host, whose readers trust it. He may change any bit, cut, swap parts of tokens, and spell the
 * same octets differently.
 */
describe('a token that we did not make', () => {
  const kinds = [
    { token: makeOpenToken(name, HOST, key), read: readOpenToken },
    { token: makeClickToken(name, link, HOST, key), read: readClickToken },
    { token: makeUnsubscribeToken(name, leave, HOST, key), read: readUnsubscribeToken },
  ];
  const strangers = [
    makeOpenToken(nameReader(other), HOST, key),
    makeClickToken(nameReader(other), { ...link, url: 'https://evil.example/' }, HOST, key),
    makeUnsubscribeToken(nameReader(other), leave, HOST, key),
  ];

  it('is refused: 100,000 mutations, none accepted (K1)', () => {
    let tried = 0;
    const accepted: string[] = [];
    const attempt = (
      text: string,
      genuine: string,
      read: (typeof kinds)[number]['read'],
      keys = [key, next],
      host = HOST,
    ) => {
      tried++;
      // A stranger's token, whole, is his own.
      const isGenuine = (text === genuine || strangers.includes(text)) && host === HOST;
      if (!isGenuine && read(text, host, keys) !== undefined) accepted.push(text);
    };
    for (const [n, { token, read }] of kinds.entries()) {
      const octets = Buffer.from(token, 'base64url');
      for (let bit = 0; bit < octets.length * 8; bit++) {
        const flipped = Buffer.from(octets);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        attempt(flipped.toString('base64url'), token, read);
        // Two bits at once.
        for (let second = bit + 1; second < Math.min(octets.length * 8, bit + 40); second++) {
          const twice = Buffer.from(flipped);
          twice[second >> 3]! ^= 1 << (second & 7);
          attempt(twice.toString('base64url'), token, read);
        }
      }
      for (let at = 0; at < token.length; at++) {
        attempt(token.slice(0, at), token, read);
        attempt(token.slice(at + 1), token, read);
        attempt(`${token.slice(0, at)}${token.slice(at + 1)}`, token, read);
        attempt(`${token.slice(0, at)}A${token.slice(at)}`, token, read);
        for (const character of ' =+/.%~\0\u0100')
          attempt(`${token.slice(0, at)}${character}${token.slice(at)}`, token, read);
        // Segments of a stranger's token, and of one of another kind, before and behind.
        for (const stranger of [...strangers, ...kinds.map((kind) => kind.token)]) {
          attempt(stranger.slice(0, at) + token.slice(at), token, read);
          attempt(token.slice(0, at) + stranger.slice(at), token, read);
        }
      }
      // Other spellings of the same octets, and padding.
      const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      for (const character of last) attempt(token.slice(0, -1) + character, token, read);
      for (const pad of ['=', '==', '===', '\n', ' ', '%3D']) attempt(token + pad, token, read);
      attempt(octets.toString('base64'), token, read);
      attempt(octets.toString('hex'), token, read);
      // Of another purpose, with a key that is gone, and at another's host.
      for (const [m, kind] of kinds.entries()) if (m !== n) attempt(token, '', kind.read);
      attempt(token, '', read, [next]);
      attempt(token, '', read, []);
      for (const host of [
        'links.other.example',
        'links.example.com.',
        'LINKS.example.com',
        'links.example.com:443',
        '',
      ])
        attempt(token, token, read, [key], host);
    }
    let seed = 1;
    const random = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed / 2 ** 32;
    };
    while (tried < 100_000) {
      const { token, read } = kinds[tried % kinds.length]!;
      const octets = Buffer.from(token, 'base64url');
      for (let times = 1 + Math.floor(random() * 8); times > 0; times--)
        octets[Math.floor(random() * octets.length)] = Math.floor(random() * 256);
      attempt(octets.toString('base64url'), token, read);
    }
    expect(tried).toBeGreaterThanOrEqual(100_000);
    expect(accepted).toEqual([]);
  });

  it('is refused when its destination is no http or https URL, even with a good MAC', () => {
    for (const url of [
      'javascript:alert(1)',
      'https://a.example/\r\nSet-Cookie: a=b',
      '//evil.example',
      'ftp://a.example',
      'https://',
      '',
    ])
      expect(readClickToken(makeClickToken(name, { ...link, url }, HOST, key), HOST, [key])).toBeUndefined();
  });
});

describe('keys (K3)', () => {
  it('while two are live, links of both work; when the older is gone, its links stop', () => {
    const old = makeUnsubscribeToken(name, leave, HOST, key);
    const young = makeUnsubscribeToken(name, leave, HOST, next);
    for (const token of [old, young]) expect(readUnsubscribeToken(token, HOST, [next, key])).toEqual(leave);
    expect(readUnsubscribeToken(old, HOST, [makeTrackingKey(Buffer.alloc(64, 'x')), next])).toBeUndefined();
    expect(readUnsubscribeToken(young, HOST, [makeTrackingKey(Buffer.alloc(64, 'x')), next])).toEqual(leave);
  });

  it('must be of some length', () => expect(() => makeTrackingKey(Buffer.alloc(16))).toThrow(/32/));
});
