/** Of which mail transcripts are kept: a setting of the account, known to deliver within a minute. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { transcriptSettingsIn } from '../../io/transcript-settings.ts';
import { startDynamodb } from './dynamodb.ts';

let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['Accounts']);
});
afterAll(() => dynamodb.stop());

test('failures, unless the account says otherwise; one account’s is not another’s', async () => {
  let now = 0;
  const settings = transcriptSettingsIn('Accounts', dynamodb.client, () => now);
  expect([await settings.readTranscripts('account2'), await settings.keepsTranscripts('account2')]).toEqual([
    'failures',
    false,
  ]);
  await settings.writeTranscripts('account2', 'all');
  expect(await settings.readTranscripts('account2')).toBe('all');
  expect(await settings.keepsTranscripts('account2')).toBe(false);
  now = 61_000;
  expect(await settings.keepsTranscripts('account2')).toBe(true);
  expect(await settings.keepsTranscripts('account3')).toBe(false);
});
