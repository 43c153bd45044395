/**
 * An example of every operation: by its id, in an account of its own. What is not here is called as it is. Each group has a file; whatever has to
 * be there before is made, over the API where that can make it.
 */
import type { Operation } from '../operations.ts';
import { ACCESS } from './access.ts';
import { ACCOUNT, MONITORS } from './account.ts';
import { ALERTS, oneValidationJob } from './alerts.ts';
import { ERASURE, oneErasure } from './erasure.ts';
import { type Example, type Examples, type Given, type Make, plainly } from './example.ts';
import { MAIL, oneMessage } from './mail.ts';
import { oneDomain, SENDERS } from './senders.ts';
import { SEQ } from './seq.ts';
import { STATS, since } from './stats.ts';
import { listed, SUPPRESSIONS } from './suppressions.ts';
import { oneVersion, TEMPLATES } from './templates.ts';
import { oneWebhook, WEBHOOKS } from './webhooks.ts';

export type { Example, Given };

const EXAMPLES: Examples = {
  ...ACCOUNT,
  ...ALERTS,
  ...ERASURE,
  ...MAIL,
  ...SENDERS,
  ...SEQ,
  ...STATS,
  ...SUPPRESSIONS,
  ...TEMPLATES,
  ...WEBHOOKS,
};

/** Where an operation has no line of its own. */
const OF_GROUP: Readonly<Record<string, Make>> = { suppressions: listed, stats: since() };

export const exampleOf = ({ group, id }: Operation): Make => EXAMPLES[group]?.[id] ?? OF_GROUP[group] ?? plainly({});

/** Of routes that SendGrid’s core documents do not have (any more) and that need something, by `METHOD /path`. */
export const OWN_EXAMPLES: Readonly<Record<string, Make>> = {
  ...ACCESS,
  ...MONITORS,
  'GET /v3/messages/{msg_id}/why': oneMessage,
  'GET /v3/recipients/erasejob/{job_id}': oneErasure,
  'GET /v3/user/webhooks/event/settings/{id}/log': oneWebhook,
  'POST /v3/user/webhooks/event/settings/{id}/replay': oneWebhook,
  'GET /v3/validations/email/jobs/{job_id}/download': oneValidationJob,
  'POST /v3/templates/{template_id}/versions/{version_id}/render': oneVersion,
  'POST /v3/whitelabel/domains/{id}/rotate': oneDomain,
  'GET /v3/whitelabel/domains/{id}/compliance': oneDomain,
};

type Schema = { properties: { events: { items: { required: string[] } } } };
/** Where what we answer is not what the document says, each with the reason, and what is left of the document. */
export const DIFFERS: Readonly<Record<string, { reason: string; mend: (schema: Schema) => void }>> = {
  'GET /v3/messages/{msg_id}': {
    reason: 'the document demands the fields of every kind of event in each event at once: here each has its own',
    mend: ({ properties }) => {
      properties.events.items.required = ['event_name', 'processed'];
    },
  },
};

/** Lists that are empty here by nature: there is nothing to put into them. */
export const EMPTY: ReadonlySet<string> = new Set(['GET /v3/partner_settings']);

const ADDRESS = 'source addresses are deployed: the answer names `pools[].sourceIps`';

/** Routes that change what is the stack's: the operator's own account alone may call them; others get 403, whatever they name. */
export const OF_OPERATOR: ReadonlySet<string> = new Set([
  'POST /v3/ips/warmup',
  'DELETE /v3/ips/warmup/{ip_address}',
  'PATCH /v3/send_ips/ips/{ip}',
]);

/** Routes that refuse everybody with 400 and name the setting of pennypost.config.ts that does it, each with the reason. */
export const REFUSED: Readonly<Record<string, string>> = {
  'POST /v3/ips': ADDRESS,
  'POST /v3/send_ips/ips': ADDRESS,
};
