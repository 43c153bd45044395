import { describe, expect, it } from 'vitest';
import { readListeners, readPorts } from '../../relay/environment.ts';

describe('LISTEN', () => {
  it('names ports and what they are for', () => {
    const listeners = [
      { port: 10_587, kind: 'submission' },
      { port: 10_443, kind: 'https' },
    ];
    expect(readListeners(JSON.stringify(listeners))).toEqual(listeners);
  });
  it.each(['', '[]', '{}', '[{"port":1}]', '[{"kind":"https"}]', '[{"port":70000,"kind":"https"}]', '[null]'])(
    '%s stops the start, by name',
    (text) => expect(() => readListeners(text)).toThrow('environment variable LISTEN'),
  );
});

describe('AUTH_WITHOUT_TLS', () => {
  it.each([
    ['', []],
    ['12525', [12_525]],
    ['12525, 10587', [12_525, 10_587]],
  ])('%j', (text, ports) => expect([...readPorts(text)]).toEqual(ports));
  it('is a list of ports', () => expect(() => readPorts('yes')).toThrow('AUTH_WITHOUT_TLS'));
});
