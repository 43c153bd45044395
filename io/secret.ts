/** A secret's text: read once per environment, or read and written where it changes. */
import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

/** @throws Error when the secret has no text */
export async function readSecret(client: SecretsManagerClient, arn: string): Promise<Buffer> {
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
  if (!SecretString) throw new Error(`secret ${arn} has no text`);
  return Buffer.from(SecretString);
}

/** The text becomes the current one; the one before stays as `AWSPREVIOUS`. */
export async function writeSecret(client: SecretsManagerClient, arn: string, text: string): Promise<void> {
  await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: text }));
}
