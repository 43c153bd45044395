/**
 * What SES says of the account and of its identities, for `pennypost doctor`: the sandbox, the state, the quota; whether
 * each domain may be sent from. And the records that a domain needs for SES. Pure.
 */
import type { DnsRecord } from './dns-records.ts';
import type { Finding } from './doctor.ts';

/** What GetAccount of SESv2 tells. */
export type SesAccount = {
  production: boolean;
  sending: boolean;
  /** `HEALTHY`, `PROBATION` or `SHUTDOWN`. */
  enforcement?: string;
  /** Messages in 24 hours, and a second. */
  quota?: { day: number; second: number; sent: number };
};

/** Part of the day's quota that may be used before it is worth asking for more. */
const NEARLY = 0.8;

export function judgeSesAccount(account: SesAccount | { error: string }, region: string): Finding[] {
  const finding = (state: Finding['state'], found: string, todo: string[] = []): Finding => ({
    check: 'ses',
    about: region,
    state,
    found,
    todo,
  });
  if ('error' in account)
    return [
      finding('unknown', `SES did not answer: ${account.error}`, ['The command line needs ses:GetAccount for this.']),
    ];
  const { production, sending, enforcement, quota } = account;
  const findings: Finding[] = [];
  if (!production)
    findings.push(
      finding('wrong', 'the account is in the sandbox: mail reaches verified addresses only, 200 a day', [
        `aws sesv2 put-account-details --region ${region} --production-access-enabled --mail-type TRANSACTIONAL \\`,
        '  --website-url https://YOUR-SITE --contact-language EN \\',
        '  --use-case-description "Mail to people who asked for it; bounces, complaints and unsubscribes stop it at once."',
      ]),
    );
  if (enforcement === 'PROBATION')
    findings.push(
      finding('wrong', 'the account is under review (probation): bounces or complaints are too many', [
        `Read the case in the SES console, Reputation metrics, and answer it: https://${region}.console.aws.amazon.com/ses/home?region=${region}#/reputation`,
      ]),
    );
  if (!sending || enforcement === 'SHUTDOWN')
    findings.push(
      finding('wrong', 'sending is paused', [
        `If you paused it: aws sesv2 put-account-sending-attributes --region ${region} --sending-enabled`,
        'If AWS did, answer its case in the Support Center.',
      ]),
    );
  if (quota && quota.day > 0 && quota.sent >= quota.day * NEARLY)
    findings.push(
      finding('wrong', `${quota.sent} of ${quota.day} messages of the last 24 hours are used`, [
        `Ask for more, say ${quota.day * 10}: Service Quotas, Amazon SES, "Sending quota",`,
        `https://${region}.console.aws.amazon.com/servicequotas/home/services/ses/quotas`,
      ]),
    );
  if (findings.length > 0) return findings;
  const rate = quota ? `, ${quota.day} messages a day, ${quota.second} a second` : '';
  return [finding('ok', `out of the sandbox, sending${rate}`)];
}

/** An identity's state: `SUCCESS`, `PENDING`, `FAILED`, `TEMPORARY_FAILURE`, `NOT_STARTED`. */
export type SesIdentity = { dkim: string; mailFrom: string };

/** The return path's domain of mail that goes by SES: not ours, since a domain can be one or the other. */
export const mailFromDomain = (domain: string): string => `ses.${domain}`;

/** The records of SES's return path (SES: "Using a custom MAIL FROM domain"). */
export function mailFromRecords(domain: string, region: string): DnsRecord[] {
  const name = mailFromDomain(domain);
  return [
    { purpose: 'return path', name, type: 'MX', value: `10 feedback-smtp.${region}.amazonses.com` },
    { purpose: 'spf', name, type: 'TXT', value: 'v=spf1 include:amazonses.com -all' },
  ];
}

/** @param identity undefined: SES has none of this domain */
export function judgeSesIdentity(
  domain: string,
  identity: SesIdentity | { error: string } | undefined,
  region: string,
): Finding {
  const finding = (state: Finding['state'], found: string, todo: string[] = []): Finding => ({
    check: 'ses',
    about: domain,
    state,
    found,
    todo,
  });
  const make = `pennypost ses identity ${domain}`;
  if (identity === undefined) return finding('wrong', 'is no identity of SES, which refuses its mail', [make]);
  if ('error' in identity)
    return finding('unknown', `SES did not answer: ${identity.error}`, ['This needs ses:GetEmailIdentity.']);
  const { dkim, mailFrom } = identity;
  if (dkim !== 'SUCCESS') {
    const again = dkim === 'FAILED' ? ['When it is there, have SES look again:', make] : [];
    return finding('wrong', `SES has not found its DKIM record (${dkim})`, [
      'Publish the DKIM record above.',
      ...again,
    ]);
  }
  if (mailFrom !== 'SUCCESS')
    return finding(
      'wrong',
      `SES has not found the records of ${mailFromDomain(domain)} (${mailFrom}): SPF does not align`,
      mailFromRecords(domain, region).map(({ name, type, value }) => `Publish: ${name}  ${type}  ${value}`),
    );
  return finding('ok', 'may be sent from, signed with its own key');
}
