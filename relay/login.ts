/**
 * AUTH (RFC 4954): PLAIN and LOGIN, in one line or in answer to challenges. Who fails waits a little longer each time, may try a
 * few times in a session, and not without end from one address; what he sent is kept nowhere.
 */
import { readText } from '../core/smtp-server/command.ts';
import { fill, type SmtpReply, smtpReplies } from '../core/smtp-server/replies.ts';
import { type Credentials, readPlain, readResponse } from '../core/smtp-server/sasl.ts';
import type { Conversation } from './conversation.ts';
import type { Gate, Pass } from './gate.ts';
import type { Limits } from './limits.ts';
import type { Client, Login, Role } from './role.ts';
import { type Step, say } from './transaction.ts';

export type LoginDeps = {
  role: Pick<Role, 'login'>;
  limits: Pick<Limits, 'authBytes' | 'idleMs' | 'logins' | 'loginDelayMs'>;
  gate: Pick<Gate, 'loginWait' | 'loginFailed'>;
  wait: (milliseconds: number) => Promise<void>;
};

/** `Username:` and `Password:`, as LOGIN asks for them. */
const USERNAME = 'VXNlcm5hbWU6';
const PASSWORD = 'UGFzc3dvcmQ6';

/** What AUTH does in one session, given what stands behind the verb. @param client is told whose key it was */
export function openLogin(
  conversation: Pick<Conversation, 'say' | 'line'>,
  client: Client,
  pass: Pick<Pass, 'known'>,
  { role, limits, gate, wait }: LoginDeps,
): (argument: string) => Promise<Step> {
  let failures = 0;

  const ask = async (challenge: string): Promise<string | Step> => {
    conversation.say(`334 ${challenge}\r\n`);
    const read = await conversation.line(limits.authBytes, limits.idleMs);
    if ('ended' in read) return read;
    if ('tooLong' in read) return say(smtpReplies.lineTooLong);
    const text = readText(read.line);
    if (text === '*') return say(smtpReplies.authCancelled);
    return (text === undefined ? undefined : readResponse(text)) ?? say(smtpReplies.badBase64);
  };
  /** @param response what stood behind the mechanism (RFC 4954 4) */
  const readCredentials = async (mechanism: string, response: string | undefined): Promise<Credentials | Step> => {
    const given = response === undefined ? undefined : (readResponse(response) ?? say(smtpReplies.badBase64));
    if (typeof given === 'object') return given;
    const first = given ?? (await ask(mechanism === 'PLAIN' ? '' : USERNAME));
    if (typeof first !== 'string') return first;
    if (mechanism === 'PLAIN') return readPlain(first) ?? say(smtpReplies.authFailed);
    const password = await ask(PASSWORD);
    return typeof password === 'string' ? { user: first, password } : password;
  };
  const fail = async (reply: SmtpReply): Promise<Step> => {
    gate.loginFailed(client.address);
    failures++;
    await wait(failures * limits.loginDelayMs);
    return failures >= limits.logins ? { reply, close: true } : say(reply);
  };
  const welcome = (login: Login): Step => {
    if (!pass.known(login.keyId)) return { reply: smtpReplies.connectionsOfKey, close: true };
    client.login = login;
    return say(smtpReplies.authenticated);
  };

  return async (argument) => {
    if (!role.login) return say(smtpReplies.notImplemented);
    if (client.helo === '') return say(fill(smtpReplies.sequence, 'EHLO first'));
    if (client.login) return say(fill(smtpReplies.sequence, 'you are logged in already'));
    const [mechanism = '', response, ...more] = argument.split(' ');
    if (!/^(PLAIN|LOGIN)$/i.test(mechanism) || more.length > 0) return say(smtpReplies.mechanism);
    const seconds = Math.ceil(gate.loginWait(client.address) / 1_000);
    if (seconds > 0) return { reply: fill(smtpReplies.loginsOfAddress, seconds), close: true };
    const credentials = await readCredentials(mechanism.toUpperCase(), response);
    if (!('user' in credentials))
      return 'reply' in credentials && credentials.reply === smtpReplies.authFailed
        ? fail(credentials.reply)
        : credentials;
    const login = await role.login(credentials, client);
    if ('keyId' in login) return welcome(login);
    // A key that is real and may not send, or not from here, and a table that does not answer, are no guesses.
    return login === smtpReplies.authFailed ? fail(login) : say(login);
  };
}
