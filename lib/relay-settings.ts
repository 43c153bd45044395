/**
 * The part of the settings that describes the relay: our own SMTP server (`relay`), not the mail servers of others that a
 * pool may hand its mail to (`relays`). What AWS would refuse at deployment, and what would send passwords in clear over
 * the internet, is refused here.
 */
import { z } from 'zod';
import { hostName, mailbox, secretArn, whole } from './fields.ts';

/** ECS: "up to five target groups per service", and each port is one, since each is another port of the container. */
const MOST_PORTS = 5;
/** Where mail servers deliver to (RFC 5321 4.5.4.2): inbound only, never submission (RFC 6409 3.1). */
export const INBOUND_PORT = 25;
/** The port that may take a password in clear, where nobody but the VPC can reach it. */
export const CLEAR_PORT = 2525;
/** Fargate's sizes, in MB, by CPU units (ECS: "Task CPU and memory"). */
const MEMORY: Record<number, readonly [least: number, most: number]> = {
  256: [512, 2048],
  512: [1024, 4096],
  1024: [2048, 8192],
  2048: [4096, 16_384],
  4096: [8192, 30_720],
};
const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

/** Below the ephemeral ones: the container listens 10,000 higher. */
const port = whole(1, 49_151);

/** An ACME directory must be HTTPS (RFC 8555 6.1); on loopback, where tests have theirs, nobody listens in. */
const directory = z
  .url()
  .max(2_000)
  .refine((url) => /^https:\/\/|^http:\/\/127\.0\.0\.1[:/]/.test(url), 'must be an https:// address');

const Acme = z.strictObject({
  /** The Route 53 zone of the host name, in this account: its id, like `Z0123456789ABCDEFGHIJ`. */
  hostedZone: z.string().regex(/^Z[A-Z0-9]{1,31}$/, 'must be the id of a hosted zone, like "Z0123456789ABCDEFGHIJ"'),
  /** Who the authority writes to when something is wrong with a certificate. Default: nobody. */
  email: mailbox.optional(),
  /** The authority's directory (RFC 8555 7.1.1). Default: Let's Encrypt. Using it is agreeing to its terms of service. */
  directoryUrl: directory.default(LETS_ENCRYPT),
});

const Ports = z.strictObject({
  /** Submission with STARTTLS (RFC 6409). Default 587 and 2525, for networks that block 587. */
  submission: z.array(port).min(1).default([587, CLEAR_PORT]),
  /** Submission in TLS from the first octet (RFC 8314). Default 465. */
  submissions: z.array(port).default([465]),
  /** `POST /v3/mail/send` up to 30 MB, the big door. Default 443. */
  https: z.array(port).max(1).default([443]),
});

export const OwnRelay = z.strictObject({
  /** Its name: in the banner, in its certificate, and in your DNS, where it points to the load balancer. */
  hostName,
  /** Tasks at least (2 to 100, default 2: one in each of two zones) and at most (default 10). Each costs about $12 a month. */
  tasks: z.strictObject({ min: whole(2, 100).default(2), max: whole(2, 100).default(10) }).prefault({}),
  /** CPU units of a task: 256, 512, 1024, 2048 or 4096; 1024 are a core. Default 256. */
  cpu: z
    .int()
    .refine((units) => units in MEMORY, `must be one of ${Object.keys(MEMORY).join(', ')}`)
    .default(256),
  /** Memory of a task, in MB, as Fargate has it for its CPU. Default 1024. */
  memoryMb: z.int().default(1024),
  /** Open connections of a task above which another one is started. Default 500. */
  connectionsPerTask: whole(10, 20_000).default(500),
  ports: Ports.prefault({}),
  /** A secret of yours, under its default key: certificate chain and private key, as PEM, one behind the other. */
  certificateArn: secretArn.optional(),
  /** Or: a certificate of an ACME authority, by DNS-01 on your Route 53 zone, obtained and renewed by the stack. */
  acme: Acme.optional(),
  /** Private addresses only: for what runs in this VPC, or in networks joined to it. Default false. */
  internal: z.boolean().default(false),
  /** Port 2525 takes a password without TLS. Only with `internal`. Default false. */
  authWithoutTls: z.boolean().default(false),
  /** Takes what comes back, on port 25: bounces, complaints, replies. Default true. */
  inbound: z.boolean().default(true),
});

export type OwnRelaySettings = z.output<typeof OwnRelay>;

/** Where requests beyond what API Gateway takes go (accept's 413 names it); undefined: this relay has no such door. */
export function bigDoorUrl({ hostName, ports: { https } }: OwnRelaySettings): string | undefined {
  const [port] = https;
  if (port === undefined) return undefined;
  return `https://${hostName}${port === 443 ? '' : `:${port}`}`;
}

/** @param refuse is told each fault, with the field's path from `relay` on */
export function checkOwnRelay(
  relay: OwnRelaySettings,
  refuse: (path: (string | number)[], message: string) => void,
): void {
  const { tasks, cpu, memoryMb, ports, certificateArn, acme, internal, authWithoutTls, inbound } = relay;
  if (tasks.max < tasks.min) refuse(['tasks', 'max'], `must not be below min, which is ${tasks.min}`);
  const [least, most] = MEMORY[cpu] ?? [0, Number.POSITIVE_INFINITY];
  // Whole gigabytes but for the smallest (ECS: "Task CPU and memory").
  if (memoryMb < least || memoryMb > most || (memoryMb % 1024 !== 0 && memoryMb !== 512))
    refuse(['memoryMb'], `with ${cpu} CPU units must be ${least} to ${most}, in steps of 1024`);
  const listening = [...ports.submission, ...ports.submissions, ...ports.https, ...(inbound ? [INBOUND_PORT] : [])];
  const twice = listening.find((one, i) => listening.indexOf(one) !== i);
  if (twice !== undefined) refuse(['ports'], `${twice} is there twice`);
  if ([...ports.submission, ...ports.submissions, ...ports.https].includes(INBOUND_PORT) && !inbound)
    refuse(['ports'], `${INBOUND_PORT} is for mail that comes in, never for submission`);
  if (listening.length > MOST_PORTS)
    refuse(['ports'], `are ${listening.length} in all; a service of ECS can have ${MOST_PORTS}`);
  if (certificateArn !== undefined && acme !== undefined)
    refuse(['acme'], 'and certificateArn are two ways to a certificate: name one');
  if (internal && inbound) refuse(['inbound'], 'must be false with internal: the world cannot reach it');
  if (authWithoutTls && !internal)
    refuse(['authWithoutTls'], 'needs internal: true, or passwords would cross the internet in clear');
  if (authWithoutTls && !ports.submission.includes(CLEAR_PORT))
    refuse(['authWithoutTls'], `is about port ${CLEAR_PORT}, which is not among ports.submission`);
}
