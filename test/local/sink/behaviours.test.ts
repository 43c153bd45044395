import { describe, expect, test } from 'vitest';
import { applies, BEHAVIOURS, behaviourOf } from '../../../local/sink/behaviours.ts';

describe('the table of behaviours', () => {
  test.each(BEHAVIOURS.map((one) => [one.name, one] as const))(
    '%s is found by its own name only',
    (name, behaviour) => {
      // Act
      const told = behaviourOf(`${name.replace('{n}', '3')}@any.test`);

      // Assess
      expect(told).toEqual({ behaviour, n: name.includes('{n}') ? 3 : 0 });
    },
  );

  test('every reply is one whole SMTP reply with one code (RFC 5321 4.2)', () => {
    for (const { action } of BEHAVIOURS) {
      if (!('reply' in action)) continue;
      const lines = action.reply.split('\n');
      const code = lines[0]!.slice(0, 3);
      for (const [i, line] of lines.entries()) {
        expect(line).toMatch(i < lines.length - 1 ? /^[45]\d\d-[\x20-\x7e]+$/ : /^[45]\d\d [\x20-\x7e]+$/);
        expect(line.slice(0, 3)).toBe(code);
        expect(line.length).toBeLessThanOrEqual(510);
      }
    }
  });

  test.each([
    ['BOUNCE@any.test', 'bounce'],
    ['bounce+welcome@any.test', 'bounce'],
    ['bounce+a+b@any.test', 'bounce'],
    ['defer-12+x@any.test', 'defer-{n}'],
    ['reader@any.test', undefined],
    ['rebounce@any.test', undefined],
    ['bounce2@any.test', undefined],
    ['defer-@any.test', undefined],
    ['defer-99999@any.test', undefined],
    ['"bounce"@any.test', undefined],
    // Near to a name is not the name.
    ['compliment@any.test', undefined],
    ['opener@any.test', undefined],
  ])('%s is %s', (address, name) => {
    expect(behaviourOf(address)?.behaviour.name).toBe(name);
  });

  test.each([
    ['defer', [true, true, true]],
    ['defer-2', [true, true, false]],
    ['defer-0', [false, false, false]],
    ['greylist', [true, false, false]],
    ['drop-after-dot-1', [true, false, false]],
  ])('%s applies to attempts %j', (name, expected) => {
    const told = behaviourOf(`${name}@any.test`)!;
    expect([0, 1, 2].map((before) => applies(told, before))).toEqual(expected);
  });
});
