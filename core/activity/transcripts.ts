/** Of which mail an account wants what was said with mail servers on record: of all, or (the default) of what did not go well. */

export const TRANSCRIPTS = ['failures', 'all'] as const;
export type TranscriptsRecord = { pk: string; sk: 'settings#transcripts'; keep: (typeof TRANSCRIPTS)[number] };

export const transcriptsKey = (account: string) => ({ pk: account, sk: 'settings#transcripts' as const });

export function isTranscripts(value: unknown): value is TranscriptsRecord['keep'] {
  return (TRANSCRIPTS as readonly unknown[]).includes(value);
}
