/** DKIM keys: made here, the private half sealed by KMS for its account and domain alone before anything else sees it. */
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { EncryptCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { DkimAlgorithm } from '../core/dkim.ts';
import type { DomainKey } from '../core/records/domains.ts';

const generate = promisify(generateKeyPair);

export function makeKeysBy(keys: KMSClient, keyArn: string) {
  /** The public half for DNS, the private half encrypted: it is in clear nowhere but in this call. */
  return async (
    account: string,
    domain: string,
    algorithm: DkimAlgorithm,
  ): Promise<Pick<DomainKey, 'publicKey' | 'privateKey'>> => {
    const { privateKey, publicKey } =
      algorithm === 'rsa' ? await generate('rsa', { modulusLength: 2048 }) : await generate('ed25519');
    const { CiphertextBlob } = await keys.send(
      new EncryptCommand({
        KeyId: keyArn,
        Plaintext: privateKey.export({ format: 'der', type: 'pkcs8' }),
        EncryptionContext: { account, domain },
      }),
    );
    if (!CiphertextBlob) throw new Error('KMS returned no ciphertext');
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    return {
      // The last 32 octets of the SPKI are the key itself (RFC 8410 4).
      publicKey: (algorithm === 'rsa' ? spki : spki.subarray(-32)).toString('base64'),
      privateKey: Buffer.from(CiphertextBlob).toString('base64'),
    };
  };
}
