/**
 * The way in: an HTTP API in front of accept and manage. `mail/send` is accept's, with every method; all other paths are
 * manage's, also those that do not exist, so that they are answered in SendGrid's shape, not in API Gateway's.
 */
import { RemovalPolicy } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Expand } from './expand.ts';
import type { Lane } from './lane.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';

/** API Gateway's own ceiling for a burst, in requests. */
const MOST_BURST = 5000;

/** One short line for a request: who, what, how it ended. */
export const ACCESS_LOG = JSON.stringify({
  id: '$context.requestId',
  at: '$context.requestTimeEpoch',
  ip: '$context.identity.sourceIp',
  route: '$context.httpMethod $context.path',
  status: '$context.status',
  error: '$context.integrationErrorMessage',
});

export type AcceptProps = {
  settings: Settings;
  storage: Storage;
  expand: Expand;
  lanes: Lane[];
  /** `LANES`, as JSON. */
  lanesJson: string;
  /** Who answers all other paths. */
  manage: Stage;
  code: CodeOf;
};

export class Accept extends Construct {
  readonly stage: Stage;
  readonly api: HttpApi;
  readonly httpStage: HttpStage;

  constructor(scope: Construct, id: string, props: AcceptProps) {
    super(scope, id);
    const { settings, storage, expand, lanes, lanesJson, manage, code } = props;
    const { accept, delivery, retention } = settings;
    this.stage = new Stage(this, 'Accept', {
      name: 'accept',
      settings,
      code,
      memoryMb: accept.memoryMb,
      timeoutSeconds: accept.timeoutSeconds,
      reservedConcurrency: accept.reservedConcurrency,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        MESSAGES_TABLE: storage.messages.tableName,
        HOLDS_TABLE: storage.holds.tableName,
        CONTENT_BUCKET: storage.content.bucketName,
        EXPAND_QUEUE_URL: expand.work.queue.queueUrl,
        LANES: lanesJson,
        MESSAGES_DAYS: String(retention.messagesDays),
        DELIVER_TIMEOUT_SECONDS: String(delivery.timeoutSeconds),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        messages: [storage.messages.tableArn],
        holds: [storage.holds.tableArn],
        requests: [storage.content.arnForObjects('requests/*')],
        lanes: lanes.map(({ work }) => work.queue.queueArn),
        expandQueue: [expand.work.queue.queueArn],
      },
    });

    const integration = new HttpLambdaIntegration('Integration', this.stage.fn);
    this.api = new HttpApi(this, 'Api', {
      description: `${settings.stackName}: SendGrid's v3 API`,
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration('Others', manage.fn),
    });
    this.api.addRoutes({ path: '/v3/mail/send', methods: [HttpMethod.ANY], integration });
    const { requestsPerSecond } = accept;
    this.httpStage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      autoDeploy: true,
      throttle: { rateLimit: requestsPerSecond, burstLimit: Math.min(requestsPerSecond, MOST_BURST) },
      ...(accept.accessLogs && {
        accessLogSettings: {
          destination: new LogGroupLogDestination(
            new LogGroup(this, 'AccessLogs', {
              retention: retention.logsDays,
              removalPolicy: RemovalPolicy.DESTROY,
            }),
          ),
          format: AccessLogFormat.custom(ACCESS_LOG),
        },
      }),
    });
  }
}
