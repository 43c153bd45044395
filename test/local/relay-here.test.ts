/** The relay's settings and ports on this machine. */
import { describe, expect, test } from 'vitest';
import { defineSettings } from '../../lib/settings.ts';
import { leadToDoor, portsHere, relayOnLoopback, tellRelay, withRelay } from '../../local/relay-here.ts';

const hostName = 'smtp.example.com';
const relayOf = (settings: ReturnType<typeof defineSettings>) => settings.relay || undefined;

describe('settings', () => {
  test('without a relay get one; a relay of the user stays as it is', () => {
    expect(relayOf(withRelay(defineSettings()))).toMatchObject({ hostName: 'smtp.pennypost.example' });
    const own = defineSettings({ relay: { hostName, cpu: 512 } });
    expect(withRelay(own)).toBe(own);
  });

  test('name no certificate that is not on this machine, and no authority but one on loopback', () => {
    const certificateArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:smtp-AbCdEf';
    const hostedZone = 'Z0123456789ABCDEFGHIJ';
    const here = (more: object) => relayOf(relayOnLoopback(defineSettings({ relay: { hostName, ...more } })));
    expect(here({ certificateArn })).not.toHaveProperty('certificateArn');
    expect(here({ acme: { hostedZone } })).not.toHaveProperty('acme');
    const directoryUrl = 'http://127.0.0.1:14000/directory';
    expect(here({ acme: { hostedZone, directoryUrl } })).toMatchObject({ acme: { directoryUrl } });
  });
});

test('ports that were chosen are those of the first listener of each kind', () => {
  const settings = defineSettings({ relay: { hostName, ports: { submission: [1587, 2525], https: [] } } });
  expect(portsHere(settings, { smtp: 2587, secureSmtp: 0, inbound: 2025, bigDoor: 9443 })).toEqual({
    1587: 2587,
    465: 0,
    25: 2025,
  });
  expect(portsHere(defineSettings(), { smtp: 2587 })).toEqual({});
});

test('local.json tells of what there is, and of nothing else', () => {
  const ports = [
    { port: 587, kind: 'submission' },
    { port: 2525, kind: 'submission' },
    { port: 25, kind: 'inbound' },
  ];
  const tasks = {
    list: () => [{ name: 'relay', pid: 1, starts: 1, ports: { 587: 20_587, 2525: 22_525, 25: 20_025 } }],
  };
  const outputs = { RelayPorts: JSON.stringify(ports) };
  expect(tellRelay({ outputs, tasks: tasks as never }, 'SG.key')).toEqual({
    smtp: { host: '127.0.0.1', port: 20_587, user: 'apikey', password: 'SG.key' },
    inbound: { host: '127.0.0.1', port: 20_025 },
  });
  expect(tellRelay({ outputs: {}, tasks: tasks as never }, 'SG.key')).toEqual({});
});

test('a 413 names the door where it is on this machine, and not by a name that nobody has', () => {
  const outputs: Record<string, string> = {
    RelayPorts: JSON.stringify([{ port: 8443, kind: 'https' }]),
    BigDoorUrl: 'https://smtp.example.com:8443',
  };
  const tasks = { list: () => [{ name: 'relay', pid: 1, starts: 1, ports: { 8443: 40_443 } }] };
  const accept = { variables: { BIG_DOOR_URL: 'https://smtp.example.com:8443', OTHER: 'x' } };
  leadToDoor([accept, { variables: {} }], tasks, outputs);
  expect(accept.variables).toEqual({ BIG_DOOR_URL: 'https://127.0.0.1:40443', OTHER: 'x' });
  expect(outputs.BigDoorUrl).toBe('https://127.0.0.1:40443');
  const none = { variables: { OTHER: 'x' } };
  leadToDoor([none], { list: () => [] }, {});
  expect(none.variables).toEqual({ OTHER: 'x' });
});
