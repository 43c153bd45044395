/** An IP access list at the relay: at AUTH, in a session that is open already, and at the big door. */
import { afterEach, expect, it } from 'vitest';
import { logIn } from './client.ts';
import { openRelay, type World } from './world.ts';

let world: World;
afterEach(() => world.close());

const SEND = ['MAIL FROM:<shop@example.com>', 'RCPT TO:<reader@example.net>', 'DATA'];
const MESSAGE = 'From: shop@example.com\r\nTo: reader@example.net\r\nSubject: Hi\r\n\r\nHi\r\n.';

it('takes a login from an address of the list, and mail', async () => {
  world = await openRelay({ from: { ips: ['127.0.0.0/8'] } });
  const client = await logIn(world.tlsPort);
  for (const line of SEND) await client.say(line);
  expect(await client.say(MESSAGE)).toMatch(/^250 2\.0\.0 Ok: queued/);
  expect(world.cloud.attempts[0]).toEqual({ account: 'operator', ip: '127.0.0.1', method: 'SMTP', allowed: true });
  client.end();
});

// Attack: a stolen key is used from somewhere else.
it('refuses a login from any other, which the reply names, and the attempt is noted', async () => {
  world = await openRelay({ from: { ips: ['192.0.2.0/24', '::1/128'] } });
  await expect(logIn(world.tlsPort)).rejects.toThrow(
    '535 5.7.8 Authentication failed: Your IP address 127.0.0.1 is not whitelisted in the IP access list of the account',
  );
  expect(world.cloud.attempts).toEqual([{ account: 'operator', ip: '127.0.0.1', method: 'SMTP', allowed: false }]);
});

// Attack: a session is opened before the list has its rules, and kept open.
it('refuses mail of a session whose address is no longer on the list', async () => {
  const from = { ips: ['127.0.0.1/32'] };
  world = await openRelay({ from });
  const client = await logIn(world.tlsPort);
  from.ips = ['192.0.2.0/24'];
  for (const line of SEND) await client.say(line);
  expect(await client.say(MESSAGE)).toMatch(/^550 5\.7\.1 Your IP address 127\.0\.0\.1 is not whitelisted/);
  expect(world.requests()).toEqual([]);
  client.end();
});
