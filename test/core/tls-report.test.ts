import { simpleParser } from 'mailparser';
import { describe, expect, it } from 'vitest';
import { composeEntity } from '../../core/mime.ts';
import {
  buildTlsReport,
  collectTlsCounts,
  nameTlsReport,
  readRua,
  reportDay,
  TLS_REPORT_TYPE,
  tlsCountExpiry,
  tlsCountKey,
  tlsFailureKey,
} from '../../core/tls-report.ts';

const mail = (address: string) => ({ kind: 'mailto', address });
const https = (url: string) => ({ kind: 'https', url });
const POLICY = { mode: 'enforce' as const, mx: ['mx.x.test', '*.x.test'], maxAge: 86_400, id: 'a1' };
const REPORTER = { from: 'tls@Ours.example', organization: 'Ours Inc.', contact: 'postmaster@ours.example' };

describe('who wants reports', () => {
  it.each([
    [['v=TLSRPTv1; rua=mailto:tls@x.test'], [mail('tls@x.test')]],
    [['v=TLSRPTv1;rua=https://x.test/v1/tlsrpt?a=b;'], [https('https://x.test/v1/tlsrpt?a=b')]],
    [['v=TLSRPTv1; rua=mailto:a@x.test, https://x.test/r'], [mail('a@x.test'), https('https://x.test/r')]],
    [['v=TLSRPTv1; rua=mailto:a%2Bb@x.test?subject=x'], [mail('a+b@x.test')]],
    [['v=spf1 -all', 'v=TLSRPTv1; ext=1; rua=mailto:a@x.test'], [mail('a@x.test')]],
    [['v=TLSRPTv1; rua=ftp://x.test,mailto:a@x.test'], [mail('a@x.test')]],
    [['v=TLSRPTv1; rua=https://127.0.0.1/,mailto:a@x.test'], [mail('a@x.test')]],
    [['v=TLSRPTv1; rua=https://1.2.3.4.x.test/r'], [https('https://1.2.3.4.x.test/r')]],
  ])('%j', (records, expected) => {
    expect(readRua(records)).toEqual(expected);
  });

  it.each([
    [[]],
    [['v=TLSRPTv1']],
    [['v=TLSRPTv1;']],
    [['v=TLSRPTv1; rua=']],
    [['v=TLSRPTv2; rua=mailto:a@x.test']],
    [['v=TLSRPTv1; rua=mailto:a@x.test', 'v=TLSRPTv1; rua=mailto:b@x.test']],
    [['v=TLSRPTv1; rua=mailto:a@x.test%0d%0aBcc:b@x.test']],
    [['v=TLSRPTv1; rua=mailto:a@x.test%2Cb@x.test']],
    [['v=TLSRPTv1; rua=mailto:%zz']],
    [['v=TLSRPTv1; rua=http://x.test/']],
    // Attacks: another service of the host, and credentials that are not ours.
    [['v=TLSRPTv1; rua=https://x.test:6379/']],
    [['v=TLSRPTv1; rua=https://user:secret@x.test/']],
    // Attack: an address, however it is written, which no DNS has told (SSRF).
    ...[
      '127.0.0.1',
      '127.1',
      '0x7f000001',
      '2130706433',
      '0177.0.0.1',
      '169.254.169.254.',
      '8.8.8.8',
      '１２７.0.0.1',
    ].map((host) => [[`v=TLSRPTv1; rua=https://${host}/`]]),
    ...['[::1]', '[::ffff:127.0.0.1]', '[2606:4700::1]'].map((host) => [[`v=TLSRPTv1; rua=https://${host}/r`]]),
  ])('%j asks for none', (records) => {
    expect(readRua(records)).toEqual([]);
  });

  // Attack: a record with a thousand addresses makes us write to all of them, every day.
  it('gets three at most', () => {
    const many = Array.from({ length: 1_000 }, (_, n) => `mailto:a${n}@victim.test`).join();
    expect(readRua([`v=TLSRPTv1; rua=${many}`])).toHaveLength(3);
  });
});

describe('counters', () => {
  it('of a day lie together, by domain and policy, for some days', () => {
    const day = reportDay(Date.parse('2026-11-23T23:59:59.999Z'));
    expect(day).toBe('2026-11-23');
    expect(tlsCountKey(day, { domain: 'x.test' })).toEqual({ pk: 'tlsrpt#2026-11-23', sk: 'x.test#-' });
    expect(
      tlsFailureKey(day, { domain: 'x.test', policy: POLICY }, { type: 'certificate-expired', host: 'mx.x.test' }),
    ).toEqual({
      pk: 'tlsrpt#2026-11-23',
      sk: 'x.test#a1#certificate-expired#mx.x.test',
    });
    expect(tlsCountExpiry(day)).toBe(Date.UTC(2026, 10, 27) / 1_000);
  });

  it('are collected from their items, whatever their order', () => {
    const pk = 'tlsrpt#2026-11-23';
    const items = [
      {
        pk,
        sk: 'x.test#a1#certificate-expired#mx.x.test',
        sessions: 2,
        address: '192.0.2.1',
        reason: 'CERT_HAS_EXPIRED',
      },
      { pk, sk: 'x.test#a1', ok: 5, failed: 2, policy: POLICY },
      { pk, sk: 'x.test#-', ok: 1, failed: 0 },
      { pk, sk: 'y.test#-', ok: 3 },
      { pk, sk: 'nonsense' },
    ];
    expect([...collectTlsCounts(items)]).toEqual([
      [
        'x.test',
        [
          {
            domain: 'x.test',
            policy: POLICY,
            ok: 5,
            failed: 2,
            failures: [
              {
                type: 'certificate-expired',
                host: 'mx.x.test',
                sessions: 2,
                address: '192.0.2.1',
                reason: 'CERT_HAS_EXPIRED',
              },
            ],
          },
          { domain: 'x.test', ok: 1, failed: 0, failures: [] },
        ],
      ],
      ['y.test', [{ domain: 'y.test', ok: 3, failed: 0, failures: [] }]],
    ]);
  });
});

describe('the report', () => {
  const failure = {
    type: 'certificate-expired' as const,
    host: 'mx.x.test',
    sessions: 2,
    address: '192.0.2.1',
    reason: 'CERT_HAS_EXPIRED',
  };
  const counts = [
    { domain: 'x.test', policy: POLICY, ok: 5, failed: 2, failures: [failure] },
    { domain: 'x.test', ok: 1, failed: 0, failures: [] },
  ];

  it('is the JSON of RFC 8460 4.4', () => {
    expect(buildTlsReport('2026-11-23', 'x.test', counts, REPORTER)).toEqual({
      'organization-name': 'Ours Inc.',
      'date-range': { 'start-datetime': '2026-11-23T00:00:00Z', 'end-datetime': '2026-11-23T23:59:59Z' },
      'contact-info': 'postmaster@ours.example',
      'report-id': '2026-11-23_x.test@ours.example',
      policies: [
        {
          policy: {
            'policy-type': 'sts',
            'policy-string': ['version: STSv1', 'mode: enforce', 'mx: mx.x.test', 'mx: *.x.test', 'max_age: 86400'],
            'policy-domain': 'x.test',
            'mx-host': ['mx.x.test', '*.x.test'],
          },
          summary: { 'total-successful-session-count': 5, 'total-failure-session-count': 2 },
          'failure-details': [
            {
              'result-type': 'certificate-expired',
              'receiving-mx-hostname': 'mx.x.test',
              'receiving-ip': '192.0.2.1',
              'failed-session-count': 2,
              'failure-reason-code': 'CERT_HAS_EXPIRED',
            },
          ],
        },
        {
          policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'x.test' },
          summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
        },
      ],
    });
  });

  it('is named as RFC 8460 5.1 and 5.3 say', () => {
    const { filename, subject, headers, text } = nameTlsReport('2026-11-23', 'x.test', REPORTER);
    expect(filename).toMatch(/^ours\.example!x\.test!1795392000!1795478399![0-9a-f]{12}\.json\.gz$/);
    expect(subject).toBe('Report Domain: x.test Submitter: ours.example Report-ID: <2026-11-23_x.test@ours.example>');
    expect(headers).toEqual({ 'TLS-Report-Domain': 'x.test', 'TLS-Report-Submitter': 'ours.example' });
    expect(text).toContain('2026-11-23');
  });

  it('travels as multipart/report, and other attachments do not', async () => {
    const content = Buffer.from('zipped').toString('base64');
    const attach = (type: string) => ({ content, filename: 'r.json.gz', type, disposition: 'attachment' as const });
    const text = { type: 'text/plain', value: 'a report' };
    const compose = (...given: Parameters<typeof composeEntity>) => {
      const { header, body } = composeEntity(...given);
      return `${header}\r\n${body.toString()}`;
    };
    const report = compose([text], [attach(TLS_REPORT_TYPE)], 'base');
    expect(report).toMatch(/^Content-Type: multipart\/report; report-type="tlsrpt";\r\n boundary=/);
    const { text: shown, attachments } = await simpleParser(report);
    expect(shown?.trim()).toBe('a report');
    expect(attachments.map(({ contentType, content: octets }) => [contentType, String(octets)])).toEqual([
      [TLS_REPORT_TYPE, 'zipped'],
    ]);
    for (const files of [[attach('application/gzip')], [attach(TLS_REPORT_TYPE), attach(TLS_REPORT_TYPE)]])
      expect(compose([text], files, 'base')).toMatch(/^Content-Type: multipart\/mixed;/);
  });
});
