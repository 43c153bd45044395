/**
 * The settings' part about shaping: JSON, since it goes into the functions' code. It refuses unknown fields; what is right in
 * shape but makes no sense, the linter refuses (`core/shaping/lint.ts`).
 */
import { z } from 'zod';
import { STAGES } from '../core/outcome.ts';
import type { ShapingOverrides } from '../core/shaping/compile.ts';
import { CLASSIFICATIONS } from '../core/shaping/rule.ts';

const whole = (least: number, most: number) => z.int().min(least).max(most);
/** Minutes that an act lasts; the linter knows the range. */
const minutes = z.int();

const Act = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('halve') }),
  z.strictObject({
    do: z.literal('limit'),
    connections: whole(1, 1_000).optional(),
    perMinute: whole(1, 100_000).optional(),
    minutes,
  }),
  z.strictObject({ do: z.literal('pause'), minutes, operator: z.literal(true).optional() }),
  z.strictObject({
    do: z.literal('recover'),
    quotas: z.array(z.enum(['ip', 'netblock', 'dkim', 'spf', 'url', 'message-id'])).min(1),
  }),
  z.strictObject({ do: z.literal('reconnect') }),
]);

const Rule = z.strictObject({
  /** Stable and unique: records and alarms show it. That of a rule of ours: yours takes its place. */
  name: z.string(),
  /** Whose replies it reads. Default: every provider's. */
  provider: z.string().optional(),
  /** A regular expression, on code and text of the reply in one line. */
  match: z.string().min(1).max(2_000),
  /** `i` (default): case does not matter. Empty: it does. */
  flags: z.enum(['i', '']).optional(),
  /** Only in answer to these steps of the session. Default: any. */
  stages: z.array(z.enum(STAGES)).optional(),
  /** A reply that you were given, code first: the rule must match it. */
  sample: z.string().max(2_000),
  /** What becomes of the copy. Default: what the code says. */
  event: z.enum(['deferred', 'bounced']).optional(),
  /** Of a bounce: `bounce` suppresses the address. Default `blocked`. */
  type: z.enum(['bounce', 'blocked']).optional(),
  /** Its class in events and statistics. Default `Unclassified`. */
  classification: z.enum(CLASSIFICATIONS).optional(),
  /** What it makes us do at the site. Default: nothing. */
  act: Act.optional(),
  disabled: z.undefined().optional(),
});

const Disabled = z.strictObject({
  /** The rule of ours that is not to be. */
  name: z.string(),
  disabled: z.literal(true),
});

const Provider = z.strictObject({
  /** Ends of its MX hosts' names, like `mx.example.com`; every host must end in one. In place of ours, where we have some. */
  suffixes: z.array(z.string()).optional(),
  /** Connections at once from one source IP, both environments together. */
  connections: whole(1, 1_000).optional(),
  /** It is never cut below this. */
  floor: whole(1, 1_000).optional(),
  messagesPerConnection: whole(1, 10_000).optional(),
  /** Messages a minute. */
  perMinute: whole(1, 1_000_000).optional(),
  /** Connections opened in a minute. */
  connectionsPerMinute: whole(1, 100_000).optional(),
  /** `required`: never in clear. */
  tls: z.literal('required').optional(),
  /** `provider`: its sites share one limit. */
  sharedBy: z.literal('provider').optional(),
});

export const Shaping = z
  .strictObject({
    /** Limits by provider, ours or one of your own; `other` is whoever nobody knows. */
    providers: z
      .record(z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, "." and "-"'), Provider)
      .optional(),
    /** Rules that come before ours, or take one of ours out. */
    rules: z
      .array(z.discriminatedUnion('disabled', [Disabled, Rule]))
      .max(200)
      .optional(),
  })
  .default({}) satisfies z.ZodType<ShapingOverrides>;
