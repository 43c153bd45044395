/**
 * Every error of the API that is not about one field of a mail: its status and the words on the wire, in one table.
 * docs/errors.md says what a person does next; a test holds the two together. Errors about fields are made in
 * core/mail-send, in the same shape (SendGrid: `{errors: [{message, field, help}]}`).
 */
import { BIG_REQUEST_BYTES, REQUEST_BYTES } from './limits.ts';

/** One entry of `errors`. `field` is a dotted path (`personalizations.0.to.1.email`), or null where no field is at fault. */
export type ApiError = { message: string; field: string | null; help: string | null };

/** An error with its HTTP status: an entry of the table, or one like it. */
export type ApiFailure = ApiError & { status: number };

const IDENTITY_HELP = 'https://sendgrid.com/docs/for-developers/sending-email/sender-identity/';

export const apiErrors = {
  badRequest: { status: 400, message: 'Bad Request', field: null, help: null },
  badGzip: {
    status: 400,
    message: 'The body says Content-Encoding: gzip, but is not a whole gzip file.',
    field: null,
    help: null,
  },
  badIdempotencyKey: {
    status: 400,
    message: 'The Idempotency-Key must be 1 to 256 printable ASCII characters without spaces.',
    field: null,
    help: null,
  },
  unauthorized: {
    status: 401,
    message: 'The provided authorization grant is invalid, expired, or revoked',
    field: null,
    help: null,
  },
  authorizationRequired: { status: 401, message: 'authorization required', field: null, help: null },
  creditsExceeded: { status: 401, message: 'Maximum credits exceeded', field: null, help: null },
  forbidden: { status: 403, message: 'access forbidden', field: null, help: null },
  addressNotAllowed: {
    status: 403,
    message:
      'Your IP address is not whitelisted: the account takes calls from the addresses of its IP access list alone.',
    field: null,
    help: null,
  },
  senderNotVerified: {
    status: 403,
    message: `The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. Visit ${IDENTITY_HELP} to see the Sender Identity requirements`,
    field: 'from',
    help: null,
  },
  notFound: { status: 404, message: 'not found', field: null, help: null },
  methodNotAllowed: { status: 405, message: 'POST method allowed only', field: null, help: null },
  tooSlow: { status: 408, message: 'The request body came too slowly.', field: null, help: null },
  idempotencyMismatch: {
    status: 409,
    message:
      'This Idempotency-Key was used within the last 24 hours with another request body. Send the first body again, or use a new key.',
    field: null,
    help: null,
  },
  idempotencyInProgress: {
    status: 409,
    message: 'A request with this Idempotency-Key is being accepted at this moment. Send it again in a few seconds.',
    field: null,
    help: null,
  },
  payloadTooLarge: {
    status: 413,
    message: sayTooLarge(REQUEST_BYTES),
    field: null,
    help: null,
  },
  notJson: { status: 415, message: 'Content-Type should be application/json', field: null, help: null },
  unsupportedEncoding: {
    status: 415,
    message: 'Content-Encoding should be gzip, or left out.',
    field: null,
    help: null,
  },
  notUtf8: { status: 415, message: 'Invalid UTF8 in request.', field: null, help: null },
  tooManyRequests: { status: 429, message: 'too many requests', field: null, help: null },
  internalError: { status: 500, message: 'internal server error', field: null, help: null },
  uncertain: {
    status: 503,
    message:
      'The request may have been accepted: its queue or table did not answer. Repeat it with an Idempotency-Key, or look whether it arrived before you send it again.',
    field: null,
    help: null,
  },
  unavailable: {
    status: 503,
    message: 'The service is temporarily unavailable: this request was not taken. Send it again.',
    field: null,
    help: null,
  },
} as const satisfies Record<string, ApiFailure>;

export type ApiErrorCode = keyof typeof apiErrors;

/** The table's entry as it stands in `errors`. */
export function apiError(code: ApiErrorCode): ApiError {
  const { message, field, help } = apiErrors[code];
  return { message, field, help };
}

/**
 * `payloadTooLarge` as a door says it.
 * @param bytes the door's own limit
 * @param bigDoorUrl where up to 30 MB are taken, if there is such a place
 */
export function tooLarge(bytes: number, bigDoorUrl?: string): ApiFailure {
  const bigger = bigDoorUrl ? ` Up to ${BIG_REQUEST_BYTES} bytes are taken at ${bigDoorUrl}` : '';
  return { ...apiErrors.payloadTooLarge, message: sayTooLarge(bytes) + bigger };
}

/** `addressNotAllowed` with the address that was looked at: behind a NAT or a proxy nobody else can tell which it is. */
export function addressNotAllowed(ip: string | undefined): ApiFailure {
  const { addressNotAllowed: failure } = apiErrors;
  return ip === undefined ? failure : { ...failure, message: `${failure.message} This one came from ${ip}.` };
}

function sayTooLarge(bytes: number): string {
  return `The request body must not be larger than ${bytes} bytes. Make the attachments smaller or link to them, or split the personalizations over several requests.`;
}

/** Longer ones are cut, so that an SMTP reply stays within a line of 512 octets (RFC 5321 4.5.3.1.5). */
const DOMAIN_SHOWN = 60;

/** `senderNotVerified`, and behind SendGrid's words, which programs look for, what to do here. @param domain of the From */
export function senderNotVerified(domain: string): ApiFailure {
  const shown = domain.length > DOMAIN_SHOWN ? `${domain.slice(0, DOMAIN_SHOWN)}...` : domain;
  const advice = `${shown} is no verified domain of this account: add it (pennypost domains add, or POST /v3/whitelabel/domains), publish its DNS records and validate it`;
  return { ...apiErrors.senderNotVerified, message: `${apiErrors.senderNotVerified.message}. ${advice}` };
}

/** The body of an error answer: exactly `message`, `field` and `help` of each. */
export function errorBody(errors: readonly ApiError[]): { errors: ApiError[] } {
  return { errors: errors.map(({ message, field, help }) => ({ message, field, help })) };
}
