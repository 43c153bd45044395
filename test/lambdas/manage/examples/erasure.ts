/** Recipients' data erasure. */
import type { Examples, Given, Path } from './example.ts';

const BODY = { email_addresses: ['ada@example.com', 'bob@example.com'] };

export async function oneErasure({ ask }: Given): Promise<Path> {
  const { json } = await ask('POST', '/v3/recipients/erasejob', BODY);
  return { path: { job_id: json.job_id } };
}

export const ERASURE: Examples = {
  recipients_data_erasure: { EraseRecipientEmailData: async () => ({ body: BODY }) },
};
