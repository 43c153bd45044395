/**
 * The operations of examples-rest.ts over HTTP, on the synthesized stack, under manage's own permissions: status and body as SendGrid's
 * documents have them; and an alert that is due, under notify's.
 */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AlertRecord, alertKey, lookHold } from '../../../core/alerts/alert.ts';
import { EXAMPLES_REST } from './examples-rest.ts';
import { type Here, startHere } from './here.ts';
import { nameOf, OPERATIONS, schemaOf } from './operations.ts';

let here: Here;
beforeAll(async () => {
  here = await startHere();
}, 120_000);
afterAll(() => here?.end());

const operations = OPERATIONS.filter(({ group, id }) => EXAMPLES_REST[group]?.[id]);

describe.skipIf(OPERATIONS.length === 0)('as SendGrid’s documents have them', () => {
  it.each(operations.map((one) => [nameOf(one), one] as const))('%s', async (_, one) => {
    const account = here.newAccount();
    const ask = await here.call(account);
    const { path = {}, query, body } = await EXAMPLES_REST[one.group]![one.id]!({ here, account, ask });
    const filled = one.path.replaceAll(/\{([^}]+)\}/g, (_all, key) => encodeURIComponent(path[key]!));
    const answer = await ask(one.method, query === undefined ? filled : `${filled}?${query}`, body);
    expect([answer.status, answer.status === one.status ? '' : answer.body]).toEqual([one.status, '']);
    const validate = schemaOf(one);
    if (!validate) expect(answer.body).toBe('');
    else
      expect({ errors: validate(answer.json) ? [] : validate.errors, body: answer.json }).toMatchObject({ errors: [] });
    if (one.method === 'GET') expect(answer.body.length).toBeGreaterThan(20);
  });
});

describe('an alert that is due', () => {
  it('is in the inbox of its address, once, and is looked at again', async () => {
    const account = here.newAccount();
    const due = Date.now();
    const alert: AlertRecord = {
      ...alertKey(account, 5),
      id: 5,
      type: 'stats_notification',
      frequency: 'daily',
      emailTo: `${account}@example.net`,
      createdAt: 1,
      updatedAt: 1,
      nextAt: due,
    };
    await here.tables.send(new PutCommand({ TableName: here.tableOf('accounts'), Item: alert }));
    const TableName = here.tableOf('holds');
    for (const hold of [lookHold(account, 5, due), { ...lookHold(account, 5, due), sk: `${due}#twin` }])
      await here.tables.send(new PutCommand({ TableName, Item: hold }));
    const inbox = async () =>
      (await (
        await fetch(`${here.local.inboxUrl}/messages?to=${encodeURIComponent(alert.emailTo)}`)
      ).json()) as unknown[];
    await expect.poll(inbox, { timeout: 150_000, interval: 500 }).toHaveLength(1);
    const ask = await here.call(account);
    expect((await ask('GET', '/v3/alerts/5')).json).toMatchObject({ id: 5, frequency: 'daily' });
  }, 180_000);

  it('all that was done was allowed', () => expect(here.stack.denials).toEqual([]));
});
