/**
 * Why a message is where it is: each attempt with the reply that was read, what that means, who must act, and what comes next. The
 * last word wins: a bounce or a complaint that came after the mail was taken, else how it ended, else its last attempt. Made from the
 * items of its copy alone.
 */
import { sgMessageId } from '../ids.ts';
import type { AttemptRecord, LateRecord, OutcomeRecord } from '../records/messages.ts';
import type { Classification } from '../shaping/rule.ts';
import { attemptsOf, type CopyHistory, iso, outcomeOf, statusOf } from './show.ts';

/** Who can put it right. */
export type Actor = 'nobody' | 'recipient' | 'sender' | 'content' | 'ip owner' | 'their server' | 'us';

type Meaning = { cause: string; who: Actor; do: string };

/** What each class of failure means, who can put it right, and how. */
const MEANINGS: Readonly<Record<Classification, Meaning>> = {
  'Invalid Address': {
    cause: 'The address does not exist.',
    who: 'sender',
    do: 'Remove it from your lists. It is on the list of bounces and gets no more mail.',
  },
  'Mailbox Unavailable': {
    cause: 'The mailbox exists and does not take mail: full, disabled, or slow.',
    who: 'recipient',
    do: 'Nothing at once. Ask him by another way if it goes on.',
  },
  Content: {
    cause: 'Their filter does not like what the mail says, its links or its size.',
    who: 'content',
    do: 'Look at links, attachments and wording; send the mail to a mailbox of your own at that provider.',
  },
  Reputation: {
    cause:
      'They do not trust the address or the domain that it was sent from: a blocklist, complaints, or DNS that does not agree.',
    who: 'ip owner',
    do: 'Run `pennypost doctor`: it looks up PTR, SPF, DKIM, DMARC and blocklists, and has the links for a delisting.',
  },
  'Frequency or Volume Too High': {
    cause: 'More mail than they take from this address at present.',
    who: 'us',
    do: 'Nothing: the pace is lowered by itself. Warm the address up, or add another, if it goes on.',
  },
  'Technical Failure': {
    cause: 'The session or DNS failed: no connection, no TLS, a broken reply.',
    who: 'their server',
    do: 'Nothing at once: it is tried again. If it goes on, their DNS or their server must be mended.',
  },
  Unclassified: {
    cause: 'A reply that no rule knows.',
    who: 'sender',
    do: 'Read the reply; `pennypost rules try` shows what is made of it.',
  },
};

const RESEND = 'Nothing was sent. Send it again when that is put right.';

/** What a drop says (docs/errors.md), what it means and what helps: the first whose beginning fits. */
const DROPS: readonly (Meaning & { reply: string })[] = [
  {
    reply: 'Bounced Address',
    cause: 'The address bounced before and is on the list of bounces.',
    who: 'sender',
    do: 'Nothing was sent. Remove it from your lists; take it off the list of bounces only if you know that it exists now.',
  },
  {
    reply: 'Spam Reporting Address',
    cause: 'The recipient called mail of yours spam, and is on the list of spam reports.',
    who: 'sender',
    do: 'Nothing was sent. Remove him from your lists; take him off the list of spam reports only if he asks for it.',
  },
  {
    // Exactly: what begins so and goes on is another reason.
    reply: 'Invalid SMTPAPI header',
    cause: 'The X-SMTPAPI header of the message is broken, so its recipients and its content are not certain.',
    who: 'sender',
    do: 'Nothing was sent. A mail to its MAIL FROM says what is wrong: put the header right and send it again.',
  },
  {
    reply: 'Invalid',
    cause: 'DNS did not know the domain of the address; it is on the list of invalid addresses.',
    who: 'sender',
    do: 'Nothing was sent. Look for a typo in the domain; if it is right and exists now, take the address off the list.',
  },
  {
    reply: 'Unsubscribed Address',
    cause: 'The recipient wants no such mail: he is on the list of unsubscribes, or has left the group.',
    who: 'sender',
    do: 'Nothing was sent. Take him off the list only if he asks for it.',
  },
  {
    reply: 'Cancelled: its batch was cancelled',
    cause: 'Its batch was cancelled before it was due.',
    who: 'nobody',
    do: 'Nothing was sent, as was asked for. Send it anew if it is wanted after all.',
  },
  {
    reply: 'Cancelled',
    cause: 'Its batch was paused for 72 hours after it was due, and nobody let it go on.',
    who: 'sender',
    do: 'Nothing was sent. Send it anew if it is still wanted.',
  },
  {
    reply: 'Bulk of this account was paused',
    cause: 'Bulk of the account was paused, for its bounces or complaints or by hand, and nobody resumed it.',
    who: 'sender',
    do: 'Nothing was sent. `pennypost brakes show` says why it was paused: mend that, resume it, and send it again.',
  },
  {
    reply: 'Erased',
    cause: 'The recipient’s data were erased before it was sent.',
    who: 'nobody',
    do: 'Nothing was sent, and nothing of him is kept.',
  },
  {
    reply: '5.7.20 ',
    cause: 'The domain of its From is not one of the account any more.',
    who: 'sender',
    do: `${RESEND} \`pennypost domains add\` adds a domain.`,
  },
  {
    reply: '5.3.4 ',
    cause: 'The message is too long.',
    who: 'content',
    do: 'Nothing was sent. Shorten what is put in, or the content, and send it again.',
  },
  {
    reply: '5.6.',
    cause: 'The message could not be made: its template, its data or a part of it does not allow it.',
    who: 'content',
    do: 'Nothing was sent. The reply names the place: put it right and send it again.',
  },
];

/** What was heard once the mail was taken, by what it means. */
function explainLate({ event, optOut, classification, reply }: LateRecord): Meaning {
  if (event === 'complained' && optOut)
    return {
      cause: 'It arrived, and the recipient’s provider says that he wants no more of it.',
      who: 'sender',
      do: 'Remove him from your lists. He is on the list of unsubscribes and gets no more mail.',
    };
  if (event === 'complained')
    return {
      cause: 'It arrived, and the recipient called it spam.',
      who: 'sender',
      do: 'Remove him from your lists. He is on the list of spam reports and gets no more mail.',
    };
  const meaning = MEANINGS[classification ?? 'Unclassified'];
  return {
    ...meaning,
    cause: `The server took it, and sent it back later: ${meaning === MEANINGS.Unclassified ? reply : meaning.cause}`,
    ...(classification === 'Technical Failure'
      ? { do: 'It is not tried again: send it anew when that is mended.' }
      : {}),
  };
}

/** @param now milliseconds since the epoch */
export function explainMessage(requestId: string, index: number, history: CopyHistory, now: number) {
  const outcome = outcomeOf(history);
  const attempts = attemptsOf(history);
  const last = attempts.at(-1);
  const late = history.news.flatMap((one) => (one.kind === 'late' ? [one.item] : []));
  // A mail that came back was not read, whatever else was heard of it.
  const heard = late.find(({ event }) => event === 'bounced') ?? late.at(-1);
  return {
    msg_id: sgMessageId(requestId, index),
    status: statusOf(history),
    ...(heard ? explainLate(heard) : explainEnd(outcome, last, history, now)),
    attempts: [...attempts, ...(outcome ? [outcome] : [])].map((one) => ({
      at: iso(one.at),
      attempt: one.attempt,
      result: one.event,
      ...(one.mx === undefined ? {} : { server: one.mx }),
      from: one.lane,
      ...(one.tls === undefined ? {} : { tls: one.tls }),
      ...(one.certError === undefined ? {} : { certificate: one.certError }),
      reply: one.reply,
      ...(one.classification === undefined ? {} : { classification: one.classification }),
      ...(one.rule === undefined ? {} : { rule: one.rule }),
      ...(one.possibleDuplicate ? { possible_duplicate: true } : {}),
      ...(one.transcript === undefined ? {} : { transcript: one.transcript.split('\n') }),
    })),
    later: late.map(({ at, event, reply }) => ({ at: iso(at), result: event, reply })),
  };
}

function explainDrop(reply: string): Meaning {
  const found = DROPS.find((one) => reply.startsWith(one.reply));
  return found ? { cause: found.cause, who: found.who, do: found.do } : { cause: reply, who: 'sender', do: RESEND };
}

/** An attempt whose link broke after the dot (RFC 5321 4.5.3.2.6): the next try may be the second copy. */
const BROKE_OFF: Meaning = {
  cause: 'The link broke after the last octet was sent, before the reply: it may have arrived.',
  who: 'their server',
  do: 'Nothing at once: it is tried again, and the recipient may get it twice. Do not send it anew yourself.',
};

function explainEnd(
  outcome: OutcomeRecord | undefined,
  last: AttemptRecord | undefined,
  { request }: CopyHistory,
  now: number,
) {
  if (outcome?.event === 'delivered')
    return {
      cause: 'The recipient’s server took it.',
      who: 'nobody',
      do: 'If it is not in the inbox, look in the folder for spam.',
    };
  if (outcome?.event === 'relayed')
    return {
      cause: 'SES has it, and has not said more yet.',
      who: 'nobody',
      do: 'Wait: SES tries for up to 14 hours.',
    };
  if (outcome?.event === 'dropped') return explainDrop(outcome.reply);
  if (outcome?.event === 'unknown')
    return {
      cause: 'The link broke after the last octet was sent, at every attempt: it may have arrived.',
      who: 'their server',
      do: 'Ask the recipient before you send it again.',
    };
  if (outcome) return MEANINGS[outcome.classification ?? 'Unclassified'];
  if (last)
    return {
      ...(last.event === 'doubted' ? BROKE_OFF : MEANINGS[last.classification ?? 'Technical Failure']),
      next_attempt: iso(last.due),
      held_by: last.due > now ? 'the schedule of retries' : 'its lane: it is due, and waits for its turn at the site',
    };
  return {
    cause: request ? 'It is accepted, and no attempt was made yet.' : 'Nothing is known of it.',
    who: 'us',
    do: 'It waits in its lane, for its `send_at`, or for its turn at a site that takes so much and no more.',
    held_by: 'its lane or a hold',
  };
}
