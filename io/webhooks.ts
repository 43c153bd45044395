/** Settings of event webhooks, in the accounts table (core/webhook/setting.ts). */
import { DecryptCommand, EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import { DeleteCommand, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import { type WebhookRecord, webhookKey } from '../core/webhook/setting.ts';
import type { Table } from './aws.ts';
import { isWritten } from './written.ts';

export function webhooksIn(table: string, client: Table) {
  const put = async (record: WebhookRecord, ConditionExpression: string, before?: WebhookRecord): Promise<boolean> => {
    return isWritten(
      client.send(
        new PutCommand({
          TableName: table,
          Item: record,
          ConditionExpression,
          ...(before ? { ExpressionAttributeValues: { ':before': before.updatedAt } } : {}),
        }),
      ),
    );
  };
  return {
    /** All of an account's, the oldest first. Strongly consistent. */
    listWebhooks: async (account: string): Promise<WebhookRecord[]> => {
      const { Items = [] } = await client.send(
        new QueryCommand({
          TableName: table,
          KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: { ':pk': account, ':prefix': 'webhook#' },
          ConsistentRead: true,
        }),
      );
      return (Items as WebhookRecord[]).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    },
    readWebhook: async (account: string, id: string): Promise<WebhookRecord | undefined> =>
      (await client.send(new GetCommand({ TableName: table, Key: webhookKey(account, id), ConsistentRead: true })))
        .Item as WebhookRecord | undefined,
    createWebhook: (record: WebhookRecord) => put(record, 'attribute_not_exists(pk)'),
    /** False: it is gone, or another change came between. */
    changeWebhook: (record: WebhookRecord, before: WebhookRecord) => put(record, 'updatedAt = :before', before),
    /** False: there was none. */
    removeWebhook: async (account: string, id: string): Promise<boolean> => {
      const { Attributes } = await client.send(
        new DeleteCommand({ TableName: table, Key: webhookKey(account, id), ReturnValues: 'ALL_OLD' }),
      );
      return Attributes !== undefined;
    },
  };
}

/** Whose secrets these are: of one webhook, or of a security policy. */
type Owner = 'webhook' | 'policy';

/** Secrets under KMS: a ciphertext opens for its account and its webhook or policy alone, and one kind is nothing to the other. */
const contextOf = (account: string, owner: Owner, id: string) => ({ account, [owner]: id });

export function sealSecretsBy(keys: KMSClient, keyArn: string, owner: Owner = 'webhook') {
  return async (account: string, id: string, secret: Buffer): Promise<string> => {
    const { CiphertextBlob } = await keys.send(
      new EncryptCommand({ KeyId: keyArn, Plaintext: secret, EncryptionContext: contextOf(account, owner, id) }),
    );
    if (!CiphertextBlob) throw new Error('KMS returned no ciphertext');
    return Buffer.from(CiphertextBlob).toString('base64');
  };
}

/** Opened secrets are kept for the life of the environment: a ciphertext never changes its meaning. */
export function openSecretsBy(keys: KMSClient, owner: Owner = 'webhook') {
  const opened = new Map<string, Buffer>();
  return async (account: string, id: string, ciphertext: string): Promise<Buffer> => {
    const known = opened.get(ciphertext);
    if (known) return known;
    const { Plaintext } = await keys.send(
      new DecryptCommand({
        CiphertextBlob: Buffer.from(ciphertext, 'base64'),
        EncryptionContext: contextOf(account, owner, id),
      }),
    );
    if (!Plaintext) throw new Error('KMS returned no plaintext');
    const secret = Buffer.from(Plaintext);
    opened.set(ciphertext, secret);
    if (opened.size > 1_000) opened.delete(opened.keys().next().value!);
    return secret;
  };
}
