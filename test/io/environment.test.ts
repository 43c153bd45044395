import { expect, it } from 'vitest';
import { requireLanes, requireNumber, requireVariable } from '../../io/environment.ts';

it('names the variable that is missing or malformed', () => {
  expect(() => requireVariable('LANE', {})).toThrow('LANE is not set');
  expect(() => requireNumber('SMTP_PORT', { SMTP_PORT: '25x' })).toThrow('SMTP_PORT is "25x"');
  expect(requireNumber('SMTP_PORT', { SMTP_PORT: '25' })).toBe(25);
});

it('reads lanes, and refuses one that is not whole', () => {
  const lane = { name: 'default-1', pool: 'default', weight: 1, url: 'https://sqs/lane' };
  expect(requireLanes({ LANES: JSON.stringify([lane]) })).toEqual([lane]);
  expect(() => requireLanes({ LANES: '[]' })).toThrow('names no lane');
  expect(() => requireLanes({ LANES: JSON.stringify([{ ...lane, weight: -1 }]) })).toThrow('default-1 is not whole');
});
