/**
 * An SMTP server on loopback whose every reply is written by the test, octet by octet: for what a decent server never says.
 * By default it takes everything; a script answers for one stage instead.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

export type ScriptStage =
  | 'banner'
  | 'ehlo'
  | 'starttls'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'dot'
  | 'rset'
  | 'quit';

/** What happens at a stage: octets to write (and then FIN or RST), nothing at all, or something with the socket. */
export type Action = string | { say?: string; end: 'close' | 'reset' } | 'silence' | { act: (socket: Socket) => void };
/** An action, or a choice by argument (the path) and by how often the stage was reached before; undefined: the default. */
export type Script = Partial<Record<ScriptStage, Action | ((argument: string, nth: number) => Action | undefined)>>;

export type Taken = { from: string; to: string[]; data: Buffer; tls: boolean };
export type ScriptedServer = {
  port: number;
  messages: Taken[];
  /** Every command line, in the order in which it came, over all connections. */
  commands: string[];
  /** Octets of the last message as they came, terminator included. */
  wire: () => Buffer;
  /** Sessions of TLS that were taken up again. */
  resumed: () => number;
  /** Octets that came outside TLS, over all connections. */
  plain: () => string;
  connections: () => number;
  /** Connections that are open now. */
  open: () => number;
  /** Most connections at once that had not said QUIT. */
  peak: () => number;
  close: () => Promise<void>;
};

const EHLO = '250-script.test\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n';

/** Octets outside TLS that are kept. */
const PLAIN_KEPT = 100_000;

export async function startScript(
  script: Script = {},
  options: { tls?: { key: string; cert: string }; implicitTls?: true; ehlo?: string } = {},
): Promise<ScriptedServer> {
  const messages: Taken[] = [];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const talking = new Set<Socket>();
  const counts = new Map<ScriptStage, number>();
  let connections = 0;
  let peak = 0;
  let wire = Buffer.alloc(0);
  let resumed = 0;
  let plain = '';
  const context = options.tls ? createSecureContext(options.tls) : undefined;

  const server: Server = createServer({ noDelay: true }, (socket) => {
    connections++;
    sockets.add(socket);
    talking.add(socket);
    peak = Math.max(peak, talking.size);
    socket.on('close', () => {
      sockets.delete(socket);
      talking.delete(socket);
    });
    socket.on('error', () => {});
    if (options.implicitTls) secure(socket);
    else speak(socket, false);
  });

  function secure(socket: Socket): void {
    const secured = new TLSSocket(socket, { isServer: true, secureContext: context as SecureContext });
    secured.on('error', () => socket.destroy());
    secured.on('secure', () => {
      if (secured.isSessionReused()) resumed++;
    });
    speak(secured, true);
  }

  function speak(socket: Socket, tls: boolean): void {
    let buffer = Buffer.alloc(0);
    let inData = false;
    let from = '';
    let hasSender = false;
    let to: string[] = [];
    const onData = (chunk: Buffer): void => {
      buffer = Buffer.concat([buffer, chunk]);
      if (!tls) plain = (plain + chunk.toString('latin1')).slice(0, PLAIN_KEPT);
      while (buffer.length > 0) {
        if (inData) {
          if (at('body', '', undefined)) return;
          const end = buffer.indexOf('\r\n.\r\n');
          if (end < 0) return;
          wire = buffer.subarray(0, end + 5);
          const data = Buffer.from(
            wire
              .subarray(0, end + 2)
              .toString('latin1')
              .replace(/^\.\./gm, '.'),
            'latin1',
          );
          buffer = buffer.subarray(end + 5);
          inData = false;
          messages.push({ from, to, data, tls });
          if (at('dot', to[0] ?? '', '250 2.0.0 OK queued\r\n')) return;
          continue;
        }
        const end = buffer.indexOf('\r\n');
        if (end < 0) return;
        const line = buffer.subarray(0, end).toString('utf8');
        buffer = buffer.subarray(end + 2);
        commands.push(line);
        if (command(line)) return;
      }
    };
    /** True: this connection is done with. */
    const command = (line: string): boolean => {
      const [verb = ''] = line.toUpperCase().split(' ');
      const path = /<(.*?)>/.exec(line)?.[1] ?? '';
      if (verb === 'EHLO' || verb === 'HELO') return at('ehlo', line, ehlo());
      if (verb === 'MAIL') {
        hasSender = false;
        to = [];
        return at('mail', path, '250 2.1.0 OK\r\n', () => {
          hasSender = true;
          from = path;
        });
      }
      if (verb === 'RCPT') {
        const otherwise = hasSender ? '250 2.1.5 OK\r\n' : '503 5.5.1 MAIL first\r\n';
        return at('rcpt', path, otherwise, () => to.push(path));
      }
      if (verb === 'DATA') {
        if (to.length === 0) return at('data', '', '554 5.5.1 no valid recipients\r\n');
        const done = at('data', to[0]!, '354 go ahead\r\n');
        inData = !done && lastSaid.startsWith('354');
        return done;
      }
      if (verb === 'RSET') return at('rset', '', '250 2.0.0 OK\r\n');
      if (verb === 'QUIT') talking.delete(socket);
      if (verb === 'QUIT') return at('quit', '', { say: '221 2.0.0 bye\r\n', end: 'close' });
      if (verb === 'STARTTLS' && context) return starttls();
      if (verb === 'AUTH' || script.auth) return at('auth', line, '235 2.7.0 welcome\r\n');
      socket.write('502 5.5.2 what?\r\n');
      return false;
    };
    const ehlo = (): string =>
      context && !tls ? (options.ehlo ?? EHLO).replace('250 8', '250-STARTTLS\r\n250 8') : (options.ehlo ?? EHLO);
    const starttls = (): boolean => {
      if (at('starttls', '', '220 2.0.0 go\r\n')) return true;
      if (!lastSaid.startsWith('220')) return false;
      socket.off('data', onData);
      secure(socket);
      return true;
    };
    let lastSaid = '';
    /** Does what the script has for a stage, else the default. True: nothing more is read from this connection. */
    function at(stage: ScriptStage, argument: string, otherwise: Action | undefined, onOk?: () => void): boolean {
      const nth = counts.get(stage) ?? 0;
      counts.set(stage, nth + 1);
      const scripted = script[stage];
      const action = (typeof scripted === 'function' ? scripted(argument, nth) : scripted) ?? otherwise;
      if (action === undefined) return false;
      lastSaid = '';
      if (action === 'silence') return true;
      if (typeof action === 'object') {
        if ('act' in action) {
          action.act(socket);
          return true;
        }
        if (action.say) socket.write(action.say);
        if (action.end === 'reset') (socket as Socket & { resetAndDestroy: () => void }).resetAndDestroy();
        else socket.end();
        return true;
      }
      lastSaid = action;
      socket.write(action);
      if (action.startsWith('2') || action.startsWith('354')) onOk?.();
      return false;
    }
    socket.on('data', onData);
    if (!tls || options.implicitTls) at('banner', '', '220 script.test ESMTP\r\n');
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    messages,
    commands,
    wire: () => wire,
    resumed: () => resumed,
    plain: () => plain,
    connections: () => connections,
    open: () => sockets.size,
    peak: () => peak,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
