import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fileNames, isEventOf, withoutEvents } from '../../../core/erasure/events.ts';
import { MOST_ADDRESSES, readErasure } from '../../../core/erasure/request.ts';
import { makeRequestId, sgMessageId } from '../../../core/ids.ts';
import { parseEraseMessage } from '../../../core/records/erasure.ts';
import { cutPages, readLines } from '../../../core/webhook/outbox.ts';

it('addresses are taken as records of mail have them, each once', () => {
  const email_addresses = ['Ada@Example.NET', ' ada@example.net', 'bob@Bücher.example'];
  expect(readErasure({ email_addresses })).toEqual({
    ok: true,
    addresses: ['ada@example.net', 'bob@xn--bcher-kva.example'],
  });
});

it('each that is none is named, and none is taken', () => {
  const read = readErasure({ email_addresses: ['ada@example.net', 'nobody', 'x@[127.0.0.1]'] });
  expect(read).toMatchObject({
    errors: ['nobody', 'x@[127.0.0.1]'].map((one) => ({
      message: `Email_address ${one} is not valid`,
      field: 'email_addresses',
    })),
  });
  for (const body of [
    undefined,
    null,
    [],
    'x',
    {},
    { email_addresses: 'a@b.example' },
    { email_addresses: [] },
    { email_addresses: [1] },
  ])
    expect(readErasure(body)).toMatchObject({ ok: false, errors: [{ field: 'email_addresses' }] });
});

it('5,000 are taken, and one more is not', () => {
  const email_addresses = Array.from({ length: MOST_ADDRESSES + 1 }, (_, n) => `r${n}@example.net`);
  expect(readErasure({ email_addresses })).toMatchObject({ ok: false });
  expect(readErasure({ email_addresses: email_addresses.slice(1) })).toMatchObject({ ok: true });
});

const AT = Date.UTC(2026, 10, 25);
const idOf = (at: number) => sgMessageId(makeRequestId(at, Buffer.alloc(10, 1)), 0);
const isReader = (address: string) => address === 'ada@example.net';

it('events are hers by their address, and by when their mail was accepted', () => {
  expect(isEventOf({ email: 'Ada@example.net', sg_message_id: idOf(AT) }, isReader, AT)).toBe(true);
  expect(isEventOf({ email: 'ada@example.net', sg_message_id: idOf(AT + 1) }, isReader, AT)).toBe(false);
  expect(isEventOf({ email: 'bob@example.net', sg_message_id: idOf(AT) }, isReader, AT)).toBe(false);
  expect(isEventOf({ event: 'open' }, isReader, AT)).toBe(false);
});

it('an outbox page without her has every other line as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('ada', 'bob', 'charles'), { minLength: 1, maxLength: 40 }), (names) => {
      const lines = names.map((name, n) => ({
        sequence: String(n).padStart(40, '0'),
        type: 'open' as const,
        json: JSON.stringify({ email: `${name}@example.net`, sg_message_id: idOf(AT), url: 'https://x.example/\t' }),
      }));
      const [page] = cutPages('operator', 's', lines, AT);
      const without = withoutEvents(page!, isReader, AT);
      const others = lines.filter(({ json }) => !json.includes('ada@'));
      if (others.length === lines.length) {
        expect(without).toBeUndefined();
        return;
      }
      expect(without!.erased).toBe(lines.length - others.length);
      expect(without!.page).toMatchObject({ pk: page!.pk, sk: page!.sk, expiresAt: page!.expiresAt });
      expect(readLines(without!.page, '').filter(({ json }) => json !== '')).toEqual(others);
    }),
  );
});

it('a file names her where an address stands by itself', () => {
  expect(fileNames('from,to\r\n"shop@example.com","Ada@Example.net"\r\n', isReader)).toBe(true);
  expect(fileNames('from,to\r\nshop@example.com,lada@example.net\r\n', isReader)).toBe(false);
});

it('a message that is none is refused', () => {
  const good = { v: 1, account: 'operator', id: 'x', pass: 0 };
  expect(parseEraseMessage(JSON.stringify(good))).toEqual(good);
  for (const bad of [
    'null',
    '{}',
    'x',
    ...['account', 'id', 'pass', 'v'].map((name) => JSON.stringify({ ...good, [name]: undefined })),
  ])
    expect(() => parseEraseMessage(bad)).toThrow();
});
