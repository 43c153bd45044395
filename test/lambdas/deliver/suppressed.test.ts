/** Who gets nothing, against a real SMTP server: what reaches it is what was sent. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ListName } from '../../../core/records/suppressions.ts';
import { suppressionKey } from '../../../core/records/suppressions.ts';
import { addToList } from '../../../core/suppression.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type Script, type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message, START } from './world.ts';

let server: ScriptedServer;
afterEach(() => server?.close());

async function setUp(script: Script = {}, overrides: Partial<DeliverDeps> = {}) {
  server = await startScript(script);
  const world = makeWorld(server.port, overrides);
  const list = (address: string, ...lists: ListName[]) => {
    const { pk } = suppressionKey('operator', address);
    for (const one of lists) {
      const entry = { created: START / 1_000 - 86_400 };
      const change = addToList(world.suppressions.get(pk), { account: 'operator', address, list: one, entry });
      world.suppressions.set(pk, change!.record);
    }
  };
  return Object.assign(world, { list });
}
const reached = () => server.messages.map(({ to }) => to[0]).sort();

describe('a job with listed recipients', () => {
  it('goes to the others; each of them is dropped with its reason, and no session is opened for it', async () => {
    // Prepare
    const world = await setUp();
    world.list('Bounced@gone.example', 'bounces');
    world.list('spam@x.example', 'spam_reports', 'unsubscribes');
    world.list('invalid@x.example', 'invalid_emails');
    world.list('left@x.example', 'unsubscribes');
    world.list('group@x.example', 'group#7');
    world.list('other-group@x.example', 'group#8');
    world.list('blocked@x.example', 'blocks');
    const to = ['bounced@gone.example', 'spam@x.example', 'invalid@x.example', 'left@x.example', 'group@x.example'];
    const others = ['other-group@x.example', 'blocked@x.example', 'plain@x.example'];
    const content = { ...CONTENT, asm: { groupId: 7, groupsToDisplay: [] } };
    // Act
    const handedBack = await deliver([message(makeJob([...to, ...others], { content }))], world.begin());
    // Assess
    expect(handedBack).toEqual([]);
    expect(reached()).toEqual([...others].sort());
    const reasons = [
      'Bounced Address',
      'Spam Reporting Address',
      'Invalid',
      'Unsubscribed Address',
      'Unsubscribed Address',
    ];
    for (const [n, reply] of reasons.entries())
      expect(world.outcome(n)).toMatchObject({
        event: 'dropped',
        reply,
        status: '5.0.0',
        attempt: 0,
        lane: 'default-1',
      });
    expect(world.outcome(0)).toMatchObject({ site: 'gone.example' });
    expect(world.published.get('other')).toMatchObject({ accepted: 8, delivered: 3, dropped: 5 });
    expect(world.holds).toEqual([]);
  });

  it('that is all of them ends without a session', async () => {
    const world = await setUp();
    world.list('a@x.example', 'bounces');
    expect(await deliver([message(makeJob(['a@x.example']))], world.begin())).toEqual([]);
    expect(server.connections()).toBe(0);
    expect(world.outcome(0)).toMatchObject({ event: 'dropped' });
  });

  it.each([
    ['bypass_list_management', ['bounces', 'group', 'invalid', 'left', 'spam']],
    ['bypass_bounce_management', ['bounces']],
    ['bypass_spam_management', ['spam']],
    // Only the global list: who left the group stays out.
    ['bypass_unsubscribe_management', ['left']],
  ])('and %s goes to: %j', async (bypass, expected) => {
    const world = await setUp();
    const lists = {
      bounces: 'bounces',
      spam: 'spam_reports',
      invalid: 'invalid_emails',
      left: 'unsubscribes',
      group: 'group#7',
    };
    for (const [name, list] of Object.entries(lists)) world.list(`${name}@x.example`, list as ListName);
    const mailSettings = { [bypass]: { enable: true } };
    const content = { ...CONTENT, mailSettings, asm: { groupId: 7, groupsToDisplay: [] } };
    const to = Object.keys(lists).map((name) => `${name}@x.example`);
    await deliver([message(makeJob(to, { content }))], world.begin());
    expect(reached()).toEqual(expected.map((name) => `${name}@x.example`));
  });

  it('goes to who is on the whitelist, and to whose bounce was purged', async () => {
    const world = await setUp();
    for (const address of ['a@ours.example', 'b@below.ours.example', 'me@x.example', 'not-me@x.example'])
      world.list(address, 'spam_reports', 'bounces');
    world.list('old@y.example', 'bounces');
    world.list('old-spam@y.example', 'bounces', 'spam_reports');
    world.listSettings = {
      whitelist: { pk: '', sk: 'settings#address_whitelist', enabled: true, list: ['Ours.example', 'ME@X.example'] },
      purge: {
        pk: '',
        sk: 'settings#bounce_purge',
        enabled: true,
        softBounces: null,
        hardBounces: 1,
        purged: { bounces: 0, blocks: 0 },
      },
    };
    world.now = START + 5_000;
    const to = ['a@ours.example', 'b@below.ours.example', 'me@x.example', 'not-me@x.example'];
    await deliver([message(makeJob([...to, 'old@y.example', 'old-spam@y.example']))], world.begin());
    // Purged are bounces alone: b and not-me are out for their complaints.
    expect(reached()).toEqual(['a@ours.example', 'me@x.example', 'old@y.example']);
    expect(world.outcome(3)).toMatchObject({ event: 'dropped', reply: 'Spam Reporting Address' });
  });

  // A run lists an address and is killed before it records the copy's bounce: the copy has bounced, and must not say `dropped`.
  it('ends a copy as bounced whose own bounce put its address on the list', async () => {
    const world = await setUp({ rcpt: (to) => (to.includes('gone') ? '550 5.1.1 no such user\r\n' : undefined) });
    const job = makeJob(['gone@x.example', 'b@x.example']);
    await deliver([message(job)], world.begin());
    const bounced = world.outcome(0);
    for (const key of world.outcomes.keys()) if (key.endsWith('/0000')) world.outcomes.delete(key);
    const listed = structuredClone([...world.suppressions]);
    // Act
    await deliver([message(job, 2)], world.begin());
    // Assess
    const { event, reply, status, classification } = bounced!;
    expect(world.outcome(0)).toMatchObject({
      event,
      reply,
      status,
      classification,
      type: 'bounce',
      possibleDuplicate: true,
    });
    expect([...world.suppressions]).toEqual(listed);
    expect(server.commands.filter((line) => line.includes('gone'))).toHaveLength(1);
    // Another mail to it is dropped.
    await deliver([message({ ...makeJob(['gone@x.example']), requestId: 'R2', id: 'R2.0.0' })], world.begin());
    expect([...world.outcomes.values()].at(-1)).toMatchObject({ event: 'dropped', reply: 'Bounced Address' });
  });

  it('is looked at again at every attempt: who left meanwhile gets no retry', async () => {
    const world = await setUp({ rcpt: '450 4.2.1 later\r\n' });
    await deliver([message(makeJob(['a@x.example']))], world.begin());
    const [held] = world.holds;
    if (held?.kind !== 'job') throw new Error('no job is held');
    world.list('a@x.example', 'unsubscribes');
    world.now = held.due;
    await deliver([message(held.job)], world.begin());
    expect(world.outcome(0)).toMatchObject({ event: 'dropped', reply: 'Unsubscribed Address', attempt: 1 });
  });
});

// A table that is out must not make mail go to who wants none, nor lose what others wait for.
describe('when the lists cannot be read', () => {
  it('the job waits, whole: nothing is sent, nothing dropped, nothing recorded; its claim is free for the next run', async () => {
    const out = { readSuppressions: () => Promise.reject(new Error('throttled')) };
    const world = await setUp({}, out);
    const job = makeJob(['a@x.example', 'b@x.example'], { attempt: 1, hop: 1 });
    expect(await deliver([message(job)], world.begin())).toEqual([]);
    expect(reached()).toEqual([]);
    expect(world.outcomes.size).toBe(0);
    expect(world.holds).toMatchObject([{ copies: 2, job: { hop: 2, attempt: 1 } }]);
    expect(world.problems).toEqual([expect.stringContaining('suppressions were not read: throttled')]);

    const [held] = world.holds;
    if (held?.kind !== 'job') throw new Error('no job is held');
    world.now = held.due;
    Object.assign(world.deps, { readSuppressions: async () => new Map() });
    await deliver([message(held.job)], world.begin());
    expect(reached()).toEqual(['a@x.example', 'b@x.example']);
  });

  it('nor the account’s settings, where somebody is listed: the same', async () => {
    const world = await setUp({}, { readListSettings: () => Promise.reject(new Error('no accounts')) });
    world.list('a@x.example', 'bounces');
    await deliver([message(makeJob(['a@x.example', 'b@x.example']))], world.begin());
    expect([reached(), world.outcomes.size, world.holds.length]).toEqual([[], 0, 1]);
  });

  it('and cannot be held either: it is handed back', async () => {
    const fail = () => Promise.reject(new Error('all is out'));
    const world = await setUp({}, { readSuppressions: fail, hold: fail });
    expect(await deliver([message(makeJob(['a@x.example']))], world.begin())).toEqual(['m1']);
    expect(reached()).toEqual([]);
  });
});

describe('a copy that bounces', () => {
  const refusing = (reply: string): Script => ({ rcpt: `${reply}\r\n` });
  const listed = async (reply: string, overrides: Partial<DeliverDeps> = {}) => {
    const world = await setUp(refusing(reply), overrides);
    await deliver([message(makeJob(['A@x.example']))], world.begin());
    return { world, record: world.suppressions.get('operator#a@x.example') };
  };

  it('for its address is on the bounces, with the reply', async () => {
    const { record } = await listed('550 5.1.1 no such user');
    expect(record).toMatchObject({
      email: 'A@x.example',
      bounces: {
        reason: expect.stringContaining('5.1.1 no such user'),
        status: '5.1.1',
        classification: 'Invalid Address',
      },
    });
  });

  it.each(['552 5.2.2 mailbox full', '552 5.2.2 The inbox is out of storage space and inactive - gsmtp'])(
    'for a full mailbox is a block: %s',
    async (reply) => {
      const { record } = await listed(reply);
      expect(record).toMatchObject({ blocks: { status: '5.2.2', times: 1 } });
      expect(record?.bounces).toBeUndefined();
    },
  );

  it('for its content is a block', async () => {
    const { record } = await listed('550 5.7.1 message looks like spam');
    expect(record).toMatchObject({ blocks: { status: '5.7.1' } });
    expect(record?.bounces).toBeUndefined();
  });

  it('for a domain that DNS does not know is a block, and invalid only when it stays so for two days', async () => {
    const world = await setUp(
      {},
      {
        resolveSite: async () => ({
          kind: 'bounced',
          type: 'bounce',
          status: '5.1.2',
          reply: 'x.example does not exist (NXDOMAIN)',
        }),
      },
    );
    const send = async (days: number) => {
      world.outcomes.clear();
      world.now = START + days * 86_400_000;
      const job = makeJob(['a@x.example'], { acceptedAt: world.now });
      await deliver([message({ ...job, requestId: `R${days}` })], world.begin());
      return [...world.outcomes.values()][0];
    };
    expect(await send(0)).toMatchObject({ event: 'bounced' });
    expect(world.suppressions.get('operator#a@x.example')).toMatchObject({ blocks: { times: 1 } });
    expect(await send(1)).toMatchObject({ event: 'bounced' });
    expect(await send(3)).toMatchObject({ event: 'bounced' });
    expect(world.suppressions.get('operator#a@x.example')).toMatchObject({ invalid_emails: { status: '5.1.2' } });
    expect(await send(4)).toMatchObject({ event: 'dropped', reply: 'Invalid' });
  });

  it('and cannot be listed is handed back without an outcome: the next run does both', async () => {
    const suppressBounce = () => Promise.reject(new Error('no table'));
    const world = await setUp(refusing('550 5.1.1 no such user'), { suppressBounce });
    expect(await deliver([message(makeJob(['a@x.example']))], world.begin())).toEqual(['m1']);
    expect(world.outcomes.size).toBe(0);
  });
});
