/**
 * A session with SES instead of a mail server: the same way in, one call of SendEmail per message. An accepted message is
 * `relayed`, not delivered: SES's event says what became of it (lambdas/hear). A call is made once: a second would be a second
 * mail, and one without an answer is in doubt.
 */
import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import { toEnvelopeAddress } from '../core/domain.ts';
import {
  type About,
  failureOfSes,
  fromAddressOf,
  refuseForSes,
  tagsOf,
  unstuff,
  withoutSignatures,
} from '../core/ses.ts';
import type { Waits } from '../core/smtp/limits.ts';
import { makeReply, type Reply } from '../core/smtp/reply.ts';
import type { Outgoing, Sent, Session } from './smtp.ts';

/** What a way that is not direct needs to know of a message beside its octets. */
export type ViaOutgoing = Outgoing & { about: About };
/** `relayed`: taken, and its outcome will be heard of. */
export type Relayed = { ok: true; reply: Reply; relayed: true; relayId: string };
export type ViaSession = Omit<Session, 'send'> & { send: (message: ViaOutgoing) => Promise<Sent | Relayed> };

export type SesOptions = { waits: Waits; remaining: () => number };

/** Milliseconds until a connection must be made: without one the message never left, which a call given up does not tell. */
const CONNECT = 5_000;

/** One try: what failed is ours to judge. */
export const openSesClient = (): SESv2Client =>
  new SESv2Client({ maxAttempts: 1, requestHandler: { connectionTimeout: CONNECT } });

/** Sessions to SES: nothing is opened before the first message, so opening one cannot fail. */
export function sesBy(client: SESv2Client, configurationSet: string) {
  return ({ waits, remaining }: SesOptions): ViaSession => {
    let accepted = 0;
    const transcript: string[] = [];
    return {
      host: 'ses',
      address: 'ses',
      tlsFailures: [],
      // SES asks for parts in seven bits (API reference, RawMessage).
      eightBitMime: false,
      idleFor: () => 0,
      accepted: () => accepted,
      usable: () => true,
      transcript,
      quit: async () => {},
      send: async ({ to, octets, eightBit, about }) => {
        const size = octets.reduce((sum, { length }) => sum + length, 0);
        const refusal = refuseForSes({ to, octets: size, ...(eightBit === undefined ? {} : { eightBit }) });
        if (refusal) return refusal;
        const time = Math.min(remaining(), waits.body + waits.dot);
        if (time < waits.body + waits.dot) return { ok: false, postponed: true };
        const message = withoutSignatures(unstuff(octets));
        const from = fromAddressOf(message);
        const input = {
          Content: { Raw: { Data: message } },
          Destination: { ToAddresses: [toEnvelopeAddress(to)] },
          ConfigurationSetName: configurationSet,
          EmailTags: tagsOf(about),
          ...(from === undefined ? {} : { FromEmailAddress: from }),
        };
        transcript.push(`> SendEmail to ${to}, ${message.length} octets`);
        try {
          const { MessageId } = await client.send(new SendEmailCommand(input), {
            abortSignal: AbortSignal.timeout(time),
          });
          // An answer without an id has no event that could be matched with it, but it was a yes.
          const relayId = MessageId ?? '';
          accepted++;
          transcript.push(`< 250 ${relayId}`);
          return { ok: true, reply: makeReply(250, [relayId]), relayed: true, relayId };
        } catch (error) {
          const failure = failureOfSes(error);
          transcript.push(`< ${failure.reply?.text ?? failure.error}`);
          return failure;
        }
      },
    };
  };
}
