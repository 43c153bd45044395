/**
 * One connection that speaks SMTP, below the commands: writes lines, waits for replies, notices when the link is lost.
 * It refuses a reply that nobody asked for: after one, answers could be taken for others, so the connection is given up.
 * One timer watches all connections of the process; no wait makes one of its own.
 */
import type { Socket } from 'node:net';
import { TRANSCRIPT_LINES } from '../core/smtp/limits.ts';
import { createReplyReader, type Reply } from '../core/smtp/reply.ts';

/** Why there is no reply: the link is down, too slow, or (`garbled`) what came is not what SMTP allows. */
export type Lost = { lost: string; garbled?: true };

export type SmtpLine = {
  /** Writes commands, each of which will be answered once. */
  write: (...commands: string[]) => void;
  /** The next reply, or why there will be none. @param wait milliseconds */
  reply: (wait: number) => Promise<Reply | Lost>;
  /** Writes octets that are no command. Resolves when the last has left this process (or why it never will). */
  writeMessage: (pieces: Buffer[], wait: number) => Promise<'written' | 'answered' | Lost>;
  /** Counts one reply as asked for: the banner, or the one to the final dot. */
  expectReply: () => void;
  /** Whether octets of a reply are here that nobody has asked for or that are no whole reply yet. */
  hasOctets: () => boolean;
  /** Gives the socket up to another owner (TLS). */
  release: () => Socket;
  lost: () => string | undefined;
  close: (why: string) => void;
  /** Client and server lines, the last TRANSCRIPT_LINES of them. */
  transcript: string[];
};

/** How late a wait may end, in milliseconds. */
const TICK = 50;
type Waiter = { due: number; give: (value: Reply | Lost | 'written' | 'answered') => void };
const watched = new Map<Waiter, (why: string) => void>();
let timer: NodeJS.Timeout | undefined;

function watch(waiter: Waiter, close: (why: string) => void): void {
  watched.set(waiter, close);
  timer ??= setInterval(() => {
    const now = performance.now();
    const late = [...watched].filter(([{ due }]) => due <= now);
    if (late.length === 0) return;
    // What came while this process was busy with something else is read first: it came in time.
    setImmediate(() => {
      for (const [one, closeIt] of late) if (watched.has(one)) closeIt('timeout');
    });
  }, TICK);
}

function unwatch(waiter: Waiter): void {
  watched.delete(waiter);
  if (watched.size > 0 || !timer) return;
  clearInterval(timer);
  timer = undefined;
}

export function openLine(socket: Socket, transcript: string[] = []): SmtpLine {
  const reader = createReplyReader();
  const replies: Reply[] = [];
  let asked = 0;
  let lost: string | undefined;
  let garbled = false;
  let replyWaiter: Waiter | undefined;
  let writeWaiter: Waiter | undefined;

  const close = (why: string): void => {
    if (lost === undefined) {
      lost = why;
      note(`# ${why}`);
    }
    socket.destroy();
    for (const waiter of [replyWaiter, writeWaiter])
      if (waiter) {
        unwatch(waiter);
        waiter.give(whyLost());
      }
    replyWaiter = undefined;
    writeWaiter = undefined;
  };
  const whyLost = (): Lost => ({ lost: lost ?? '', ...(garbled ? { garbled } : {}) });
  const note = (line: string): void => {
    transcript.push(line);
    if (transcript.length > TRANSCRIPT_LINES) transcript.splice(0, transcript.length - TRANSCRIPT_LINES);
  };
  const onData = (chunk: Buffer): void => {
    const read = reader.read(chunk);
    if (typeof read !== 'string') read.forEach(take);
    else {
      garbled = lost === undefined;
      close(read);
    }
  };
  const take = (reply: Reply): void => {
    if (lost !== undefined) return;
    note(`S: ${reply.text}`);
    if (asked === 0) {
      close(reply.code === 421 ? reply.text : `a reply that nobody asked for: ${reply.text}`);
      return;
    }
    asked--;
    if (replyWaiter) {
      const waiter = replyWaiter;
      replyWaiter = undefined;
      unwatch(waiter);
      waiter.give(reply);
      return;
    }
    replies.push(reply);
    if (!writeWaiter) return;
    unwatch(writeWaiter);
    writeWaiter.give('answered');
    writeWaiter = undefined;
  };
  const onError = (error: NodeJS.ErrnoException): void => close(error.code ?? error.message);
  const onEnd = (): void => close('closed by the server');
  socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd);

  return {
    write: (...commands) => {
      if (lost !== undefined) return;
      for (const command of commands) note(`C: ${command}`);
      asked += commands.length;
      socket.write(`${commands.join('\r\n')}\r\n`);
    },
    reply: (wait) => {
      const ready = replies.shift();
      if (ready) return Promise.resolve(ready);
      if (lost !== undefined) return Promise.resolve(whyLost());
      return new Promise((give) => {
        replyWaiter = { due: performance.now() + wait, give: give as Waiter['give'] };
        watch(replyWaiter, close);
      });
    },
    writeMessage: (pieces, wait) => {
      if (lost !== undefined) return Promise.resolve(whyLost());
      note(`C: (${pieces.reduce((sum, { length }) => sum + length, 0)} octets)`);
      return new Promise((give) => {
        const waiter: Waiter = { due: performance.now() + wait, give: give as Waiter['give'] };
        writeWaiter = waiter;
        watch(waiter, close);
        const onWritten = (error?: Error | null): void => {
          if (error || writeWaiter !== waiter) return;
          writeWaiter = undefined;
          unwatch(waiter);
          give('written');
        };
        socket.cork();
        pieces.forEach((piece, n) => {
          if (n === pieces.length - 1) socket.write(piece, onWritten);
          else socket.write(piece);
        });
        socket.uncork();
      });
    },
    expectReply: () => {
      asked++;
    },
    hasOctets: () => replies.length > 0 || reader.pending() > 0,
    release: () => {
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
      // Its new owner reports what happens to it; an error that only it sees must not end the process.
      return socket.on('error', () => {}).pause();
    },
    lost: () => lost,
    close,
    transcript,
  };
}

export function isLost(value: object | string): value is Lost {
  return typeof value === 'object' && 'lost' in value;
}
