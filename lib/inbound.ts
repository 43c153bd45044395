/**
 * Mail that comes in: bucket → queue → inbound, and on to parse what is for customers. Only in a stack whose settings have
 * `inbound`. Raw mail of strangers has a bucket of its own, which empties itself.
 *
 * It comes by the relay's port 25, which stores and queues each mail itself, or through SES receiving (lib/ses-receiving.ts).
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { INBOUND_PREFIX } from '../core/inbound/message.ts';
import type { InboundMailSettings } from './inbound-settings.ts';
import { SesReceiving } from './ses-receiving.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';
import { WorkQueue, workOff } from './work-queue.ts';

/** Some bounces, each read in milliseconds; or some mails of 40 MB, one after the other. */
const INBOUND = { timeoutSeconds: 60, batchSize: 10, batchingWindowSeconds: 1, maximumConcurrency: 10 };
/** A mail of 30 MB, its parts, and the form: about five times that. */
const INBOUND_MB = 512;
/** One mail: its verdicts (10 s), its token (10 s) and its post (30 s). Many at a time, because most of it is waiting for customers. */
const PARSE = { timeoutSeconds: 60, batchSize: 1, batchingWindowSeconds: 0, maximumConcurrency: 50 };
const PARSE_MB = 512;

export type InboundProps = {
  settings: Settings;
  inbound: InboundMailSettings;
  storage: Storage;
  code: CodeOf;
};

export class Inbound extends Construct {
  readonly mail: Bucket;
  /** What came in, and what is on its way to customers. */
  readonly work: WorkQueue;
  readonly parseWork: WorkQueue;
  readonly stage: Stage;
  readonly parse: Stage;
  readonly receiving?: SesReceiving;
  /** What the MX record of a return path, or of a parse host, names. */
  readonly hostName: string;

  constructor(scope: Construct, id: string, { settings, inbound, storage, code }: InboundProps) {
    super(scope, id);
    this.mail = new Bucket(this, 'Mail', {
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          id: 'inbound-mail',
          expiration: Duration.days(inbound.mailDays),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    this.work = new WorkQueue(this, 'Work', INBOUND);
    this.parseWork = new WorkQueue(this, 'ParseWork', PARSE);
    if (inbound.by === 'ses') {
      const { requireTls } = inbound;
      this.receiving = new SesReceiving(this, 'Receiving', { mail: this.mail, work: this.work, requireTls });
    }
    this.hostName = this.receiving?.hostName ?? (settings.relay ? settings.relay.hostName : '');
    this.stage = this.#inbound(settings, storage, code);
    this.parse = this.#parse(settings, storage, code);
    workOff({ work: this.work, stage: this.stage, ...INBOUND });
    workOff({ work: this.parseWork, stage: this.parse, ...PARSE });
  }

  #inbound(settings: Settings, storage: Storage, code: CodeOf): Stage {
    return new Stage(this, 'Inbound', {
      name: 'inbound',
      settings,
      code,
      memoryMb: INBOUND_MB,
      timeoutSeconds: INBOUND.timeoutSeconds,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        MESSAGES_TABLE: storage.messages.tableName,
        HOLDS_TABLE: storage.holds.tableName,
        SUPPRESSIONS_TABLE: storage.suppressions.tableName,
        INBOUND_BUCKET: this.mail.bucketName,
        PARSE_QUEUE_URL: this.parseWork.queue.queueUrl,
        RETURN_PATH_SECRET_ARN: storage.returnPathSecret.secretArn,
        MESSAGES_DAYS: String(settings.retention.messagesDays),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        messages: [storage.messages.tableArn],
        holds: [storage.holds.tableArn],
        suppressions: [storage.suppressions.tableArn],
        inboundMail: [this.mail.arnForObjects(`${INBOUND_PREFIX}*`)],
        returnPathSecret: [storage.returnPathSecret.secretArn],
        ownQueue: [this.work.queue.queueArn],
        parseQueue: [this.parseWork.queue.queueArn],
      },
    });
  }

  #parse(settings: Settings, storage: Storage, code: CodeOf): Stage {
    const { allowPrivateHosts, dnsServers } = settings.delivery;
    return new Stage(this, 'Parse', {
      name: 'parse',
      settings,
      code,
      memoryMb: PARSE_MB,
      timeoutSeconds: PARSE.timeoutSeconds,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        HOLDS_TABLE: storage.holds.tableName,
        INBOUND_BUCKET: this.mail.bucketName,
        ALLOW_PRIVATE_HOSTS: String(allowPrivateHosts),
        INBOUND_HOST: this.hostName,
        ...(dnsServers && { DNS_SERVERS: dnsServers.join(',') }),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        holds: [storage.holds.tableArn],
        inboundMail: [this.mail.arnForObjects(`${INBOUND_PREFIX}*`)],
        dkimKey: [storage.dkimKey.keyArn],
        ownQueue: [this.parseWork.queue.queueArn],
      },
    });
  }
}
