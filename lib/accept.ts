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
import { bigDoorUrl } from './relay-settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import { type Submitting, submissionEnvironment, submissionTargets } from './submission.ts';

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

/** `manage`: who answers all other paths. */
export type AcceptProps = Submitting & { manage: Stage; code: CodeOf };

export class Accept extends Construct {
  readonly stage: Stage;
  readonly api: HttpApi;
  readonly httpStage: HttpStage;

  constructor(scope: Construct, id: string, { manage, code, ...submitting }: AcceptProps) {
    super(scope, id);
    const { settings } = submitting;
    const { accept, relay, retention } = settings;
    const bigDoor = relay ? bigDoorUrl(relay) : undefined;
    this.stage = new Stage(this, 'Accept', {
      name: 'accept',
      settings,
      code,
      memoryMb: accept.memoryMb,
      timeoutSeconds: accept.timeoutSeconds,
      reservedConcurrency: accept.reservedConcurrency,
      environment: { ...submissionEnvironment(submitting), ...(bigDoor !== undefined && { BIG_DOOR_URL: bigDoor }) },
      targets: submissionTargets(submitting),
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
