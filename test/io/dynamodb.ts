/** A DynamoDB of one test file: the emulator on a free port, with tables of the one key shape that all of ours have. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { SCHEDULED_INDEX } from '../../core/records/schedule.ts';
import { startEmulators } from '../../local/emulators.ts';

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
  for (const TableName of tables)
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        // The holds' one index (lib/storage.ts).
        ...(TableName === 'Holds' && {
          GlobalSecondaryIndexes: [
            {
              IndexName: SCHEDULED_INDEX,
              KeySchema: [
                { AttributeName: 'scheduled', KeyType: 'HASH' as const },
                { AttributeName: 'due', KeyType: 'RANGE' as const },
              ],
              Projection: { ProjectionType: 'ALL' as const },
            },
          ],
        }),
        AttributeDefinitions: [
          ...(TableName === 'Holds'
            ? [
                { AttributeName: 'scheduled', AttributeType: 'S' as const },
                { AttributeName: 'due', AttributeType: 'N' as const },
              ]
            : []),
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
      }),
    );
  return {
    client: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
    stop: async () => {
      client.destroy();
      await emulators.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
