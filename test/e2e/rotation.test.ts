/**
 * A DKIM key that changes by itself, on the local stack, under rotate's own policy: what was signed before, meanwhile and after verifies against
 * DNS, also when the stack was started again in between; the old key's record goes when its week is over.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it } from 'vitest';
import { activateKey, nextSelector } from '../../core/domain-keys.ts';
import { OPERATOR } from '../../core/records/accounts.ts';
import type { DomainKey, DomainRecord } from '../../core/records/domains.ts';
import { senderDomainsIn } from '../../io/sender-domains.ts';
import { OPERATOR_KEY } from '../../local/proxy.ts';
import { eventually, givenMail, type Mail, mailTo, thenAllIsAccountedFor } from './given.ts';

const DAY = 86_400_000;
const DOMAIN = 'turn.example';
const settings = { senders: { zones: [{ hostedZone: 'Z0123456789', name: 'wl.test' }], targets: 'wl.test' } };

type Signed = { dkim: { result: string; signatures: { selector: string; result: string }[] } };

/** The one mail to an address, its signatures as DNS has them now. */
async function received(mail: Mail, to: string): Promise<Signed['dkim']> {
  const { inboxUrl } = mail.local;
  const [one] = await eventually(
    async () => (await (await fetch(`${inboxUrl}/messages?to=${encodeURIComponent(to)}`)).json()) as { id: string }[],
    ({ length }) => length > 0,
  );
  return ((await (await fetch(`${inboxUrl}/messages/${one!.id}`)).json()) as Signed).dkim;
}
const by = (selector: string) => ({ result: 'pass', signatures: [{ selector, result: 'pass' }] });

async function send(mail: Mail, to: string): Promise<void> {
  const sent = await mail.post(mailTo(to, { from: { email: `shop@${DOMAIN}` } }));
  expect(sent.status).toBe(202);
  await thenAllIsAccountedFor(mail, [sent.id]);
}

/** The domain's record, and how a test makes days pass in it. */
function openDomain(mail: Mail) {
  const client = new DynamoDBClient({
    endpoint: mail.local.awsUrl,
    region: mail.stack.region,
    credentials: { accessKeyId: OPERATOR_KEY, secretAccessKey: 'local' },
  });
  const tables = DynamoDBDocumentClient.from(client);
  const table = mail.stack.outputs.AccountsTable!;
  const read = async () => (await senderDomainsIn(table, tables).readOwnDomain(OPERATOR, DOMAIN)) as DomainRecord;
  const older = (key: DomainKey, days: number): DomainKey => ({
    ...key,
    createdAt: key.createdAt - days * DAY,
    ...(key.activatedAt === undefined ? {} : { activatedAt: key.activatedAt - days * DAY }),
    ...(key.retiredAt === undefined ? {} : { retiredAt: key.retiredAt - days * DAY }),
  });
  return {
    read,
    daysPass: async (days: number) => {
      const record = await read();
      const Item = {
        ...record,
        createdAt: record.createdAt - days * DAY,
        keys: record.keys!.map((key) => older(key, days)),
      };
      await tables.send(new PutCommand({ TableName: table, Item }));
    },
    close: () => client.destroy(),
  };
}

it('before, meanwhile and after: every mail verifies, over a restart too; a week later the old record goes, and the next key is made in time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-rotation-'));
  const first = await givenMail({ folder, settings });
  const call = async (path: string, body?: object) => {
    const answer = await fetch(`${first.local.apiUrl}/v3/whitelabel/domains${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${first.local.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    });
    return (await answer.json()) as { id: number; valid?: boolean };
  };
  const { id } = await call('', { domain: DOMAIN, automatic_security: true });
  await eventually(
    () => call(`/${id}/validate`),
    ({ valid }) => valid === true,
  );
  await send(first, 'before@example.net');
  expect(await received(first, 'before@example.net')).toMatchObject(by('s1'));

  const domain = openDomain(first);
  await domain.daysPass(181);
  await eventually(domain.read, ({ selector }) => selector === 's2');
  // deliver keeps a domain's keys for five minutes: what it signs by the old one meanwhile verifies all the same.
  await send(first, 'meanwhile@example.net');
  expect(await received(first, 'meanwhile@example.net')).toMatchObject(by('s1'));
  domain.close();
  // A domain of the command line's, changed over by hand.
  const own = (await first.operator.listDomains(OPERATOR)).find((one) => one.domain === 'example.com')!;
  const { selector } = own;
  const waiting = await first.operator.addDomainKey(OPERATOR, own, 'rsa');
  await first.operator.changeDomainKeys(waiting, activateKey(waiting, nextSelector(own, 'rsa'), Date.now()));
  await first.end({ keep: true });

  const second = await givenMail({ folder, settings });
  try {
    await send(second, 'after@example.net');
    expect(await received(second, 'after@example.net')).toMatchObject(by('s2'));
    // Retired keys' records are there after the restart.
    const retired = await second.dns.resolveTxt(`${selector}._domainkey.example.com`);
    expect(retired.flat().join('')).toContain(own.publicKey);
    for (const to of ['before', 'meanwhile'])
      expect(await received(second, `${to}@example.net`)).toMatchObject(by('s1'));

    const again = openDomain(second);
    const { target } = (await again.read()).authentication!;
    await again.daysPass(8);
    await eventually(
      () => second.dns.resolveTxt(`s1.domainkey.${target}`).catch(() => 'gone'),
      (found) => found === 'gone' || found.length === 0,
    );
    expect(await received(second, 'after@example.net')).toMatchObject(by('s2'));
    await again.daysPass(172);
    const { keys } = await eventually(again.read, (record) => record.keys!.some(({ state }) => state === 'pending'));
    expect(keys!.map(({ selector, state }) => [selector, state])).toEqual([
      ['s2', 'active'],
      ['s1', 'pending'],
    ]);
    await eventually(
      () => second.dns.resolveTxt(`s1.domainkey.${target}`).catch(() => []),
      (found) => JSON.stringify(found).includes('v=DKIM1'),
    );
    again.close();
    expect(second.stack.denials).toEqual([]);
    expect(second.stack.unusedStatements().filter((one) => one.function === 'rotate')).toEqual([]);
  } finally {
    await second.end();
  }
}, 180_000);
