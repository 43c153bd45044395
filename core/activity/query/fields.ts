/**
 * What a query may ask for, by SendGrid's names, and what kind of value each is: that decides which operators it takes. `unique_args` is
 * asked for by key: `unique_args['order']`.
 */

/** `name`: a text compared without case. `set`: several texts. `map`: texts by key. `time`: milliseconds since the epoch. */
export type Kind = 'text' | 'name' | 'number' | 'time' | 'set' | 'map';
export type Fields = Readonly<Record<string, Kind>>;

/** Of `GET /v3/messages`. */
export const MESSAGE_FIELDS = {
  msg_id: 'text',
  from_email: 'name',
  subject: 'text',
  to_email: 'name',
  status: 'name',
  template_id: 'text',
  template_name: 'text',
  campaign_name: 'text',
  campaign_id: 'text',
  marketing_campaign_name: 'text',
  marketing_campaign_id: 'text',
  api_key_id: 'text',
  events: 'set',
  categories: 'set',
  unique_args: 'map',
  originating_ip: 'text',
  outbound_ip: 'text',
  last_event_time: 'time',
  clicks: 'number',
  opens: 'number',
  asm_group_id: 'number',
  teammate: 'text',
} as const satisfies Fields;

/** Of `POST /v3/logs`. */
export const LOG_FIELDS = {
  sg_message_id: 'text',
  subject: 'text',
  to_email: 'name',
  reason: 'text',
  status: 'name',
  categories: 'set',
  sg_message_id_created_at: 'time',
} as const satisfies Fields;

/** `null`: the message has none. `undefined`: not known (yet). */
export type Value =
  | string
  | number
  | readonly string[]
  | Readonly<Record<string, string | undefined>>
  | null
  | undefined;
export type Values = Readonly<Record<string, Value>>;
