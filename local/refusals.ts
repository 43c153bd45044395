/** A service's "no" in its own format, so that the SDK of the caller makes its own error of it. */
import type { Service } from './calls.ts';

export type Reply = { status: number; headers: Record<string, string>; body: Buffer };

/** Status codes as the services use them: DynamoDB, KMS and Secrets Manager say 400 even for "access denied". */
const DENIED_STATUS: Partial<Record<Service, number>> = { sqs: 403, s3: 403, cloudformation: 403, route53: 403 };

export function accessDenied(service: Service | undefined, message: string): Reply {
  const code =
    service === 's3' || service === 'cloudformation' || service === 'route53'
      ? 'AccessDenied'
      : 'AccessDeniedException';
  return refusal(service, code, message, (service && DENIED_STATUS[service]) ?? 400);
}

/** "Slow down", as each service says it. */
export function throttled(service: Service): Reply {
  const message = 'Rate exceeded (a fault on purpose)';
  switch (service) {
    case 's3':
      return refusal(service, 'SlowDown', message, 503);
    case 'dynamodb':
      return refusal(service, 'ProvisionedThroughputExceededException', message, 400);
    default:
      return refusal(service, 'ThrottlingException', message, 400);
  }
}

export function serverError(service: Service): Reply {
  const code = service === 'dynamodb' ? 'InternalServerError' : 'InternalError';
  return refusal(service, code, 'Internal error (a fault on purpose)', 500);
}

/** @param service undefined: nobody knows which; JSON is answered */
export function refusal(service: Service | undefined, code: string, message: string, status: number): Reply {
  if (service === 's3')
    return xml(status, `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`);
  if (service === 'cloudformation' || service === 'route53')
    return xml(
      status,
      `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error></ErrorResponse>`,
    );
  return json(status, { __type: `com.amazon.coral.service#${code}`, message, Message: message });
}

export function json(status: number, value: unknown, type = 'application/x-amz-json-1.1'): Reply {
  const body = Buffer.from(JSON.stringify(value));
  return { status, headers: { 'content-type': type }, body };
}

export function xml(status: number, text: string): Reply {
  return { status, headers: { 'content-type': 'text/xml' }, body: Buffer.from(text) };
}

export function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
