/** What rules have in common: the acts that many of them name, and the stages at which a reply can speak of the reader. */
import type { Stage } from '../../outcome.ts';
import type { Act } from '../rule.ts';

/** Our address is on a list: nothing changes by itself within the hour, and somebody must ask to be taken off. */
export const LISTED: Act = { do: 'pause', minutes: 120, operator: true };
/** Something is wrong with our address or its DNS that only the operator can mend. */
export const MEND: Act = { do: 'pause', minutes: 60, operator: true };
export const HALVE: Act = { do: 'halve' };
/** One connection for an hour. */
export const ONE_CONNECTION: Act = { do: 'limit', connections: 1, minutes: 60 };
export const TRICKLE: Act = { do: 'limit', connections: 1, perMinute: 1, minutes: 90 };
export const RECONNECT: Act = { do: 'reconnect' };
export const pause = (minutes: number): Act => ({ do: 'pause', minutes });

/** From RCPT on a reader was named; a refusal of MAIL is about the sender, whatever words it uses. */
export const NAMED: readonly Stage[] = ['rcpt', 'data', 'body', 'dot'];
