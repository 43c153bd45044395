import { describe, expect, it } from 'vitest';
import { VIEWER_HOST } from '../../core/tracking/link-host.ts';
import type { SettingsInput } from '../../lib/settings.ts';
import { flatten, ofType } from './flatten.ts';

const plain = flatten();
const fronted = flatten({ tracking: { cloudFront: true } });

describe('track', () => {
  it('has an API of its own, with nothing of the customers’ behind it', () => {
    const apis = ofType(plain, 'AWS::ApiGatewayV2::Api').map(({ path }) => path);
    expect(apis).toEqual(['Accept/Api', 'Track/Api']);
    const behind = ofType(plain, 'AWS::ApiGatewayV2::Integration').filter(({ path }) => path.startsWith('Track/'));
    expect(behind.map(({ properties }) => properties.IntegrationUri)).toEqual(['<Track/Track/Function.Arn>']);
    const [stage] = ofType(plain, 'AWS::ApiGatewayV2::Stage').filter(({ path }) => path.startsWith('Track/'));
    expect(stage?.properties.DefaultRouteSettings).toEqual({ ThrottlingRateLimit: 2_000, ThrottlingBurstLimit: 2_000 });
  });

  it('gets the key of tokens, and no other secret; deliver makes them with the same', () => {
    const variables = (path: string) =>
      plain.resources.find((one) => one.path === path)?.properties.Environment.Variables as Record<string, string>;
    const own = variables('Track/Track/Function');
    expect(own.TRACKING_SECRET_ARN).toBe('<Storage/TrackingSecret>');
    expect(Object.keys(own).filter((name) => /SECRET|KEY|QUEUE|BUCKET/.test(name))).toEqual(['TRACKING_SECRET_ARN']);
    const deliver = plain.resources.find(({ path }) => path.endsWith('/Deliver/Function'))!.path;
    expect(variables(deliver).TRACKING_SECRET_ARN).toBe('<Storage/TrackingSecret>');
  });

  it('is told whether mail to unsubscribe comes in: by SES, or by a relay that takes it', () => {
    const told = (settings: SettingsInput) =>
      ofType(flatten(settings), 'AWS::Lambda::Function').find(({ path }) => path.endsWith('/Deliver/Function'))!
        .properties.Environment.Variables.UNSUBSCRIBE_BY_MAIL;
    const relay = { hostName: 'smtp.example.com' };
    expect(
      [{}, { inbound: { by: 'ses' as const } }, { relay }, { relay: { ...relay, inbound: false } }].map(told),
    ).toEqual([undefined, 'true', 'true', undefined]);
  });

  it('has nothing in front of it unless that is asked for', () => {
    expect(plain.resources.filter(({ type }) => type.startsWith('AWS::CloudFront::'))).toEqual([]);
    expect(Object.keys(plain.outputs)).not.toContain('LinkTarget');
  });
});

describe('CloudFront in front of it', () => {
  const [distribution] = ofType(fronted, 'AWS::CloudFront::Distribution');
  const { DistributionConfig: config } = distribution!.properties;

  it('is for any number of link hosts: each is a tenant with its certificate', () => {
    expect(config.ConnectionMode).toBe('tenant-only');
    expect(config).not.toHaveProperty('Aliases');
    expect(config).not.toHaveProperty('ViewerCertificate');
    expect(Object.keys(fronted.outputs)).toEqual(
      expect.arrayContaining(['LinkDistributionId', 'LinkConnectionGroupId', 'LinkTarget']),
    );
  });

  it('keeps no answer, goes on over TLS 1.2 only, and lets forms through', () => {
    const { DefaultCacheBehavior: behavior, Origins: origins } = config;
    expect(behavior.ViewerProtocolPolicy).toBe('redirect-to-https');
    expect(behavior.AllowedMethods).toContain('POST');
    // AWS's managed policy CachingDisabled.
    expect(behavior.CachePolicyId).toBe('4135ea2d-6df8-44a3-9df3-4b5a84be39ad');
    expect(origins).toMatchObject([
      { CustomOriginConfig: { OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1.2'] } },
    ]);
  });

  it('tells the host that the reader asked, whatever he says it is', () => {
    const [edge] = ofType(fronted, 'AWS::CloudFront::Function');
    const run = new Function(`${edge!.properties.FunctionCode}; return handler;`)() as (event: object) => {
      headers: Record<string, { value: string }>;
    };
    const request = {
      headers: { host: { value: 'links.example.com' }, [VIEWER_HOST]: { value: 'links.evil.example' } },
    };
    expect(run({ request }).headers[VIEWER_HOST]).toEqual({ value: 'links.example.com' });
    const [policy] = ofType(fronted, 'AWS::CloudFront::OriginRequestPolicy');
    const { HeadersConfig, CookiesConfig, QueryStringsConfig } = policy!.properties.OriginRequestPolicyConfig;
    expect(HeadersConfig.Headers).toHaveLength(10);
    expect(HeadersConfig.Headers).toContain(VIEWER_HOST);
    expect([CookiesConfig.CookieBehavior, QueryStringsConfig.QueryStringBehavior]).toEqual(['none', 'none']);
  });
});
