/** Host names that mail comes in at, and whose they are: read for every recipient at port 25, written with a domain or a parse setting. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { type HostRecord, hostKey } from '../core/records/domains.ts';
import type { Table } from './aws.ts';

/** A host name that is somebody else's, or is used for something else. */
export class HostTakenError extends Error {
  override name = 'HostTakenError';
}

/** @param table the accounts table */
export function hostsIn(table: string, client: Table) {
  return {
    /** Whose a host name is; undefined: nobody's here. */
    readHost: async (hostname: string): Promise<HostRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: hostKey(hostname) }))).Item as HostRecord | undefined,

    /**
     * Takes a host name. A return path that two accounts send by (a company and its subuser) stays the first one's: tokens name the
     * account, so bounces find the right one either way. A parse host is one account's alone, and so is a link host: its readers trust who sends to them.
     * @throws HostTakenError
     */
    claimHost: async (host: HostRecord): Promise<void> => {
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: host,
            ConditionExpression: 'attribute_not_exists(pk)',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const mine = error.Item?.account?.S === host.account;
        const same = error.Item?.kind?.S === host.kind;
        if (!same || (host.kind !== 'return-path' && !mine))
          throw new HostTakenError(`${host.pk.slice('host#'.length)} is in use`, { cause: error });
      }
    },

    /** Gives a host name up, if it is this account's. */
    giveUpHost: async (hostname: string, account: string): Promise<void> => {
      try {
        await client.send(
          new DeleteCommand({
            TableName: table,
            Key: hostKey(hostname),
            ConditionExpression: 'account = :account',
            ExpressionAttributeValues: { ':account': account },
          }),
        );
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    },
  };
}
