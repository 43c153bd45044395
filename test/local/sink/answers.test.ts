import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { readReport } from '../../../core/report/index.ts';
import { makeReturnPath } from '../../../core/return-path.ts';
import { type AnswerKind, composeAnswer } from '../../../local/sink/answers.ts';
import { openPostman } from '../../../local/sink/postman.ts';

const AT = Date.parse('2026-11-25T12:00:00Z');
const returnPath = makeReturnPath({
  account: 'operator',
  requestId: Buffer.alloc(16, 9).toString('base64url'),
  index: 0,
  secret: Buffer.alloc(32, 1),
  domain: 'em.example.com',
});
const taken = {
  mailFrom: returnPath,
  recipient: 'reader@example.net',
  raw: Buffer.from(
    'To: reader@example.net\r\nList-Unsubscribe: <https://x.example/u>,\r\n <mailto:u1@em.example.com?subject=x>\r\nSubject: Hello\r\n\r\nText\r\n',
  ),
};
const answer = (kind: AnswerKind) => composeAnswer(kind, taken, 'id', AT)!;

describe('what recipients of the sink write back', () => {
  it.each<[AnswerKind, string, string, string]>([
    ['bounce', 'bounce', 'Invalid Address', '5.1.1'],
    ['bounce-exim', 'bounce', 'Invalid Address', '5.1.1'],
    ['bounce-qmail', 'bounce', 'Invalid Address', '5.1.1'],
    ['bounce-exchange', 'bounce', 'Invalid Address', '5.1.10'],
    ['bounce-full', 'blocked', 'Mailbox Unavailable', '5.2.2'],
  ])(
    '%s is a bounce of its recipient, from the null sender to the return path',
    (kind, type, classification, status) => {
      const { mailFrom, to, raw } = answer(kind);
      expect([mailFrom, to]).toEqual(['', returnPath]);
      const report = readReport(Buffer.from(raw, 'latin1'));
      expect(report).toMatchObject({
        kind: 'bounce',
        recipients: [{ address: 'reader@example.net', type, classification, status }],
      });
    },
  );

  it('a complaint names nobody, and goes to the feedback address', () => {
    const { mailFrom, to, raw } = answer('complaint');
    expect([mailFrom, to]).toEqual(['feedback@sink.test', 'fbl@em.example.com']);
    expect(raw).not.toContain('reader@example.net');
    expect(readReport(Buffer.from(raw, 'latin1'))).toMatchObject({ kind: 'complaint', feedbackType: 'abuse' });
  });

  it('an unsubscription goes where List-Unsubscribe says, and nowhere without one', () => {
    expect(answer('unsubscription')).toMatchObject({ mailFrom: 'reader@example.net', to: 'u1@em.example.com' });
    expect(composeAnswer('unsubscription', { ...taken, raw: Buffer.from('To: x\r\n\r\n') }, 'id', AT)).toBeUndefined();
  });

  it('an answering machine is known as one; to the null sender nobody answers', () => {
    expect(readReport(Buffer.from(answer('auto-reply').raw)).kind).toBe('auto-reply');
    for (const kind of ['bounce', 'complaint', 'auto-reply'] as const)
      expect(composeAnswer(kind, { ...taken, mailFrom: '' }, 'id', AT)).toBeUndefined();
  });
});

describe('the postman', () => {
  let server: SMTPServer | undefined;
  afterEach(async () => new Promise<void>((done) => (server ? server.close(() => done()) : done())));

  it('carries answers to the port he was told, and none before', async () => {
    const arrived: { from: unknown; to: string[]; raw: string }[] = [];
    server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onRcptTo: ({ address }, _, done) => done(address.startsWith('u') ? new Error('no such address') : null),
      onData: async (stream, session, done) => {
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        const { mailFrom, rcptTo } = session.envelope;
        arrived.push({
          from: mailFrom || undefined,
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString(),
        });
        done();
      },
    });
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    const problems: string[] = [];
    const postman = openPostman((problem) => void problems.push(problem));
    postman.carry(answer('bounce'));
    postman.sendTo((server.server.address() as AddressInfo).port);
    postman.carry(answer('bounce'));
    postman.carry(answer('unsubscription'));
    await postman.stop();
    postman.carry(answer('bounce'));

    expect(arrived).toHaveLength(1);
    expect(arrived[0]).toMatchObject({
      to: [returnPath],
      raw: expect.stringContaining('Final-Recipient: rfc822; reader@example.net'),
    });
    expect(problems).toEqual([expect.stringContaining('the answer to u1@em.example.com was not taken')]);
  });
});
