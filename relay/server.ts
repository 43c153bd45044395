/**
 * The listeners: a conversation and a session for every connection, as its port says. It lets in what the gate lets in, and
 * drains: no new connections, what is being received is finished and answered, everybody else is told to come again, and then
 * nothing is left. No session is cut inside DATA as long as the drain may last.
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { smtpReplies, writeReply } from '../core/smtp-server/replies.ts';
import { type Conversation, openConversation } from './conversation.ts';
import type { Gate } from './gate.ts';
import type { Limits } from './limits.ts';
import type { Role } from './role.ts';
import { type Answered, holdSession } from './session.ts';

/** `submissions`: TLS from the first octet (RFC 8314); 0 as port: any that is free. */
export type SmtpListener = { port: number; kind: 'submission' | 'submissions' | 'inbound' };

export type ServerDeps = {
  host: string;
  limits: Limits;
  gate: Gate;
  submission: Role;
  /** Absent: port 25 is not served. */
  inbound?: Role;
  secureContext: () => SecureContext;
  /** Ports that take a password in clear. */
  loginInClear: ReadonlySet<number>;
  wait: (milliseconds: number) => Promise<void>;
  count: (answered: Answered, role: Role['name']) => void;
  report: (problem: string, error: unknown) => void;
  /** The addresses to listen at; default: all. */
  bind?: string;
};

export type SmtpServer = {
  /** The port of each listener, in order. */
  ports: number[];
  /** Ends it; what is left after so many milliseconds is cut. @returns how many sessions were */
  drain: (milliseconds: number) => Promise<number>;
};

/** @throws Error when a port is taken, or inbound is to be served without its role */
export async function listenSmtp(listeners: readonly SmtpListener[], deps: ServerDeps): Promise<SmtpServer> {
  const sessions = new Map<Conversation, Promise<void>>();
  const servers: Server[] = [];
  for (const { port, kind } of listeners) {
    const role = kind === 'inbound' ? deps.inbound : deps.submission;
    if (!role) throw new Error(`port ${port} is for inbound mail, and there is no place for it`);
    // A client that ends its side at once may still read our replies.
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      welcome(socket, role, kind === 'submissions', deps.loginInClear.has(port), sessions, deps).catch((error) => {
        deps.report('a session failed', error);
        socket.destroy();
      });
    });
    server.on('error', (error) => deps.report('a listener failed', error));
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, ...(deps.bind ? { host: deps.bind } : {}), backlog: 1_024 }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  }
  return {
    ports: servers.map((server) => (server.address() as { port: number }).port),
    drain: async (milliseconds) => {
      for (const server of servers) server.close();
      for (const conversation of sessions.keys()) conversation.drain();
      const all = Promise.all(sessions.values());
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([all, new Promise((late) => (timer = setTimeout(late, milliseconds)))]);
      clearTimeout(timer);
      const cut = sessions.size;
      for (const conversation of sessions.keys()) conversation.destroy();
      return cut;
    },
  };
}

async function welcome(
  socket: Socket,
  role: Role,
  implicitTls: boolean,
  loginInClear: boolean,
  sessions: Map<Conversation, Promise<void>>,
  deps: ServerDeps,
): Promise<void> {
  const { limits, gate } = deps;
  // A socket that listens for both calls an IPv4 address an IPv6 one.
  const address = socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, '');
  if (address === undefined) return void socket.destroy();
  const pass = gate.enter(address, role.name === 'inbound' ? 'inbound' : 'customer');
  const conversation = openConversation(socket, limits);
  if (typeof pass === 'string') return turnAway(conversation, pass, implicitTls);
  const session = async (): Promise<void> => {
    try {
      if (implicitTls && !(await conversation.secure(deps.secureContext()))) return;
      await holdSession(conversation, address, pass, {
        ...deps,
        role,
        loginInClear,
        count: (answered) => deps.count(answered, role.name),
      });
    } finally {
      pass.leave();
      sessions.delete(conversation);
    }
  };
  const done = session();
  sessions.set(conversation, done);
  await done;
}

/** Said in clear only where clear is spoken: to a client that waits for TLS it would be noise. */
async function turnAway(conversation: Conversation, why: 'address' | 'process', implicitTls: boolean): Promise<void> {
  if (implicitTls) return conversation.destroy();
  conversation.say(writeReply(why === 'address' ? smtpReplies.connectionsOfAddress : smtpReplies.full));
  await conversation.close();
}
