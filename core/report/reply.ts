/**
 * A server's reply as reports quote it: `550-5.7.26 …` with the code on every line, `host mx[192.0.2.1] said: 550 …`,
 * `<<< 550 …`, `#550 5.1.1 …##`, `ERROR_CODE :550, …`; and what it answered, where the report says so.
 */
import type { Stage } from '../outcome.ts';
import { REPLY_KEPT } from '../smtp/limits.ts';
import { makeReply, type Reply } from '../smtp/reply.ts';

/** More certain first: behind words that introduce a reply, at the beginning of a line, anywhere. */
const CODE = '([45]\\d\\d)[\\s:-]{1,8}(?=#?[45]\\.\\d{1,3}\\.\\d{1,3}|[^\\d\\s:])';
const QUOTED: readonly RegExp[] = [
  new RegExp(
    `(?:\\b(?:said|replied|responded|returned|response|reason|error|was|following|failed|because|rejected|message|smtp)\\b[^:\\n]{0,80}:|<<<|received >>>|->)\\s{0,10}["'\\[(<]?#?${CODE}`,
    'i',
  ),
  new RegExp(`(?:^|\\n)[\\s#>*|-]{0,20}${CODE}`),
  new RegExp(`[\\s:("'\\[]#?${CODE}`),
];

/** What qmail and its kin write behind a reply. */
const OWN_WORDS = /(?:^|\s)(?:giving up on \S|i'm not going to try again|this is a permanent error)/i;
const NOT_OF_REPLY = /^\s*$|^\s{0,20}(?:>>>|\.{3} |[-=_*]{4,})/;

/** @param text any length; at most REPLY_KEPT characters from the reply on are read */
export function findReply(text: string): Reply | undefined {
  const given = text.replace(/,?\s?\berror[_ ]code ?:/gi, ' ');
  for (const pattern of QUOTED) {
    const match = pattern.exec(given);
    if (!match) continue;
    const at = match.index + match[0].lastIndexOf(match[1]!);
    const isTranscript = given.slice(Math.max(0, at - 8), at).includes('<<<');
    return replyAt(given.slice(at, at + REPLY_KEPT * 2), match[1]!, isTranscript);
  }
  return undefined;
}

/** @param text begins with the code */
function replyAt(text: string, code: string, isTranscript: boolean): Reply {
  const flat = linesOf(text, code, isTranscript).join(' ').replace(/\s+/g, ' ').slice(0, REPLY_KEPT);
  const again = flat
    .slice(3)
    .replace(/^[ :-]{1,4}/, '')
    .replace(new RegExp(`(^|[ #])${code}[ -](?=#?[45]\\.\\d|[A-Za-z(<])`, 'g'), '$1')
    .replace(/^#?(?=[45]\.\d)/, '');
  const status = /^[45]\.\d{1,3}\.\d{1,3}(?= |$|[:;,-])/.exec(again)?.[0];
  const rest =
    status === undefined
      ? again
      : again
          .slice(status.length)
          .replaceAll(` ${status} `, ' ')
          .replace(/^[ :;,-]{1,4}/, '');
  const said = status === undefined ? rest : `${status} ${rest}`;
  return makeReply(Number(code), [said.replace(/\s?#{2}.{0,40}$/, '').trim()]);
}

/** The reply's own lines: up to an empty or ruled one, the next command, another reply, or the report's own words. */
function linesOf(text: string, code: string, isTranscript: boolean): string[] {
  const own: string[] = [];
  for (const line of text.split('\n', 100)) {
    const said = line.replace(/^[\s<>|*]{0,20}<<< ?/, '');
    const next = /^\s{0,20}([2-5]\d\d)[ -]/.exec(said)?.[1];
    if (own.length > 0 && isTranscript && said === line) break;
    if (own.length > 0 && (NOT_OF_REPLY.test(line) || (next !== undefined && next !== code))) break;
    const end = said.search(OWN_WORDS);
    own.push(end < 0 ? said : said.slice(0, end));
    if (end >= 0) break;
  }
  return own;
}

/** The status that a text names, wherever it stands. */
export function statusIn(text: string): string | undefined {
  return /(?:^|[\s(#[:;])#?([45]\.\d{1,3}\.\d{1,3})(?=[\s)\]:;,.<-]|$)/.exec(text)?.[1];
}

const STAGES: readonly (readonly [Stage, RegExp])[] = [
  [
    'mail',
    /in reply to mail from|after (?:pipelined )?mail from|sender was rejected|our mail from|smtp:mail\b|\[mail_from\]|>>> mail from:\S{0,300}(?: \S{1,40}){0,4} <<<|sent <<< mail from|error following mail command/i,
  ],
  [
    'rcpt',
    /in reply to rcpt to|after (?:pipelined )?rcpt to|does not like recipient|our rcpt to|smtp:rcpt\b|\[rcpt_to\]|>>> rcpt to:\S{0,300}(?: \S{1,40}){0,2} <<<|sent <<< rcpt to|error following rcpt command/i,
  ],
  [
    'dot',
    /in reply to (?:end of )?data|after (?:pipelined )?(?:end of )?data|after sending (?:end|message)|failed after i sent the message|our data|smtp:(?:data|eod)\b|\[(?:data|dot|eod)\]|error following (?:data|dot)/i,
  ],
  [
    'connect',
    /refused to talk to me|after initial connection|after (?:pipelined )?(?:[eh]{2}lo|helo|starttls)|in reply to (?:ehlo|helo)|but greeting failed|our (?:ehlo|helo|greeting)/i,
  ],
];

/** What a reply answered, by the report's words; undefined where it does not say. */
export function stageIn(text: string): Stage | undefined {
  const seen = text.slice(0, REPLY_KEPT * 2).replace(/\s+/g, ' ');
  return STAGES.find(([, pattern]) => pattern.test(seen))?.[0];
}

/** The host whose reply is quoted: `host mx.example.com[192.0.2.1] said:`; empty where none is. */
export function hostIn(text: string): string {
  return (
    /\b(?:host|server):?\s{1,5}([\w-]{1,63}(?:\.[\w-]{1,63}){1,8})\s{0,3}[[(]/i
      .exec(text.slice(0, REPLY_KEPT))?.[1]
      ?.toLowerCase() ?? ''
  );
}
