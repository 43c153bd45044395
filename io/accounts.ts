/** Accounts: API keys and sending domains, as accept reads them and as the operator makes them. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { makeApiKey } from '../core/api-key.ts';
import { type DomainRecord, domainKey, type KeyRecord, keyKey } from '../core/records.ts';
import type { Table } from './aws.ts';

/** Looks up what a request needs. Plain reads: accept keeps the answers for a minute (docs/architecture.md, "Caches"). */
export function accountsIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key }))).Item as T | undefined;
  return {
    readKey: (account: string, id: string) => get<KeyRecord>(keyKey(account, id)),
    readSender: (account: string, domain: string) => get<DomainRecord>(domainKey(account, domain)),
  };
}

/** What the operator may do with an account, beside reading: used by the command line and by the local stack. */
export function operatorOf(table: string, client: Table, keys: KMSClient, dkimKeyArn: string, now: () => number) {
  const list = async <T>(account: string, prefix: string): Promise<T[]> => {
    const items: T[] = [];
    let from: Record<string, unknown> | undefined;
    do {
      const page = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :account AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':account': account, ':prefix': prefix },
          ...(from ? { ExclusiveStartKey: from } : {}),
        }),
      );
      items.push(...((page.Items ?? []) as T[]));
      from = page.LastEvaluatedKey;
    } while (from);
    return items;
  };
  return {
    /** Makes an API key. The returned `key` is the only time its secret is seen. */
    createKey: async (account: string, name: string, scopes: string[]): Promise<{ key: string; id: string }> => {
      const { key, id, secretHash } = makeApiKey(account, randomBytes(43));
      const record: KeyRecord = { ...keyKey(account, id), name, scopes, secretHash, createdAt: now() };
      await client.send(new PutCommand({ TableName: table, Item: record }));
      return { key, id };
    },
    listKeys: (account: string) => list<KeyRecord>(account, 'key#'),
    /** False when there was no such key. In effect within a minute: accept keeps keys that long. */
    deleteKey: async (account: string, id: string): Promise<boolean> => {
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: table, Key: keyKey(account, id), ReturnValues: 'ALL_OLD' }),
      );
      return Attributes !== undefined;
    },
    /** Adds a sending domain with a new RSA-2048 DKIM key. One that is there already is returned as it is. */
    addDomain: async (account: string, domain: string, selector = 's1'): Promise<DomainRecord> => {
      const name = domain.toLowerCase();
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: domainKey(account, name) }));
      if (Item) return Item as DomainRecord;
      const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const { CiphertextBlob } = await keys.send(
        new EncryptCommand({
          KeyId: dkimKeyArn,
          Plaintext: pair.privateKey.export({ format: 'der', type: 'pkcs8' }),
          EncryptionContext: { account, domain: name },
        }),
      );
      if (!CiphertextBlob) throw new Error('KMS returned no ciphertext');
      const record: DomainRecord = {
        ...domainKey(account, name),
        domain: name,
        selector,
        returnPath: `em.${name}`,
        publicKey: pair.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
        privateKey: Buffer.from(CiphertextBlob).toString('base64'),
        createdAt: now(),
      };
      await client.send(
        new PutCommand({ TableName: table, Item: record, ConditionExpression: 'attribute_not_exists(pk)' }),
      );
      return record;
    },
    listDomains: (account: string) => list<DomainRecord>(account, 'domain#'),
    /** Remembers that a check found every record of a domain. */
    validateDomain: async (domain: DomainRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: { ...domain, validAt: now() } }));
    },
  };
}
