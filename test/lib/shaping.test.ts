import { describe, expect, it } from 'vitest';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';

const define = (shaping: unknown) => defineSettings({ shaping } as SettingsInput).shaping;

describe("the settings' shaping", () => {
  it('is taken as written, for it travels as JSON', () => {
    const shaping = {
      providers: { google: { connections: 3 }, acme: { suffixes: ['mx.acme.example'], tls: 'required' } },
      rules: [
        { name: 'gmail-unsolicited', disabled: true },
        {
          name: 'acme-lunch',
          provider: 'acme',
          match: 'out to lunch',
          sample: '550 5.3.2 Out to lunch',
          stages: ['rcpt'],
          event: 'deferred',
          classification: 'Technical Failure',
          act: { do: 'limit', perMinute: 10, minutes: 60 },
        },
      ],
    };

    expect(JSON.parse(JSON.stringify(define(shaping)))).toEqual(shaping);
  });

  it.each<[string, unknown, RegExp]>([
    [
      'an unknown field of a provider',
      { providers: { google: { conections: 3 } } },
      /shaping\.providers\.google\.conections: is no setting/,
    ],
    [
      'an unknown field of a rule',
      { rules: [{ name: 'x1', match: 'y', sample: '450 y', actt: {} }] },
      /shaping\.rules\[0\]\.actt: is no setting/,
    ],
    ['a rule without a sample', { rules: [{ name: 'x1', match: 'y' }] }, /shaping\.rules\[0\]\.sample: /],
    [
      'an act that is none',
      { rules: [{ name: 'x1', match: 'y', sample: '450 y', act: { do: 'sleep' } }] },
      /shaping\.rules\[0\]\.act/,
    ],
    [
      'a dead pattern',
      { rules: [{ name: 'x1', match: 'z', sample: '450 y' }] },
      /shaping\.rules\[0\]\.match: does not match its own sample/,
    ],
    [
      'a suffix with a dot at its end',
      { providers: { acme: { suffixes: ['acme.example.'] } } },
      /shaping\.providers\.acme\.suffixes\[0\]: must have no dot/,
    ],
    [
      'a pause of two days',
      { rules: [{ name: 'x1', match: 'y', sample: '450 y', act: { do: 'pause', minutes: 2_880 } }] },
      /shaping\.rules\[0\]\.act\.minutes: /,
    ],
  ])('refuses %s, with its path', (_, shaping, words) => expect(() => define(shaping)).toThrow(words));
});
