import { createPrivateKey, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeCertificate } from '../../io/certificate.ts';

test('the certificate is whole: names, validity, key and signature agree', () => {
  // Prepare
  const now = Date.UTC(2026, 10, 23, 12, 30, 15);

  // Act
  const { cert, key } = makeCertificate(['mx1.sink.test', 'mx2.sink.test'], now);
  const parsed = new X509Certificate(cert);

  // Assess
  expect(parsed.subject).toBe('CN=mx1.sink.test');
  expect(parsed.checkHost('mx2.sink.test')).toBe('mx2.sink.test');
  expect(parsed.checkHost('mx3.sink.test')).toBeUndefined();
  expect(parsed.validFromDate.toISOString()).toBe('2026-11-22T12:30:15.000Z');
  expect(parsed.validToDate.toISOString()).toBe('2027-11-23T12:30:15.000Z');
  expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(parsed.verify(parsed.publicKey)).toBe(true);
});
