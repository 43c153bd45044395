/**
 * Reads SMTP replies (RFC 5321 4.2) from the octets of a connection, however they are cut into chunks.
 * It takes bare LF as a line end (old servers send it) and refuses what is no reply: a line without a code, a line or
 * reply that is too long. After a refusal the connection is out of step and must be given up.
 */
import { REPLY_BYTES, REPLY_KEPT, REPLY_LINE_BYTES } from './limits.ts';

export type Reply = {
  /** Of the last line, which decides (RFC 5321 4.2.1). */
  code: number;
  /** RFC 3463 status, when the text begins with one of the code's class. */
  enhanced?: string;
  /** Each line without code and separator; control characters are spaces. */
  lines: string[];
  /** `code text`, lines joined by a space, the enhanced status only once, at most REPLY_KEPT characters. */
  text: string;
};

export type ReplyReader = {
  /** The replies that are complete with this chunk; if there is none, perhaps a string: why the server is not understood. */
  read: (chunk: Buffer) => Reply[] | string;
  /** Why it is not understood any more, also where replies came before that. */
  problem: () => string | undefined;
  /** Octets read that are no complete reply yet. */
  pending: () => number;
};

const ENHANCED = /^([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)/;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const HYPHEN = 0x2d;
const NO_OCTETS: Buffer = Buffer.alloc(0);

export function createReplyReader(): ReplyReader {
  let rest = NO_OCTETS;
  let lines: string[] = [];
  let bytes = 0;
  let broken: string | undefined;

  const read = (chunk: Buffer): Reply[] | string => {
    if (broken) return broken;
    const replies: Reply[] = [];
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(LF); end >= 0; end = data.indexOf(LF, start)) {
      const problem = take(data, start, end > start && data[end - 1] === CR ? end - 1 : end, replies);
      if (problem) return breakOff(problem, replies);
      start = end + 1;
    }
    if (data.length - start > REPLY_LINE_BYTES) return breakOff('reply line too long', replies);
    rest = start === data.length ? NO_OCTETS : data.subarray(start);
    return replies;
  };

  /** A reply that came whole is true, whatever came behind it: the one to the final dot above all. */
  function breakOff(problem: string, replies: Reply[]): Reply[] | string {
    broken = problem;
    rest = NO_OCTETS;
    return replies.length > 0 ? replies : problem;
  }

  /** Takes the line from `start` to `end`. Returns what is wrong with it. */
  function take(data: Buffer, start: number, end: number, replies: Reply[]): string | undefined {
    if (end - start > REPLY_LINE_BYTES) return 'reply line too long';
    bytes += end - start;
    if (bytes > REPLY_BYTES) return 'reply too long';
    const code = codeAt(data, start, end);
    const separator = end - start > 3 ? data[start + 3] : SPACE;
    if (code === undefined || (separator !== SPACE && separator !== HYPHEN))
      return `not an SMTP reply: ${clean(data.toString('utf8', start, Math.min(end, start + 80)))}`;
    const text = clean(data.toString('utf8', start + 4, end));
    if (separator === HYPHEN) {
      lines.push(text);
      return undefined;
    }
    if (lines.length === 0) replies.push(makeReply(code, [text]));
    else {
      lines.push(text);
      replies.push(makeReply(code, lines));
      lines = [];
    }
    bytes = 0;
    return undefined;
  }

  return { read, problem: () => broken, pending: () => rest.length + bytes };
}

/** 200 to 599, or undefined. */
function codeAt(data: Buffer, start: number, end: number): number | undefined {
  if (end - start < 3) return undefined;
  const [first, second, third] = [data[start]! - 0x30, data[start + 1]! - 0x30, data[start + 2]! - 0x30];
  if (first < 2 || first > 5 || second < 0 || second > 9 || third < 0 || third > 9) return undefined;
  return first * 100 + second * 10 + third;
}

/** A reply from its parts. */
export function makeReply(code: number, lines: string[]): Reply {
  const [first = ''] = lines;
  const status = first.charAt(1) === '.' ? ENHANCED.exec(first)?.[0] : undefined;
  const said = lines.length === 1 ? first : joinLines(lines, status);
  const text = `${code} ${said}`.trimEnd().slice(0, REPLY_KEPT);
  return status !== undefined && Number(status.charAt(0)) === Math.floor(code / 100)
    ? { code, enhanced: status, lines, text }
    : { code, lines, text };
}

/** Servers begin every line with the status (RFC 2034 4); once is enough. */
function joinLines(lines: string[], status: string | undefined): string {
  if (status === undefined) return lines.join(' ');
  return lines
    .map((line, n) => (n > 0 && ENHANCED.exec(line)?.[0] === status ? line.slice(status.length + 1) : line))
    .join(' ');
}

function clean(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, ' ');
}
