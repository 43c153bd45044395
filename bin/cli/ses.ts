/**
 * ses identity: makes a sending domain an identity of SES, for pools that go by SES. SES signs with the domain's own DKIM
 * key (BYODKIM), so that what goes by SES and what goes direct carry one reputation, and needs no further DKIM record.
 * For that the key has to leave the stack: it is decrypted with your own credentials, held in memory, and handed to SES,
 * which keeps it. Whoever may read this account's SES settings still cannot read it back. If that is too much, make an
 * identity in the SES console with keys of SES's (Easy DKIM): mail goes out just the same.
 * It refuses to take over an identity that somebody made for other mail, unless told to (`--replace`): its DKIM keys, its
 * return path and the forwarding of its bounces are then no longer what that mail counts on.
 */
import { DecryptCommand } from '@aws-sdk/client-kms';
import {
  CreateEmailIdentityCommand,
  GetEmailIdentityCommand,
  type GetEmailIdentityCommandOutput,
  PutEmailIdentityDkimSigningAttributesCommand,
  PutEmailIdentityFeedbackAttributesCommand,
  PutEmailIdentityMailFromAttributesCommand,
  SESv2Client,
} from '@aws-sdk/client-sesv2';
import { dkimRecordOf } from '../../core/dns-records.ts';
import { keysOf, signingKeys } from '../../core/domain-keys.ts';
import type { DomainKey, DomainRecord } from '../../core/records/domains.ts';
import { mailFromDomain, mailFromRecords } from '../../core/ses-account.ts';
import { openKeys } from '../../io/aws.ts';
import { CliError, type Connection, type Options } from './connect.ts';
import { printJson, printLine } from './print.ts';

export async function makeSesIdentity(
  { operator, account, where }: Pick<Connection, 'operator' | 'account' | 'where'>,
  [name = '']: string[],
  { json, replace = false }: Options,
): Promise<number> {
  if (where.startsWith('local stack')) throw new CliError('a local stack has no SES; --stack names a deployed one');
  const record = (await operator.listDomains(account)).find(({ domain }) => domain === name.toLowerCase());
  if (!record) throw new CliError(`${name} is not a domain of this account; add it: npx pennypost domains add ${name}`);
  const key = signingKeys(record).find(({ algorithm }) => algorithm === 'rsa');
  if (!key) throw new CliError(`${name} has no RSA key that signs, and SES takes no other`);

  const ses = new SESv2Client({ maxAttempts: 3 });
  const found = await readIdentity(ses, record.domain);
  const lost = found && !isOurs(found, record) ? describeLoss(found, record, key) : [];
  if (lost.length > 0 && !replace)
    throw new CliError(
      `${record.domain} is an identity of SES that was not made here. ${lost.join('; ')}. If nothing else sends by it: --replace`,
    );
  await putIdentity(ses, record, key, { account, exists: found !== undefined });
  const { DkimAttributes, MailFromAttributes } = (await readIdentity(ses, record.domain)) ?? {};
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
    printLine(
      'SES looks for them by itself, within minutes and up to 72 hours; npx pennypost doctor says when it has.',
    );
  }
  return 0;
}

type Identity = Pick<
  GetEmailIdentityCommandOutput,
  'DkimAttributes' | 'MailFromAttributes' | 'FeedbackForwardingStatus'
>;

/** Undefined: SES has none of this domain. */
async function readIdentity(ses: SESv2Client, domain: string): Promise<Identity | undefined> {
  try {
    return await ses.send(new GetEmailIdentityCommand({ EmailIdentity: domain }));
  } catch (error) {
    if ((error as Error).name === 'NotFoundException') return undefined;
    throw error;
  }
}

/** Whether SES signs with a key of ours: of an identity with keys from outside, the token is the key's selector. */
function isOurs({ DkimAttributes }: Identity, record: DomainRecord): boolean {
  const { SigningAttributesOrigin, Tokens = [] } = DkimAttributes ?? {};
  return SigningAttributesOrigin === 'EXTERNAL' && keysOf(record).some(({ selector }) => Tokens.includes(selector));
}

/** What would change for whoever sends by it now. */
function describeLoss(found: Identity, { domain }: DomainRecord, { selector }: DomainKey): string[] {
  const { SigningAttributesOrigin, Tokens = [] } = found.DkimAttributes ?? {};
  const signed =
    SigningAttributesOrigin === 'EXTERNAL' ? `the selector ${Tokens[0] ?? '?'}` : "keys of SES's (Easy DKIM)";
  const from = found.MailFromAttributes?.MailFromDomain;
  return [
    `It signs with ${signed}, and would sign with ${selector} from here`,
    ...(from === mailFromDomain(domain)
      ? []
      : [`its MAIL FROM, ${from ?? "SES's own"}, would be ${mailFromDomain(domain)}`]),
    ...(found.FeedbackForwardingStatus === true ? ['bounces would no longer be forwarded by mail'] : []),
  ];
}

/** The same call again puts a changed key in place, and changes nothing else. */
async function putIdentity(
  ses: SESv2Client,
  { domain }: DomainRecord,
  key: DomainKey,
  { account, exists }: { account: string; exists: boolean },
): Promise<void> {
  const signing = { DomainSigningSelector: key.selector, DomainSigningPrivateKey: await decrypt(key, account, domain) };
  if (exists)
    await ses.send(
      new PutEmailIdentityDkimSigningAttributesCommand({
        EmailIdentity: domain,
        SigningAttributesOrigin: 'EXTERNAL',
        SigningAttributes: signing,
      }),
    );
  else await ses.send(new CreateEmailIdentityCommand({ EmailIdentity: domain, DkimSigningAttributes: signing }));
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
