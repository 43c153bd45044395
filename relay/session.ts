/**
 * One SMTP session of a client (RFC 5321): greeting, STARTTLS (RFC 3207), AUTH (RFC 4954), and its mail (relay/transaction.ts).
 * Commands in their order or 503. What was said before TLS is forgotten with it. It ends a session that is idle, slow, full of
 * errors or of nothing, and says so.
 */
import type { SecureContext } from 'node:tls';
import { type Command, readCommand, readHelo } from '../core/smtp-server/command.ts';
import { fill, type SmtpReply, smtpReplies, writeReply } from '../core/smtp-server/replies.ts';
import type { Conversation, Ended } from './conversation.ts';
import type { Gate, Pass } from './gate.ts';
import type { Limits } from './limits.ts';
import { openLogin } from './login.ts';
import type { Client, Role } from './role.ts';
import { openTransaction, type Step, say } from './transaction.ts';

export type SessionDeps = {
  /** Our name: in the banner and in EHLO's answer. */
  host: string;
  role: Role;
  limits: Limits;
  gate: Pick<Gate, 'loginWait' | 'loginFailed'>;
  /** The certificate of this moment. */
  secureContext: () => SecureContext;
  /** Whether a password is taken in clear: on a port that only the VPC can reach. */
  loginInClear: boolean;
  wait: (milliseconds: number) => Promise<void>;
  count: (answered: Answered) => void;
};

/** What was answered to what, for the metrics and the log. `taken`: a message is ours. */
export type Answered = { verb: Command['verb'] | 'none'; reply: SmtpReply; taken: boolean; client: Client };

/** @param pass its way in, told of its login */
export async function holdSession(
  conversation: Conversation,
  address: string,
  pass: Pick<Pass, 'known'>,
  deps: SessionDeps,
): Promise<void> {
  const { host, role, limits } = deps;
  const client: Client = { address, helo: '', esmtp: false };
  const transaction = openTransaction(conversation, role, limits);
  const logIn = openLogin(conversation, client, pass, deps);
  const begun = performance.now();
  let errors = 0;
  let idle = 0;
  const inTls = (): boolean => conversation.tls() !== undefined;
  const note = () => {
    const tls = conversation.tls();
    if (tls) client.tls = tls;
  };
  note();

  const greet = async (verb: 'EHLO' | 'HELO', argument: string): Promise<Step> => {
    const helo = readHelo(argument);
    if (helo === undefined) return say(fill(smtpReplies.syntax, `${verb} <your host name>`));
    await transaction.reset();
    client.helo = helo;
    client.esmtp = verb === 'EHLO';
    if (verb === 'HELO') return say({ code: 250, text: host });
    for (const line of offer()) conversation.say(`250-${line}\r\n`);
    return say({ code: 250, text: 'CHUNKING' });
  };
  const offer = (): string[] => [
    host,
    '8BITMIME',
    'PIPELINING',
    `SIZE ${limits.messageBytes}`,
    ...(inTls() ? [] : ['STARTTLS']),
    // The second form is for clients from before RFC 2554 (SendGrid offers it too).
    ...(role.login && mayLogin() ? ['AUTH PLAIN LOGIN', 'AUTH=PLAIN LOGIN'] : []),
    'ENHANCEDSTATUSCODES',
    'SMTPUTF8',
  ];
  const mayLogin = (): boolean => inTls() || deps.loginInClear;

  const startTls = async (argument: string): Promise<Step> => {
    if (inTls()) return say(fill(smtpReplies.sequence, 'TLS is on already'));
    if (argument !== '') return say(fill(smtpReplies.syntax, 'STARTTLS'));
    await transaction.reset();
    // Commands injected behind STARTTLS would be answered inside TLS, as if they came from there.
    if (conversation.hasOctets()) return { ended: 'closed' };
    conversation.say(writeReply(smtpReplies.startTls));
    if (!(await conversation.secure(deps.secureContext()))) return { ended: 'closed' };
    client.helo = '';
    client.esmtp = false;
    delete client.login;
    note();
    return SILENT;
  };

  /** Why there can be no mail yet. */
  const notYet = (): SmtpReply | undefined => {
    if (client.helo === '') return fill(smtpReplies.sequence, 'EHLO first');
    if (!role.login || client.login) return undefined;
    return mayLogin() ? smtpReplies.unauthenticated : smtpReplies.tlsFirst;
  };
  const obey = async (command: Command): Promise<Step> => {
    switch (command.verb) {
      case 'EHLO':
      case 'HELO':
        return greet(command.verb, command.argument);
      case 'STARTTLS':
        return startTls(command.argument);
      case 'AUTH':
        if (transaction.open()) return say(fill(smtpReplies.sequence, 'a message is begun already'));
        return mayLogin()
          ? logIn(command.argument)
          : say(role.login ? smtpReplies.authTls : smtpReplies.notImplemented);
      case 'MAIL': {
        const reply = notYet();
        return reply ? say(reply) : transaction.mail(command.argument, client);
      }
      case 'RCPT':
        return transaction.rcpt(command.argument);
      case 'DATA':
        return transaction.data(command.argument, client);
      case 'BDAT':
        return transaction.bdat(command.argument, client);
      case 'RSET':
        if (command.argument !== '') return say(fill(smtpReplies.syntax, 'RSET'));
        await transaction.reset();
        return say(smtpReplies.ok);
      case 'QUIT':
        return { reply: smtpReplies.bye, close: true };
      case 'NOOP':
        return say(smtpReplies.ok);
      case 'VRFY':
        return say(smtpReplies.cannotVerify);
      case 'HELP':
        return say(smtpReplies.help);
      case 'EXPN':
        return say(smtpReplies.notImplemented);
      case 'unknown':
        return say(smtpReplies.unknown);
      case 'malformed':
        return say(smtpReplies.malformed);
    }
  };
  /** What a step costs of the session's patience; its last reply, where that is used up. */
  const judge = (command: Command, { code }: SmtpReply): SmtpReply | undefined => {
    // A list with bad addresses in it is a customer's everyday; at port 25 it is somebody who tries names.
    if (code >= 500 && (command.verb !== 'RCPT' || role.name === 'inbound')) errors++;
    const forward = code < 400 && ['MAIL', 'RCPT', 'DATA', 'BDAT', 'AUTH', 'STARTTLS'].includes(command.verb);
    idle = forward && command.verb !== 'MAIL' ? 0 : idle + 1;
    if (command.verb === 'DATA' && code === 250) errors = 0;
    if (errors >= limits.errors) return smtpReplies.errors;
    return idle > limits.idleCommands ? smtpReplies.commands : undefined;
  };
  const part = async (reply: SmtpReply): Promise<void> => {
    conversation.say(writeReply(reply));
    await conversation.close();
  };

  conversation.say(writeReply(fill(smtpReplies.ready, host)));
  try {
    while (true) {
      const login = role.login && !client.login ? begun + limits.loginMs - performance.now() : limits.idleMs;
      const read = await conversation.line(limits.commandBytes, Math.min(limits.idleMs, login));
      if ('ended' in read) return await depart(read.ended);
      const command: Command = 'tooLong' in read ? { verb: 'malformed' } : readCommand(read.line);
      const step = 'tooLong' in read ? say(smtpReplies.lineTooLong) : await obey(command);
      if ('ended' in step) return await depart(step.ended);
      if (step === SILENT) continue;
      deps.count({ verb: command.verb, reply: step.reply, taken: step.taken === true, client });
      if (step.close) return await part(step.reply);
      conversation.say(writeReply(step.reply));
      const last = judge(command, step.reply);
      if (last) return await part(last);
    }
  } finally {
    await transaction.reset();
    conversation.destroyUnlessClosing();
  }

  async function depart(why: Ended): Promise<void> {
    if (why === 'closed') return;
    const idled = fill(smtpReplies.idle, Math.round(limits.idleMs / 1_000));
    const reply = why === 'idle' ? idled : why === 'slow' ? smtpReplies.tooSlow : smtpReplies.restarting;
    deps.count({ verb: 'none', reply, taken: false, client });
    await part(reply);
  }
}

/** After the handshake the client speaks first. */
const SILENT: Step = { reply: { code: 220, text: '' } };
