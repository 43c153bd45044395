/**
 * Everything that is kept: tables, the content bucket, the key of DKIM keys, the secret of return paths. All of it is
 * encrypted and outlives the stack. Names are CloudFormation's, so that two stacks fit into one account.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import { Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { DOWNLOAD_DAYS, DOWNLOADS_PREFIX } from '../core/activity/download.ts';
import { SCHEDULED_CLASS_DAYS } from '../core/job.ts';
import { SEND_AT_DAYS } from '../core/mail-send/limits.ts';
import { MESSAGES_INDEX } from '../core/records/messages.ts';
import { SCHEDULED_INDEX } from '../core/records/schedule.ts';
import { FILE_DAYS, VALIDATIONS_PREFIX } from '../core/validation/job.ts';
import type { Settings } from './settings.ts';

export class Storage extends Construct {
  /** Keys, domains, links, templates: everything that an account has. */
  readonly accounts: Table;
  /** Request records and the events of each copy; streamed. */
  readonly messages: Table;
  /** What waits for a time: deferred jobs, `send_at`. */
  readonly holds: Table;
  /** Per source IP and site: limits, pauses, next free turn. */
  readonly sites: Table;
  /** Addresses that get nothing. */
  readonly suppressions: Table;
  /** What was counted, by account and hour. */
  readonly stats: Table;
  /** What is to be told to webhooks, and how far each is. */
  readonly outbox: Table;
  /** Event pages: the log of everything that became of mail. */
  readonly events: Bucket;
  /** Stored requests, under `requests/`. */
  readonly content: Bucket;
  /** Encrypts DKIM private keys, with the account and the domain as context. */
  readonly dkimKey: Key;
  /** The key of the MAC in return paths. */
  readonly returnPathSecret: Secret;
  /** The key of tokens in tracked links; its version before is live too. */
  readonly trackingSecret: Secret;

  constructor(scope: Construct, id: string, { retention }: Settings) {
    super(scope, id);
    this.accounts = this.#table('Accounts', { recoverable: true, expires: true });
    this.holds = this.#table('Holds', { recoverable: true });
    this.holds.addGlobalSecondaryIndex({
      indexName: SCHEDULED_INDEX,
      partitionKey: { name: 'scheduled', type: AttributeType.STRING },
      sortKey: { name: 'due', type: AttributeType.NUMBER },
      projectionType: ProjectionType.ALL,
    });
    this.suppressions = this.#table('Suppressions', { recoverable: true });
    // Learnt again within minutes.
    this.sites = this.#table('Sites', { recoverable: false, expires: true });
    // A log of some weeks: backups of every write would cost as much as the writes.
    this.messages = this.#table('Messages', { recoverable: false, expires: true, stream: StreamViewType.NEW_IMAGE });
    this.messages.addGlobalSecondaryIndex({
      indexName: MESSAGES_INDEX,
      partitionKey: { name: 'indexedRecipient', type: AttributeType.STRING },
      sortKey: { name: 'at', type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });

    this.stats = this.#table('Stats', { recoverable: true, expires: true });
    // Some days of what the event pages have as well, and cursors that a replay makes up for.
    this.outbox = this.#table('Outbox', { recoverable: false, expires: true });

    this.content = this.#bucket('Content', 'stored-requests', retention.contentDays, 'requests/');
    // What is sent later is kept until then, and as long again as other content.
    for (let n = 1; n * SCHEDULED_CLASS_DAYS < SEND_AT_DAYS + SCHEDULED_CLASS_DAYS; n++)
      this.content.addLifecycleRule({
        id: `scheduled-${n}`,
        prefix: `scheduled/${n}/`,
        expiration: Duration.days(n * SCHEDULED_CLASS_DAYS + retention.contentDays),
      });
    this.events = this.#bucket('Events', 'event-pages', retention.eventsDays);
    // The shorter of two lifecycles is the one that counts (S3: "Conflicting lifecycle rules").
    this.events.addLifecycleRule({
      id: 'downloads',
      prefix: DOWNLOADS_PREFIX,
      expiration: Duration.days(DOWNLOAD_DAYS),
    });
    this.events.addLifecycleRule({
      id: 'validations',
      prefix: VALIDATIONS_PREFIX,
      expiration: Duration.days(FILE_DAYS),
    });

    this.dkimKey = new Key(this, 'DkimKey', {
      description: 'DKIM private keys of sending domains',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.returnPathSecret = new Secret(this, 'ReturnPathSecret', {
      description: 'Key of the MAC in return paths',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
    this.trackingSecret = new Secret(this, 'TrackingSecret', {
      description: 'Key of the tokens in tracked links',
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }

  /** Stored requests: those of now, and those that are sent much later. */
  get requestArns(): string[] {
    return ['requests/*', 'scheduled/*'].map((objects) => this.content.arnForObjects(objects));
  }

  #bucket(id: string, rule: string, days: number, prefix?: string): Bucket {
    return new Bucket(this, id, {
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          id: rule,
          ...(prefix !== undefined && { prefix }),
          expiration: Duration.days(days),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
  }

  #table(
    id: string,
    { recoverable, expires, stream }: { recoverable: boolean; expires?: true; stream?: StreamViewType },
  ) {
    return new Table(this, id, {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      encryption: TableEncryption.AWS_MANAGED,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: recoverable },
      removalPolicy: RemovalPolicy.RETAIN,
      ...(expires && { timeToLiveAttribute: 'expiresAt' }),
      ...(stream && { stream }),
    });
  }
}
