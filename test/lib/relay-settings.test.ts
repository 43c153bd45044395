import { expect, test } from 'vitest';
import { defineSettings, type SettingsInput } from '../../lib/settings.ts';

const hostName = 'smtp.example.com';
const acme = { hostedZone: 'Z0123456789ABCDEFGHIJ' };
const certificateArn = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:smtp-AbCdEf';

test('there is no relay unless somebody asks for one', () => {
  expect(defineSettings().relay).toBe(false);
  expect(defineSettings({ relay: false }).relay).toBe(false);
});

test('a host name is enough', () => {
  expect(defineSettings({ relay: { hostName } }).relay).toEqual({
    hostName,
    tasks: { min: 2, max: 10 },
    cpu: 256,
    memoryMb: 1024,
    connectionsPerTask: 500,
    ports: { submission: [587, 2525], submissions: [465], https: [443] },
    internal: false,
    authWithoutTls: false,
    inbound: true,
  });
});

test.each<[string, SettingsInput['relay'], string]>([
  ['no host name', {} as never, 'relay.hostName: '],
  ['true', true as never, 'relay: '],
  ['an unknown field', { hostName, host: 'x' } as never, 'relay.host: is no setting'],
  ['one task', { hostName, tasks: { min: 1 } }, 'relay.tasks.min: '],
  ['fewer at most than at least', { hostName, tasks: { min: 5, max: 4 } }, 'relay.tasks.max: must not be below min'],
  ['a CPU that Fargate has not', { hostName, cpu: 300 }, 'relay.cpu: must be one of 256, 512'],
  [
    'too much memory for its CPU',
    { hostName, memoryMb: 4096 },
    'relay.memoryMb: with 256 CPU units must be 512 to 2048',
  ],
  ['memory between two sizes', { hostName, memoryMb: 1500 }, 'relay.memoryMb: '],
  ['a port twice', { hostName, ports: { submission: [587, 465] } }, 'relay.ports: 465 is there twice'],
  [
    'submission on 25',
    { hostName, ports: { submission: [25] }, inbound: false },
    'relay.ports: 25 is for mail that comes in',
  ],
  ['submission on 25 beside inbound', { hostName, ports: { submission: [25] } }, 'relay.ports: 25 is there twice'],
  ['six ports', { hostName, ports: { submission: [587, 2525, 2587] } }, 'relay.ports: are 6 in all'],
  ['two ways to a certificate', { hostName, acme, certificateArn }, 'relay.acme: and certificateArn are two ways'],
  ['the name of a zone', { hostName, acme: { hostedZone: 'example.com' } }, 'relay.acme.hostedZone: must be the id'],
  [
    'a directory in clear',
    { hostName, acme: { ...acme, directoryUrl: 'http://acme.example.com/' } },
    'relay.acme.directoryUrl: must be an https:// address',
  ],
  [
    'a directory that only looks like loopback',
    { hostName, acme: { ...acme, directoryUrl: 'http://127.0.0.1.example.com/' } },
    'relay.acme.directoryUrl: ',
  ],
  ['inbound on an internal balancer', { hostName, internal: true }, 'relay.inbound: must be false with internal'],
])('%s is refused, and the field is named', (_, relay, message) => {
  expect(() => defineSettings({ relay })).toThrow(message);
});

// Attack: passwords cross the internet in clear, because a setting was meant for a VPC.
test.each<[string, SettingsInput['relay'], string]>([
  ['on public addresses', { hostName, authWithoutTls: true }, 'relay.authWithoutTls: needs internal: true'],
  [
    'without the port it is about',
    { hostName, authWithoutTls: true, internal: true, inbound: false, ports: { submission: [587] } },
    'relay.authWithoutTls: is about port 2525',
  ],
])('AUTH without TLS %s is refused', (_, relay, message) => {
  expect(() => defineSettings({ relay })).toThrow(message);
});
