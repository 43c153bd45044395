/**
 * Where readers' programs load pixels, follow links and unsubscribe: a function with an HTTP API of its own, so that nothing of the
 * customers' API is at the same address. Idle it costs nothing.
 *
 * With `tracking.cloudFront`, a multi-tenant CloudFront distribution stands in front: one for all senders. Each link host
 * is a tenant of it, with a certificate that CloudFront has issued and renews (docs/tracking.md); none is in this template, because
 * hosts come and go with senders. Without it, whoever runs the stack brings what answers for the hosts.
 */

import { Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { HttpApi, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import {
  CachePolicy,
  CfnConnectionGroup,
  CfnDistribution,
  CfnOriginRequestPolicy,
  Function as EdgeFunction,
  FunctionCode,
  FunctionRuntime,
} from 'aws-cdk-lib/aws-cloudfront';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { VIEWER_HOST } from '../core/tracking/link-host.ts';
import { ACCESS_LOG } from './accept.ts';
import type { Settings } from './settings.ts';
import { type CodeOf, Stage } from './stage.ts';
import type { Storage } from './storage.ts';

/** A reader waits for it. */
const TIMEOUT_SECONDS = 10;
const MEMORY_MB = 256;
/** Requests a second: a newsletter's first minutes. */
const RATE = { rateLimit: 2_000, burstLimit: 2_000 };
const ORIGIN = 'track';

export type TrackProps = { settings: Settings; storage: Storage; code: CodeOf };

export class Track extends Construct {
  readonly stage: Stage;
  readonly api: HttpApi;
  readonly httpStage: HttpStage;
  readonly front?: Front;

  constructor(scope: Construct, id: string, { settings, storage, code }: TrackProps) {
    super(scope, id);
    const { retention, accept, tracking } = settings;
    this.stage = new Stage(this, 'Track', {
      name: 'track',
      settings,
      code,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: {
        ACCOUNTS_TABLE: storage.accounts.tableName,
        MESSAGES_TABLE: storage.messages.tableName,
        SUPPRESSIONS_TABLE: storage.suppressions.tableName,
        TRACKING_SECRET_ARN: storage.trackingSecret.secretArn,
        MESSAGES_DAYS: String(retention.messagesDays),
      },
      targets: {
        accounts: [storage.accounts.tableArn],
        messages: [storage.messages.tableArn],
        suppressions: [storage.suppressions.tableArn],
        trackingSecret: [storage.trackingSecret.secretArn],
      },
    });
    this.api = new HttpApi(this, 'Api', {
      description: `${settings.stackName}: what links in mail lead to`,
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration('Integration', this.stage.fn),
    });
    this.httpStage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      autoDeploy: true,
      throttle: RATE,
      ...(accept.accessLogs && {
        accessLogSettings: {
          destination: new LogGroupLogDestination(
            new LogGroup(this, 'AccessLogs', { retention: retention.logsDays, removalPolicy: RemovalPolicy.DESTROY }),
          ),
          format: AccessLogFormat.custom(ACCESS_LOG),
        },
      }),
    });
    if (tracking.cloudFront) this.front = new Front(this, 'Front', this.api, settings.stackName);
  }
}

/** CloudFront, for any number of link hosts. It keeps nothing: every answer is one reader's. */
export class Front extends Construct {
  readonly distribution: CfnDistribution;
  /** Where the hosts' CNAME records lead. */
  readonly group: CfnConnectionGroup;

  constructor(scope: Construct, id: string, api: HttpApi, stackName: string) {
    super(scope, id);
    const hostOf = new EdgeFunction(this, 'HostOf', {
      comment: 'Tells the host that a reader asked',
      runtime: FunctionRuntime.JS_2_0,
      code: FunctionCode.fromInline(
        `function handler(event) { var request = event.request; request.headers['${VIEWER_HOST}'] = { value: request.headers.host.value }; return request; }`,
      ),
    });
    const asked = new CfnOriginRequestPolicy(this, 'Asked', {
      originRequestPolicyConfig: {
        name: Names.uniqueResourceName(this, { maxLength: 60 }),
        // Ten are what CloudFront takes. No cookie and no query goes on: nothing of ours has one.
        headersConfig: {
          headerBehavior: 'whitelist',
          headers: [
            VIEWER_HOST,
            'User-Agent',
            'Accept-Language',
            'Content-Type',
            'Sec-Fetch-Mode',
            'Sec-Purpose',
            'Purpose',
            'CloudFront-Viewer-Address',
            'CloudFront-Viewer-Country',
            'CloudFront-Viewer-Country-Region',
          ],
        },
        cookiesConfig: { cookieBehavior: 'none' },
        queryStringsConfig: { queryStringBehavior: 'none' },
      },
    });
    this.distribution = new CfnDistribution(this, 'Distribution', {
      distributionConfig: {
        enabled: true,
        comment: `${stackName}: link hosts`,
        connectionMode: 'tenant-only',
        httpVersion: 'http2and3',
        origins: [
          {
            id: ORIGIN,
            domainName: `${api.apiId}.execute-api.${Stack.of(this).region}.${Stack.of(this).urlSuffix}`,
            customOriginConfig: { originProtocolPolicy: 'https-only', originSslProtocols: ['TLSv1.2'] },
          },
        ],
        defaultCacheBehavior: {
          targetOriginId: ORIGIN,
          // The links say https; who types http is led there.
          viewerProtocolPolicy: 'redirect-to-https',
          allowedMethods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'POST', 'DELETE'],
          cachePolicyId: CachePolicy.CACHING_DISABLED.cachePolicyId,
          originRequestPolicyId: asked.ref,
          functionAssociations: [{ eventType: 'viewer-request', functionArn: hostOf.functionArn }],
        },
      },
    });
    this.group = new CfnConnectionGroup(this, 'Group', {
      name: Names.uniqueResourceName(this, { maxLength: 60 }),
      enabled: true,
      ipv6Enabled: true,
    });
  }
}
