/** Sending domains with their signing keys, for deliver: the one that may decrypt. Keys stay in memory, and in no log. */
import { createPrivateKey } from 'node:crypto';
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { DkimKey } from '../core/dkim.ts';
import { signingKeys } from '../core/domain-keys.ts';
import { OPERATOR } from '../core/records/accounts.ts';
import type { DomainKey, DomainRecord } from '../core/records/domains.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';
import { sendersIn } from './senders.ts';

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
  const senders = sendersIn(table, client);
  const open = async (record: DomainRecord | undefined): Promise<SigningDomain | undefined> =>
    record && {
      returnPath: record.returnPath,
      // What a subuser borrows was sealed for its parent.
      keys: await Promise.all(signingKeys(record).map((key) => openKey(record.pk, record.domain, key))),
    };
  const lookBy = (read: typeof senders.readSendingDomain) =>
    cached(async (name: string) => open(await read(...(name.split('#') as [string, string]))), KEY_LIFE, now);
  const look = lookBy(senders.readSendingDomain);
  const lookUnproven = lookBy(senders.readUnprovenDomain);
  const lookAddress = cached(
    async (name: string) => {
      const at = name.indexOf('#');
      return open(await senders.readVerifiedSender(name.slice(0, at), name.slice(at + 1)));
    },
    KEY_LIFE,
    now,
  );
  const readOwn = (account: string, domain: string) => look(`${account}#${domain.toLowerCase()}`);
  /** By what accept has let it in, in its order; a domain that nobody has proved stands behind whatever else may sign. */
  const readSigning = async (account: string, domain: string, address?: string): Promise<SigningDomain | undefined> =>
    (await readOwn(account, domain)) ??
    (address === undefined ? undefined : await lookAddress(`${account}#${address.toLowerCase()}`)) ??
    (await lookUnproven(`${account}#${domain.toLowerCase()}`));
  return {
    /**
     * The return path and the keys that sign mail from a domain, or from an address that was verified by itself; undefined when the
     * account has neither. Kept for five minutes.
     */
    readDomain: async (account: string, domain: string, address?: string): Promise<SigningDomain | undefined> => {
      const [own, provider] = await Promise.all([
        readSigning(account, domain, address),
        signingDomain === undefined || signingDomain === domain.toLowerCase()
          ? undefined
          : readOwn(OPERATOR, signingDomain),
      ]);
      const theirs = provider?.keys.filter(({ algorithm }) => algorithm === 'rsa') ?? [];
      return own ? { ...own, keys: [...own.keys, ...theirs] } : undefined;
    },
  };
}
