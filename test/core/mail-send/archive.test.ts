/** `mail_settings.bcc`: one more copy of each personalization. */
import { describe, expect, it } from 'vitest';
import { accepted, addresses, type Json, mail, refused } from './bodies.ts';

const bcc = (email: string, enable = true) => ({ mail_settings: { bcc: { enable, email } } });
const copiesOf = (personalizations: Json[], settings: Json) =>
  accepted(mail({ personalizations, ...settings })).copies.map(
    ({ index, personalization, role, address }) => `${index} ${personalization} ${role} ${address}`,
  );

describe('mail_settings.bcc', () => {
  it('makes a copy per personalization, behind its own bcc, unless the address is among its recipients', () => {
    // Act
    const copies = copiesOf(
      [
        { to: [{ email: 'a@x.example' }], bcc: [{ email: 'b@x.example' }] },
        { to: [{ email: 'a@x.example' }], cc: [{ email: 'KEEP@Bücher.example'.toLowerCase() }] },
        { to: [{ email: 'c@x.example' }] },
      ],
      bcc('Keep@bücher.example'),
    );

    // Assess
    expect(copies).toEqual([
      '0 0 to a@x.example',
      '1 0 bcc b@x.example',
      '2 0 bcc Keep@xn--bcher-kva.example',
      '3 1 to a@x.example',
      '4 1 cc keep@xn--bcher-kva.example',
      '5 2 to c@x.example',
      '6 2 bcc Keep@xn--bcher-kva.example',
    ]);
  });

  it('makes none when it is not enabled, and is no address that a reader sees', () => {
    // Assess
    expect(copiesOf([{ to: addresses(1) }], bcc('k@x.example', false))).toHaveLength(1);
    const { personalizations } = accepted(mail(bcc('k@x.example')));
    expect(JSON.stringify(personalizations)).not.toContain('k@x.example');
  });

  it('counts in the 1,000 recipients of a request', () => {
    // Prepare
    const half = (count: number) => [{ to: addresses(500) }, { to: addresses(count) }];

    // Assess
    expect(copiesOf(half(498), bcc('k@x.example'))).toHaveLength(1000);
    expect(copiesOf(half(500), bcc('a7@example.net'))).toHaveLength(1000);
    expect(refused(mail({ personalizations: half(499), ...bcc('k@x.example') }))).toMatchObject([
      { field: 'personalizations', message: expect.stringMatching(/limit of 1000 .*provided 1001/) },
    ]);
  });
});
