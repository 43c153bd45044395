/** Filters in front of others' mailboxes: Mimecast, Barracuda; and two networks that count messages per session. */
import type { Rule } from '../rule.ts';
import { LISTED, NAMED, ONE_CONNECTION, pause, RECONNECT } from './acts.ts';

/** community.mimecast.com, "SMTP Error Codes" */
export const MIMECAST: readonly Rule[] = [
  {
    name: 'mimecast-greylist',
    match: /internal resources? (?:are )?temporarily unavailable/i,
    sample:
      '451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451 [kT3sYpcXMyWq5VqnhjVHaA.uk218]',
    event: 'deferred',
    classification: 'Technical Failure',
    act: pause(30),
  },
  {
    name: 'mimecast-ip-listed',
    match: /ip temporarily blacklisted|local ct ip reputation/i,
    sample:
      '550 Local CT IP Reputation - (reject) - https://community.mimecast.com/docs/DOC-1369#550 [MQtnoMGsNYKhBVGaaBMjAg.us91]',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'mimecast-connections',
    match: /account service is temporarily unavailable/i,
    sample: '451 Account service is temporarily unavailable',
    event: 'deferred',
    classification: 'Frequency or Volume Too High',
    act: ONE_CONNECTION,
  },
  {
    name: 'mimecast-blocked-sender',
    match: /administrative prohibition|envelope (?:blocked|rejected)|header-based|anti-spoofing policy/i,
    sample:
      '550 Administrative prohibition envelope blocked - https://community.mimecast.com/docs/DOC-1369#550 [z9mN3xP4NwibM3TMPe9X3A.us17]',
    classification: 'Reputation',
  },
  {
    name: 'mimecast-security',
    match: /rejected due to security policies|content examination policy/i,
    sample:
      '554 Email rejected due to security policies - https://community.mimecast.com/docs/DOC-1369#554 [3bMwDsUfN2eXVUzXcFWlRw.uk60]',
    classification: 'Content',
  },
  {
    name: 'mimecast-unknown',
    match: /invalid recipient/i,
    stages: NAMED,
    sample: '550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [8zKpxbgkPZaE6CcV0nMvnw.us98]',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];

/** campus.barracuda.com */
export const BARRACUDA: readonly Rule[] = [
  {
    name: 'barracuda-listed',
    match: /barracudacentral\.org|barracuda reputation/i,
    sample:
      '554 Service unavailable; Client host [192.0.2.1] blocked using Barracuda Reputation; https://www.barracudacentral.org/lookups/lookup-reputation?r=1&ip=192.0.2.1',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'barracuda-blocked',
    match: /permanent failure for one or more recipients .{0,200}:blocked/i,
    sample: '550 permanent failure for one or more recipients (x@example.com:blocked)',
    classification: 'Content',
  },
  {
    name: 'barracuda-unknown',
    match: /permanent failure for one or more recipients/i,
    stages: NAMED,
    sample: '550 permanent failure for one or more recipients (x@example.com:550 5.1.1 User unknown)',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];

/** Netvigator and KPN. */
export const SESSION_COUNTERS: readonly Rule[] = [
  {
    name: 'session-spent',
    match: /too many messages for this session/i,
    sample: '421 4.5.3 Too many messages for this session',
    event: 'deferred',
    classification: 'Frequency or Volume Too High',
    act: RECONNECT,
  },
];
