import { describe, expect, it } from 'vitest';
import { createGate, network } from '../../relay/gate.ts';
import { LIMITS } from '../../relay/limits.ts';

describe('what belongs together', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s: %s', (address, expected) => expect(network(address)).toBe(expected));
});

describe('the gate', () => {
  it('leaves twice: counted once', () => {
    const gate = createGate(LIMITS, () => 0);
    const one = gate.enter('192.0.2.1', 'customer');
    gate.enter('192.0.2.1', 'customer');
    if (typeof one === 'string') throw new Error(one);
    one.leave();
    one.leave();
    expect(gate.connections()).toBe(1);
  });

  it('all connections', () => {
    const gate = createGate({ ...LIMITS, connections: 2 }, () => 0);
    gate.enter('192.0.2.1', 'customer');
    gate.enter('192.0.2.2', 'inbound');
    expect(gate.enter('192.0.2.3', 'customer')).toBe('process');
  });

  it('another key on one connection leaves the first', () => {
    const gate = createGate({ ...LIMITS, connectionsOfKey: 1 }, () => 0);
    const enter = () => {
      const pass = gate.enter('192.0.2.1', 'customer');
      if (typeof pass === 'string') throw new Error(pass);
      return pass;
    };
    const one = enter();
    expect([one.known('a'), enter().known('a'), one.known('b'), enter().known('a')]).toEqual([true, false, true, true]);
  });

  it('remembers so many addresses and no more: a million of them cost no memory', () => {
    const gate = createGate({ ...LIMITS, remembered: 100, loginsOfAddress: 1 }, () => 0);
    gate.loginFailed('192.0.2.1');
    expect(gate.loginWait('192.0.2.1')).toBe(LIMITS.loginsMs);
    for (let n = 0; n < 100; n++) gate.loginFailed(`198.51.100.${n}`);
    expect(gate.loginWait('192.0.2.1')).toBe(0);
    expect(gate.loginWait('198.51.100.99')).toBe(LIMITS.loginsMs);
  });
});
