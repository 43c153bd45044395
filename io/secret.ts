/** A secret's text, read once per environment. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** @throws Error when the secret has no text */
export async function readSecret(client: SecretsManagerClient, arn: string): Promise<Buffer> {
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
  if (!SecretString) throw new Error(`secret ${arn} has no text`);
  return Buffer.from(SecretString);
}
