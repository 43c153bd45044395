/**
 * ses identity: makes a sending domain an identity of SES, for pools that go by SES. SES signs with the domain's own DKIM
 * key (BYODKIM), so that what goes by SES and what goes direct carry one reputation, and needs no further DKIM record.
 * For that the key has to leave the stack: it is decrypted with your own credentials, held in memory, and handed to SES,
 * which keeps it. Whoever may read this account's SES settings still cannot read it back. If that is too much, make an
 * identity in the SES console with keys of SES's (Easy DKIM): mail goes out just the same.
 */
import { DecryptCommand } from '@aws-sdk/client-kms';
import {
  CreateEmailIdentityCommand,
  GetEmailIdentityCommand,
  PutEmailIdentityDkimSigningAttributesCommand,
  PutEmailIdentityFeedbackAttributesCommand,
  PutEmailIdentityMailFromAttributesCommand,
  SESv2Client,
} from '@aws-sdk/client-sesv2';
import { dkimRecordOf } from '../../core/dns-records.ts';
import { signingKeys } from '../../core/domain-keys.ts';
import type { DomainKey, DomainRecord } from '../../core/records.ts';
import { mailFromDomain, mailFromRecords } from '../../core/ses-account.ts';
import { openKeys } from '../../io/aws.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { printJson, printLine } from './print.ts';

export async function makeSesIdentity(
  { operator, account, where }: Pick<Connection, 'operator' | 'account' | 'where'>,
  [name = '']: string[],
  { json }: Options,
): Promise<number> {
  if (where.startsWith('local stack')) throw new CliError('a local stack has no SES; --stack names a deployed one');
  const record = (await operator.listDomains(account)).find(({ domain }) => domain === name.toLowerCase());
  if (!record) throw new CliError(`${name} is not a domain of this account; add it: domains add ${name}`);
  const key = signingKeys(record).find(({ algorithm }) => algorithm === 'rsa');
  if (!key) throw new CliError(`${name} has no RSA key that signs, and SES takes no other`);

  const ses = new SESv2Client({ maxAttempts: 3 });
  await putIdentity(ses, record, key, account);
  const { DkimAttributes, MailFromAttributes } = await ses.send(
    new GetEmailIdentityCommand({ EmailIdentity: record.domain }),
  );
  const records = [dkimRecordOf(record.domain, key), ...mailFromRecords(record.domain, await ses.config.region())];
  const status = {
    dkim: DkimAttributes?.Status ?? 'PENDING',
    mailFrom: MailFromAttributes?.MailFromDomainStatus ?? 'PENDING',
  };
  if (json) printJson({ domain: record.domain, ...status, records });
  else {
    printLine(`${record.domain} is an identity of SES: DKIM ${status.dkim}, MAIL FROM ${status.mailFrom}.`);
    printLine('Publish these records (the first is there already, if the domain is ready to send):\n');
    for (const { purpose, name: host, type, value } of records) printLine(`${purpose}\n  ${host}  ${type}  ${value}\n`);
    printLine('SES looks for them by itself, within minutes and up to 72 hours; pennypost doctor says when it has.');
  }
  return 0;
}

/** The same call again puts a changed key in place, and changes nothing else. */
async function putIdentity(ses: SESv2Client, record: DomainRecord, key: DomainKey, account: string): Promise<void> {
  const { domain } = record;
  const signing = { DomainSigningSelector: key.selector, DomainSigningPrivateKey: await decrypt(key, account, domain) };
  try {
    await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: domain, DkimSigningAttributes: signing }));
  } catch (error) {
    if ((error as Error).name !== 'AlreadyExistsException') throw error;
    await ses.send(
      new PutEmailIdentityDkimSigningAttributesCommand({
        EmailIdentity: domain,
        SigningAttributesOrigin: 'EXTERNAL',
        SigningAttributes: signing,
      }),
    );
  }
  await ses.send(
    new PutEmailIdentityMailFromAttributesCommand({
      EmailIdentity: domain,
      MailFromDomain: mailFromDomain(domain),
      // Until its records are there, SES uses a name of its own, and mail goes on.
      BehaviorOnMxFailure: 'USE_DEFAULT_VALUE',
    }),
  );
  // Bounces come as events; as mail they would reach the From address too.
  await ses.send(
    new PutEmailIdentityFeedbackAttributesCommand({ EmailIdentity: domain, EmailForwardingEnabled: false }),
  );
}

/** Base64 of the PKCS#8 DER, as SES takes it. */
async function decrypt(key: DomainKey, account: string, domain: string): Promise<string> {
  const { Plaintext } = await openKeys().send(
    new DecryptCommand({
      CiphertextBlob: Buffer.from(key.privateKey, 'base64'),
      EncryptionContext: { account, domain },
    }),
  );
  if (!Plaintext) throw new CliError("KMS gave no key: your credentials need kms:Decrypt on the stack's DKIM key");
  return Buffer.from(Plaintext).toString('base64');
}
