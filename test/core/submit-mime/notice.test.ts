/** A broken X-SMTPAPI, handled as SendGrid does: taken, dropped, and MAIL FROM is told. */
import { describe, expect, it } from 'vitest';
import { HEAD, submit } from './submission.ts';

const BROKEN = [...HEAD, 'Message-ID: <1@sender.example>', 'Idempotency-Key: k', 'X-SMTPAPI: {"to":['];
const drop = (changes: Parameters<typeof submit>[1] = {}, fields = BROKEN) => {
  const read = submit(fields, changes);
  if (read.ok !== 'dropped') throw new Error(JSON.stringify(read));
  return read;
};

describe('a broken X-SMTPAPI', () => {
  it.each(['{', '[]', '7', '"text"', 'null', '{"a":1,"a":2}', `${'['.repeat(200)}`, '{"to":"nobody"}', '\xff{}'])(
    'is one: %j',
    (value) => {
      expect(drop({}, [...HEAD, `X-SMTPAPI: ${value}`]).reason).toBe('Invalid SMTPAPI header');
    },
  );

  it('drops the copies of the RCPT list, each for its reason', () => {
    const { request, detail, idempotencyKey } = drop({ rcptTo: ['a@x.example', 'b@x.example'] });
    expect(request.content.dropped).toBe('Invalid SMTPAPI header');
    expect(request.content.mime).toBeUndefined();
    expect(request.copies.map(({ address }) => address)).toEqual(['a@x.example', 'b@x.example']);
    expect([detail, idempotencyKey]).toEqual(['It is not JSON.', 'k']);
  });

  it('is told to MAIL FROM, by a mail of the sender’s own domain that nobody answers', () => {
    const { notice } = drop();
    expect(notice).toMatchObject({
      content: {
        from: { email: 'mailer-daemon@sender.example', name: 'Mail Delivery System' },
        subject: 'Undelivered mail: invalid X-SMTPAPI header',
        headers: { 'Auto-Submitted': 'auto-replied', 'In-Reply-To': '<1@sender.example>' },
      },
      copies: [{ address: 'app@sender.example', role: 'to', index: 0 }],
    });
    const [part] = notice!.content.parts;
    for (const text of ['It is not JSON.', 'Subject:    Hello', '<1@sender.example>', 'Recipients: 1'])
      expect(part?.value).toContain(text);
  });

  // A bounce is never answered: two servers would bounce to one another for ever.
  it('is told to nobody where MAIL FROM is the null sender, or no address', () => {
    for (const mailFrom of ['', 'root', 'root@localhost', 'a@[127.0.0.1]'])
      expect(drop({ mailFrom }).notice).toBeUndefined();
  });
});
