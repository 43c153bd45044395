/** What the relay counts, and what of it goes into the log: refusals of messages and logins, not the noise of strangers. */
import type { RelayCounts } from '../io/metrics.ts';
import type { Log } from './log.ts';
import type { Role } from './role.ts';
import type { Answered } from './session.ts';

export type Tally = {
  answered: (answered: Answered, role: Role['name']) => void;
  /** A request at the big door. @param status of its answer */
  posted: (status: number) => void;
  /** What was counted since the last time. */
  take: () => RelayCounts;
};

/** Commands that are about a message. */
const ABOUT_MESSAGES = new Set<Answered['verb']>(['MAIL', 'DATA', 'BDAT']);
/** 5xx of the client's grammar, not about its mail. */
const GRAMMAR = new Set([500, 501, 502, 503, 504, 555]);
/** Too many recipients: the client sends to the others with its next message. */
const OFTEN = '4.5.3';

export function createTally(log: Log): Tally {
  let counts: Required<Omit<RelayCounts, 'relayConnections' | 'certificateEnding'>> = empty();
  return {
    answered: ({ verb, reply, taken, client }, role) => {
      const { code, enhanced, text } = reply;
      if (taken) counts.relayAccepted++;
      if (code < 400 || (taken && code < 400)) return;
      const { address, login } = client;
      const who = { role, address, verb, code, enhanced, text, ...login };
      if (code === 535) {
        counts.authFailures++;
        log('WARN', 'login-failed', who);
      } else if (code >= 500 && ABOUT_MESSAGES.has(verb) && !GRAMMAR.has(code)) {
        counts.relayRefused++;
        log('WARN', 'refused', who);
      } else if (code < 500 && verb !== 'none' && enhanced !== OFTEN) {
        counts.relayDeferred++;
        log('WARN', 'deferred', who);
      }
    },
    posted: (status) => {
      if (status < 400) counts.relayAccepted++;
      else if (status === 401) counts.authFailures++;
      else if (status === 429 || status >= 500) counts.relayDeferred++;
      else counts.relayRefused++;
    },
    take: () => {
      const taken = counts;
      counts = empty();
      return taken;
    },
  };
}

const empty = () => ({ relayAccepted: 0, relayRefused: 0, relayDeferred: 0, authFailures: 0 });
