/** Everything that a query finds, page by page: for lists that an account makes itself, which are short. */
import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Table } from './aws.ts';

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
  const items: T[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await client.send(
      new QueryCommand({
        TableName: table,
        KeyConditionExpression: condition,
        ExpressionAttributeValues: values,
        ...(consistent ? { ConsistentRead: true } : {}),
        ...(from ? { ExclusiveStartKey: from } : {}),
      }),
    );
    items.push(...((page.Items ?? []) as T[]));
    from = page.LastEvaluatedKey;
  } while (from);
  return items;
}
