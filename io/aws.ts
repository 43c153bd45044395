/**
 * The AWS clients of a function, made once per environment. Where they connect is the SDK's own business
 * (`AWS_ENDPOINT_URL_*`); credentials come from the environment, which spares the start of the whole provider chain.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { wasRefused } from './queue.ts';

const { AWS_LAMBDA_FUNCTION_NAME, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;

const credentials =
  AWS_LAMBDA_FUNCTION_NAME && AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY
    ? {
        credentials: {
          accessKeyId: AWS_ACCESS_KEY_ID,
          secretAccessKey: AWS_SECRET_ACCESS_KEY,
          ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
        },
      }
    : {};

/** Without the switch the SDK only warns of a request that takes too long. */
const within = (requestTimeout: number) => ({
  requestHandler: { connectionTimeout: 1_000, requestTimeout, throwOnRequestTimeout: true },
});
/**
 * Three tries of two seconds: one service that hangs is given up on while accept (29 s) has time to do the other thing, and
 * what is left over is the caller's decision.
 */
const patience = { maxAttempts: 3, ...within(2_000) };

export type Table = DynamoDBDocumentClient;

export const openTables = (): Table =>
  DynamoDBDocumentClient.from(rememberSilence(new DynamoDBClient({ ...credentials, ...patience })), {
    marshallOptions: { removeUndefinedValues: true },
  });

/** The SDK throws what the last try of a call said. Where an earlier one had no answer, the error says so: `wasRefused` looks. */
function rememberSilence(client: DynamoDBClient): DynamoDBClient {
  client.middlewareStack.add(
    (next, context: object & { unanswered?: boolean }) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        if (!wasRefused(error)) context.unanswered = true;
        else if (context.unanswered) Object.assign(error as Error, { unanswered: true });
        throw error;
      }
    },
    // Around each try, not around all of them.
    { step: 'deserialize', priority: 'high', name: 'rememberSilence' },
  );
  return client;
}

export const openBucket = (): S3Client =>
  new S3Client({
    ...credentials,
    // A body of megabytes takes its time.
    maxAttempts: 2,
    ...within(5_000),
    // S3's own checksums add nothing to SigV4's over TLS.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    forcePathStyle: process.env.AWS_ENDPOINT_URL_S3 !== undefined,
  });

/** One try only: a second SendMessage may be a second job, so io/queue.ts decides about it. */
export const openQueues = (): SQSClient =>
  new SQSClient({ ...credentials, ...patience, maxAttempts: 1, cacheMiddleware: true });

export const openKeys = (): KMSClient => new KMSClient({ ...credentials, ...patience });

export const openSecrets = (): SecretsManagerClient => new SecretsManagerClient({ ...credentials, ...patience });
