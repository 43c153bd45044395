import { describe, expect, it } from 'vitest';
import { certificateFailure, explainCertificate, TLS_FAILURES } from '../../core/tls.ts';

describe('tls', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 'certificate-expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate-host-mismatch'],
    ['HOSTNAME_MISMATCH', 'certificate-host-mismatch'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate-not-trusted'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate-not-trusted'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate-not-trusted'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate-not-trusted'],
    ['CERT_NOT_YET_VALID', 'validation-failure'],
    ['CERT_REVOKED', 'validation-failure'],
    ['CERT_SIGNATURE_FAILURE', 'validation-failure'],
    ['', 'validation-failure'],
  ])('%s is %s', (code, type) => {
    expect(certificateFailure(code)).toBe(type);
    expect(TLS_FAILURES).toContain(type);
  });

  it('explains a certificate to people', () => {
    expect(explainCertificate('mx.x.example', 'CERT_HAS_EXPIRED')).toBe(
      'the certificate of mx.x.example has expired (CERT_HAS_EXPIRED)',
    );
    expect(explainCertificate('mx.x.example', 'CERT_REVOKED')).toBe(
      'the certificate of mx.x.example is not valid (CERT_REVOKED)',
    );
  });
});
