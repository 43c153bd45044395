import { createPublicKey, randomBytes } from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { activateKey, pendingKey } from '../../core/domain-keys.ts';
import { defaultDomainKey, verifiedSenderKey } from '../../core/records/senders.ts';
import { operatorOf } from '../../io/accounts.ts';
import { domainsIn } from '../../io/domains.ts';
import { startDynamodb } from './dynamodb.ts';

const START = Date.UTC(2026, 10, 23, 12);
let dynamodb: Awaited<ReturnType<typeof startDynamodb>>;
beforeAll(async () => {
  dynamodb = await startDynamodb(['accounts']);
});
afterAll(() => dynamodb.stop());

/** A KMS that gives back what it was given, if the context is the same. */
function openKms(): KMSClient {
  const kept = new Map<string, { text: Uint8Array; context: string }>();
  type Input = { Plaintext?: Uint8Array; CiphertextBlob?: Uint8Array; EncryptionContext: object };
  return {
    send: async ({ input }: { input: Input }) => {
      const context = JSON.stringify(input.EncryptionContext);
      if (input.Plaintext) {
        const blob = randomBytes(16);
        kept.set(blob.toString('hex'), { text: input.Plaintext, context });
        return { CiphertextBlob: blob };
      }
      const found = kept.get(Buffer.from(input.CiphertextBlob!).toString('hex'));
      if (found?.context !== context) throw new Error('InvalidCiphertextException');
      return { Plaintext: found.text };
    },
  } as unknown as KMSClient;
}

it('signs with the active keys, and with the provider’s', async () => {
  // Prepare: a customer's domain with RSA and Ed25519, a new RSA key that waits, and the provider's own domain.
  const kms = openKms();
  const operator = operatorOf('accounts', dynamodb.client, kms, 'arn', () => START);
  const first = await operator.addDomain('customer', 'Shop.example');
  const both = await operator.addDomainKey('customer', first, 'ed25519');
  const active = await operator.changeDomainKeys(both, activateKey(both, 'e1', START));
  const waiting = await operator.addDomainKey('customer', active, 'rsa');
  await operator.addDomain('operator', 'mail.provider.example');

  // Act
  const read = (signingDomain?: string) =>
    domainsIn('accounts', dynamodb.client, kms, () => START, signingDomain).readDomain('customer', 'SHOP.example');
  const alone = await read();
  const withProvider = await read('mail.provider.example');

  // Assess
  const named = (domain: typeof alone) => domain?.keys.map((key) => `${key.algorithm} ${key.selector} ${key.domain}`);
  expect(named(alone)).toEqual(['rsa s1 shop.example', 'ed25519 e1 shop.example']);
  expect(named(withProvider)).toEqual([
    'rsa s1 shop.example',
    'ed25519 e1 shop.example',
    'rsa s1 mail.provider.example',
  ]);
  expect(alone?.returnPath).toBe('em.shop.example');
  const jwk = createPublicKey(alone!.keys[1]!.key).export({ format: 'jwk' });
  const published = both.keys?.find(({ selector }) => selector === 'e1')?.publicKey ?? '';
  expect(jwk.x).toBe(Buffer.from(published, 'base64').toString('base64url'));
  expect(pendingKey(waiting, 'rsa')?.selector).toBe('s2');
});

it('a provider’s domain that is not there keeps no mail back; a domain that is the provider’s own signs once', async () => {
  const kms = openKms();
  const operator = operatorOf('accounts', dynamodb.client, kms, 'arn', () => START);
  await operator.addDomain('operator', 'own.example');
  const read = (signingDomain: string) =>
    domainsIn('accounts', dynamodb.client, kms, () => START, signingDomain).readDomain('operator', 'own.example');
  expect((await read('nowhere.example'))?.keys).toHaveLength(1);
  expect((await read('own.example'))?.keys).toHaveLength(1);
  const { readDomain } = domainsIn('accounts', dynamodb.client, kms, () => START, 'own.example');
  expect(await readDomain('operator', 'unknown.example')).toBeUndefined();
});

it('a domain that nobody has proved signs for nobody who may send without it', async () => {
  // Prepare: an address that was verified by itself, signed for by the account's default, and its domain, made since, not in DNS yet.
  const kms = openKms();
  const operator = operatorOf('accounts', dynamodb.client, kms, 'arn', () => START);
  const put = (Item: object) => dynamodb.client.send(new PutCommand({ TableName: 'accounts', Item }));
  await operator.addDomain('bobs2222', 'default.example');
  await put({ ...defaultDomainKey('bobs2222'), domain: 'default.example' });
  await put({ ...verifiedSenderKey('bobs2222', 'bob@late.example'), verifiedAt: START });
  const late = await operator.addDomain('bobs2222', 'late.example');
  const { validAt: _, ...unproven } = { ...late, authentication: { subusers: [] } };
  await put(unproven);
  const { readDomain } = domainsIn('accounts', dynamodb.client, kms, () => START);
  // Act
  const [bob, other] = await Promise.all(
    ['bob@late.example', 'x@late.example'].map((address) => readDomain('bobs2222', 'late.example', address)),
  );
  // Assess: what was accepted while it was proved is signed by it still.
  expect(bob?.returnPath).toBe('em.default.example');
  expect(other?.returnPath).toBe('em.late.example');
});

it('of two changes of a domain’s keys at once, one is refused', async () => {
  const operator = operatorOf('accounts', dynamodb.client, openKms(), 'arn', () => START);
  const domain = await operator.addDomain('twice111', 'twice.example');
  const waiting = await operator.addDomainKey('twice111', domain, 'rsa');
  await expect(operator.addDomainKey('twice111', domain, 'rsa')).rejects.toThrow(/condition/i);
  await operator.validateDomain(waiting);
  const [kept] = await operator.listDomains('twice111');
  expect(kept).toMatchObject({ validAt: START, keys: waiting.keys });
});
