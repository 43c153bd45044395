/**
 * Whether mail may come from an address, and by which domain it is signed: its own, one that the parent lends, or, of an address that was
 * verified by itself, the account's default, and where it has none the operator's.
 */
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { OPERATOR } from '../core/records/accounts.ts';
import { type DomainRecord, domainKey } from '../core/records/domains.ts';
import {
  type BorrowedDomainRecord,
  borrowedDomainKey,
  type DefaultDomainRecord,
  defaultDomainKey,
  type VerifiedSenderRecord,
  verifiedSenderKey,
} from '../core/records/senders.ts';
import { isProven } from '../core/senders/kept.ts';
import type { Table } from './aws.ts';

const proven = (record: DomainRecord | undefined) => (record && isProven(record) ? record : undefined);

/** Plain reads, by key alone: accept and deliver may do no more with accounts. */
export function sendersIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key }))).Item as T | undefined;

  const readOwn = (account: string, domain: string) => get<DomainRecord>(domainKey(account, domain));
  /** The owner's list counts, not the borrower's: what he takes back is gone, whatever was left behind. */
  const readBorrowed = async (account: string, domain: string): Promise<DomainRecord | undefined> => {
    const borrowed = await get<BorrowedDomainRecord>(borrowedDomainKey(account, domain));
    const record = borrowed && (await readOwn(borrowed.owner, domain));
    return record?.authentication?.subusers.some((one) => one.account === account) ? record : undefined;
  };
  const readDefault = async (account: string): Promise<DomainRecord | undefined> => {
    const chosen = await get<DefaultDomainRecord>(defaultDomainKey(account));
    return chosen && proven(await readOwn(account, chosen.domain));
  };
  return {
    /** The domain that an account may send from and whose keys sign; undefined: it may not. */
    readSendingDomain: async (account: string, domain: string): Promise<DomainRecord | undefined> =>
      proven(await readOwn(account, domain)) ?? proven(await readBorrowed(account, domain)),
    /** The same without proof: what was accepted is signed by it all the same, where a validation has failed meanwhile. */
    readUnprovenDomain: async (account: string, domain: string): Promise<DomainRecord | undefined> =>
      (await readOwn(account, domain)) ?? readBorrowed(account, domain),
    /** The domain that signs mail from an address that was verified by itself; undefined: it was not. */
    readVerifiedSender: async (account: string, address: string): Promise<DomainRecord | undefined> => {
      const sender = await get<VerifiedSenderRecord>(verifiedSenderKey(account, address));
      if (sender?.verifiedAt === undefined) return undefined;
      const chosen = (await readDefault(account)) ?? (await readDefault(OPERATOR));
      if (chosen || !sender.signedBy) return chosen;
      return proven(await readOwn(sender.signedBy.account, sender.signedBy.domain));
    },
  };
}
