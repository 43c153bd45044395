/** Bodies that nobody wrote by hand: never a throw, and either faults in their shape or a request that keeps its word. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiError } from '../../../core/errors.ts';
import type { MailRequest } from '../../../core/mail.ts';
import { mergePersonalization, validateMailSend } from '../../../core/mail-send/index.ts';
import { context, type Json, NOW_SECONDS } from './bodies.ts';
import { mutate, mutation, rich } from './mutations.ts';

const RUNS = 2000;

/** As it would come over the wire: properties of arrays and undefined are gone. */
const wire = (body: unknown): unknown => JSON.parse(JSON.stringify(body));

function checkErrors(errors: ApiError[]): void {
  expect(errors.length).toBeGreaterThan(0);
  expect(errors.length).toBeLessThanOrEqual(50);
  for (const error of errors) {
    expect(Object.keys(error).sort()).toEqual(['field', 'help', 'message']);
    expect(error.message.length).toBeGreaterThan(5);
    if (error.field === null) expect(error.message).toBe('Bad Request');
    else expect(error.field.length).toBeGreaterThan(0);
    if (error.help !== null)
      expect(error.help).toMatch(/^http:\/\/sendgrid\.com\/docs\/.*errors\.html#message\.[a-z_.-]+$/);
  }
}

function archiveOf(body: Json): string | undefined {
  const bcc = (body.mail_settings as { bcc?: { enable?: boolean; email?: string } } | undefined)?.bcc;
  return bcc?.enable ? bcc.email : undefined;
}

function checkRequest(request: MailRequest, body: Json): void {
  const { content, personalizations, copies, sendAt } = request;
  const given = body.personalizations as Record<string, { email: string }[] | undefined>[];
  const archive = archiveOf(body);
  const roles = given.flatMap((one, i) => {
    const own = ['to', 'cc', 'bcc'].flatMap((role) => (one[role] ?? []).map(() => `${i} ${role}`));
    const all = [...(one.to ?? []), ...(one.cc ?? []), ...(one.bcc ?? [])];
    const has = all.some(({ email }) => email.toLowerCase() === archive?.toLowerCase());
    return archive === undefined || has ? own : [...own, `${i} bcc`];
  });
  expect(copies.map(({ personalization, role }) => `${personalization} ${role}`)).toEqual(roles);
  expect(copies.map(({ index }) => index)).toEqual(copies.map((_, i) => i));
  for (const { address } of copies) expect(address).toMatch(/^[\x20-\x7e]+@[a-z0-9.-]+$/i);
  expect(copies.length).toBeLessThanOrEqual(1000);
  expect(personalizations.map(({ index }) => index)).toEqual(given.map((_, i) => i));
  for (const [index, seconds] of Object.entries(sendAt)) {
    expect(personalizations[Number(index)]).toBeDefined();
    expect(seconds).toBeGreaterThan(NOW_SECONDS);
    expect(seconds).toBeLessThanOrEqual(NOW_SECONDS + 366 * 86_400);
  }
  for (const personalization of personalizations) {
    const merged = mergePersonalization(content, personalization);
    const names = Object.keys(merged.headers).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    for (const line of [
      ...Object.keys(merged.headers),
      ...Object.values(merged.headers),
      merged.subject ?? '',
      merged.from.name ?? '',
    ])
      expect(line).not.toMatch(/[\r\n\0]/);
    expect(Buffer.byteLength(JSON.stringify(merged.customArgs))).toBeLessThanOrEqual(10_000);
    expect(merged.subject !== undefined || content.templateId !== undefined).toBe(true);
    expect(personalization.to.length).toBeGreaterThan(0);
  }
  expect(content.parts.length > 0 || content.templateId !== undefined).toBe(true);
  expect(content.attachments).toHaveLength(((body.attachments as unknown[]) ?? []).length);
  expect(content.parts).toHaveLength(((body.content as unknown[]) ?? []).length);
}

function check(body: unknown): 'accepted' | 'refused' {
  const before = JSON.stringify(body);
  const result = validateMailSend(body, context);
  expect(JSON.stringify(body)).toBe(before);
  if (result.ok) checkRequest(result.request, body as Json);
  else checkErrors(result.errors);
  return result.ok ? 'accepted' : 'refused';
}

describe('validateMailSend', () => {
  it('keeps its word on mutated bodies', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        const body = rich();
        for (const one of mutations) mutate(body, one);
        seen[check(wire(body))]++;
      }),
      { numRuns: RUNS },
    );

    // Assess: both ends of the road were walked
    expect(seen.accepted).toBeGreaterThan(RUNS / 50);
    expect(seen.refused).toBeGreaterThan(RUNS / 10);
  });

  it('refuses arbitrary JSON without a throw', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), (body) => {
        expect(check(wire(body))).toBe('refused');
      }),
      { numRuns: RUNS },
    );
  });

  it('refuses a valid body with an arbitrary value in any one field, or carries it', () => {
    const fields = Object.keys(rich());
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }), (field, value) => {
        check(wire({ ...rich(), [field]: value }));
      }),
      { numRuns: RUNS },
    );
  });
});
