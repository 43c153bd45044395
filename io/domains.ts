/** Sending domains with their signing keys, for deliver: the one that may decrypt. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { type DomainRecord, domainKey } from '../core/records.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';

/** How long a change of a domain's key may go unseen, in milliseconds: the old selector stays published longer than this. */
const KEY_LIFE = 300_000;

export type SigningDomain = { selector: string; key: KeyObject; returnPath: string };

export function domainsIn(table: string, client: Table, keys: KMSClient, now: () => number) {
  const look = cached(
    async (name: string): Promise<SigningDomain | undefined> => {
      const [account, domain] = name.split('#') as [string, string];
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: domainKey(account, domain) }));
      if (!Item) return undefined;
      const { selector, privateKey, returnPath } = Item as DomainRecord;
      const { Plaintext } = await keys.send(
        new DecryptCommand({
          CiphertextBlob: Buffer.from(privateKey, 'base64'),
          EncryptionContext: { account, domain },
        }),
      );
      if (!Plaintext) throw new Error(`the key of ${domain} did not decrypt`);
      return {
        selector,
        returnPath,
        key: createPrivateKey({ key: Buffer.from(Plaintext), format: 'der', type: 'pkcs8' }),
      };
    },
    KEY_LIFE,
    now,
  );
  return {
    /** The domain's selector, return path and signing key; undefined when the account has no such domain. Kept for five minutes. */
    readDomain: (account: string, domain: string): Promise<SigningDomain | undefined> =>
      look(`${account}#${domain.toLowerCase()}`),
  };
}
