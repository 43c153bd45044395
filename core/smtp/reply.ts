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
  /** The replies that are complete with this chunk, or a string that says why the server is not understood. */
  read: (chunk: Buffer) => Reply[] | string;
  /** Octets read that are no complete reply yet. */
  pending: () => number;
};

const LINE = /^([2-5]\d\d)(?:([ -])(.*))?$/s;
const ENHANCED = /^([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)/;
const LF = 0x0a;
const CR = 0x0d;

export function createReplyReader(): ReplyReader {
  let rest: Buffer = Buffer.alloc(0);
  let lines: string[] = [];
  let bytes = 0;
  let broken: string | undefined;

  const read = (chunk: Buffer): Reply[] | string => {
    if (broken) return broken;
    const replies: Reply[] = [];
    let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = data.indexOf(LF); end >= 0; end = data.indexOf(LF)) {
      const problem = take(data.subarray(0, end > 0 && data[end - 1] === CR ? end - 1 : end), replies);
      if (problem) {
        broken = problem;
        return problem;
      }
      data = data.subarray(end + 1);
    }
    if (data.length > REPLY_LINE_BYTES) {
      broken = 'reply line too long';
      return broken;
    }
    rest = data;
    return replies;
  };

  function take(line: Buffer, replies: Reply[]): string | undefined {
    if (line.length > REPLY_LINE_BYTES) return 'reply line too long';
    bytes += line.length;
    if (bytes > REPLY_BYTES) return 'reply too long';
    const match = LINE.exec(line.toString('utf8'));
    if (!match) return `not an SMTP reply: ${clean(line.subarray(0, 80).toString('utf8'))}`;
    lines.push(clean(match[3] ?? ''));
    if (match[2] === '-') return undefined;
    replies.push(makeReply(Number(match[1]), lines));
    lines = [];
    bytes = 0;
    return undefined;
  }

  return { read, pending: () => rest.length + bytes };
}

/** A reply from its parts. */
export function makeReply(code: number, lines: string[]): Reply {
  const enhanced = ENHANCED.exec(lines[0] ?? '');
  // Servers begin every line with it (RFC 2034 4).
  const repeated = enhanced?.[0];
  const said = lines.map((line, n) =>
    n > 0 && repeated && ENHANCED.exec(line)?.[0] === repeated ? line.slice(repeated.length + 1) : line,
  );
  const text = `${code} ${said.join(' ')}`.trimEnd().slice(0, REPLY_KEPT);
  return {
    code,
    lines,
    text,
    ...(enhanced && Number(enhanced[1]) === Math.floor(code / 100) ? { enhanced: enhanced[0] } : {}),
  };
}

function clean(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, ' ');
}
