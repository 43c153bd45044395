/** Whether an account wants what was said with mail servers on record of all its mail, or of what did not go well (the default). */
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { type TranscriptsRecord, transcriptsKey } from '../core/activity/transcripts.ts';
import type { Table } from './aws.ts';
import { cached } from './cached.ts';

/** Milliseconds for which deliver does not see a change. */
const SETTING_LIFE = 60_000;

export function transcriptSettingsIn(table: string, client: Table, now: () => number) {
  const readTranscripts = async (account: string): Promise<TranscriptsRecord['keep']> => {
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: transcriptsKey(account) }));
    return (Item as TranscriptsRecord | undefined)?.keep ?? 'failures';
  };
  return {
    readTranscripts,
    keepsTranscripts: cached(async (account) => (await readTranscripts(account)) === 'all', SETTING_LIFE, now),
    writeTranscripts: async (account: string, keep: TranscriptsRecord['keep']): Promise<void> => {
      const record: TranscriptsRecord = { ...transcriptsKey(account), keep };
      await client.send(new PutCommand({ TableName: table, Item: record }));
    },
  };
}
