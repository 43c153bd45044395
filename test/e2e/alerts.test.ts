/** An alert that is due, on the synthesized stack, under notify's own permissions. */
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AlertRecord, alertKey, lookHold } from '../../core/alerts/alert.ts';
import { type Here, startHere } from '../lambdas/manage/here.ts';

let here: Here;
beforeAll(async () => {
  here = await startHere({}, 1);
}, 120_000);
afterAll(() => here?.end());

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
