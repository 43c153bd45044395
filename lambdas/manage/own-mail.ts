/** Sends a mail for an account itself, from a domain of the operator's, or where he has none from one of the account's. */
import type { DomainRecord } from '../../core/records.ts';
import { OWN_MAILS, type OwnMail, ownMailDomain, ownMailHold } from '../../core/senders/own-mail.ts';
import type { SenderDeps } from './sender-deps.ts';

/** Why a mail was not sent. `domain`: there is none to send it from; `limit`: the account has had its mails of today. */
export type OwnMailRefusal = 'domain' | 'limit';

/** @returns the domain that it comes from */
export async function sendOwnMail(
  account: string,
  mail: Omit<OwnMail, 'account' | 'domain'>,
  deps: SenderDeps,
): Promise<DomainRecord | OwnMailRefusal> {
  const from = await ownMailDomain(account, deps);
  if (!from) return 'domain';
  const now = deps.now();
  if (!(await deps.countOwnMail(account, new Date(now).toISOString().slice(0, 10), OWN_MAILS))) return 'limit';
  await deps.hold(ownMailHold({ ...mail, account: from.pk, domain: from.domain }, deps.randomBytes(10), now));
  return from;
}

export const OWN_MAIL_WORDS: Record<OwnMailRefusal, string> = {
  domain: 'there is no authenticated domain yet that a mail could be sent from: authenticate one first',
  limit: `an account can have ${OWN_MAILS} such mails a day`,
};
