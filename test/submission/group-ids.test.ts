/** submit with the real reader of messages: what X-SMTPAPI may name of the account. */
import { describe, expect, it } from 'vitest';
import { makeRequestId } from '../../core/ids.ts';
import { readSubmitted } from '../../core/submit-mime/index.ts';
import { submit } from '../../submission/submit.ts';
import { makeCloud, START } from '../lambdas/fake-cloud.ts';

async function send(smtpApi: object | undefined, overrides: object = {}) {
  const { accept, cloud } = makeCloud();
  const asked: string[] = [];
  const readGroupIds = async (account: string) => {
    asked.push(account);
    return new Set([7, 8]);
  };
  const api = smtpApi === undefined ? '' : `X-SMTPAPI: ${JSON.stringify(smtpApi)}\r\n`;
  const header = Buffer.from(`From: shop@example.com\r\nTo: reader@example.net\r\nSubject: Hello\r\n${api}\r\n`);
  const octets = `${header.toString('latin1')}Hi\r\n`;
  const result = await submit(
    {
      account: 'operator',
      keyId: 'key',
      requestId: makeRequestId(START, Buffer.alloc(10, 3)),
      submitted: {
        header,
        size: octets.length,
        mime: { octets },
        mailFrom: 'shop@example.com',
        rcptTo: ['reader@example.net'],
        eightBit: false,
        smtpUtf8: false,
      },
      fingerprint: () => 'f',
    },
    { ...accept, readSubmitted, readGroupIds, ...overrides },
  );
  const jobs = [...cloud.queues.values()].flat().map(({ body }) => JSON.parse(body));
  return { result, asked, asm: jobs[0]?.content?.asm, dropped: jobs[0]?.content?.dropped };
}

describe('an unsubscribe group by SMTP', () => {
  it('is one of the account’s, as it is at this moment', async () => {
    expect(await send({ asm_group_id: 7, asm_groups_to_display: [8] })).toMatchObject({
      result: { ok: true },
      asked: ['operator'],
      asm: { groupId: 7, groupsToDisplay: [8] },
    });
  });

  it('that is none makes the header invalid: nothing is sent', async () => {
    expect(await send({ asm_group_id: 9 })).toMatchObject({ result: { ok: true }, dropped: 'Invalid SMTPAPI header' });
  });

  it('is asked for by nobody but who names one', async () => {
    for (const api of [undefined, { category: 'x' }]) expect(await send(api)).toMatchObject({ asked: [] });
  });

  it('cannot be passed over while the table is out: the client comes again', async () => {
    const out = { readGroupIds: () => Promise.reject(new Error('no table')) };
    expect((await send({ asm_group_id: 7 }, out)).result).toMatchObject({ ok: false, reply: { code: 451 } });
  });
});
