import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isErasedAddress } from '../../../core/erased-address.ts';
import { blankJob, blankRequest, emptyRequest, mentions } from '../../../core/erasure/stored.ts';
import { cutJobs, type Job, type StoredRequest, storedBytes, turnsOf, waitingFrom } from '../../../core/job.ts';
import type { Copy } from '../../../core/mail.ts';
import { cut, type Message, makeRequest as requestOf } from '../stored-request.ts';

const PEOPLE = ['ada', 'Bob', 'charles', 'dora', 'ümit'].map((name) => `${name}@example.net`);
const person = fc.constantFrom(...PEOPLE);
const readers = fc.uniqueArray(person, { maxLength: 4 }).map((some) => new Set(some.map((one) => one.toLowerCase())));
const message = fc.record({
  to: fc.array(person, { minLength: 1, maxLength: 5 }),
  cc: fc.array(person, { maxLength: 2 }),
  bcc: fc.array(person, { maxLength: 2 }),
  inHeader: fc.boolean(),
  pad: fc.integer({ min: 0, max: 9_000 }),
  sendAt: fc.constantFrom(0, 0, 1_800_000_000, 1_800_000_060),
});

const makeRequest = (messages: readonly Message[]) => requestOf(messages, 'A "person" ü');
const jobsOf = (request: StoredRequest, stored: boolean) =>
  turnsOf(request).flatMap((turn) =>
    cutJobs(request, turn, stored ? { ...cut, contentKey: 'requests/operator/x.json' } : cut, () => 'lane'),
  );
const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describe('a stored request without a reader', () => {
  it('is cut into the same jobs as before, without his copies and without his name', () => {
    fc.assert(
      fc.property(
        fc.array(message, { minLength: 1, maxLength: 25 }),
        readers,
        fc.boolean(),
        (messages, gone, stored) => {
          // Prepare
          const before = makeRequest(messages);
          const isReader = (address: string) => gone.has(address);

          // Act
          const { request, erased, changed, empty } = blankRequest(before, isReader);

          // Assess
          const isHis = ({ address }: Copy) => gone.has(address.toLowerCase());
          expect(erased).toEqual(before.copies.filter(isHis));
          expect(empty).toBe(before.copies.every(isHis));
          if (!changed) expect(request).toEqual(before);
          for (const name of gone) expect(JSON.stringify(request).toLowerCase()).not.toContain(name);
          if (empty) {
            expect(jobsOf(request, stored)).toEqual([]);
            return;
          }
          expect(storedBytes(request)).toBe(storedBytes(before));
          expect(jobsOf(request, stored).map(({ id, contentBytes, copies }) => [id, contentBytes, copies])).toEqual(
            jobsOf(before, stored)
              .map(({ id, contentBytes, copies }) => [id, contentBytes, copies.filter((copy) => !isHis(copy))] as const)
              .filter(([, , copies]) => copies.length > 0),
          );
          for (const turn of turnsOf(before))
            expect(waitingFrom(request, turn)).toEqual(
              waitingFrom({ ...before, copies: before.copies.filter((copy) => !isHis(copy)) }, turn),
            );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('the same again changes nothing, and one reader after the other is as all at once', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 10 }), readers, (messages, gone) => {
        const before = makeRequest(messages);
        const once = blankRequest(before, (address) => gone.has(address)).request;
        expect(blankRequest(once, (address) => gone.has(address))).toMatchObject({
          request: once,
          erased: [],
          changed: false,
        });
        let each = before;
        for (const one of gone) each = blankRequest(each, (address) => address === one).request;
        expect(each).toEqual(once);
        expect(each.copies.filter(isErasedCopyOf).length).toBe(
          before.copies.filter(({ address }) => gone.has(address.toLowerCase())).length,
        );
      }),
    );
  });

  it('what nobody is to have any more says nothing', () => {
    const { request } = blankRequest(
      makeRequest([{ to: ['ada@example.net'], cc: [], bcc: [], inHeader: false, pad: 9, sendAt: 0 }]),
      () => true,
    );
    expect(request).toEqual(emptyRequest(request));
    expect(JSON.stringify(request)).not.toMatch(/ada@|A \\"person|shop|Hello/);
    expect(bytes(request)).toBeLessThan(600);
  });

  it('a domain in letters of its own is the same address', () => {
    const before = makeRequest([
      { to: ['ada@xn--bcher-kva.example'], cc: [], bcc: [PEOPLE[1]!], inHeader: false, pad: 0, sendAt: 0 },
    ]);
    before.personalizations[0]!.to[0]!.email = 'Ada@Bücher.example';
    const { request } = blankRequest(before, (address) => address === 'ada@xn--bcher-kva.example');
    expect(request.personalizations[0]!.to).toEqual([]);
  });
});

const isErasedCopyOf = ({ address }: Copy) => isErasedAddress(address);

it('a held job without a reader has the others’ copies, names him nowhere, and is the same where it did not', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), readers, (messages, gone) => {
      const isReader = (address: string) => gone.has(address);
      for (const before of jobsOf(makeRequest(messages), false)) {
        const { job, erased } = blankJob(before, isReader);
        const others = before.copies.filter(({ address }) => !isReader(address.toLowerCase()));
        expect(erased.length + others.length).toBe(before.copies.length);
        expect(job?.copies ?? []).toEqual(others);
        if (!job) continue;
        expect(job.id).toBe(before.id);
        for (const name of gone) expect(JSON.stringify(job).toLowerCase()).not.toContain(name);
        if (gone.size === 0) expect(job).toBe(before);
      }
    }),
  );
});

it('a held job whose content is stored keeps what it points to', () => {
  const job = {
    copies: [{ personalization: 0, role: 'to', address: 'bob@example.net', index: 0 }],
    personalizations: [{ index: 0, stored: true }],
  };
  expect(blankJob(job as unknown as Job, (address) => address === 'ada@example.net').job).toBe(job);
});

it('text that names somebody is found to, however he is written', () => {
  const isReader = (address: string) => address === 'ada@example.net';
  for (const text of [
    'To: "Ada" <Ada@Example.NET>\r\n',
    '{"to":["x@y.example","ada@example.net"]}',
    'ada@example.net.',
    'mailto:ada@example.net?x',
  ])
    expect([text, mentions(text, isReader)]).toEqual([text, true]);
  for (const text of ['', 'lada@example.net', 'ada@example.network', 'ada @example.net', '@@@...'])
    expect([text, mentions(text, isReader)]).toEqual([text, false]);
});
