import fc from 'fast-check';
import addressparser from 'nodemailer/lib/addressparser';
import { describe, expect, it } from 'vitest';
import { readMailboxes } from '../../../core/raw/mailboxes.ts';

const LOOSE = false;
describe('address lists', () => {
  it.each<[string, unknown[], boolean?]>([
    ['a@x.example', [{ email: 'a@x.example' }]],
    ['<a@x.example>', [{ email: 'a@x.example' }]],
    ['Bob <a@x.example>', [{ email: 'a@x.example', name: 'Bob' }]],
    ['Bob B. Bobson <a@x.example>', [{ email: 'a@x.example', name: 'Bob B. Bobson' }]],
    ['"Bobson, \\"Bob\\"" <a@x.example>', [{ email: 'a@x.example', name: 'Bobson, "Bob"' }]],
    ['a@x.example (Bob (the one))', [{ email: 'a@x.example', name: 'Bob (the one)' }]],
    ['(c1) Bob (c2) < (c3) a (c4) @ (c5) x.example (c6) > (c7)', [{ email: 'a@x.example', name: 'Bob' }]],
    ['=?utf-8?Q?J=C3=BCrgen?= <a@x.example>', [{ email: 'a@x.example', name: 'Jürgen' }]],
    [
      'a@x.example, b@x.example,,c@x.example,',
      [{ email: 'a@x.example' }, { email: 'b@x.example' }, { email: 'c@x.example' }],
    ],
    ['Team: a@x.example, Bob <b@x.example>;', [{ email: 'a@x.example' }, { email: 'b@x.example', name: 'Bob' }]],
    ['undisclosed-recipients:;', []],
    ['<@r.example,@s.example:a@x.example>', [{ email: 'a@x.example' }]],
    ['"a b"@x.example', [{ email: '"a b"@x.example' }]],
    ['a . b @ x . example', [{ email: 'a.b@x.example' }]],
    ['b@y.example <a@x.example>', [{ email: 'a@x.example', name: 'b@y.example' }], LOOSE],
    ['Doe, John <a@x.example>', [{ email: 'a@x.example', name: 'John' }], LOOSE],
    ['Bob <a@x.example', [{ email: 'a@x.example', name: 'Bob' }], LOOSE],
    ['Bob <a@x.example> b@y.example', [{ email: 'a@x.example', name: 'Bob' }], LOOSE],
    ['"Bob <a@x.example>', [], LOOSE],
    ['Bob: x <a@x.example>', [{ email: 'a@x.example', name: 'x' }]],
    ['a b@x.example', [], LOOSE],
    ['Bob', [], LOOSE],
    ['', []],
  ])('%s', (text, mailboxes, strict = true) => {
    const read = readMailboxes(text);
    expect(read.mailboxes).toEqual(mailboxes);
    expect(read.strict).toBe(strict);
  });

  it('are read as another library reads them, where they are well-formed', () => {
    const atom = fc.string({ unit: fc.constantFrom('a', 'B', '1', '-', '_', '+'), minLength: 1, maxLength: 8 });
    const name = fc.string({
      unit: fc.constantFrom('a', ' ', 'B', '"', '\\', ',', '<', '@', '(', ';', 'ä'),
      maxLength: 12,
    });
    const mailbox = fc.tuple(atom, atom, name).map(([local, domain, shown]) => {
      const quoted = `"${shown.replace(/["\\]/g, '\\$&')}"`;
      return shown.trim() === '' ? `${local}@${domain}.example` : `${quoted} <${local}@${domain}.example>`;
    });
    fc.assert(
      fc.property(fc.array(mailbox, { minLength: 1, maxLength: 5 }), (all) => {
        const read = readMailboxes(all.join(', '));
        expect(read.strict).toBe(true);
        expect(read.mailboxes.map(({ email }) => email)).toEqual(
          addressparser(all.join(', ')).map((one) => 'address' in one && one.address),
        );
      }),
      { numRuns: 500 },
    );
  });

  // Attack: an address list made to be read in quadratic time, or with a stack as deep as it is long.
  it('are read in linear time, whatever they are', () => {
    const began = performance.now();
    for (const unit of ['(', '"', '<', ',', ':', ';', '@', '\\', 'a@b,', '<a@b>', '"a"', '(a)', 'a ', '=?utf-8?Q?'])
      readMailboxes(unit.repeat(200_000 / unit.length));
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  it('never throw', () => {
    const unit = fc.constantFrom('<', '>', '"', '(', ')', '\\', '@', ',', ':', ';', '.', 'a', ' ', '[', ']', 'ä', '=?');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), (text) => void readMailboxes(text)),
      { numRuns: 5_000 },
    );
  });
});
