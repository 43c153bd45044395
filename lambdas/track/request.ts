/**
 * A request as CloudFront and API Gateway hand it on. CloudFront tells the host that the reader asked in a field of its own, since
 * API Gateway only answers to its name; whoever writes that field himself gets what any token says at that host, and no more than he
 * would have got there. His address and country are CloudFront's word where it gives it.
 */
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { VIEWER_HOST } from '../../core/tracking/link-host.ts';
import type { TrackRequest } from './track.ts';

export function readRequest(event: APIGatewayProxyEventV2): TrackRequest {
  const { requestContext, rawPath, headers: given, body = '', isBase64Encoded } = event;
  const headers = Object.fromEntries(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  const { method, sourceIp } = requestContext.http;
  const country = word(headers['cloudfront-viewer-country'], /^[A-Z]{2}$/);
  const region = word(headers['cloudfront-viewer-country-region'], /^[A-Z0-9]{1,3}$/);
  return {
    method,
    path: rawPath,
    host: (headers[VIEWER_HOST] ?? headers.host ?? '').toLowerCase(),
    headers,
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    ip: viewerIp(headers['cloudfront-viewer-address']) ?? sourceIp,
    country,
    province: country && region && `${country}-${region}`,
  };
}

/** `203.0.113.7:4711`, `2001:db8::1:4711`: what stands before the port. */
function viewerIp(address: string | undefined): string | undefined {
  return /^([0-9a-fA-F.:]{2,45}):\d{1,5}$/.exec(address ?? '')?.[1];
}

function word(text: string | undefined, pattern: RegExp): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}
