import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cutJobs,
  type Job,
  messageGroup,
  mimeKey,
  mustBeStored,
  parseJob,
  type StoredRequest,
  storedBytes,
  storedOf,
  turnsOf,
} from '../../core/job.ts';
import { JOB_BYTES, JOB_COPIES } from '../../core/limits.ts';
import type { Content } from '../../core/mail.ts';
import { content, cut, makeRequest } from './stored-request.ts';

/** Mail to so many, each with an address of his own. */
const requestTo = (sizes: { to: number; bcc: number; pad: number; sendAt?: number }[]) =>
  makeRequest(
    sizes.map(({ to, bcc, ...rest }, index) => ({
      to: Array.from({ length: to }, (_, i) => `r${index}-${i}@example.net`),
      bcc: Array.from({ length: bcc }, (_, i) => `b${i}@example.net`),
      ...rest,
    })),
  );

describe('cutJobs', () => {
  it('puts every copy of its turn in exactly one job, in order, within the limits, and cuts the same twice', () => {
    const size = fc.record({
      to: fc.integer({ min: 1, max: 40 }),
      bcc: fc.integer({ min: 0, max: 3 }),
      pad: fc.integer({ min: 0, max: 9_000 }),
      sendAt: fc.constantFrom(0, 0, 1_800_000_000, 1_800_000_060),
    });
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 30 }), fc.boolean(), (sizes, stored) => {
        const request = requestTo(sizes);
        const where = stored ? { ...cut, contentKey: 'requests/operator/x.json' } : cut;
        const turns = turnsOf(request);
        const jobs = turns.flatMap((turn) => cutJobs(request, turn, where, () => 'lane-1'));

        expect(
          jobs
            .flatMap(({ copies }) => copies)
            .map(({ index }) => index)
            .sort((a, b) => a - b),
        ).toEqual(request.copies.map(({ index }) => index));
        for (const job of jobs) {
          expect(job.copies.length).toBeLessThanOrEqual(JOB_COPIES);
          expect(Buffer.byteLength(JSON.stringify(job))).toBeLessThanOrEqual(JOB_BYTES + 1_000);
          const named = new Set(job.personalizations.map(({ index }) => index));
          expect(named).toEqual(new Set(job.copies.map(({ personalization }) => personalization)));
          expect(parseJob(JSON.stringify(job))).toEqual(job);
        }
        expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length);
        expect(turns.flatMap((turn) => cutJobs(request, turn, where, () => 'lane-1'))).toEqual(jobs);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves a personalization that is too long in the stored request', () => {
    const request = requestTo([{ to: 1_000, bcc: 0, pad: 0 }]);
    expect(mustBeStored(request)).toBe(true);
    const jobs = cutJobs(request, 0, { ...cut, contentKey: 'requests/operator/x.json' }, () => 'lane-1');
    expect(jobs).toHaveLength(10);
    expect(jobs[0]!.personalizations).toEqual([{ index: 0, stored: true }]);
  });

  it('fits a thousand ordinary personalizations into ten jobs', () => {
    const jobs = cutJobs(
      requestTo(Array.from({ length: 1_000 }, () => ({ to: 1, bcc: 0, pad: 0 }))),
      0,
      cut,
      () => 'lane-1',
    );
    expect(jobs).toHaveLength(10);
  });
});

describe('parseJob', () => {
  it.each([
    ['', /JSON/],
    ['null', /version 1/],
    ['{"v":2}', /version 1/],
    ['{"v":1}', /without id/],
    [
      '{"v":1,"id":"a","account":"b","requestId":"c","lane":"d","hop":0,"attempt":0,"acceptedAt":1,"copies":[]}',
      /without copies/,
    ],
    [
      '{"v":1,"id":"a","account":"b","requestId":"c","lane":"d","hop":0,"attempt":0,"acceptedAt":1,"copies":[{}],"personalizations":[]}',
      /content or contentKey/,
    ],
  ])('refuses %j', (body, message) => {
    expect(() => parseJob(body)).toThrow(message);
  });
});

describe('messageGroup', () => {
  it('keeps single mail, a newsletter and retries of one account apart', () => {
    const job = { account: 'subuser2', requestId: 'R', attempt: 0 };
    expect(new Set([messageGroup(job, 1), messageGroup(job, 5), messageGroup({ ...job, attempt: 1 }, 5)]).size).toBe(3);
    expect(messageGroup({ ...job, account: 'operator' }, 1)).toBeUndefined();
  });
});

describe('a message that came as MIME', () => {
  const mime = { key: mimeKey('operator', cut.requestId), bytes: 30_000_000 };
  const request = (changes: Partial<Content>): StoredRequest => {
    const made = requestTo([{ to: 1, bcc: 0, pad: 0 }]);
    return { ...made, content: { ...content, ...changes } };
  };
  const jobOf = (stored: StoredRequest, where = {}): Job =>
    cutJobs(stored, 0, { ...cut, ...where }, () => 'lane-1')[0]!;

  it('is named by its jobs where it is long, and its bytes count as those that are read', () => {
    expect(mustBeStored(request({ mime }))).toBe(false);
    expect(storedOf(jobOf(request({ mime })))).toEqual(mime);
    const contentKey = 'requests/operator/x.json';
    const stored = jobOf(request({ mime }), { contentKey });
    expect(storedOf(stored)).toEqual({
      key: contentKey,
      bytes: storedBytes(request({})) + JSON.stringify({ mime }).length - 1 + mime.bytes,
    });
  });

  it('travels in its jobs where it is short', () => {
    const octets = 'Subject: h\xe4llo\r\n\r\nHello\r\n';
    const job = parseJob(JSON.stringify(jobOf(request({ mime: { octets } }))));
    expect(job.content?.mime).toEqual({ octets });
    expect(storedOf(job)).toBeUndefined();
    expect(mustBeStored(request({ mime: { octets: '\r\n'.repeat(10_000) } }))).toBe(true);
  });
});
