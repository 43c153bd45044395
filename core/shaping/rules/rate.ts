/** Any provider: too much, too fast, or not now. */
import type { Rule } from '../rule.ts';
import { HALVE, ONE_CONNECTION, RECONNECT, TRICKLE } from './acts.ts';

const RATE = 'Frequency or Volume Too High';

export const RATES: readonly Rule[] = [
  {
    name: 'greylisted',
    match: /^4\d\d .{0,200}gr[ea]y-?list/i,
    sample:
      '450 4.2.0 <x@example.com>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.com.html',
    classification: 'Technical Failure',
  },
  {
    name: 'connection-spent',
    match:
      /(?:too many|maximum number of|max(?:imum)?) (?:messages|mails|emails|deliveries|message|transactions).{0,20}(?:session|connection)/i,
    sample: '421 4.7.0 mx1.example.com Error: too many messages in this connection',
    event: 'deferred',
    classification: RATE,
    act: RECONNECT,
  },
  {
    name: 'too-many-connections',
    match:
      /(?:too many|maximum number of|number of|exceeded.{0,40}) (?:concurrent |simultaneous |smtp |parallel )?(?:connections|sessions)|connection (?:limit|rate limit) (?:exceeded|reached)|(?:too many|max) concurrent/i,
    sample: '421 4.7.0 mx1.example.com Error: too many connections from 192.0.2.1',
    event: 'deferred',
    classification: RATE,
    act: ONE_CONNECTION,
  },
  {
    name: 'too-many-recipients',
    match: /^(?:45[12]|55[02]) .{0,60}too many recipients/i,
    sample: '452 4.5.3 Error: too many recipients',
    event: 'deferred',
    classification: RATE,
    act: RECONNECT,
  },
  {
    name: 'ip-rate-limited',
    match:
      /rate[- ]limited due to ip reputation|messages from .{1,60} temporarily deferred|server busy\. please try again later from/i,
    sample: '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation.',
    event: 'deferred',
    classification: 'Reputation',
    act: TRICKLE,
  },
  {
    name: 'rate-limited',
    match:
      /^[45]\d\d .{0,200}(?:rate[- ]limit|throttl|frequency limited|sending rate|too (?:fast|quickly)|too many (?:messages|mails|emails|requests)|slow down|(?:message|mail|hourly|daily|sending) (?:limit|quota|rate) (?:exceeded|reached)|unusual rate)/i,
    sample: '451 4.7.1 <x@example.com>: Recipient address rejected: Rate limit exceeded, please slow down',
    event: 'deferred',
    classification: RATE,
    act: HALVE,
  },
  {
    name: 'busy',
    match:
      /^4\d\d .{0,120}(?:server (?:is )?(?:too )?busy|too busy|system load|overload|resources? (?:are )?temporarily|insufficient system)/i,
    sample: '451 4.3.2 Server is too busy, try again later',
    classification: 'Technical Failure',
    act: HALVE,
  },
];
