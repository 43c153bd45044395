/**
 * The kinds of values that settings are made of: names, addresses, ways and ARNs, each with the words of its refusal.
 * What AWS or mail servers would refuse later is refused here, where the field still has a name.
 */
import { z } from 'zod';
import type { ViaName } from '../core/via.ts';

export const whole = (least: number, most: number) => z.int().min(least).max(most);

/** As a DNS label (RFC 1035 2.3.1), and short enough for the names AWS makes of it. */
export const label = z
  .string()
  .regex(
    /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/,
    'must be 1 to 32 of a-z, 0-9 and "-", from a letter to a letter or digit',
  );

export const hostName = z
  .string()
  .max(253)
  .regex(
    /^(?=.*[a-z])([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    'must be a full host name in lower case, like "mta1.example.com"',
  );

/** RFC 5321 4.5.3.1.3, without the brackets. */
export const mailbox = z.email().max(254);

/** `direct`: to the MX. `ses`: through SES. `relay:<name>`: through one of `relays`. */
export const way = z
  .string()
  .regex(/^(direct|ses|relay:[a-z]([a-z0-9-]{0,30}[a-z0-9])?)$/, 'must be "direct", "ses" or "relay:<name>"')
  .transform((name) => name as ViaName);

/** What no Elastic IP can be (RFC 6890). Documentation's addresses (RFC 5737) are let through: templates are tried out with them. */
function isInside(ip: string): boolean {
  const [a = 0, b = 0] = ip.split('.').map(Number);
  if (a === 0 || a === 10 || a === 127 || a >= 224) return true;
  if (a === 100) return b >= 64 && b < 128;
  if (a === 172) return b >= 16 && b < 32;
  return (a === 169 && b === 254) || (a === 192 && b === 168);
}

export const publicIp = z
  .ipv4()
  .refine((ip) => !isInside(ip), 'must be a public address: the Elastic IP, not the one inside');

export const dnsServer = z.string().refine((server) => {
  const [, ip, port] = /^([\d.]+):([1-9]\d{0,4})$/.exec(server) ?? [];
  return z.ipv4().safeParse(ip).success && Number(port) <= 65_535;
}, 'must be "ip:port", like "10.0.0.2:53"');

/** IAM matches the whole ARN: without the six characters at its end, or with the secret's name alone, deliver could not read it. */
export const secretArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]{1,512}-[A-Za-z0-9]{6}$/,
    'must be the whole ARN of a secret, with the six characters at its end: "arn:aws:secretsmanager:…:secret:name-AbCdEf"',
  );
