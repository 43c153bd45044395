import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { apiError, apiErrors, errorBody, senderNotVerified } from '../../core/errors.ts';

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const rows = page
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .filter((cells) => /^`[A-Za-z0-9]+`$/.test(cells[1] ?? ''))
  .map(([, name = '', status = '', message = '', next = '']) => ({
    name: name.replaceAll('`', ''),
    status,
    message,
    next,
  }));

describe('the table of errors and docs/errors.md', () => {
  it('name the same errors, each once', () => {
    // Act
    const documented = rows.map(({ name }) => name).sort();

    // Assess
    expect(documented).toEqual(Object.keys(apiErrors).sort());
  });

  it.each(Object.entries(apiErrors))('%s is documented with its status, its words and what to do', (name, error) => {
    // Act
    const row = rows.find((one) => one.name === name);

    // Assess
    expect(row).toMatchObject({ status: String(error.status), message: error.message });
    expect(row?.next.length).toBeGreaterThan(5);
  });
});

describe('a sender that is not verified', () => {
  it('in SendGrid’s words first, then with the domain and what to do; as an SMTP reply one line of 512 octets at most', () => {
    const { message } = senderNotVerified('shop.example');
    expect(message).toMatch(
      /^The from address does not match a verified Sender Identity\. .*requirements\. shop\.example is/,
    );
    expect(message).toContain('pennypost domains add');
    expect(senderNotVerified('d'.repeat(253)).message.length).toBeLessThan(500 - '550 5.7.1 '.length);
  });
});

describe('errorBody', () => {
  it('gives message, field and help, and nothing else', () => {
    // Prepare
    const error = { ...apiErrors.senderNotVerified, secret: 'x' };

    // Act
    const body = errorBody([error, apiError('notFound')]);

    // Assess
    expect(body.errors.map((one) => Object.keys(one))).toEqual([
      ['message', 'field', 'help'],
      ['message', 'field', 'help'],
    ]);
    expect(body.errors.map(({ field }) => field)).toEqual(['from', null]);
  });

  it.each([
    ['badRequest', 400, 'Bad Request'],
    ['unauthorized', 401, 'The provided authorization grant is invalid, expired, or revoked'],
    ['creditsExceeded', 401, 'Maximum credits exceeded'],
    ['forbidden', 403, 'access forbidden'],
    ['methodNotAllowed', 405, 'POST method allowed only'],
    ['notJson', 415, 'Content-Type should be application/json'],
    ['tooManyRequests', 429, 'too many requests'],
  ] as const)("%s has SendGrid's status and words", (code, status, message) => {
    // Assess
    expect(apiErrors[code]).toEqual({ status, message, field: null, help: null });
  });
});
