import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aboutOf,
  failureOfSes,
  fromAddressOf,
  refuseForSes,
  SES_OCTETS,
  tagsOf,
  unstuff,
  withoutSignatures,
} from '../../core/ses.ts';
import { FINAL_DOT, normaliseLines, stuffDots } from '../../core/wire.ts';

const about = { account: 'operator', requestId: 'AZq2-_aaaaaaaaaaaaaaaa', index: 12, attempt: 1, lane: 'default-1' };

describe('a message as SES takes it', () => {
  test('stuffing and the final dot are undone, exactly', () => {
    const text = fc.array(fc.constantFrom('.', '..', '\r\n', '\n', 'a', ' ', 'é')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.nat(), (body, cut) => {
        const message = normaliseLines(Buffer.from(body));
        const stuffed = stuffDots(message);
        const at = cut % (stuffed.length + 1);
        const pieces = [stuffed.subarray(0, at), stuffed.subarray(at), FINAL_DOT];
        expect(unstuff(pieces).toString()).toBe(message.toString());
      }),
    );
  });

  test('a message without its final dot is a bug, and is not sent', () => {
    for (const text of ['', 'Subject: x\r\n\r\nhi\r\n', 'a.\r\n', '.'])
      expect(() => unstuff([Buffer.from(text)])).toThrow('without its final dot');
  });

  test('our signatures go, and nothing else', () => {
    const signature = 'DKIM-Signature: v=1; a=rsa-sha256;\r\n d=example.com;\r\n\tb=abc\r\n';
    const rest = 'From: a@example.com\r\nX-DKIM-Signature: kept\r\nSubject: a\r\n DKIM-Signature: folded\r\n';
    const body = '\r\nDKIM-Signature: in the body\r\n';
    const message = Buffer.from(`${signature}${rest}dkim-signature: v=1\r\n${body}`);
    expect(withoutSignatures(message).toString()).toBe(`${rest}${body}`);
    const unsigned = Buffer.from(`${rest}${body}`);
    expect(withoutSignatures(unsigned)).toBe(unsigned);
  });

  test.each([
    ['From: a@example.com\r\n\r\n', 'a@example.com'],
    ['from: "Shop <x@y.example>" <a@example.com>\r\n\r\n', 'a@example.com'],
    ['Subject: x\r\nFrom: A very long name\r\n <a@example.com>\r\n\r\n', 'a@example.com'],
    ['Subject: x\r\n\r\nFrom: a@example.com\r\n', undefined],
    ['\r\nFrom: a@example.com\r\n', undefined],
    ['From: nobody\r\n\r\n', undefined],
    ['From: a@example.com, b@example.com\r\n\r\n', undefined],
  ])('the address of %j is %s', (message, address) => {
    expect(fromAddressOf(Buffer.from(message))).toBe(address);
  });
});

describe('tags', () => {
  const asEvent = (tags: ReturnType<typeof tagsOf>) =>
    Object.fromEntries(tags.map(({ Name, Value }) => [Name, [Value]]));

  test('name the copy there and back, in letters that SES takes', () => {
    for (const one of [about, { ...about, possibleDuplicate: true }]) {
      expect(aboutOf(asEvent(tagsOf(one)))).toEqual(one);
      for (const { Name, Value } of tagsOf(one)) expect(`${Name}${Value}`).toMatch(/^[\w-]+$/);
    }
  });

  // Attack: mail with tags of its own goes through our configuration set, to write into another account's records.
  test.each([
    ['an account with a separator', 'account', ['oper#tor']],
    ['two accounts', 'account', ['operator', 'another2']],
    ['a request id that is none', 'request', ['../../x']],
    ['a copy that is no number', 'copy', ['0000#late']],
    ['no list', 'lane', 'default-1'],
    ['nothing', 'attempt', undefined],
  ])('%s is nobody of ours', (_, name, value) => {
    expect(aboutOf({ ...asEvent(tagsOf(about)), [`pennypost-${name}`]: value })).toBeUndefined();
  });
});

describe('what an error means', () => {
  const answered = (name: string, message: string, httpStatusCode = 400) =>
    Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
  const unanswered = (message: string, code?: string) => Object.assign(new Error(message), { name: 'Error', code });

  test.each([
    [
      'the rate',
      answered('TooManyRequestsException', 'Maximum sending rate exceeded.', 429),
      454,
      /Maximum sending rate/,
    ],
    ['the quota', answered('LimitExceededException', 'Daily message quota exceeded.'), 454, /quota/],
    ['the content', answered('MessageRejected', 'Virus found'), 554, /^554 5\.6\.0 SES: Virus/],
    ['a malformed message', answered('BadRequestException', 'Illegal address'), 554, /Illegal address/],
    ['an identity that is not verified', answered('MessageRejected', 'Email address is not verified.'), 454, /doctor/],
    ['a paused account', answered('SendingPausedException', ''), 454, /^454 4\.3\.5 SES: sending is paused/],
    ['a stopped account', answered('AccountSuspendedException', ''), 454, /Support Center/],
    [
      'no permission',
      answered('AccessDeniedException', 'not authorized to perform ses:SendRawEmail', 403),
      454,
      /authorized/,
    ],
    ['a fault of SES', answered('InternalFailure', '', 500), 454, /InternalFailure/],
  ])('%s: %s', (_, error, code, text) => {
    const failure = failureOfSes(error);
    expect(failure).toMatchObject({ ok: false, afterDot: false, reply: { code } });
    expect(failure.reply?.text).toMatch(text);
  });

  test.each([
    ['no such host', unanswered('getaddrinfo', 'ENOTFOUND'), false],
    ['refused', unanswered('connect', 'ECONNREFUSED'), false],
    [
      'no connection in time',
      unanswered('the request socket did not establish a connection with the server within'),
      false,
    ],
    ['no answer in time', Object.assign(new Error('aborted'), { name: 'TimeoutError' }), true],
    ['the call was given up', Object.assign(new Error('Request aborted'), { name: 'AbortError' }), true],
    ['the link broke', unanswered('socket hang up', 'ECONNRESET'), true],
    ['something nobody knows', unanswered('?'), true],
  ])('%s: in doubt only when it may have been taken', (_, error, afterDot) => {
    expect(failureOfSes(error)).toMatchObject({ ok: false, afterDot, stage: afterDot ? 'dot' : 'connect' });
    expect(failureOfSes(error).reply).toBeUndefined();
  });
});

test('what SES cannot carry is refused before it is asked', () => {
  const fine = { to: 'a@example.net', octets: 1_000 };
  expect(refuseForSes(fine)).toBeUndefined();
  expect(refuseForSes({ ...fine, to: 'a@bücher.example' })).toBeUndefined();
  expect(refuseForSes({ ...fine, to: 'jörg@example.net' })?.reply?.code).toBe(553);
  expect(refuseForSes({ ...fine, eightBit: true })?.reply?.code).toBe(553);
  expect(refuseForSes({ ...fine, octets: SES_OCTETS + 1 })?.reply?.code).toBe(552);
});
