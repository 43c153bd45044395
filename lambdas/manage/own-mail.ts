/**
 * Sends a mail for an account itself, from a domain of the operator's, or where he has none from one of the account's. Who gets it has not asked for
 * it, and may be anybody whom the account names: so it is counted by account, by reader, and for all accounts.
 */

import type { DomainRecord } from '../../core/records/domains.ts';
import { allOwnMailKey, ownMailKey, ownMailToKey } from '../../core/records/senders.ts';
import { OWN_MAILS, type OwnMail, ownMailDomain, ownMailHold } from '../../core/senders/own-mail.ts';
import type { SenderDeps } from './sender-deps.ts';

/** Why a mail was not sent. `domain`: there is none to send it from; the others: there were as many today as may be. */
export type OwnMailRefusal = 'domain' | 'limit' | 'limit-of-address' | 'limit-of-all';

/** @returns the domain that it comes from */
export async function sendOwnMail(
  account: string,
  mail: Omit<OwnMail, 'account' | 'domain'>,
  deps: SenderDeps,
): Promise<DomainRecord | OwnMailRefusal> {
  const from = await ownMailDomain(account, deps);
  if (!from) return 'domain';
  const now = deps.now();
  const day = new Date(now).toISOString().slice(0, 10);
  // The account's first: what it may not have it takes from nobody.
  if (!(await deps.countOwnMail(ownMailKey(account), day, OWN_MAILS.account))) return 'limit';
  if (!(await deps.countOwnMail(ownMailToKey(mail.to), day, OWN_MAILS.reader))) return 'limit-of-address';
  if (!(await deps.countOwnMail(allOwnMailKey, day, OWN_MAILS.all))) return 'limit-of-all';
  await deps.hold(ownMailHold({ ...mail, account: from.pk, domain: from.domain }, deps.randomBytes(10), now));
  return from;
}

export const OWN_MAIL_WORDS: Record<OwnMailRefusal, string> = {
  domain: 'there is no authenticated domain yet that a mail could be sent from: authenticate one first',
  limit: `an account can have ${OWN_MAILS.account} such mails a day`,
  'limit-of-address': `an address gets ${OWN_MAILS.reader} such mails a day at most: try again tomorrow`,
  'limit-of-all': `all accounts together have had their ${OWN_MAILS.all} such mails of today: try again tomorrow`,
};
