/**
 * KMS keys and secrets on this machine: Encrypt and Decrypt with an encryption context (AES-256-GCM, the context as
 * additional data, so that another context does not decrypt), and secrets whose value is made once, read, and replaced.
 * Key material is in one file of the data folder, readable by its owner only. It protects nothing on this machine: it is
 * there so that a wrong key or context fails here as it would in AWS.
 */
import { createCipheriv, createDecipheriv, randomBytes, randomInt } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Assembly } from './template.ts';

export type ServiceError = { error: string; message: string; status?: number };
export type Vault = {
  keyArn(keyId: string): string | undefined;
  keyOfCiphertext(blob: string): string | undefined;
  secretArn(secretId: string): string | undefined;
  kms(operation: string, input: Record<string, unknown>): object | ServiceError;
  secrets(operation: string, input: Record<string, unknown>): object | ServiceError;
};
type Kept = { keys: Record<string, string>; secrets: Record<string, string> };

/** Opens the vault of a data folder, and makes what the assembly newly has. @param file its path */
export function openVault(assembly: Assembly, file: string): Vault {
  const kept: Kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { keys: {}, secrets: {} };
  const arns = new Map<string, string>();
  for (const key of assembly.ofType('AWS::KMS::Key')) {
    for (const id of [key.ref, key.arn!]) arns.set(id, key.arn!);
    kept.keys[key.arn!] ??= randomBytes(32).toString('base64');
  }
  for (const alias of assembly.ofType('AWS::KMS::Alias')) {
    const target = arns.get(String(alias.properties.TargetKeyId));
    if (target) arns.set(alias.name, target);
  }
  const secrets = new Map<string, string>();
  for (const secret of assembly.ofType('AWS::SecretsManager::Secret')) {
    for (const id of [secret.ref, secret.name]) secrets.set(id, secret.ref);
    kept.secrets[secret.ref] ??= makeSecret(secret.properties);
  }
  const save = () => writeFileSync(file, JSON.stringify(kept), { mode: 0o600 });
  save();

  return {
    keyArn: (id) => arns.get(id),
    secretArn: (id) => secrets.get(id),
    keyOfCiphertext: (blob) => openBlob(blob)?.arn,
    kms(operation, input) {
      const context = canonical(input.EncryptionContext);
      if (operation === 'Encrypt') {
        const arn = arns.get(String(input.KeyId));
        const key = arn && kept.keys[arn];
        if (!key) return { error: 'NotFoundException', message: `Key ${input.KeyId} does not exist` };
        const CiphertextBlob = seal(
          arn,
          Buffer.from(key, 'base64'),
          Buffer.from(String(input.Plaintext), 'base64'),
          context,
        );
        return { CiphertextBlob, KeyId: arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
      }
      if (operation === 'Decrypt') {
        const blob = openBlob(String(input.CiphertextBlob));
        const key = blob && kept.keys[blob.arn];
        const named = input.KeyId === undefined ? blob?.arn : arns.get(String(input.KeyId));
        const plaintext =
          blob && key && named === blob.arn ? unseal(blob, Buffer.from(key, 'base64'), context) : undefined;
        if (!blob || !plaintext)
          return {
            error: 'InvalidCiphertextException',
            message: 'not a ciphertext of this key and encryption context',
          };
        return { KeyId: blob.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
      }
      return { error: 'UnsupportedOperationException', message: `KMS ${operation} is not run by the local stack` };
    },
    secrets(operation, input) {
      if (operation !== 'GetSecretValue' && operation !== 'PutSecretValue')
        return { error: 'InvalidRequestException', message: `${operation} is not run by the local stack` };
      const arn = secrets.get(String(input.SecretId));
      // Nothing is rotated here, so no secret has a version before its current one.
      const isThere = arn !== undefined && (input.VersionStage ?? 'AWSCURRENT') === 'AWSCURRENT';
      if (!isThere)
        return { error: 'ResourceNotFoundException', message: 'Secrets Manager can’t find the specified secret.' };
      const told = { ARN: arn, Name: input.SecretId, VersionStages: ['AWSCURRENT'] };
      if (operation === 'GetSecretValue') return { ...told, SecretString: kept.secrets[arn] };
      if (typeof input.SecretString !== 'string')
        return { error: 'InvalidParameterException', message: 'the local stack keeps secrets as text' };
      kept.secrets[arn] = input.SecretString;
      save();
      return told;
    },
  };
}

/** A ciphertext: length of the ARN, ARN, nonce (12), tag (16), text. As in KMS it names its key. */
function seal(arn: string, key: Buffer, plaintext: Buffer, context: Buffer): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context);
  const text = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const name = Buffer.from(arn);
  return Buffer.concat([Buffer.from([name.length]), name, nonce, cipher.getAuthTag(), text]).toString('base64');
}

type Blob = { arn: string; nonce: Buffer; tag: Buffer; text: Buffer };

function openBlob(base64: string): Blob | undefined {
  const bytes = Buffer.from(base64, 'base64');
  const start = 1 + (bytes[0] ?? 0);
  if (bytes.length < start + 28) return undefined;
  return {
    arn: bytes.subarray(1, start).toString(),
    nonce: bytes.subarray(start, start + 12),
    tag: bytes.subarray(start + 12, start + 28),
    text: bytes.subarray(start + 28),
  };
}

function unseal({ nonce, tag, text }: Blob, key: Buffer, context: Buffer): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 }).setAAD(context).setAuthTag(tag);
  try {
    return Buffer.concat([decipher.update(text), decipher.final()]);
  } catch {
    return undefined;
  }
}

function canonical(context: unknown): Buffer {
  const pairs = Object.entries((context ?? {}) as Record<string, string>).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify(pairs));
}

/** As CloudFormation's GenerateSecretString: 32 characters by default, of those not excluded, alone or in a JSON template. */
function makeSecret(properties: Record<string, unknown>): string {
  if (typeof properties.SecretString === 'string') return properties.SecretString;
  const {
    PasswordLength: length = 32,
    ExcludeCharacters: excluded = '',
    ExcludePunctuation: plain = false,
    SecretStringTemplate: template,
    GenerateStringKey: key,
  } = (properties.GenerateSecretString ?? {}) as Record<string, string | number | boolean | undefined>;
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
  const alphabet = [...letters, ...(plain ? '' : '!#$%&()*+,-./:;<=>?@[]^_{|}~')].filter(
    (character) => !String(excluded).includes(character),
  );
  const password = Array.from({ length: Number(length) }, () => alphabet[randomInt(alphabet.length)]).join('');
  return template === undefined
    ? password
    : JSON.stringify({ ...JSON.parse(String(template)), [String(key)]: password });
}
