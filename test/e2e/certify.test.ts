/**
 * The relay's certificate from an authority, end to end: certify's own bundle under its own policy, Route 53 that writes to the
 * local DNS, an authority on loopback that looks there, the secret, and the relay that shows what is in it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { freePort } from '../../local/http.ts';
import { type AcmeServer, startAcmeServer } from '../acme-server.ts';
import { eventually, givenMail, type Mail } from './given.ts';

const HOST = 'smtp.example.com';
let acme: AcmeServer | undefined;
let mail: Mail | undefined;
afterEach(async () => {
  await mail?.end();
  await acme?.stop();
});

/** A stack whose relay gets its certificate from an authority on this machine, which asks the stack's own DNS. */
async function given(edit?: (directory: string) => void): Promise<{ mail: Mail; acme: AcmeServer }> {
  const port = await freePort();
  const settings = {
    relay: {
      hostName: HOST,
      acme: { hostedZone: 'Z0123456789ABCDEFGHIJ', directoryUrl: `http://127.0.0.1:${port}/directory` },
    },
  };
  mail = await givenMail({ settings, scheduleEverySeconds: 3_600, ...(edit ? { edit } : {}) });
  acme = await startAcmeServer(`127.0.0.1:${mail.dns.port}`, port);
  return { mail, acme };
}

/** Who has signed what the relay shows at its port of TLS. */
async function shownBy({ local }: Mail): Promise<{ issuer: string; trusted: boolean }> {
  const { host, securePort: port } = local.smtp!;
  const options = { host, port: port!, servername: HOST, ca: acme!.root, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      const { issuer } = socket.getPeerCertificate();
      resolve({ issuer: String(issuer.CN), trusted: socket.authorized });
      socket.destroy();
    }).on('error', reject);
  });
}

it('certify obtains it, within its policy, and the relay shows it; a second run asks nobody', async () => {
  // Prepare
  const { mail, acme } = await given();
  expect(await shownBy(mail)).toEqual({ issuer: HOST, trusted: false });

  // Act
  await mail.stack.runSchedule('certify');
  await mail.stack.tasks.kill('relay');
  await eventually(
    () => mail.stack.tasks.list(),
    ([task]) => task!.starts === 2,
  );
  await mail.stack.tasks.healthy('relay');

  // Assess
  expect(await shownBy(mail)).toEqual({ issuer: 'Test root', trusted: true });
  expect(mail.stack.denials.map(({ message }) => message)).toEqual([]);
  const unused = mail.stack.unusedStatements().filter((one) => one.function === 'certify');
  // Here Route 53 has published a change as soon as it is made: nobody has to look at it again.
  expect(unused.map(({ actions }) => actions)).toEqual([['route53:GetChange']]);
  acme.asked.length = 0;
  await mail.stack.runSchedule('certify');
  expect(acme.asked).toEqual([]);
}, 60_000);

// Attack: certify is taken over, and takes the record of another name in the zone.
it('another record of the zone is not for certify to change: the policy of the template says so, by name', async () => {
  // Prepare: what the function is told is not what its policy names
  const { mail } = await given((directory) => {
    for (const file of readdirSync(directory).filter((name) => name.endsWith('.template.json'))) {
      const path = join(directory, file);
      const template = readFileSync(path, 'utf8');
      writeFileSync(path, template.replace(/("RELAY_HOST": *)"smtp\.example\.com"/g, '$1"www.example.com"'));
    }
  });

  // Act
  await mail.stack.runSchedule('certify');

  // Assess
  expect(mail.stack.denials.map(({ message }) => message)).toContain(
    'AccessDenied: function certify is not authorized to perform route53:ChangeResourceRecordSets on arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ: no statement allows it',
  );
  expect((await shownBy(mail)).trusted).toBe(false);
  await expect(mail.dns.resolveTxt('_acme-challenge.www.example.com')).rejects.toThrow('ENODATA');
}, 60_000);
