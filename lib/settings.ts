/**
 * The settings of a deployment: typed, each field with its default and unit, checked when the stack is synthesized.
 * It refuses an unknown field, a value out of range, two lanes of one name, and retentions too short for what reads them;
 * the error names each field (`pools[0].sourceIps[0].ehloName: ...`).
 */
import { z } from 'zod';
import { RETRY_HOURS } from '../core/limits.ts';
import { lintShaping } from '../core/shaping/lint.ts';
import { subnetSlot } from './addressing.ts';
import { checkEnvironments } from './environment.ts';
import { dnsServer, hostName, label, mailbox, publicIp, secretArn, way, whole } from './fields.ts';
import { checkInbound, InboundMail } from './inbound-settings.ts';
import { checkOwnRelay, OwnRelay } from './relay-settings.ts';
import { DEAD_LETTER_DAYS } from './retention.ts';
import { checkSenders, Senders } from './senders-settings.ts';
import { Shaping } from './shaping.ts';
import { Validation } from './validation-settings.ts';
import { checkRelays, checkWays } from './ways.ts';

/** How far ahead `send_at` may lie, in days (SendGrid: 72 hours). */
const SEND_AT_DAYS = 3;
/** A stored request is read last when its dead letter is redriven: after `send_at`, the retries and the dead-letter retention. */
const SHORTEST_RETENTION = SEND_AT_DAYS + RETRY_HOURS / 24 + DEAD_LETTER_DAYS + 1;
/** Lanes travel to accept, expand and release in one environment variable, and Lambda allows 4 KB for all of them. */
const MOST_LANES = 11;
/** What CloudWatch Logs takes as a retention, in days. */
const LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653];

const SourceIp = z.strictObject({
  /** The lane's name, unique in the stack. Do not rename it: its address and its queue go with the name. */
  name: label,
  /** The name it says in EHLO (RFC 5321 4.1.1.1): the PTR record of its address, and an A record back to it. */
  ehloName: hostName,
  /**
   * Its share of the pool's mail, relative to the others. Default 1. 0 empties the lane: it gets no new mail and works off
   * what it has; take the address out of the settings when its queue is empty.
   */
  weight: z.number().min(0).max(1000).default(1),
  /** An Elastic IP that you have (`eipalloc-...`). Default: the stack allocates one, and keeps it when the stack goes. */
  allocationId: z
    .string()
    .regex(/^eipalloc-[0-9a-f]{8,17}$/, 'must be an Elastic IP\'s allocation id, like "eipalloc-0123456789abcdef0"')
    .optional(),
  /** The address behind `allocationId`, for the DNS records that the command line prints. Needed with it, and only then. */
  ip: publicIp.optional(),
  /**
   * The day its warm-up began, `YYYY-MM-DD` (UTC): from then on for 36 days it sends at most so much an hour
   * (core/warm-up.ts), and what is beyond that goes to the pool's warm addresses. Until a day in the future it may send what
   * the first day allows. Leave it out for a warm address.
   */
  warmUpFrom: z.iso.date('must be a day, like "2026-11-23"').optional(),
  /** The place of its availability zone in the region's list, from 0, below `maxAzs`. Default: chosen by its name. */
  zone: whole(0, 5).optional(),
});

const Pool = z.strictObject({
  /** What SendGrid calls `ip_pool_name`. */
  name: label,
  /**
   * The pool's source addresses: at least one, unless it is `withoutAddress`. Each costs about $36.50 a month (NAT gateway
   * and public address).
   */
  sourceIps: z.array(SourceIp).default([]),
  /**
   * How its mail gets to each provider. Default: straight to the MX. `providers` are those that go another way than
   * `default`, by name (core/shaping/providers.ts, or one of yours under `shaping`; `other` is everybody else), so that they
   * can be moved over one at a time.
   */
  via: z.strictObject({ default: way, providers: z.record(z.string(), way).optional() }).optional(),
  /** Where a copy's next attempt goes when a provider refuses our address for good. Default: nowhere, it waits. */
  failOver: way.optional(),
  /** No source address, no NAT gateway, no VPC: all its mail goes by SES or a relay. Default false. */
  withoutAddress: z.boolean().optional(),
  /** What a pool without an address says in EHLO to its relay. Needed there, and only there. */
  ehloName: hostName.optional(),
});

const Relay = z.strictObject({
  /** As pools name it: `relay:<name>`. */
  name: label,
  /** Its host name, which its certificate must have where `tls` is `verified`. */
  host: hostName,
  /** Default 587. On 465 TLS comes first (RFC 8314). Not 25, which AWS blocks, unless yours is open. */
  port: whole(1, 65_535).default(587),
  /** `verified` (default): TLS with a valid certificate. `encrypted`: TLS with any. `off`: none, and then no password. */
  tls: z.enum(['verified', 'encrypted', 'off']).default('verified'),
  /** A secret of Secrets Manager, `{"user": "…", "password": "…"}`, under its default key; needs `tls: 'verified'`. Default: no authentication. */
  secretArn: secretArn.optional(),
});

const Delivery = z.strictObject({
  /** Seconds that one run of deliver may take: 10 to 180. Default 180; below 150 a slow reply is cut off and tried again. */
  timeoutSeconds: whole(10, 180).default(180),
  /**
   * Memory of deliver, in MB: 256 to 10240, and with it its share of a core (1769 MB is one). Default 256: about 100 messages a
   * second for each source IP. A busy run costs the same per message with more, an idle wait costs less with less.
   */
  memoryMb: whole(256, 10_240).default(256),
  /** Jobs that start one run: 1 to 100; a job has up to 100 copies. Above 10 only with a batching window. Default 100. */
  batchSize: whole(1, 100).default(100),
  /**
   * Seconds that a run waits for its batch to fill, and so what delivery adds to a lone message: 0 to 300. Default 3. 0 (with
   * a batch of 10) sends at once, for about a dollar more per million at ten messages a second.
   */
  batchingWindowSeconds: whole(0, 300).default(3),
  /** The port that mail is delivered to. Default 25; any other is for trying things out. */
  smtpPort: whole(1, 65_535).default(25),
  /**
   * A domain of the operator's account that signs all mail as well, for feedback loops by domain and Gmail's Feedback-ID: add
   * it with `domains add` first. Default: none, mail is signed by the domain of its From alone.
   */
  signingDomain: hostName.optional(),
  /** DNS servers, `ip:port`, eight at most. Default: the VPC's own resolver. */
  dnsServers: z.array(dnsServer).min(1).max(8).optional(),
  /** Deliver to loopback and private addresses too. Default false; true opens the inside of the VPC to whoever sends. */
  allowPrivateHosts: z.boolean().default(false),
});

const Accept = z.strictObject({
  /** Memory of accept, in MB: 256 to 10240. Default 256. */
  memoryMb: whole(256, 10_240).default(256),
  /** Seconds until accept gives up: 5 to 29 (API Gateway waits 30). Default 29. */
  timeoutSeconds: whole(5, 29).default(29),
  /** Environments set aside for accept, and its limit. Default: none, it shares the account's. */
  reservedConcurrency: whole(1, 10_000).optional(),
  /** One line of API Gateway's access log per request. Default false: it costs more than storing the message does. */
  accessLogs: z.boolean().default(false),
  /** API requests per second; what exceeds it gets 429 from API Gateway. Default 1000. */
  requestsPerSecond: whole(1, 100_000).default(1000),
});

const Expand = z.strictObject({
  /** Memory of expand, in MB: 256 to 10240. Default 1024: it holds one whole request. */
  memoryMb: whole(256, 10_240).default(1024),
  /** Seconds that one request's expansion may take: 10 to 900. Default 60. */
  timeoutSeconds: whole(10, 900).default(60),
  /** Requests expanded at the same time: 2 to 1000. Default 10. */
  maximumConcurrency: whole(2, 1000).default(10),
});

const Events = z.strictObject({
  /**
   * Seconds that events wait for others before webhooks are told: 1 to 30. Default 5. Less costs more: a run for each shard of the
   * stream (four at first) every so many seconds, as long as mail is sent.
   */
  announceSeconds: whole(1, 30).default(5),
  /** Seconds between two entries in the books: statistics and event pages. 1 to 300. Default 60; a page costs half a cent per thousand. */
  tallySeconds: whole(1, 300).default(60),
});

const Brakes = z.strictObject({
  /**
   * Copies that an account may send in a day (UTC), where `pennypost brakes cap` says nothing else of it: 0 to 1,000,000,000. Default: as many
   * as it likes. What is beyond it is refused (SendGrid: "Maximum credits exceeded").
   */
  dailyCap: whole(0, 1_000_000_000).optional(),
  /** Percent of an account's copies that bounce, within two hours, at which its bulk pauses by itself. Default 10; 100 never does. */
  bouncePercent: z.number().positive().max(100).default(10),
  /** Percent of its delivered copies that are called spam, within a day, at which its bulk pauses by itself. Default 0.3. */
  complaintPercent: z.number().positive().max(100).default(0.3),
});

const Retention = z.strictObject({
  /** Days that event records are kept: at least 21, since a redrive reads them. Default 30. */
  messagesDays: whole(SHORTEST_RETENTION, 3650).default(30),
  /** Days that stored requests are kept: at least 21 (`send_at` 3, retries 3, dead letters 14, and one more). Default 21. */
  contentDays: whole(SHORTEST_RETENTION, 3650).default(SHORTEST_RETENTION),
  /** Days that event pages are kept: the archive of what became of mail. At least 7. Default 90. */
  eventsDays: whole(7, 3650).default(90),
  /** Days that statistics are kept: at least 31. Default 400, thirteen months. */
  statsDays: whole(31, 3650).default(400),
  /** Days that logs are kept, one of those CloudWatch has (1, 3, 5, 7, 14, 30, 60, 90 ...). Default 14. */
  logsDays: z
    .int()
    .refine((days) => LOG_DAYS.includes(days), `must be one of ${LOG_DAYS.join(', ')}`)
    .default(14),
});

/** What the Glue catalog takes without quotes in Athena's SQL. */
const catalogName = z.string().regex(/^[a-z][a-z0-9_]{0,60}$/, 'must be 1 to 61 of a-z, 0-9 and "_", from a letter');

const Archive = z.strictObject({
  /** Name of the database in the Glue catalog, which is made for it. Default `pennypost`. */
  database: catalogName.default('pennypost'),
  /** Name of the table of events. Default `events`. */
  table: catalogName.default('events'),
});

const Alarms = z.strictObject({
  /** Who is told of an alarm (AWS asks the address to confirm). Default: nobody; subscribe to the topic yourself. */
  email: z.email().optional(),
  /** Age, in seconds, of the oldest message of a queue that raises an alarm. Default 900. */
  oldestSeconds: whole(60, 86_400).default(900),
  /** Percent of outcomes that are bounces that raises an alarm, over 15 minutes. Default 5. */
  bounceRatePercent: z.number().positive().max(100).default(5),
});

const TlsReports = z.strictObject({
  /** Who reports come from: an address at a domain of the operator's account (`domains add`). */
  from: mailbox,
  /** Whose reports they are, for people: your name. */
  organization: z.string().regex(/^[ -~]{1,100}$/, 'must be 1 to 100 printable ASCII characters'),
  /** Who answers questions about them. */
  contact: mailbox,
});

const Tracking = z.strictObject({
  /**
   * A CloudFront distribution in front of what links in mail lead to, with certificates for every sender's link host
   * (docs/tracking.md). Default false: until something answers for a link host over HTTPS, nothing is tracked.
   */
  cloudFront: z.boolean().default(false),
});

const Shape = z.strictObject({
  /** Name of the CloudFormation stack. Default `Pennypost`. */
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,30}$/, 'must be 1 to 31 letters, digits and "-", from a letter')
    .default('Pennypost'),
  /** Pools of source addresses. Default: one pool `default` of one address, with a placeholder as its EHLO name. */
  pools: z
    .array(Pool)
    .min(1)
    .default([{ name: 'default', sourceIps: [{ name: 'default-1', ehloName: 'mta1.pennypost.example', weight: 1 }] }]),
  /** Mail servers that pools may hand their mail to, instead of delivering it themselves. Default: none. */
  relays: z.array(Relay).optional(),
  /** Availability zones to spread source addresses over; each address is in one. Default 2, which every region has. */
  maxAzs: whole(1, 6).default(2),
  delivery: Delivery.prefault({}),
  accept: Accept.prefault({}),
  /** The SMTP server that customers send through, and that bounces come back to. Default false: none, and nothing of its costs. */
  relay: z.union([z.literal(false), OwnRelay]).default(false),
  expand: Expand.prefault({}),
  /**
   * Mail that comes back: bounces, complaints, unsubscriptions, and mail for customers' parse hosts. Default: what a
   * relay with `inbound` takes; without one none is taken, and nothing of it costs anything.
   */
  inbound: InboundMail.optional(),
  events: Events.prefault({}),
  tracking: Tracking.prefault({}),
  /** What stops an account that a stolen key, or a bad list, would ruin the addresses with. */
  brakes: Brakes.prefault({}),
  retention: Retention.prefault({}),
  /**
   * A table over the event pages, which `retention.eventsDays` keeps, for Athena: `archive: {}` makes one (docs/activity.md). It costs
   * nothing until it is queried. Default: none.
   */
  archive: Archive.optional(),
  alarms: Alarms.prefault({}),
  /**
   * Daily reports to the domains that ask for them of what TLS with their hosts came to (RFC 8460). Default: none. Their function
   * is outside the VPC: `delivery.dnsServers`, where you set it, must answer there too.
   */
  tlsReports: TlsReports.optional(),
  /** DNS zones of senders (docs/senders.md). Default: none. */
  senders: Senders.prefault({}),
  /** Email validation (docs/validation.md). */
  validation: Validation.prefault({}),
  /** What you know better about providers' limits and replies (docs/shaping.md). Default: nothing, ours stand. */
  shaping: Shaping,
  /** X-Ray traces of every function. Default false: they cost more per message than sending it. */
  tracing: z.boolean().default(false),
});

const Checked = Shape.superRefine(
  ({ pools, relays = [], relay, inbound, maxAzs, delivery, senders, shaping }, context) => {
    checkInbound({ inbound, relay }, (path, message) => refuse(['inbound', ...path], message));
    checkSenders(senders, (path, message) => refuse(['senders', ...path], message));
    for (const { path, message } of lintShaping(shaping)) refuse(['shaping', ...path], message);
    if (delivery.batchSize > 10 && delivery.batchingWindowSeconds === 0)
      refuse(['delivery', 'batchSize'], 'more than 10 need a batching window of at least 1 second (Lambda)');
    const named = { relays: relays.map(({ name }) => name), providers: Object.keys(shaping.providers ?? {}) };
    const pooled = new Set<string>();
    const lanes = new Set<string>();
    const slots = new Map<number, string>();
    const own = {
      ehloName: new Map<string, string>(),
      allocationId: new Map<string, string>(),
      ip: new Map<string, string>(),
    };
    for (const [p, pool] of pools.entries()) {
      if (pooled.has(pool.name)) refuse(['pools', p, 'name'], `"${pool.name}" names two pools`);
      pooled.add(pool.name);
      checkWays(pool, named, (path, message) => refuse(['pools', p, ...path], message));
      if (pool.withoutAddress) {
        if (lanes.has(pool.name)) refuse(['pools', p, 'name'], `"${pool.name}" names two lanes`);
        lanes.add(pool.name);
      } else if (!pool.sourceIps.some(({ weight }) => weight > 0))
        refuse(['pools', p, 'sourceIps'], 'need one with a weight above 0, or the pool can take no mail');
      for (const [i, sourceIp] of pool.sourceIps.entries()) {
        const { name, zone, allocationId, ip } = sourceIp;
        const at = ['pools', p, 'sourceIps', i];
        for (const [field, seen] of Object.entries(own)) {
          const value = sourceIp[field as keyof typeof own];
          if (value === undefined) continue;
          if (seen.has(value)) refuse([...at, field], `"${value}" is that of "${seen.get(value)}" already`);
          seen.set(value, name);
        }
        const slot = subnetSlot(name);
        if (lanes.has(name)) refuse([...at, 'name'], `"${name}" names two lanes`);
        else if (slots.has(slot))
          refuse([...at, 'name'], `"${name}" gets the same subnet as "${slots.get(slot)}"; choose another name`);
        if (zone !== undefined && zone >= maxAzs) refuse([...at, 'zone'], `must be below maxAzs, which is ${maxAzs}`);
        if ((allocationId === undefined) !== (ip === undefined))
          refuse([...at, ip === undefined ? 'ip' : 'allocationId'], 'allocationId and ip go together');
        lanes.add(name);
        slots.set(slot, name);
      }
    }
    checkEnvironments({ pools, relays, delivery, senders, relay, inbound }, refuse);
    checkRelays(relays, (path, message) => refuse(['relays', ...path], message));
    if (relay) checkOwnRelay(relay, (path, message) => refuse(['relay', ...path], message));
    if (lanes.size > MOST_LANES) refuse(['pools'], `have ${lanes.size} source IPs; a stack can hold ${MOST_LANES}`);

    function refuse(path: (string | number)[], message: string) {
      context.addIssue({ code: 'custom', path, message });
    }
  },
);

/** What the user writes: every field may be left out but the names of what he lists. */
export type SettingsInput = z.input<typeof Checked>;
/** Settings with their defaults filled in. */
export type Settings = z.output<typeof Checked>;
export type PoolSettings = Settings['pools'][number];
export type SourceIpSettings = PoolSettings['sourceIps'][number];
export type RelaySettings = NonNullable<Settings['relays']>[number];

/**
 * Checks settings and fills in their defaults.
 * @throws Error with one line for each wrong field, its path first
 */
export function defineSettings(input: SettingsInput = {}): Settings {
  const result = Checked.safeParse(input);
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap((issue) => linesOf(issue, []));
  throw new Error(`The settings (pennypost.config.ts) are wrong:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

function linesOf(issue: z.core.$ZodIssue, above: PropertyKey[]): string[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${pathText([...path, key])}: is no setting`);
  // "false, or settings": who wrote an object is told what is wrong in it.
  const inner = issue.code === 'invalid_union' ? issue.errors.at(-1) : undefined;
  return inner?.flatMap((one) => linesOf(one, path)) ?? [`${pathText(path)}: ${issue.message}`];
}

/** Whether an EHLO name is a placeholder: `.example`, `.test` and `.invalid` are nobody's (RFC 2606). */
export const isPlaceholder = (ehloName: string) => /\.(example|test|invalid)$/.test(ehloName);

function pathText(path: PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}
