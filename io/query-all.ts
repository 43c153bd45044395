/** What a query finds, page by page, or all of it: for lists that an account makes itself, which are short. */
import { QueryCommand, type QueryCommandInput } from '@aws-sdk/lib-dynamodb';
import type { Table } from './aws.ts';

/** Pages in the order of the query, each read when it is asked for. */
export async function* queryPages<T>(client: Table, query: QueryCommandInput): AsyncGenerator<T[]> {
  let from: Record<string, unknown> | undefined;
  do {
    const page = await client.send(new QueryCommand({ ...query, ...(from ? { ExclusiveStartKey: from } : {}) }));
    yield (page.Items ?? []) as T[];
    from = page.LastEvaluatedKey;
  } while (from);
}

/** All pages of a query. */
export async function queryWhole<T>(client: Table, query: QueryCommandInput): Promise<T[]> {
  const items: T[] = [];
  for await (const page of queryPages<T>(client, query)) items.push(...page);
  return items;
}

/**
 * @param values of the words (`:pk`) in the condition
 * @param consistent what was written a moment ago is found, at twice the price
 */
export async function queryAll<T>(
  client: Table,
  table: string,
  condition: string,
  values: Record<string, string>,
  consistent = false,
): Promise<T[]> {
  return queryWhole<T>(client, {
    TableName: table,
    KeyConditionExpression: condition,
    ExpressionAttributeValues: values,
    ...(consistent ? { ConsistentRead: true } : {}),
  });
}
