/**
 * One connection that speaks SMTP, below the commands: writes lines, waits for replies, notices when the link is lost.
 * It refuses a reply that nobody asked for: after one, answers could be taken for others, so the connection is given up.
 * One timer watches all connections of the process; no wait makes one of its own.
 */
import type { Socket } from 'node:net';
import { createReplyReader, type Reply } from '../core/smtp/reply.ts';
import { createTranscript, type Transcript } from '../core/smtp/transcript.ts';
import { SHORT, takeOctets } from './octets.ts';

/** Why there is no reply: the link is down, too slow, or (`garbled`) what came is not what SMTP allows. */
export type Lost = { lost: string; garbled?: true };

/** What came of a message: a reply or none, and whether its last octet had left this process before. */
export type Answer = { answer: Reply | Lost; written: boolean };

export type SmtpLine = {
  /**
   * Writes command lines, CRLF and all, which will be answered by so many replies.
   * @param encoding latin1 (cheaper) only for what is ASCII
   * @param shown what the transcript has instead, where they hold a secret
   */
  write: (commands: string, replies: number, encoding?: 'utf8' | 'latin1', shown?: string) => void;
  /** The next reply, or why there will be none. @param wait milliseconds */
  reply: (wait: number) => Promise<Reply | Lost>;
  /**
   * Writes octets that are no command, and waits for their one reply. Short pieces leave as one, which costs less than two writes.
   * @param wait milliseconds for the writing @param waitAfter milliseconds from its end to the reply
   */
  writeMessage: (pieces: Buffer[], octets: number, wait: number, waitAfter: () => number) => Promise<Answer>;
  /** Counts one reply as asked for: the banner. */
  expectReply: () => void;
  /** Whether octets of a reply are here that nobody has asked for or that are no whole reply yet. */
  hasOctets: () => boolean;
  /** Gives the socket up to another owner (TLS). */
  release: () => Socket;
  lost: () => string | undefined;
  close: (why: string) => void;
  transcript: Transcript;
};

/** How late a wait may end, in milliseconds. */
const TICK = 50;
/** A connection that waits, or (due never) does not. */
type Watched = { due: number; expire: () => void };
const NEVER = Number.POSITIVE_INFINITY;
const watched = new Set<Watched>();
let timer: NodeJS.Timeout | undefined;

function watch(one: Watched): void {
  watched.add(one);
  timer ??= setInterval(() => {
    const now = performance.now();
    const late = [...watched].filter(({ due }) => due <= now).map((line) => ({ line, due: line.due }));
    if (late.length === 0) return;
    // What came while this process was busy with something else is read first: it came in time.
    setImmediate(() => {
      for (const { line, due } of late) if (line.due === due && watched.has(line)) line.expire();
    });
  }, TICK);
}

function unwatch(one: Watched): void {
  watched.delete(one);
  if (watched.size > 0 || !timer) return;
  clearInterval(timer);
  timer = undefined;
}

export function openLine(socket: Socket, transcript: Transcript = createTranscript()): SmtpLine {
  const reader = createReplyReader();
  const replies: Reply[] = [];
  let asked = 0;
  let lost: string | undefined;
  let garbled = false;
  let give: ((answer: Reply | Lost) => void) | undefined;
  const clock: Watched = { due: NEVER, expire: () => close('timeout') };
  watch(clock);

  const settle = (answer: Reply | Lost): void => {
    const to = give;
    give = undefined;
    clock.due = NEVER;
    to?.(answer);
  };
  const whyLost = (): Lost => (garbled ? { lost: lost ?? '', garbled } : { lost: lost ?? '' });
  const close = (why: string): void => {
    if (lost === undefined) {
      lost = why;
      transcript.note(`# ${why}`);
    }
    unwatch(clock);
    socket.destroy();
    settle(whyLost());
  };
  const take = (reply: Reply): void => {
    if (lost !== undefined) return;
    transcript.note(reply.text);
    if (asked === 0) {
      close(reply.code === 421 ? reply.text : `a reply that nobody asked for: ${reply.text}`);
      return;
    }
    asked--;
    if (give) settle(reply);
    else replies.push(reply);
  };
  const onData = (chunk: Buffer): void => {
    const read = reader.read(chunk);
    if (typeof read !== 'string') for (const reply of read) take(reply);
    const problem = reader.problem();
    if (problem === undefined) return;
    garbled = lost === undefined;
    close(problem);
  };
  const onError = (error: NodeJS.ErrnoException): void => close(error.code ?? error.message);
  const onEnd = (): void => close('closed by the server');
  socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onEnd);

  return {
    write: (commands, count, encoding = 'utf8', shown = commands) => {
      if (lost !== undefined) return;
      transcript.note(shown);
      asked += count;
      socket.write(commands, encoding);
    },
    reply: (wait) => {
      const ready = replies.shift();
      if (ready) return Promise.resolve(ready);
      if (lost !== undefined) return Promise.resolve(whyLost());
      return new Promise((resolve) => {
        give = resolve;
        clock.due = performance.now() + wait;
      });
    },
    writeMessage: (pieces, octets, wait, waitAfter) => {
      if (lost !== undefined) return Promise.resolve({ answer: whyLost(), written: false });
      transcript.note(octets);
      asked++;
      const joined = octets <= SHORT && pieces.length > 1 ? takeOctets(pieces) : undefined;
      return new Promise((resolve) => {
        let written = false;
        const mine = (answer: Reply | Lost): void => resolve({ answer, written });
        give = mine;
        clock.due = performance.now() + wait;
        const onWritten = (error?: Error | null): void => {
          // Not with the reply: a slow host would keep it for a minute.
          joined?.giveBack();
          if (error || give !== mine) return;
          written = true;
          clock.due = performance.now() + waitAfter();
        };
        const parts = joined ? [joined.octets] : pieces;
        const last = parts.length - 1;
        if (last > 0) socket.cork();
        for (let n = 0; n < last; n++) socket.write(parts[n]!);
        socket.write(parts[last]!, onWritten);
        if (last > 0) socket.uncork();
      });
    },
    expectReply: () => {
      asked++;
    },
    hasOctets: () => replies.length > 0 || reader.pending() > 0,
    release: () => {
      unwatch(clock);
      socket.off('data', onData).off('error', onError).off('end', onEnd).off('close', onEnd);
      // Its new owner reports what happens to it; an error that only it sees must not end the process.
      return socket.on('error', () => {}).pause();
    },
    lost: () => lost,
    close,
    transcript,
  };
}

export function isLost(value: object): value is Lost {
  return 'lost' in value;
}
