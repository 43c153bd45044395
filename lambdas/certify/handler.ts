/** certify's handler: runs every hour. */
import { generateKeyPairSync } from 'node:crypto';
import middy from '@middy/core';
import type { ScheduledEvent } from 'aws-lambda';
import { challengeRecord } from '../../core/certificate.ts';
import { signIn } from '../../io/acme.ts';
import { openSecrets } from '../../io/aws.ts';
import { requireVariable } from '../../io/environment.ts';
import { openZones, txtRecordIn } from '../../io/route53.ts';
import { readSecret, writeSecret } from '../../io/secret.ts';
import { type CertifyDeps, certify } from './certify.ts';

const secrets = openSecrets();
const certificate = requireVariable('TLS_SECRET_ARN');
const account = requireVariable('ACME_SECRET_ARN');
const hostName = requireVariable('RELAY_HOST');
const authority = { directoryUrl: requireVariable('ACME_DIRECTORY_URL'), email: process.env.ACME_EMAIL };

const deps: CertifyDeps = {
  hostName,
  readCertificate: async () => (await readSecret(secrets, certificate)).toString(),
  writeCertificate: (text) => writeSecret(secrets, certificate, text),
  readAccount: async () => (await readSecret(secrets, account)).toString(),
  writeAccount: (text) => writeSecret(secrets, account, text),
  makeKey: () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  signIn: (key) => signIn(key, authority),
  ...txtRecordIn(openZones(), requireVariable('HOSTED_ZONE_ID'), challengeRecord(hostName)),
  now: Date.now,
  log: (what) => console.log(JSON.stringify({ level: 'INFO', stage: 'certify', what })),
};

export const handler = middy<ScheduledEvent, void>().handler(async () => {
  await certify(deps);
});
