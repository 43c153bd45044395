/** Examples of suppressions: two groups, and an address that is on every list. */
import { groupsIn } from '../../../../io/groups.ts';
import { suppressionsIn } from '../../../../io/suppressions.ts';
import type { Example, Examples, Given, Make } from './example.ts';

const ADDRESS = 'listed@example.com';

/** Two groups, and an address that is on every list. */
export async function listed({ here, account }: Given): Promise<Example> {
  const { createGroup } = groupsIn(here.tableOf('accounts'), here.tables);
  const { suppress } = suppressionsIn(here.tableOf('suppressions'), here.tables);
  const now = Date.now();
  await createGroup(account, { name: 'News', description: 'Our news', isDefault: true }, now);
  await createGroup(account, { name: 'Offers', description: 'Our offers', isDefault: false }, now);
  const entry = {
    created: Math.floor(now / 1_000) - 60,
    reason: '550 5.1.1 unknown',
    status: '5.1.1',
    ip: '192.0.2.1',
    classification: 'Invalid Address' as const,
  };
  for (const list of ['bounces', 'blocks', 'invalid_emails', 'spam_reports', 'unsubscribes', 'group#1'] as const)
    await suppress({ account, address: ADDRESS, list, entry });
  return { path: { group_id: '1', email: ADDRESS, classification: 'Invalid Address' } };
}

const withListed =
  (body: unknown): Make =>
  async (given) => ({ ...(await listed(given)), body });

export const SUPPRESSIONS: Examples = {
  suppressions: {
    CreatAsmGroup: withListed({ name: 'New', description: 'A new group', is_default: false }),
    UpdateAsmGroup: withListed({ name: 'Newer', description: 'What it is' }),
    AddSuppressionToAsmGroup: withListed({ recipient_emails: ['new1@example.com', 'new2@example.com'] }),
    SearchSuppressionFromAsmGroup: withListed({ recipient_emails: [ADDRESS, 'nobody@example.com'] }),
    CreateGlobalSuppression: withListed({ recipient_emails: ['new1@example.com'] }),
    DeleteSuppressionBlocks: withListed({ delete_all: false, emails: [ADDRESS, 'nobody@example.com'] }),
    DeleteSuppressionBounces: withListed({ delete_all: true }),
    DeleteInvalidEmails: withListed({ emails: [ADDRESS] }),
    DeleteSpamReports: withListed({ delete_all: true }),
  },
};
