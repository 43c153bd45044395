/** Parse settings of accounts with the host names that go with them, and the mails counted for them. All in the accounts table. */
import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, PutCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { DAY_SECONDS } from '../core/limits.ts';
import { hostKey } from '../core/records/domains.ts';
import {
  countedKey,
  type ParseSettingRecord,
  type ParseStatsRecord,
  parseSettingKey,
  parseStatsKey,
} from '../core/records/inbound.ts';
import { policyKey } from '../core/webhook/policy.ts';
import type { Table } from './aws.ts';
import { hostsIn } from './hosts.ts';
import { queryAll } from './query-all.ts';

/** Counters of one day: mails of one account that come in at the same moment seldom meet at one of them. */
const SHARDS = 8;
const TRIES = 5;

export function parseSettingsIn(table: string, client: Table) {
  const hosts = hostsIn(table, client);
  const readParseSetting = async (account: string, hostname: string): Promise<ParseSettingRecord | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key: parseSettingKey(account, hostname) }))).Item as
      | ParseSettingRecord
      | undefined;
  return {
    readParseSetting,
    listParseSettings: (account: string) =>
      queryAll<ParseSettingRecord>(client, table, 'pk = :pk AND begins_with(sk, :prefix)', {
        ':pk': account,
        ':prefix': 'parse#',
      }),

    /**
     * Makes a setting, and takes its host name: from then on port 25 accepts mail for it.
     * @returns false when the account has one for this host name
     * @throws HostTakenError when the host name is somebody else's, or a return path; NoPolicyError
     */
    createParseSetting: async (account: string, setting: ParseSettingRecord): Promise<boolean> => {
      await hosts.claimHost({ ...hostKey(setting.hostname), account, kind: 'parse' });
      try {
        return await put(client, table, setting, 'attribute_not_exists(pk)');
      } catch (error) {
        // There is no setting: the name is nobody's.
        if (error instanceof NoPolicyError) await hosts.giveUpHost(setting.hostname, account);
        throw error;
      }
    },
    /** False when there is no such setting any more. @throws NoPolicyError */
    changeParseSetting: (setting: ParseSettingRecord): Promise<boolean> =>
      put(client, table, setting, 'attribute_exists(pk)'),
    /** Removes a setting and gives its host name up. False when there was none; a host name that was left behind goes all the same. */
    removeParseSetting: async (account: string, hostname: string): Promise<boolean> => {
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: table, Key: parseSettingKey(account, hostname), ReturnValues: 'ALL_OLD' }),
      );
      const host = await hosts.readHost(hostname);
      if (host?.kind === 'parse') await hosts.giveUpHost(hostname, account);
      return Attributes !== undefined;
    },

    /** Mails received by day (`YYYY-MM-DD`), those days alone that had some. Both ends are included. */
    readParseStats: async (account: string, from: string, to: string): Promise<Map<string, number>> => {
      const items = await queryAll<ParseStatsRecord>(client, table, 'pk = :pk AND sk BETWEEN :from AND :to', {
        ':pk': parseStatsKey(account, from, 0).pk,
        ':from': `${from}#`,
        ':to': `${to}#~`,
      });
      const days = new Map<string, number>();
      for (const { sk, received } of items) days.set(sk.slice(0, 10), (days.get(sk.slice(0, 10)) ?? 0) + received);
      return days;
    },
  };
}

/**
 * Counting, for the one who takes mail in: once for each mail, however often the queue delivers it.
 * @param messages the messages table, where it says which mails were counted
 */
export function parseStatsIn(accounts: string, messages: string, client: Table, messagesDays: number) {
  return {
    /** @returns false: it was counted before */
    countReceived: async (account: string, inboundId: string, receivedAt: number): Promise<boolean> => {
      const day = new Date(receivedAt).toISOString().slice(0, 10);
      const expiresAt = Math.floor(receivedAt / 1_000) + messagesDays * DAY_SECONDS;
      const [first = 0] = Buffer.from(inboundId.slice(-1));
      for (let tries = 1; ; tries++) {
        try {
          await client.send(
            new TransactWriteCommand({
              TransactItems: [
                {
                  Put: {
                    TableName: messages,
                    Item: { ...countedKey(account, inboundId), expiresAt },
                    ConditionExpression: 'attribute_not_exists(pk)',
                  },
                },
                {
                  Update: {
                    TableName: accounts,
                    Key: parseStatsKey(account, day, (first + tries) % SHARDS),
                    UpdateExpression: 'ADD received :one',
                    ExpressionAttributeValues: { ':one': 1 },
                  },
                },
              ],
            }),
          );
          return true;
        } catch (error) {
          if (!(error instanceof TransactionCanceledException)) throw error;
          if (error.CancellationReasons?.[0]?.Code === 'ConditionalCheckFailed') return false;
          if (tries === TRIES) throw error;
        }
      }
    },
  };
}

/** The security policy that a setting names is none of the account's, or no more. */
export class NoPolicyError extends Error {
  override name = 'NoPolicyError';
}

/** A setting goes under its policy in one step with the policy being there, which counts it (io/policies.ts). @throws NoPolicyError */
async function put(
  client: Table,
  TableName: string,
  Item: ParseSettingRecord,
  ConditionExpression: string,
): Promise<boolean> {
  const setting = { TableName, Item: Item as Record<string, unknown>, ConditionExpression };
  const { pk, securityPolicy } = Item;
  try {
    if (securityPolicy === undefined) await client.send(new PutCommand(setting));
    else {
      const policy = {
        TableName,
        Key: policyKey(pk, securityPolicy),
        UpdateExpression: 'ADD attached :one',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeValues: { ':one': 1 },
      };
      await client.send(new TransactWriteCommand({ TransactItems: [{ Put: setting }, { Update: policy }] }));
    }
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    if (!(error instanceof TransactionCanceledException)) throw error;
    const [ofSetting, ofPolicy] = (error.CancellationReasons ?? []).map(
      ({ Code }) => Code === 'ConditionalCheckFailed',
    );
    if (ofSetting) return false;
    if (ofPolicy) throw new NoPolicyError(`there is no security policy ${securityPolicy}`);
    throw error;
  }
}
