/**
 * The settings of senders: where the stack may write DNS records, and the name below which its own for customers' CNAMEs are.
 * It refuses a name that is in none of the zones.
 */
import { z } from 'zod';
import { hostName } from './fields.ts';

const Zone = z.strictObject({
  /** The id of a public hosted zone of Route 53 in this account: `Z…`. */
  hostedZone: z.string().regex(/^Z[A-Z0-9]{6,31}$/, 'must be the id of a hosted zone, like Z0123456789ABCDEFGHIJ'),
  /** Its domain. */
  name: hostName,
});

/** Zones stand in the policies of manage and rotate. */
const MOST_ZONES = 10;

export const Senders = z.strictObject({
  /**
   * Zones that manage may write records of senders to: DKIM, return paths that begin with `em`, DMARC. What is there already
   * stays. Only for domains of the operator's own account. Default: none, you publish what the API or `domains add` prints.
   */
  zones: z.array(Zone).max(MOST_ZONES).default([]),
  /** A name in one of `zones`: below it are the records that customers' CNAMEs lead to. Default: none, no automatic security. */
  targets: hostName.optional(),
  /**
   * Days after which a DKIM key is replaced by itself, of domains whose CNAMEs lead below `targets`, and of those whose DKIM record
   * the stack wrote into one of `zones`. Whoever publishes his records himself is not asked to. `false`: never, as where a pool goes
   * by SES, which has to be given each next key (`ses identity`). Default: 180.
   */
  rotateKeysDays: z.union([z.literal(false), z.int().min(30).max(3_650)]).default(180),
});
export type SendersSettings = z.output<typeof Senders>;

export function checkSenders(
  { zones, targets }: SendersSettings,
  refuse: (path: (string | number)[], message: string) => void,
): void {
  const seen = new Set<string>();
  for (const [n, { name }] of zones.entries()) {
    if (seen.has(name)) refuse(['zones', n, 'name'], `"${name}" is there twice`);
    seen.add(name);
  }
  if (targets !== undefined && !zones.some(({ name }) => targets === name || targets.endsWith(`.${name}`)))
    refuse(['targets'], 'must be in one of senders.zones');
}
