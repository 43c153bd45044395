import { describe, expect, it } from 'vitest';
import { sampleIndex } from '../../../core/copies.ts';
import { copyField } from '../../../core/copy-header.ts';
import { inboundKey } from '../../../core/inbound/message.ts';
import { returnedMailKey } from '../../../core/records/messages.ts';
import { makeReturnPath } from '../../../core/return-path.ts';
import { makeUnsubscribeAddress } from '../../../core/unsubscribe-address.ts';
import { type InboundDeps, inbound } from '../../../lambdas/inbound/inbound.ts';
import { arf, dsn, plain } from './reports.ts';
import { ADDRESS, copy, DOMAIN, NOW, requestId, returnPath, secret, setUp } from './world.ts';

const nothing = ({ world }: ReturnType<typeof setUp>) =>
  expect({ late: [...world.late], suppressed: [...world.suppressed], held: [...world.held] }).toEqual({
    late: [],
    suppressed: [],
    held: [],
  });

describe('a bounce to a return path', () => {
  it('ends on the copy’s record and on the list of bounces', async () => {
    const world = setUp();
    expect(await world.take(dsn(), returnPath)).toEqual([]);
    expect([...world.late.values()]).toEqual([
      {
        pk: `customer#${requestId}`,
        sk: '0003#late#bounced',
        event: 'bounced',
        address: ADDRESS,
        reply: expect.stringContaining('User unknown'),
        status: '5.1.1',
        type: 'bounce',
        classification: 'Invalid Address',
        rule: expect.any(String),
        mx: 'mx2.example.net',
        at: NOW,
        site: 'example.net',
        lane: 'default-1',
        expiresAt: NOW / 1_000 + 30 * 86_400,
      },
    ]);
    expect([...world.suppressed.values()]).toEqual([
      {
        account: 'customer',
        address: ADDRESS,
        list: 'bounces',
        entry: {
          created: NOW / 1_000,
          reason: expect.stringContaining('User unknown'),
          status: '5.1.1',
          classification: 'Invalid Address',
        },
      },
    ]);
    expect(world.counts).toEqual({ bouncedLater: 1 });
  });

  it('that comes again, by the queue or by its sender, is no news', async () => {
    const world = setUp();
    const message = world.put(dsn(), [returnPath.toUpperCase()]);
    await inbound([message, message], world.deps);
    await world.take(dsn(), returnPath);
    expect([world.late.size, world.suppressed.size, world.counts.bouncedLater]).toEqual([1, 1, 1]);
  });

  // One NXDOMAIN or one full mailbox must not silence a reader for ever.
  it.each([
    ['a full mailbox', { status: '5.2.2', diagnostic: '552 5.2.2 Mailbox full' }],
    ['a domain that DNS does not know', { status: '5.4.4', diagnostic: 'Host or domain name not found. NXDOMAIN' }],
    ['spam', { status: '5.7.1', diagnostic: '554 5.7.1 Message rejected as spam' }],
  ])('because of %s is a block: listed, and suppresses nobody', async (_, words) => {
    const world = setUp();
    await world.take(dsn({}, words), returnPath);
    expect([...world.late.values()]).toMatchObject([{ event: 'bounced', type: 'blocked' }]);
    expect([...world.suppressed.values()]).toMatchObject([{ list: 'blocks', address: ADDRESS }]);
  });

  it.each([
    ['a delay', dsn({}, { action: 'delayed', status: '4.4.7', diagnostic: '451 4.4.1 timeout' })],
    ['a receipt', dsn({}, { action: 'delivered', status: '2.0.0', diagnostic: '250 ok' })],
    [
      'an answering machine',
      plain(['From: reader@example.net', 'Subject: Out of office', 'Auto-Submitted: auto-replied']),
    ],
    ['a letter', plain(['From: reader@example.net', 'Subject: Hello'])],
    ['nothing at all', Buffer.alloc(0)],
  ])('is not %s', async (_, raw) => {
    const world = setUp();
    expect(await world.take(raw, returnPath)).toEqual([]);
    nothing(world);
    expect(world.counts).toEqual({});
  });

  it('that is faster than our own record waits for it; one of a copy whose record never comes is handed back', async () => {
    let looks = 0;
    const waits: number[] = [];
    const late = setUp({
      readCopy: async (_, __, index) =>
        index === copy.index && looks++ < 4 ? undefined : { address: ADDRESS, site: 's', lane: 'l' },
      // The others of its batch do not wait with it.
      wait: async (ms) => {
        waits.push(ms);
        expect(late.late.size).toBe(1);
      },
    });
    const other = makeReturnPath({ ...copy, index: 4, secret, domain: DOMAIN });
    expect(await inbound([late.put(dsn(), [returnPath]), late.put(dsn(), [other])], late.deps)).toEqual([]);
    expect([late.late.size, waits, late.world.counts]).toEqual([2, [500, 1_500, 4_000, 8_000], { bouncedLater: 2 }]);

    const never = setUp({ readCopy: async () => undefined });
    expect(await never.take(dsn(), returnPath)).toEqual(['mail-0']);
    nothing(never);
  });

  it('is noted to the copy that it is about, so that it can be erased with it', async () => {
    const world = setUp();
    await world.take(dsn(), returnPath);
    const { pk, sk } = returnedMailKey(copy.account, requestId, copy.index, 'mail-0');
    expect([...world.returned]).toEqual([[`${pk} ${sk}`, inboundKey('mail-0')]]);
  });

  it('of a copy whose reader was erased is about nobody, and noted all the same', async () => {
    const world = setUp({ readCopy: async () => 'erased' });
    expect(await world.take(dsn(), returnPath)).toEqual([]);
    nothing(world);
    expect([world.counts, world.returned.size]).toEqual([{ unmatchedReports: 1 }, 1]);
  });

  it('of a copy whose records are gone after their days is counted', async () => {
    const world = setUp({ readCopy: async () => undefined, now: () => NOW + 31 * 86_400_000 });
    expect(await world.take(dsn(), returnPath)).toEqual([]);
    expect(world.counts).toEqual({ unmatchedReports: 1 });
  });
});

// Attack: a stranger sends bounces and complaints about readers of his choice, to have them suppressed at a competitor's. He can
// write whatever he likes into a report; he cannot make a token.
describe('a forged report suppresses nobody', () => {
  const other = makeReturnPath({ ...copy, account: 'another2', secret: Buffer.alloc(32, 8), domain: DOMAIN });
  const elsewhere = makeReturnPath({ ...copy, secret, domain: 'em.other.example' });
  const [local = ''] = returnPath.split('@');

  it.each([
    ['without a token', 'someone@em.shop.example'],
    ['with a wrong token', `b${'a'.repeat(53)}@${DOMAIN}`],
    ['with a changed token', `${local.slice(0, 20)}${local[20] === 'a' ? 'b' : 'a'}${local.slice(21)}@${DOMAIN}`],
    ['with a token of another secret', other],
    ['with another domain’s token', `${elsewhere.split('@')[0]}@${DOMAIN}`],
    ['to a host that is not ours', elsewhere],
    ['to an unsubscribe token made of a return path', `u${local.slice(1)}@${DOMAIN}`],
  ])('%s', async (_, to) => {
    const world = setUp();
    await world.take(dsn(), to);
    await world.take(arf(), to);
    nothing(world);
  });

  it('a complaint that names a copy without a token of ours is counted', async () => {
    const world = setUp();
    const original = [
      `X-Pennypost-Copy: b${'a'.repeat(53)} ${DOMAIN}`,
      `Message-ID: <${requestId}.0@shop.example>`,
      'List-Unsubscribe: <mailto:uaaaa@em.shop.example>',
    ];
    await world.take(
      arf({ original }, [`Original-Mail-From: <${other}>`, `Original-Rcpt-To: ${ADDRESS}`]),
      `fbl@${DOMAIN}`,
    );
    nothing(world);
    expect(world.counts).toEqual({ unmatchedReports: 1 });
  });

  it('another account’s token touches that account alone', async () => {
    const theirs = makeReturnPath({ ...copy, account: 'another2', secret, domain: DOMAIN });
    const world = setUp({ readCopy: async (account) => ({ address: `at-${account}`, site: 's', lane: 'l' }) });
    await world.take(dsn({ recipient: ADDRESS }), theirs);
    expect([...world.suppressed.values()].map(({ account, address }) => [account, address])).toEqual([
      ['another2', 'at-another2'],
    ]);
  });
});

describe('a complaint', () => {
  const unsubscribeAddress = makeUnsubscribeAddress({ ...copy, secret, domain: DOMAIN });
  it.each([
    ['Original-Mail-From', arf({}, [`Original-Mail-From: <${returnPath}>`])],
    ['our field in the message', arf({ original: [copyField(returnPath).trim()] })],
    [
      'List-Unsubscribe',
      arf({ original: [`List-Unsubscribe: <https://x.example/u>, <mailto:${unsubscribeAddress}?subject=x>`] }),
    ],
    ['Return-Path of the message', arf({ original: [`Return-Path: <${returnPath}>`] })],
  ])('is matched by %s', async (_, raw) => {
    const world = setUp();
    await world.take(raw, `abuse@${DOMAIN}`);
    expect([...world.late.values()]).toMatchObject([
      { sk: '0003#late#complained', event: 'complained', address: ADDRESS, reply: 'feedback report: abuse' },
    ]);
    expect([...world.suppressed.values()]).toMatchObject([{ list: 'spam_reports', address: ADDRESS }]);
    expect(world.counts).toEqual({ complained: 1 });
  });

  it('by a reader who only wants no more of it unsubscribes him; one that is none does nothing', async () => {
    const world = setUp();
    const named = [`Original-Mail-From: <${returnPath}>`];
    const typed = (type: string) =>
      Buffer.from(arf({}, named).toString().replace('Feedback-Type: abuse', `Feedback-Type: ${type}`));
    await world.take(typed('not-spam'), `fbl@${DOMAIN}`);
    await world.take(typed('auth-failure'), `fbl@${DOMAIN}`);
    nothing(world);
    await world.take(typed('opt-out'), `fbl@${DOMAIN}`);
    expect([...world.suppressed.values()]).toMatchObject([{ list: 'unsubscribes' }]);
  });

  it('is sent on to the account’s people, if they want that, as one mail however often it comes', async () => {
    const readForward: InboundDeps['readForward'] = async (_, which) => ({
      pk: 'customer',
      sk: `settings#${which}`,
      enabled: true,
      email: 'abuse-desk@shop.example',
    });
    const world = setUp({ readForward });
    const message = world.put(arf({ original: [copyField(returnPath).trim()] }), [`fbl@${DOMAIN}`]);
    await inbound([message, message], world.deps);
    const [hold, ...more] = [...world.held.values()];
    expect(more).toEqual([]);
    expect(hold).toMatchObject({
      kind: 'job',
      account: 'customer',
      job: {
        content: { from: { email: 'postmaster@shop.example' }, subject: `Spam report: ${ADDRESS}` },
        copies: [{ address: 'abuse-desk@shop.example' }],
      },
    });
    // What comes back of such a mail is not sent on: it would go round for ever.
    const loop = setUp({
      readForward,
      readCopy: async () => ({ address: 'abuse-desk@shop.example', site: 's', lane: 'l' }),
    });
    await loop.take(dsn(), returnPath);
    expect(loop.held.size).toBe(0);
    expect(loop.suppressed.size).toBe(1);
    // Attack: a subuser has its bounces sent to it, and so is told by its own mail whom its parent watches it by.
    const sample = { ...copy, index: sampleIndex(0) };
    const known = { address: 'samples@parent.example', site: 's', lane: 'l' };
    const watched = setUp({ readForward, readCopy: async () => known });
    await watched.take(dsn(), makeReturnPath({ ...sample, secret, domain: DOMAIN }));
    expect([watched.held.size, watched.suppressed.size]).toEqual([0, 1]);
  });
});

describe('a mail to an unsubscribe address', () => {
  it('unsubscribes at once, from everything or from its group, whatever it says', async () => {
    const world = setUp();
    const to = (groupId?: number) =>
      makeUnsubscribeAddress({ ...copy, ...(groupId ? { groupId } : {}), secret, domain: DOMAIN });
    await world.take(plain(['Subject: unsubscribe']), to());
    await world.take(Buffer.alloc(0), to(12));
    await world.take(Buffer.alloc(0), to(12));
    expect([...world.suppressed.values()].map(({ list, address }) => [list, address])).toEqual([
      ['unsubscribes', ADDRESS],
      ['group#12', ADDRESS],
    ]);
    expect(world.counts).toEqual({ unsubscribed: 1 });
    // Each is an event of the copy, once.
    expect(
      [...world.engagements.values()].map(({ event, address, asmGroupId }) => [event, address, asmGroupId]),
    ).toEqual([
      ['unsubscribe', ADDRESS, undefined],
      ['group_unsubscribe', ADDRESS, 12],
    ]);
  });
});

describe('mail for a parse host', () => {
  it('goes on to its own queue, in its account’s group, and is counted once', async () => {
    const world = setUp();
    const message = world.put(plain(['Subject: x']), ['a@in.shop.example', 'b@IN.shop.example', 'c@elsewhere.example']);
    await inbound([message, message], world.deps);
    expect(world.queued).toHaveLength(2);
    expect(world.queued[0]!.group).toBe('customer');
    expect(JSON.parse(world.queued[0]!.body)).toMatchObject({
      v: 1,
      account: 'customer',
      hostname: 'in.shop.example',
      attempt: 0,
      mail: { id: 'mail-0', rcptTo: ['a@in.shop.example', 'b@IN.shop.example'] },
    });
    expect(world.counts).toEqual({ parseReceived: 1 });
    expect(world.received.size).toBe(1);
  });

  it('is handed back while its queue does not take it', async () => {
    const world = setUp({ sendEntries: async (_, entries) => entries.map(() => 'unanswered') });
    expect(await world.take(plain([]), 'a@in.shop.example')).toEqual(['mail-0']);
    expect(world.received.size).toBe(0);
  });
});

it('one mail that cannot be read keeps no other from being taken', async () => {
  const world = setUp();
  const broken = { messageId: 'broken', body: '{' };
  const gone = { ...world.put(dsn(), [returnPath]), messageId: 'gone' };
  gone.body = gone.body.replace('inbound/mail-0.eml', 'inbound/none.eml');
  const good = world.put(dsn(), [returnPath]);
  expect(await inbound([broken, gone, good], world.deps)).toEqual(['broken', 'gone']);
  expect(world.late.size).toBe(1);
});
