/**
 * Where mail that comes back is kept until it has been read: each message as one object, its envelope on a queue. Raw mail
 * of strangers has a bucket of its own, which goes by itself after two weeks.
 */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { WorkQueue } from './work-queue.ts';

const TIMEOUT_SECONDS = 60;
const DAYS = 14;

export class Inbound extends Construct {
  readonly mail: Bucket;
  readonly work: WorkQueue;

  constructor(scope: Construct, id: string) {
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
          expiration: Duration.days(DAYS),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    this.work = new WorkQueue(this, 'Work', { timeoutSeconds: TIMEOUT_SECONDS, batchingWindowSeconds: 0 });
  }
}
