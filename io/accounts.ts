/** Accounts: API keys and sending domains, as accept reads them and as the operator makes them. */
import { randomBytes } from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { allowsOf } from '../core/access/list.ts';
import { makeApiKey } from '../core/api-key.ts';
import type { DkimAlgorithm } from '../core/dkim.ts';
import { addKey, nextSelector } from '../core/domain-keys.ts';
import { type AccessRecord, accessKey } from '../core/records/access.ts';
import { type KeyRecord, keyKey, OPERATOR } from '../core/records/accounts.ts';
import { type DomainRecord, domainKey, hostKey } from '../core/records/domains.ts';
import { type ForwardRecord, forwardKey } from '../core/records/inbound.ts';
import { type BatchRecord, batchKey } from '../core/records/schedule.ts';
import { type EnforcedTlsRecord, enforcedTlsKey } from '../core/records/settings.ts';
import { type AccountRecord, accountKey, type UsableKey } from '../core/records/subusers.ts';
import { type TemplateRecord, templateKey } from '../core/records/template.ts';
import type { LinkRecord } from '../core/records/tracking.ts';
import { apiKeysIn } from './api-keys.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';
import { makeKeysBy } from './dkim-keys.ts';
import { hostsIn } from './hosts.ts';
import { parseSettingsIn } from './parse-settings.ts';
import { queryAll } from './query-all.ts';
import { trackingIn } from './tracking.ts';

/** Looks up what a request needs. Plain reads: accept keeps the answers for a minute (docs/architecture.md, "Caches"). */
export function accountsIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key }))).Item as T | undefined;
  return {
    /**
     * A key that is there and may be used: a disabled subuser's is refused as if there were none. What else its account says of it is read
     * beside it, so that nobody can forget to ask.
     */
    readKey: async (account: string, id: string): Promise<UsableKey | undefined> => {
      const [key, access, own] = await Promise.all([
        get<KeyRecord>(keyKey(account, id)),
        get<AccessRecord>(accessKey(account)),
        // The operator has no parent.
        account === OPERATOR ? undefined : get<AccountRecord>(accountKey(account)),
      ]);
      if (!key || own?.disabled) return undefined;
      const allows = allowsOf(access?.rules);
      if (!own) return { ...key, ...(allows && { allows }) };
      const { lanes, parent, credits, monitor } = own;
      return { ...key, ...(allows && { allows }), lanes, parent, credits, ...(monitor && { monitor }) };
    },
    listDomains: (account: string) => listItems<DomainRecord>(table, client, account, 'domain#'),
    /** Strongly consistent: it may have been made a moment ago. */
    readBatch: async (account: string, id: string): Promise<BatchRecord | undefined> => {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: batchKey(account, id), ConsistentRead: true }),
      );
      return Item as BatchRecord | undefined;
    },
    /** Strongly consistent: the version that was active when mail was accepted is the one it is made with. */
    readTemplate: async (account: string, id: string): Promise<TemplateRecord | undefined> => {
      const Key = templateKey(account, id);
      const { Item } = await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }));
      return Item as TemplateRecord | undefined;
    },
  };
}

/** An account's items of one kind, all of them. */
const listItems = <T>(table: string, client: Table, account: string, prefix: string): Promise<T[]> =>
  queryAll<T>(client, table, 'pk = :account AND begins_with(sk, :prefix)', { ':account': account, ':prefix': prefix });

/** The subdomain of a sending domain that bounces come to. */
const returnPathDomain = (domain: string) => `em.${domain}`;

/** Milliseconds for which deliver and inbound do not see that an account changed its settings. */
const SETTINGS_LIFE = 60_000;

/** An account's settings, as deliver and inbound read them: kept for a minute. */
export function accountSettingsIn(table: string, client: Table, now: () => number) {
  const readEnforcedTls = cached(
    async (account: string): Promise<EnforcedTlsRecord | undefined> => {
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: enforcedTlsKey(account) }));
      return Item as EnforcedTlsRecord | undefined;
    },
    SETTINGS_LIFE,
    now,
  );
  const readForwarding = cached(
    async (name: string): Promise<ForwardRecord | undefined> => {
      const [account, which] = name.split('#') as [string, ForwardKind];
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: forwardKey(account, which) }));
      return Item as ForwardRecord | undefined;
    },
    SETTINGS_LIFE,
    now,
  );
  return {
    readEnforcedTls,
    readForward: (account: string, which: ForwardKind) => readForwarding(`${account}#${which}`),
  };
}

/** Enforced TLS as the API reads and writes it. */
export function accountSettingsOf(table: string, client: Table) {
  return {
    readEnforcedTls: async (account: string): Promise<EnforcedTlsRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: enforcedTlsKey(account), ConsistentRead: true })))
        .Item as EnforcedTlsRecord | undefined,
    writeEnforcedTls: async (record: EnforcedTlsRecord): Promise<void> => {
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
  };
}

type ForwardKind = 'forward_bounce' | 'forward_spam';

/** What the operator may do with an account, beside reading: used by the command line and by the local stack. */
export function operatorOf(table: string, client: Table, keys: KMSClient, dkimKeyArn: string, now: () => number) {
  const list = <T>(account: string, prefix: string) => listItems<T>(table, client, account, prefix);
  const hosts = hostsIn(table, client);
  const makeKey = makeKeysBy(keys, dkimKeyArn);
  const apiKeys = apiKeysIn(table, client);
  /** Writes a domain's keys, if they still are what was read: of two changes at once, one fails. */
  const replaceKeys = async (before: DomainRecord, after: DomainRecord): Promise<DomainRecord> => {
    const unchanged = before.keys === undefined ? 'attribute_not_exists(#keys)' : '#keys = :before';
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: before.pk, sk: before.sk },
        UpdateExpression: 'SET #keys = :keys, selector = :selector, publicKey = :public, privateKey = :private',
        ConditionExpression: `attribute_exists(pk) AND ${unchanged}`,
        ExpressionAttributeNames: { '#keys': 'keys' },
        ExpressionAttributeValues: {
          ':keys': after.keys,
          ':selector': after.selector,
          ':public': after.publicKey,
          ':private': after.privateKey,
          ...(before.keys === undefined ? {} : { ':before': before.keys }),
        },
      }),
    );
    return after;
  };
  return {
    ...parseSettingsIn(table, client),
    ...trackingIn(table, client, now),
    /** Makes an API key. The returned `key` is the only time its secret is seen. */
    createKey: async (account: string, name: string, scopes: string[]): Promise<{ key: string; id: string }> => {
      const { key, id, secretHash } = makeApiKey(account, randomBytes(43));
      await apiKeys.addKey({ ...keyKey(account, id), name, scopes, secretHash, createdAt: now() });
      return { key, id };
    },
    listKeys: apiKeys.listKeys,
    changeKey: apiKeys.changeKey,
    /** False when there was no such key. In effect within a minute: accept keeps keys that long. */
    deleteKey: apiKeys.removeKey,
    /**
     * Adds a sending domain with a new RSA-2048 DKIM key. One that is there already is returned as it is.
     * @throws HostTakenError when the subdomain of its return path is a customer's parse host
     */
    addDomain: async (account: string, domain: string, selector = 's1'): Promise<DomainRecord> => {
      const name = domain.toLowerCase();
      // Bounces find their way before the first mail has gone out.
      await hosts.claimHost({ ...hostKey(returnPathDomain(name)), account, kind: 'return-path' });
      const { Item } = await client.send(new GetCommand({ TableName: table, Key: domainKey(account, name) }));
      if (Item) return Item as DomainRecord;
      const record: DomainRecord = {
        ...domainKey(account, name),
        domain: name,
        selector,
        returnPath: returnPathDomain(name),
        ...(await makeKey(account, name, 'rsa')),
        createdAt: now(),
      };
      await client.send(
        new PutCommand({ TableName: table, Item: record, ConditionExpression: 'attribute_not_exists(pk)' }),
      );
      return record;
    },
    /** False when there was no such domain. Mail of it that is still on its way is dropped, and what bounces now is refused. */
    removeDomain: async (account: string, domain: string): Promise<boolean> => {
      const name = domain.toLowerCase();
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: table, Key: domainKey(account, name), ReturnValues: 'ALL_OLD' }),
      );
      await hosts.giveUpHost(returnPathDomain(name), account);
      return Attributes !== undefined;
    },
    listDomains: (account: string) => list<DomainRecord>(account, 'domain#'),
    listLinks: (account: string) => list<LinkRecord>(account, 'link#'),
    readEnforcedTls: async (account: string): Promise<EnforcedTlsRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: enforcedTlsKey(account) }))).Item as
        | EnforcedTlsRecord
        | undefined,
    /** What TLS the account's mail must have from now on; deliver knows it within a minute. */
    setEnforcedTls: async (
      account: string,
      { requireTls, requireValidCert }: Pick<EnforcedTlsRecord, 'requireTls' | 'requireValidCert'>,
    ): Promise<void> => {
      const record: EnforcedTlsRecord = { ...enforcedTlsKey(account), requireTls, requireValidCert };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    readForward: async (account: string, which: ForwardKind): Promise<ForwardRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: forwardKey(account, which) }))).Item as
        | ForwardRecord
        | undefined,
    /** Where bounces or complaints are sent on to from now on; inbound knows it within a minute. */
    setForward: async (account: string, which: ForwardKind, email: string | undefined): Promise<void> => {
      const record: ForwardRecord = { ...forwardKey(account, which), enabled: email !== undefined, email: email ?? '' };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
    /** Adds a DKIM key that waits for its DNS record. @throws ConditionalCheckFailedException when the keys changed meanwhile */
    addDomainKey: async (account: string, domain: DomainRecord, algorithm: DkimAlgorithm): Promise<DomainRecord> => {
      const made = await makeKey(account, domain.domain, algorithm);
      const selector = nextSelector(domain, algorithm);
      return replaceKeys(domain, addKey(domain, { ...made, selector, algorithm, createdAt: now() }));
    },
    /** Writes keys that were activated or retired (core/domain-keys.ts). @throws as addDomainKey */
    changeDomainKeys: replaceKeys,
    /** Remembers that a check found every record of a domain. */
    validateDomain: async ({ pk, sk }: Pick<DomainRecord, 'pk' | 'sk'>): Promise<void> => {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk, sk },
          UpdateExpression: 'SET validAt = :now',
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: { ':now': now() },
        }),
      );
    },
  };
}
