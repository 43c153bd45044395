import { expect, test } from 'vitest';
import { flatten, functionName, ofType } from './flatten.ts';

const flat = flatten({
  accept: { accessLogs: true, requestsPerSecond: 7000, reservedConcurrency: 40, timeoutSeconds: 20 },
});

test('mail/send reaches accept with every method, and every other path manage', () => {
  // Prepare
  const integrations = ofType(flat, 'AWS::ApiGatewayV2::Integration').filter(({ path }) => path.startsWith('Accept/'));
  const routes = ofType(flat, 'AWS::ApiGatewayV2::Route')
    .filter(({ path }) => path.startsWith('Accept/'))
    .map(({ properties }) => properties);

  // Assess
  expect(routes.map(({ RouteKey }) => RouteKey).sort()).toEqual(['$default', 'ANY /v3/mail/send']);
  for (const { properties } of integrations)
    expect(properties).toMatchObject({ IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
  const uriOf = (key: string) => {
    const target = routes.find(({ RouteKey }) => RouteKey === key)?.Target as string;
    return integrations.find(({ path }) => target === `integrations/<${path}>`)?.properties.IntegrationUri;
  };
  expect(uriOf('ANY /v3/mail/send')).toBe('<Accept/Accept/Function.Arn>');
  expect(uriOf('$default')).toBe('<Manage/Manage/Function.Arn>');
  expect(
    ofType(flat, 'AWS::Lambda::Permission').filter(
      ({ path, properties }) => path.startsWith('Accept/') && properties.Principal.startsWith('apigateway'),
    ),
  ).toHaveLength(2);
});

test('the stage limits the rate; it logs one short line for a request, as JSON, if that is asked for', () => {
  const [stage] = ofType(flat, 'AWS::ApiGatewayV2::Stage');
  expect(stage?.properties).toMatchObject({
    StageName: '$default',
    AutoDeploy: true,
    DefaultRouteSettings: { ThrottlingRateLimit: 7000, ThrottlingBurstLimit: 5000 },
    AccessLogSettings: { DestinationArn: '<Accept/AccessLogs.Arn>' },
  });
  expect(JSON.parse(stage?.properties.AccessLogSettings.Format)).toMatchObject({ id: '$context.requestId' });
  expect(ofType(flatten(), 'AWS::ApiGatewayV2::Stage')[0]?.properties).not.toHaveProperty('AccessLogSettings');
});

test('accept takes its limits from the settings', () => {
  const accept = ofType(flat, 'AWS::Lambda::Function').find((fn) => functionName(fn) === 'accept');
  expect(accept?.properties).toMatchObject({ ReservedConcurrentExecutions: 40, Timeout: 20 });
});
