/**
 * A certificate authority for tests of TLS, and leaves that it has signed: X.509 v3 with P-256 keys. Self-signed ones are
 * io/certificate.ts's; this one exists because a chain needs an issuer that is somebody else.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign as signBytes } from 'node:crypto';

export type Identity = { key: string; cert: string };
export type Authority = {
  /** Its own certificate, PEM: what a client trusts. */
  cert: string;
  /** A certificate for somebody else's key. @param days of validity: from and to, counted from now */
  sign: (names: string[], key: KeyObject, days?: [number, number]) => string;
  /** @param days as above */
  issue: (names: string[], days?: [number, number]) => Identity;
};

const DAY = 86_400_000;
const ECDSA_WITH_SHA256 = seq(oid('2a8648ce3d040302'));

export function makeAuthority(name: string): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subject = nameOf(name);
  const isCa = extensions(
    seq(oid('551d13'), der(0x01, Buffer.from([0xff])), der(0x04, seq(der(0x01, Buffer.from([0xff]))))),
  );
  const make = (of: Buffer, key: KeyObject, extra: Buffer, [from, to]: [number, number]): string =>
    toPem(signWith(keys.privateKey, subject, of, key, extra, Date.now() + from * DAY, Date.now() + to * DAY));
  const sign = (names: string[], key: KeyObject, days: [number, number] = [-1, 90]) => {
    const alternatives = seq(...names.map((one) => der(0x82, Buffer.from(one, 'ascii'))));
    const san = names.length === 0 ? Buffer.alloc(0) : extensions(seq(oid('551d11'), der(0x04, alternatives)));
    return make(nameOf(names[0] ?? 'mx.x.example'), key, san, days);
  };
  return {
    sign,
    cert: make(subject, keys.publicKey, isCa, [-30, 300]),
    issue: (names, days) => {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      return {
        key: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
        cert: sign(names, leaf.publicKey, days),
      };
    },
  };
}

function signWith(
  by: KeyObject,
  issuer: Buffer,
  subject: Buffer,
  key: KeyObject,
  extra: Buffer,
  from: number,
  to: number,
) {
  const tbs = seq(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    ECDSA_WITH_SHA256,
    issuer,
    seq(time(from), time(to)),
    subject,
    key.export({ type: 'spki', format: 'der' }),
    extra,
  );
  const signature = signBytes('sha256', tbs, by);
  return seq(tbs, ECDSA_WITH_SHA256, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
}

function extensions(...each: Buffer[]): Buffer {
  return der(0xa3, seq(...each));
}

function nameOf(name: string): Buffer {
  return seq(der(0x31, seq(oid('550403'), der(0x0c, Buffer.from(name)))));
}

/** Tag, length, value (X.690 8.1). */
function der(tag: number, value: Buffer): Buffer {
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), value]);
  const size = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

function seq(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function time(at: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}

function toPem(certificate: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}
