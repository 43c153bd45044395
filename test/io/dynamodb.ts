/** A DynamoDB of one test file: the emulator on a free port, with tables of the one key shape that all of ours have. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { MESSAGES_INDEX } from '../../core/records/messages.ts';
import { SCHEDULED_INDEX } from '../../core/records/schedule.ts';
import { startEmulators } from '../../local/emulators.ts';

type Index = { name: string; hash: string; range: string; projection: 'ALL' | 'KEYS_ONLY' };
/** The tables' indexes (lib/storage.ts): text, then a number. */
const INDEXES: Record<string, Index> = {
  Holds: { name: SCHEDULED_INDEX, hash: 'scheduled', range: 'due', projection: 'ALL' },
  Messages: { name: MESSAGES_INDEX, hash: 'indexedRecipient', range: 'at', projection: 'KEYS_ONLY' },
};

export async function startDynamodb(tables: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'pennypost-io-'));
  const emulators = await startEmulators(folder, (message) => {
    throw new Error(message);
  });
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${emulators.dynamodbPort}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await createTables(client, tables);
  return {
    client: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
    stop: async () => {
      client.destroy();
      await emulators.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Makes tables by the names that the template gives them, with the indexes that they have there. */
export async function createTables(client: DynamoDBClient, tables: readonly string[]): Promise<void> {
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
  const keys = (hash: string, range: string) => [
    { AttributeName: hash, KeyType: 'HASH' as const },
    { AttributeName: range, KeyType: 'RANGE' as const },
  ];
  for (const TableName of tables) {
    const index = INDEXES[TableName];
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: keys('pk', 'sk'),
        AttributeDefinitions: [
          ...[text('pk'), text('sk')],
          ...(index ? [text(index.hash), { AttributeName: index.range, AttributeType: 'N' as const }] : []),
        ],
        ...(index && {
          GlobalSecondaryIndexes: [
            {
              IndexName: index.name,
              KeySchema: keys(index.hash, index.range),
              Projection: { ProjectionType: index.projection },
            },
          ],
        }),
      }),
    );
  }
}
