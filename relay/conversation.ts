/**
 * One connection of a client, below the commands: lines and octets in, replies out, every wait with its end. A line ends with
 * CRLF and with nothing else. What a client sends faster than we read stays in its own kernel; what it does not read of ours
 * stops us, not our memory.
 * STARTTLS refuses a connection on which anything came behind the command: commands injected in clear must not be taken for
 * those of the session in TLS (CVE-2011-0411, CVE-2021-38371 and kin).
 */
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Limits } from './limits.ts';

/** Why nothing more comes. `draining`: we end it, since it was idle while the process ends. */
export type Ended = 'closed' | 'idle' | 'slow' | 'draining';

export type Line = { line: Buffer } | { tooLong: true } | { ended: Ended };
export type Octets = { octets: Buffer } | { ended: Ended };

export type Conversation = {
  /** Puts a reply; it leaves when everything that came has been answered, so that pipelined commands get one packet. */
  say: (text: string) => void;
  /** The next line, at most so long. What came before STARTTLS is gone. @param idle milliseconds until its first octet */
  line: (bytes: number, idle: number) => Promise<Line>;
  /** The next octets of a message, as many as there are. @param wait milliseconds */
  octets: (wait: number) => Promise<Octets>;
  /** Gives back what was read too far. */
  unread: (octets: Buffer) => void;
  /** Whether anything is here that nobody has read. */
  hasOctets: () => boolean;
  /** The handshake. False: it failed, or something came before it; the connection is gone. */
  secure: (context: SecureContext) => Promise<boolean>;
  /** The negotiated protocol (`TLSv1.3`), once there is TLS. */
  tls: () => string | undefined;
  /** Says what is left to say, and ends. */
  close: () => Promise<void>;
  /** Ends it without a word. After `close` that is not needed, and does nothing. */
  destroyUnlessClosing: () => void;
  destroy: () => void;
  /** Ends every wait for a command, now and from now on: what is being received goes on. */
  drain: () => void;
};

const CRLF = Buffer.from('\r\n');
/** Octets that wait to be read before we stop the client. */
const READ_AHEAD = 262_144;
/** And packets: one of a single octet costs a hundred. */
const CHUNKS_AHEAD = 64;
/** Octets of garbage without a line end that are read before the connection is given up. */
const GARBAGE = 65_536;
/** Octets of replies that wait to be read by the client. */
const WRITE_AHEAD = 65_536;
const EMPTY = Buffer.alloc(0);

export function openConversation(
  connection: Socket,
  limits: Pick<Limits, 'lineMs' | 'tlsMs' | 'writeMs'>,
): Conversation {
  let socket = connection;
  let chunks: Buffer[] = [];
  let waiting = 0;
  /** The client sends nothing more; it may still read (a half-closed connection). */
  let ended = false;
  let closed = false;
  let closing = false;
  let draining = false;
  let outgoing = '';
  /** Who waits for octets; told when there are some, or why there will be none. */
  let wake: ((why?: Ended) => void) | undefined;

  const onData = (chunk: Buffer) => {
    chunks.push(chunk);
    waiting += chunk.length;
    if (waiting > READ_AHEAD || chunks.length > CHUNKS_AHEAD) socket.pause();
    wake?.();
  };
  const onClose = () => {
    closed = true;
    wake?.('closed');
  };
  const onEnd = () => {
    ended = true;
    wake?.('closed');
  };
  const onError = () => {
    closed = true;
    socket.destroy();
    wake?.('closed');
  };
  const attend = () => socket.on('data', onData).on('error', onError).on('close', onClose).on('end', onEnd);
  const leave = () => {
    socket.off('data', onData).off('close', onClose).off('end', onEnd).pause();
  };
  connection.setNoDelay(true);
  attend();

  const takeAll = (): Buffer => {
    const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    chunks = [];
    waiting = 0;
    if (socket.isPaused()) socket.resume();
    return all;
  };
  const flush = async (): Promise<void> => {
    if (outgoing === '' || closed) return;
    const text = outgoing;
    outgoing = '';
    if (socket.write(text, 'utf8') || socket.writableLength < WRITE_AHEAD) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        socket.off('drain', done).off('close', done);
        resolve();
      };
      const timer = setTimeout(() => socket.destroy(), limits.writeMs);
      socket.on('drain', done).on('close', done);
    });
  };
  /** Waits for octets; they stay where they are. @param asIdle a wait that a drain ends */
  const more = async (wait: number, late: 'idle' | 'slow', asIdle: boolean): Promise<Ended | undefined> => {
    await flush();
    if (chunks.length > 0) return undefined;
    if (ended || closed) return 'closed';
    if (draining && asIdle) return 'draining';
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(late), Math.max(0, wait));
      const settle = (why?: Ended) => {
        if (why === 'draining' && !asIdle) return;
        clearTimeout(timer);
        wake = undefined;
        resolve(why);
      };
      wake = settle;
    });
  };

  const line = async (bytes: number, idle: number): Promise<Line> => {
    let kept: Buffer = EMPTY;
    let tooLong = false;
    let read = 0;
    let until: number | undefined;
    while (true) {
      if (chunks.length === 0) {
        const first = until === undefined;
        const late = await more(first ? idle : until! - performance.now(), first ? 'idle' : 'slow', first);
        if (late) return { ended: late };
      }
      until ??= performance.now() + limits.lineMs;
      const came = takeAll();
      const searched = Math.max(0, kept.length - 1);
      const all = kept.length === 0 ? came : Buffer.concat([kept, came]);
      const end = all.indexOf(CRLF, searched);
      if (end !== -1) {
        if (end + 2 < all.length) unread(all.subarray(end + 2));
        return tooLong || end > bytes ? { tooLong: true } : { line: all.subarray(0, end) };
      }
      read += came.length;
      if (read > GARBAGE) return { ended: 'slow' };
      tooLong ||= all.length > bytes + 1;
      // A CR at the end may be half of a CRLF.
      kept = tooLong ? all.subarray(-1) : all;
    }
  };
  const unread = (octets: Buffer) => {
    if (octets.length === 0) return;
    chunks.unshift(octets);
    waiting += octets.length;
  };

  return {
    say: (text) => {
      outgoing += text;
    },
    line,
    octets: async (wait) => {
      const late = chunks.length > 0 ? undefined : await more(wait, 'slow', false);
      return late ? { ended: late } : { octets: takeAll() };
    },
    unread,
    hasOctets: () => chunks.length > 0,
    secure: async (context) => {
      await flush();
      leave();
      if (chunks.length > 0 || socket.readableLength > 0 || closed || ended) {
        socket.destroy();
        closed = true;
        return false;
      }
      const raw = socket;
      const secured = new TLSSocket(raw, { isServer: true, secureContext: context });
      const shaken = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), limits.tlsMs);
        const settle = (ok: boolean) => () => {
          clearTimeout(timer);
          resolve(ok);
        };
        secured.once('secure', settle(true)).once('error', settle(false)).once('close', settle(false));
        raw.once('close', settle(false));
      });
      secured.on('error', onError);
      if (!shaken) {
        secured.destroy();
        raw.destroy();
        closed = true;
        return false;
      }
      socket = secured;
      attend();
      return true;
    },
    tls: () => (socket instanceof TLSSocket ? (socket.getProtocol() ?? undefined) : undefined),
    close: async () => {
      closing = true;
      await flush();
      closed = true;
      leave();
      socket.end();
      // Whoever does not end his side has a moment to read our last words, and none to keep the connection.
      socket.resume();
      const timer = setTimeout(() => socket.destroy(), 5_000);
      socket.once('close', () => clearTimeout(timer));
    },
    destroyUnlessClosing: () => {
      if (closing) return;
      closed = true;
      socket.destroy();
    },
    destroy: () => {
      closed = true;
      socket.destroy();
      wake?.('closed');
    },
    drain: () => {
      draining = true;
      wake?.('draining');
    },
  };
}
