import { afterEach, describe, expect, it } from 'vitest';
import type { SuppressionRecord } from '../../../core/records.ts';
import { addToList, type Suppressing } from '../../../core/suppression.ts';
import { type DeliverDeps, deliver } from '../../../lambdas/deliver/deliver.ts';
import { type Script, type ScriptedServer, startScript } from '../../smtp-script.ts';
import { CONTENT, makeJob, makeWorld, message } from './world.ts';

let server: ScriptedServer | undefined;
afterEach(async () => server?.close());

async function setUp(script: Script = {}) {
  server = await startScript(script);
  return Object.assign(makeWorld(server.port), { server });
}

const LISTED: [string, Suppressing['list']][] = [
  ['Bounced@x.example', 'bounces'],
  ['spam@x.example', 'spam_reports'],
  ['left@x.example', 'unsubscribes'],
  ['group@x.example', 'group#7'],
  ['blocked@x.example', 'blocks'],
];
const readSuppressions: DeliverDeps['readSuppressions'] = async (account, addresses) => {
  const found = new Map<string, SuppressionRecord>();
  for (const [address, list] of LISTED)
    if (addresses.some((one) => one.toLowerCase() === address.toLowerCase()))
      found.set(address.toLowerCase(), addToList(undefined, { account, address, list, entry: { created: 1 } })!.record);
  return found;
};
const TO = [...LISTED.map(([address]) => address.toLowerCase()), 'fine@x.example'];

describe('an address on a list', () => {
  it.each<[object, (string | undefined)[]]>([
    [{}, ['Bounced Address', 'Spam Reporting Address', 'Unsubscribed Address', undefined, undefined, undefined]],
    [
      { asm: { groupId: 7, groupsToDisplay: [] } },
      [
        'Bounced Address',
        'Spam Reporting Address',
        'Unsubscribed Address',
        'Unsubscribed Address',
        undefined,
        undefined,
      ],
    ],
    [{ mailSettings: { bypass_list_management: { enable: true } } }, Array(6).fill(undefined)],
    [
      { mailSettings: { bypass_spam_management: { enable: true } } },
      ['Bounced Address', undefined, 'Unsubscribed Address', undefined, undefined, undefined],
    ],
  ])('gets nothing, and the copy says why: mail with %j', async (more, reasons) => {
    const world = await setUp();
    await deliver([message(makeJob(TO, { content: { ...CONTENT, ...more } }))], { ...world.begin(), readSuppressions });
    expect(TO.map((_, index) => world.outcome(index))).toMatchObject(
      reasons.map((reason) => (reason === undefined ? { event: 'delivered' } : { event: 'dropped', reply: reason })),
    );
    expect(world.server.messages).toHaveLength(reasons.filter((reason) => reason === undefined).length);
  });

  it('is not known to be none while the lists cannot be read: the job goes back whole, and nothing was sent', async () => {
    const world = await setUp();
    const broken = async () => {
      throw new Error('no table');
    };
    const handedBack = await deliver([message(makeJob(TO))], { ...world.begin(), readSuppressions: broken });
    expect(handedBack).toHaveLength(1);
    expect([world.server.messages.length, world.outcomes.size]).toEqual([0, 0]);
  });
});

describe('a bounce', () => {
  const refuse = async (reply: string, overrides: Partial<DeliverDeps> = {}) => {
    const world = await setUp({ rcpt: `${reply}\r\n` });
    const suppressed: Suppressing[] = [];
    const suppress: DeliverDeps['suppress'] = async (one) => suppressed.push(one) > 0;
    const handedBack = await deliver([message(makeJob(['reader@x.example']))], {
      ...world.begin(),
      suppress,
      ...overrides,
    });
    return { world, suppressed, handedBack };
  };

  it.each([
    ['550 5.1.1 User unknown', 'bounces'],
    ['552 5.2.2 Mailbox full', 'blocks'],
    ['550 5.7.1 We do not like your kind', 'blocks'],
  ])('of %s puts the address on the list of %s', async (reply, list) => {
    const { suppressed } = await refuse(reply);
    expect(suppressed).toMatchObject([
      { account: 'operator', address: 'reader@x.example', list, entry: { reason: expect.stringContaining(reply) } },
    ]);
  });

  it('of a domain that DNS does not know puts it among the blocks: it may come back', async () => {
    const { suppressed, world } = await refuse('250 ok', {
      resolveSite: async () => ({
        kind: 'bounced',
        type: 'bounce',
        status: '5.1.2',
        reply: 'x.example does not exist',
      }),
    });
    expect(suppressed).toMatchObject([{ list: 'blocks' }]);
    expect(world.outcome(0)).toMatchObject({ event: 'bounced', type: 'bounce' });
  });

  it('that cannot be listed has no outcome yet: the job goes back, and the next one lists it', async () => {
    const { world, handedBack } = await refuse('550 5.1.1 User unknown', {
      suppress: async () => {
        throw new Error('no table');
      },
    });
    expect(handedBack).toHaveLength(1);
    expect(world.outcomes.size).toBe(0);
  });
});
