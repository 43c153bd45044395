import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { challengeRecord, formatCertificate, isEnding, readCertificate, renewalCause } from '../../core/certificate.ts';
import { makeCertificate } from '../../io/certificate.ts';

const BORN = Date.UTC(2026, 10, 25);
const DAY = 86_400_000;
const HOST = 'smtp.example.com';
/** From a day before its birth to 365 days after. */
const made = makeCertificate([HOST, 'smtp2.example.com'], BORN);
const text = formatCertificate({ chain: made.cert, privateKey: made.key });

test('the record that proves a name is below it, in lower case', () => {
  expect(challengeRecord('SMTP.Example.com')).toBe('_acme-challenge.smtp.example.com');
});

describe('a secret', () => {
  test('gives what was written', () => {
    const read = readCertificate(text);
    expect(read?.chain).toBe(made.cert);
    expect(read?.privateKey).toBe(made.key);
  });

  test('may have the key first, text between, and CRLF', () => {
    const crlf = `${made.key}\nsubject=CN = ${HOST}\n${made.cert}`.replaceAll('\n', '\r\n');
    expect(readCertificate(crlf)).toBeDefined();
  });

  test.each([
    ['nothing yet', 'nothing yet'],
    ['a certificate without its key', made.cert],
    ['a key without a certificate', made.key],
    [
      'the key of another',
      made.cert +
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
    ],
    ['a certificate cut short', text.replace(/[A-Za-z0-9+/]{64}\n/, '')],
    ['an empty text', ''],
  ])('with %s holds none', (_, wrong) => {
    expect(readCertificate(wrong)).toBeUndefined();
  });
});

describe('a new certificate is needed', () => {
  test.each([
    [BORN, undefined],
    [BORN + 335 * DAY - 1, undefined],
    [BORN + 335 * DAY, 'it ends on 2027-11-25'],
    [BORN + 365 * DAY, 'it has ended'],
  ])('30 days before the end: at %s', (now, cause) => {
    expect(renewalCause(text, HOST, now)).toBe(cause);
  });

  test('when there is none, or it is for another name', () => {
    expect(renewalCause('nothing yet', HOST, BORN)).toBe('there is none yet');
    expect(renewalCause(text, 'mail.example.com', BORN)).toBe('it is not for mail.example.com');
    expect(renewalCause(text, 'smtp2.example.com', BORN)).toBeUndefined();
  });
});

test('it is ending when half of the time for its renewal is over', () => {
  const at = (days: number) => isEnding({ chain: made.cert }, BORN + days * DAY);
  expect([at(0), at(336), at(349), at(351), at(400)]).toEqual([false, false, false, true, true]);
});
