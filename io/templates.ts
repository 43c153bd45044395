/**
 * Templates and versions in the accounts table. Every change of a template or of its versions is written under the template's lock, so
 * that of two at once one is told to try again, and there is one active version at most.
 */
import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, GetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import {
  type TemplateRecord,
  type TemplatesRecord,
  type TemplateVersionRecord,
  templateKey,
  templatesKey,
  templateVersionKey,
} from '../core/records/template.ts';
import { TEMPLATES } from '../core/template/limits.ts';
import type { Table } from './aws.ts';
import { queryAll } from './query-all.ts';

/** Why a template was not written. */
export type TemplateRefusal = 'full' | 'busy';

export function templatesIn(table: string, client: Table) {
  const get = async <T>(Key: { pk: string; sk: string }): Promise<T | undefined> =>
    (await client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }))).Item as T | undefined;
  const list = <T>(account: string, prefix: string): Promise<T[]> =>
    queryAll<T>(
      client,
      table,
      'pk = :account AND begins_with(sk, :prefix)',
      { ':account': account, ':prefix': prefix },
      true,
    );
  const locked = (lock: number | undefined) =>
    lock === undefined
      ? { ConditionExpression: 'attribute_not_exists(pk)' }
      : {
          ConditionExpression: '#lock = :lock',
          ExpressionAttributeNames: { '#lock': 'lock' },
          ExpressionAttributeValues: { ':lock': lock },
        };
  /** False: somebody else wrote it in between. */
  const transact = async (
    TransactItems: NonNullable<ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems']>,
  ): Promise<boolean> => {
    try {
      await client.send(new TransactWriteCommand({ TransactItems }));
      return true;
    } catch (error) {
      if (error instanceof TransactionCanceledException || error instanceof ConditionalCheckFailedException)
        return false;
      throw error;
    }
  };
  /** The account's number of templates, one more or less. */
  const counting = async (account: string, by: 1 | -1) => {
    const before = await get<TemplatesRecord>(templatesKey(account));
    const count = (before?.count ?? 0) + by;
    const Item: TemplatesRecord = { ...templatesKey(account), count, lock: (before?.lock ?? 0) + 1 };
    return { count, put: { Put: { TableName: table, Item, ...locked(before?.lock) } } };
  };

  return {
    readTemplate: (account: string, id: string) => get<TemplateRecord>(templateKey(account, id)),
    listTemplates: (account: string) => list<TemplateRecord>(account, 'template#'),
    readTemplateVersion: (account: string, templateId: string, id: string) =>
      get<TemplateVersionRecord>(templateVersionKey(account, templateId, id)),
    listTemplateVersions: (account: string, templateId: string) =>
      list<TemplateVersionRecord>(account, `template-version#${templateId}#`),

    createTemplate: async (account: string, template: TemplateRecord): Promise<TemplateRefusal | undefined> => {
      const { count, put } = await counting(account, 1);
      if (count > TEMPLATES) return 'full';
      const made = await transact([put, { Put: { TableName: table, Item: template, ...locked(undefined) } }]);
      return made ? undefined : 'busy';
    },

    /** Writes a template as it is now, and a version of it with it. False: another change came between. */
    changeTemplate: (
      before: TemplateRecord,
      after: Omit<TemplateRecord, 'lock'>,
      version?: { put: TemplateVersionRecord } | { remove: TemplateVersionRecord },
    ): Promise<boolean> => {
      const Item: TemplateRecord = { ...after, lock: before.lock + 1 };
      const items: Parameters<typeof transact>[0] = [{ Put: { TableName: table, Item, ...locked(before.lock) } }];
      if (version && 'put' in version) items.push({ Put: { TableName: table, Item: version.put } });
      else if (version) {
        const { pk, sk } = version.remove;
        items.push({ Delete: { TableName: table, Key: { pk, sk } } });
      }
      return transact(items);
    },

    /** Removes a template. Its versions are removed one by one when it is gone. */
    removeTemplate: async (account: string, template: TemplateRecord): Promise<boolean> => {
      const { put } = await counting(account, -1);
      const { pk, sk } = template;
      return transact([put, { Delete: { TableName: table, Key: { pk, sk }, ...locked(template.lock) } }]);
    },

    removeTemplateVersion: async ({ pk, sk }: Pick<TemplateVersionRecord, 'pk' | 'sk'>): Promise<void> => {
      await client.send(new DeleteCommand({ TableName: table, Key: { pk, sk } }));
    },
  };
}
