/** Sending domains with their signing keys, for deliver: the one that may decrypt. Keys stay in memory, and in no log. */
import { createPrivateKey } from 'node:crypto';
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type { DkimKey } from '../core/dkim.ts';
import { signingKeys } from '../core/domain-keys.ts';
import { type DomainKey, type DomainRecord, domainKey, OPERATOR } from '../core/records.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';

/** How long a change of a domain's keys may go unseen, in milliseconds: a retired key's record stays published longer than this. */
const KEY_LIFE = 300_000;

/** `keys`: one signature each; those of the domain itself, RSA first, then the provider's. */
export type SigningDomain = { keys: DkimKey[]; returnPath: string };

/**
 * @param now milliseconds since the epoch
 * @param signingDomain the provider's own: a domain of the operator's account whose RSA key signs all mail as well
 *   (for Gmail's Feedback-ID and for feedback loops by domain). One that is not there signs nothing: mail goes on without.
 */
export function domainsIn(table: string, client: Table, keys: KMSClient, now: () => number, signingDomain?: string) {
  const openKey = async (account: string, domain: string, key: DomainKey): Promise<DkimKey> => {
    const { Plaintext } = await keys.send(
      new DecryptCommand({
        CiphertextBlob: Buffer.from(key.privateKey, 'base64'),
        EncryptionContext: { account, domain },
      }),
    );
    if (!Plaintext) throw new Error(`the key ${key.selector} of ${domain} did not decrypt`);
    const der = Buffer.from(Plaintext);
    const { selector, algorithm } = key;
    return { domain, selector, algorithm, key: createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }) };
  };
  const look = cached(
    async (name: string): Promise<SigningDomain | undefined> => {
      const [account, domain] = name.split('#') as [string, string];
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: domainKey(account, domain) }));
      if (!Item) return undefined;
      const record = Item as DomainRecord;
      return {
        returnPath: record.returnPath,
        keys: await Promise.all(signingKeys(record).map((key) => openKey(account, domain, key))),
      };
    },
    KEY_LIFE,
    now,
  );
  const readOwn = (account: string, domain: string) => look(`${account}#${domain.toLowerCase()}`);
  return {
    /** The domain's return path and the keys that sign its mail; undefined when the account has no such domain. Kept for five minutes. */
    readDomain: async (account: string, domain: string): Promise<SigningDomain | undefined> => {
      const [own, provider] = await Promise.all([
        readOwn(account, domain),
        signingDomain === undefined || signingDomain === domain.toLowerCase()
          ? undefined
          : readOwn(OPERATOR, signingDomain),
      ]);
      const theirs = provider?.keys.filter(({ algorithm }) => algorithm === 'rsa') ?? [];
      return own && { ...own, keys: [...own.keys, ...theirs] };
    },
  };
}
