/** A message by SMTP as a request: the records that accept makes, a broken X-SMTPAPI, and every failure as a reply. */
import { describe, expect, it } from 'vitest';
import { makeRequestId } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { readSubmitted } from '../../core/submit-mime/index.ts';
import { type SubmittedBy, submit } from '../../submission/submit.ts';
import { makeCloud, type Plan, START } from '../lambdas/fake-cloud.ts';

/** Ids that the fake's randomness does not make. */
const [ID, OTHER] = [98, 99].map((fill) => makeRequestId(START, Buffer.alloc(10, fill))) as [string, string];
const HEADER = 'From: Shop <shop@example.com>\r\nTo: reader@example.net\r\nSubject: Hello\r\n';

function make(plans: Plan[] = []) {
  const world = makeCloud(plans);
  return { ...world, deps: { ...world.accept, readSubmitted } };
}
function by(header = HEADER, more: Partial<SubmittedBy> = {}): SubmittedBy {
  const octets = `${header}\r\nHi\r\n`;
  const submitted = {
    ...{ header: Buffer.from(`${header}\r\n`), size: octets.length, mime: { octets } },
    ...{ mailFrom: 'shop@example.com', rcptTo: ['reader@example.net'], eightBit: false, smtpUtf8: false },
  };
  return { account: 'operator', keyId: 'key', requestId: ID, submitted, fingerprint: () => 'a'.repeat(64), ...more };
}
const jobs = ({ cloud }: ReturnType<typeof make>) =>
  cloud.queues.get('lane:default-1')!.map(({ body }) => JSON.parse(body) as Job);

describe('submit', () => {
  it('writes the record, then queues, under the id that the message has already', async () => {
    const world = make();
    expect(await submit(by(), world.deps)).toEqual({ ok: true, requestId: ID });
    expect(world.cloud.calls).toEqual(['recordRequest', 'sendJobs']);
    expect(jobs(world)).toMatchObject([{ content: { mime: { octets: `${HEADER}\r\nHi\r\n` } } }]);
  });

  it('octets that grow too long as JSON lie in the bucket', async () => {
    const world = make();
    const octets = `${HEADER}\r\n${'ä'.repeat(15_000)}\r\n`;
    const { submitted } = by();
    await submit(by(HEADER, { submitted: { ...submitted, mime: { octets } } }), world.deps);
    expect(world.cloud.calls).toEqual(['storeContent', 'recordRequest', 'sendJobs']);
  });

  // Attack: a stolen key sends by SMTP what the API refuses.
  it('over the daily cap: 451, so that a mail server keeps it, and nothing is written', async () => {
    const world = make();
    world.cloud.credits = 0;
    expect(await submit(by(), world.deps)).toEqual({
      ok: false,
      reply: { code: 451, enhanced: '4.7.1', text: 'Authentication failed: Maximum credits exceeded' },
    });
    expect(world.cloud.calls).toEqual([]);
  });

  it('send_at in X-SMTPAPI: held until then', async () => {
    const world = make();
    const at = START / 1_000 + 3_600;
    await submit(by(`${HEADER}X-SMTPAPI: {"send_at": ${at}}\r\n`), world.deps);
    expect([...world.cloud.holds.values()]).toMatchObject([{ due: at * 1_000, copies: 1 }]);
  });

  it('a broken X-SMTPAPI: 250, the copies recorded as to be dropped, and MAIL FROM is told by a mail of its own', async () => {
    const world = make();
    const done = await submit(by(`${HEADER}X-SMTPAPI: {"to": \r\n`), world.deps);
    expect(done).toMatchObject({ ok: true });
    const [dropped, notice, ...more] = jobs(world);
    expect(dropped).toMatchObject({
      content: { dropped: expect.anything() },
      copies: [{ address: 'reader@example.net' }],
    });
    expect(notice).toMatchObject({ copies: [{ address: 'shop@example.com' }] });
    expect(notice!.requestId).not.toBe(dropped!.requestId);
    expect(more).toEqual([]);
  });

  it.each([
    ['as it is', (json: string) => json],
    ['folded', (json: string) => json.replaceAll(',', ',\r\n ')],
    ['in an encoded word', (json: string) => `=?utf-8?B?${Buffer.from(json).toString('base64')}?=`],
  ])('a template in X-SMTPAPI, written %s: its text is named in the jobs', async (_, write) => {
    const world = make();
    const id = '13b8f94f-bcae-4ec6-b752-70d6cb59f932';
    const active = { version: 'v', revision: 'r', pieces: 1 };
    world.cloud.templates.set(id, { active: { ...active, subject: true } });
    const api = JSON.stringify({ category: 'x', filters: { templates: { settings: { enable: 1, template_id: id } } } });
    expect(await submit(by(`${HEADER}X-SMTPAPI: ${write(api)}\r\n`), world.deps)).toMatchObject({ ok: true });
    expect(jobs(world)).toMatchObject([{ content: { templateId: id, template: active } }]);
  });

  it('a template that is not there: recorded as dropped, and MAIL FROM is told of it by name', async () => {
    const world = make();
    const api =
      '{"filters":{"templates":{"settings":{"enable":1,"template_id":"13b8f94f-bcae-4ec6-b752-70d6cb59f932"}}}}';
    expect(await submit(by(`${HEADER}X-SMTPAPI: ${api}\r\n`), world.deps)).toMatchObject({ ok: true });
    const [dropped, notice] = jobs(world);
    expect(dropped).toMatchObject({ content: { dropped: 'Invalid SMTPAPI header' } });
    expect(JSON.stringify(notice)).toContain('there is no template with the id');
  });

  it('a template that cannot be read is no reason to send without it: 451', async () => {
    const world = make();
    const readTemplate = () => Promise.reject(new Error('no table'));
    const api =
      '{"filters":{"templates":{"settings":{"enable":1,"template_id":"13b8f94f-bcae-4ec6-b752-70d6cb59f932"}}}}';
    const done = await submit(by(`${HEADER}X-SMTPAPI: ${api}\r\n`), { ...world.deps, readTemplate });
    expect(done).toMatchObject({ ok: false, reply: { code: 451 } });
    expect(world.cloud.calls).toEqual([]);
  });

  it('the same for the null sender: nobody is told', async () => {
    const world = make();
    const { submitted } = by(`${HEADER}X-SMTPAPI: {"to": \r\n`);
    await submit(by(HEADER, { submitted: { ...submitted, mailFrom: '' } }), world.deps);
    expect(jobs(world)).toHaveLength(1);
  });

  it.each([
    ['a sender of somebody else', HEADER.replace('example.com', 'bank.example'), 550, '5.7.1'],
    ['no From', HEADER.replace('From', 'X-From'), 550, '5.6.0'],
    ['a bad Idempotency-Key', `${HEADER}Idempotency-Key: ${'x'.repeat(300)}\r\n`, 550, '5.6.0'],
  ])('%s', async (_, header, code, enhanced) => {
    const world = make();
    expect(await submit(by(header), world.deps)).toMatchObject({ ok: false, reply: { code, enhanced } });
    expect(world.cloud.calls).toEqual([]);
  });

  it.each([
    ['throttle', [{ operation: 'recordRequest', fault: 'throttle', times: 9 }]],
    ['error', [{ operation: 'recordRequest', fault: 'error', times: 9 }]],
    ['the idempotency record', [{ operation: 'beginIdempotent', fault: 'error', times: 9 }]],
  ] as [string, Plan[]][])('%s: 451', async (_, plans) => {
    const world = make(plans);
    const done = await submit(by(`${HEADER}Idempotency-Key: k\r\n`), world.deps);
    expect(done).toMatchObject({ ok: false, reply: { code: 451 } });
    expect(jobs(world)).toEqual([]);
  });

  it('a repetition after a failure: the first id, marked, once', async () => {
    const world = make([{ operation: 'recordRequest', fault: 'error', times: 1 }]);
    const header = `${HEADER}Idempotency-Key: k\r\n`;
    expect(await submit(by(header), world.deps)).toMatchObject({ ok: false });
    const again = await submit(by(header, { requestId: OTHER }), world.deps);
    expect(again).toEqual({ ok: true, requestId: ID });
    expect(jobs(world)).toMatchObject([{ requestId: ID, maybeSent: true }]);
  });
});
