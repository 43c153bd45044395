import { describe, expect, it } from 'vitest';
import { findReply, hostIn, stageIn, statusIn } from '../../../core/report/reply.ts';

describe('a reply that a report quotes', () => {
  it.each([
    [
      'host mx.example.com[192.0.2.1] said: 550\n    5.1.1 User unknown (in reply to RCPT TO command)',
      '550 5.1.1 User unknown (in reply to RCPT TO command)',
    ],
    [
      'Remote host said: 550-5.7.26 not accepted due to\n550-5.7.26 DMARC policy.\n550 5.7.26 See https://x.example',
      '550 5.7.26 not accepted due to DMARC policy. See https://x.example',
    ],
    [
      '<<< 550-5.2.1 The account is inactive. For more\n<<< 550 5.2.1 information\n550 5.1.1 <a@b.example>... User unknown',
      '550 5.2.1 The account is inactive. For more information',
    ],
    ['550 550 5.7.1 Access denied', '550 5.7.1 Access denied'],
    ['#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##', '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'],
    ['550 #5.1.0 Address rejected.', '550 5.1.0 Address rejected.'],
    ['550: 5.1.1 <a@b.example>... User Unknown', '550 5.1.1 <a@b.example>... User Unknown'],
    [
      'Invalid Address, ERROR_CODE :550, ERROR_CODE :5.2.2 <a@b.example>... Mailbox Full',
      '550 5.2.2 <a@b.example>... Mailbox Full',
    ],
    ['It responded as follows: [550 5.1.1 User unknown]', '550 5.1.1 User unknown]'],
    ['said: 421 4.7.0 Later.\nGiving up on 192.0.2.1.', '421 4.7.0 Later.'],
    [
      '(reason: 552 Too much mail data)\n\n   ----- Transcript of session follows -----\n554 5.0.0 Service unavailable',
      '552 Too much mail data)',
    ],
  ])('%j', (text, reply) => expect(findReply(text)?.text).toBe(reply));

  it.each(['at 23:45 on 29 Apr 2011', 'after 432000 seconds', 'port 587', 'no number at all', '5500 Broadway'])(
    'is not in %j',
    (text) => expect(findReply(text)).toBeUndefined(),
  );

  it.each([
    ['(in reply to MAIL\n    FROM command)', 'mail'],
    ['SMTP error from remote mail server after RCPT TO:<a@b.example>:', 'rcpt'],
    ['192.0.2.1 failed after I sent the message.', 'dot'],
    ['refused to talk to me: 554 no', 'connect'],
    ['>>> MAIL From:<a@b.example> SIZE=378\n<<< 550 no', 'mail'],
    ['no word about it', undefined],
  ])('%j answers %s', (text, stage) => expect(stageIn(text)).toBe(stage));

  it('names its host and its status', () => {
    expect(hostIn('host MX.example.com[192.0.2.1] said: 550')).toBe('mx.example.com');
    expect(hostIn('host mx')).toBe('');
    expect(statusIn('no mailbox here by that name (#5.1.1 - chkusr)')).toBe('5.1.1');
    expect(statusIn('version 5.1.1200')).toBeUndefined();
  });
});
