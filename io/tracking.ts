/** What accounts ask of tracking, the hosts of their links, and the keys of tokens. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { hostKey } from '../core/records/domains.ts';
import { type BorrowedLinkRecord, borrowedLinkKey } from '../core/records/senders.ts';
import {
  type LinkDefaultRecord,
  type LinkRecord,
  linkDefaultKey,
  linkKey,
  type TrackingRecord,
  trackingKey,
} from '../core/records/tracking.ts';
import { linkHostOf } from '../core/tracking/link-host.ts';
import { NOTHING, type TrackingSettings } from '../core/tracking/settings.ts';
import { makeTrackingKey, type TrackingKey } from '../core/tracking/token.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';
import { hostsIn } from './hosts.ts';

/** Milliseconds for which deliver does not see that an account changed its settings or its link host. */
const SETTINGS_LIFE = 60_000;
/** Milliseconds after which a function looks whether there is a new key. */
const KEY_LIFE = 600_000;

/** @param table the accounts table */
export function trackingIn(table: string, client: Table, now: () => number) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key }))).Item as T | undefined;
  const readLink = (account: string, domain: string) => get<LinkRecord>(linkKey(account, domain));
  const hosts = hostsIn(table, client);
  const readDefault = (account: string) => get<LinkDefaultRecord>(linkDefaultKey(account));
  const readTracking = async (account: string): Promise<TrackingSettings | undefined> => {
    const record = await get<TrackingRecord>(trackingKey(account));
    return record && { ...NOTHING, ...record.settings };
  };
  /** What the parent lends, for as long as his own record says so. */
  const readBorrowed = async (account: string): Promise<LinkRecord | undefined> => {
    const borrowed = await get<BorrowedLinkRecord>(borrowedLinkKey(account));
    const link = borrowed && (await readLink(borrowed.owner, borrowed.domain));
    return link?.branding?.subusers.some((one) => one.account === account) ? link : undefined;
  };
  const lookUp = cached(
    async (name: string): Promise<string | undefined> => {
      const [account, domain] = name.split('#') as [string, string];
      const own = await readLink(account, domain);
      if (own?.validAt !== undefined) return own.host;
      const fallback = await readDefault(account);
      return linkHostOf(fallback && (await readLink(account, fallback.domain)), await readBorrowed(account));
    },
    SETTINGS_LIFE,
    now,
  );
  return {
    /** Kept for a minute. */
    readTracking: cached(readTracking, SETTINGS_LIFE, now),
    /** The validated host for links of mail from a domain: its own, else the account's default. Kept for a minute. */
    readLinkHost: (account: string, domain: string): Promise<string | undefined> =>
      lookUp(`${account}#${domain.toLowerCase()}`),

    /** As it is now. */
    readTrackingNow: async (account: string): Promise<TrackingSettings> => (await readTracking(account)) ?? NOTHING,
    writeTracking: async (account: string, settings: TrackingSettings): Promise<void> => {
      const record: TrackingRecord = { ...trackingKey(account), settings };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    readLink,
    readLinkDefault: async (account: string): Promise<string | undefined> => (await readDefault(account))?.domain,
    /** Writes a link host that is not validated yet, in place of the domain's former one. @throws HostTakenError */
    writeLink: async (account: string, domain: string, host: string): Promise<LinkRecord> => {
      await hosts.claimHost({ ...hostKey(host), account, kind: 'link' });
      const name = domain.toLowerCase();
      const record: LinkRecord = { ...linkKey(account, name), domain: name, host, createdAt: now() };
      await client.send(new PutCommand({ TableName: table, Item: record }));
      return record;
    },
    setLinkDefault: async (account: string, domain: string): Promise<void> => {
      const record: LinkDefaultRecord = { ...linkDefaultKey(account), domain: domain.toLowerCase() };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    /** Remembers whether a link host was seen to answer for us, if it is still that host. @throws ConditionalCheckFailedException */
    setLinkValid: async ({ pk, sk, host }: Pick<LinkRecord, 'pk' | 'sk' | 'host'>, valid: boolean): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk, sk },
          UpdateExpression: valid ? 'SET validAt = :now' : 'REMOVE validAt',
          ConditionExpression: 'host = :host',
          ExpressionAttributeValues: { ':host': host, ...(valid && { ':now': now() }) },
        }),
      );
    },
    /** False: there was none. Links in mail that went out lead nowhere when the host goes. */
    removeLink: async (account: string, domain: string): Promise<boolean> => {
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: table, Key: linkKey(account, domain), ReturnValues: 'ALL_OLD' }),
      );
      // The host stays the account's: mail with its links is still about.
      return Attributes !== undefined;
    },
  };
}

/**
 * The keys of tokens: the secret's current version, and the one before it while there is one. Kept for ten minutes.
 * @returns `current`: the key that makes tokens; `all`: those that read them, the current first
 */
export function trackingKeysOf(secrets: SecretsManagerClient, arn: string, now: () => number) {
  const read = async (VersionStage: 'AWSCURRENT' | 'AWSPREVIOUS'): Promise<TrackingKey | undefined> => {
    try {
      const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: arn, VersionStage }));
      return SecretString === undefined ? undefined : makeTrackingKey(Buffer.from(SecretString));
    } catch (error) {
      if (VersionStage === 'AWSPREVIOUS' && (error as Error).name === 'ResourceNotFoundException') return undefined;
      throw error;
    }
  };
  const currentKey = cached(() => read('AWSCURRENT'), KEY_LIFE, now);
  const previousKey = cached(() => read('AWSPREVIOUS'), KEY_LIFE, now);
  const current = async (): Promise<TrackingKey> => {
    const key = await currentKey('');
    if (!key) throw new Error('the tracking secret is empty');
    return key;
  };
  return {
    current,
    all: async (): Promise<TrackingKey[]> => {
      const [first, second] = await Promise.all([current(), previousKey('')]);
      return second ? [first, second] : [first];
    },
  };
}

/** Milliseconds after which an unknown token may ask for the keys again. */
const ASKED_AGAIN = 60_000;

/** The live keys, for whoever reads tokens. A token of none of them asks whether there is a new one: at most once a minute. */
export function readKeysBy(secrets: SecretsManagerClient, arn: string, now: () => number) {
  let keys = trackingKeysOf(secrets, arn, now);
  let openedAt = now();
  return async (again: boolean): Promise<TrackingKey[]> => {
    if (again && now() - openedAt >= ASKED_AGAIN) {
      openedAt = now();
      keys = trackingKeysOf(secrets, arn, now);
    }
    return keys.all();
  };
}
