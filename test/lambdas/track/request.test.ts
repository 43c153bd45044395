import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { expect, it } from 'vitest';
import { readRequest } from '../../../lambdas/track/request.ts';

const event = (headers: Record<string, string>, more: object = {}) =>
  ({
    rawPath: '/o/x',
    headers,
    requestContext: { http: { method: 'GET', sourceIp: '130.176.0.1' } },
    ...more,
  }) as unknown as APIGatewayProxyEventV2;

it('the reader’s host, address and country are what CloudFront says of him', () => {
  const told = {
    Host: 'abc.execute-api.eu-central-1.amazonaws.com',
    'X-Pennypost-Host': 'Links.Example.com',
    'CloudFront-Viewer-Address': '2001:db8::7:4711',
    'CloudFront-Viewer-Country': 'US',
    'CloudFront-Viewer-Country-Region': 'CA',
  };
  expect(readRequest(event(told))).toMatchObject({
    host: 'links.example.com',
    ip: '2001:db8::7',
    country: 'US',
    province: 'US-CA',
  });
});

it('without CloudFront they are API Gateway’s', () => {
  const read = readRequest(event({ host: '127.0.0.1:8082' }, { body: 'YT1i', isBase64Encoded: true }));
  expect(read).toMatchObject({ host: '127.0.0.1:8082', ip: '130.176.0.1', country: undefined, province: undefined });
  expect(read.body.toString()).toBe('a=b');
});

it('what is no address and no country is not taken for one', () => {
  const told = {
    'cloudfront-viewer-address': '<script>:1',
    'cloudfront-viewer-country': 'Atlantis',
    'cloudfront-viewer-country-region': "'",
  };
  expect(readRequest(event(told))).toMatchObject({
    ip: '130.176.0.1',
    country: undefined,
    province: undefined,
    host: '',
  });
});
