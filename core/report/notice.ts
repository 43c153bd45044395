/**
 * The words of a report that a person is to read: where they end and the returned message begins, which recipients they name,
 * and what they say of each. Most servers that send no delivery status write one of a few shapes; the shapes are data here,
 * the same for every server.
 */
import { ADDRESS, addressesIn } from './addresses.ts';
import { LINE_CHARACTERS, RECIPIENTS, TEXT_LINES } from './limits.ts';

export type Notice = {
  lines: string[];
  /** What follows: the returned message, as text; empty when there is none. */
  returned: string;
};

/** A recipient and what is said of it. `section` is empty where only the whole notice says anything. */
export type Named = { address: string; section: string };

/** Lines that announce the returned message, alone on their line. */
const ANNOUNCES: readonly RegExp[] = [
  /^[-=*_|+#\s>]{0,80}(?:below this line|enclosed|attached|included|below|here|this|following) (?:is|are) (?:a |the )?(?:copy|headers?|returned|original|first)/i,
  /^[-=*_|+#\s>]{0,80}(?:the )?(?:original|returned|undelivered|unsent|rejected|bounced|start of|begin(?:ning)? of)[- ](?:the )?(?:original |returned |undelivered )?(?:e-?mail|mail|message)\b.{0,40}$/i,
  /^[-=*_|+#\s>]{0,80}(?:message|mail|original message|message's?) (?:header|headers|text|body|contents?)\b.{0,40}(?:follows?|below|info\w{0,8}|[-=*_|:]{1,80})[-=*_|:.\s]{0,80}$/i,
  /^[-=*_|+#\s>]{0,80}(?:.{0,60}\b)?(?:message|mail|headers?|e-?mail|text)(?: as)? (?:follows?|is (?:below|attached|enclosed|included))\b.{0,20}$/i,
  /^[-=*_|+#]{3,80}\s{0,5}(?:original|header|returned|message|mail)\b.{0,40}$/i,
  /^[-=*\s]{0,40}(?:元の?メッセージ|元のメール|オリジナル|送信メール|Исходное|Texte? d'origine|Message d'origine|Urspr(?:ü|u)ngliche|Mensaje original|Messaggio originale|Mensagem original).{0,40}$/i,
];
/** A sentence of that kind that is not alone, or that speaks of an attachment, ends nothing. */
const NO_ANNOUNCEMENT =
  /\b(?:attach|separate|transcript|attempts? to|was received|could not|cannot|can't|not be|undeliverable|failed to|to the following|delivery|delivered|addresses|recipients?)\b|のアドレス/i;

const FIELD = /^(?:>\s?)?([A-Za-z][A-Za-z0-9-]{1,60}) ?:/;
const TRACE =
  /^(?:received|return-path|message-id|dkim-signature|domainkey-signature|x-[a-z0-9-]{1,60}|arc-seal|delivered-to|authentication-results)$/i;

/** @param text of the parts before the returned message */
export function readNotice(text: string): Notice {
  const all = text.split('\n', TEXT_LINES * 4).map((line) => line.slice(0, LINE_CHARACTERS));
  const end = endOfNotice(all);
  return { lines: all.slice(0, Math.min(end.at, TEXT_LINES)), returned: all.slice(end.next).join('\n') };
}

function endOfNotice(lines: readonly string[]): { at: number; next: number } {
  for (const [at, line] of lines.entries()) {
    if (line.length <= 160 && isAnnouncement(line) && lines.slice(0, at).some((one) => one.trim() !== ''))
      return { at, next: at + 1 };
    if (beginsHeader(lines, at)) return { at, next: at };
  }
  return { at: lines.length, next: lines.length };
}

function isAnnouncement(line: string): boolean {
  return ANNOUNCES.some((one) => one.test(line)) && (!NO_ANNOUNCEMENT.test(line) || /^[-=*_|]{3}|: *$/.test(line));
}

/** At least three fields together, one of them a trace field, not indented: a header section. */
function beginsHeader(lines: readonly string[], at: number): boolean {
  if (!FIELD.test(lines[at]!)) return false;
  let [fields, traces] = [0, 0];
  for (let n = at; n < lines.length && n < at + 40; n++) {
    const line = lines[n]!;
    if (line.startsWith(' ') || line.startsWith('\t')) continue;
    const name = FIELD.exec(line)?.[1];
    if (!name || /^(?:final|original)-recipient$|^reporting-mta$|^action$/i.test(name)) break;
    fields++;
    if (TRACE.test(name)) traces++;
  }
  return fields >= 3 && traces >= 1;
}

/** `>>> a@b`, `* a@b`, `- <a@b>` */
const LEAD = '^[\\s>*•·+-]{0,40}';
/** What may follow an address that a line begins with, when the line is about it. */
const AFTER =
  '(?=\\s{0,80}$|\\s{0,5}[:;]|\\s{1,20}[([-]|[([]|\\s{0,5}\\.\\.\\.|,\\s|\\s{1,5}(?:on \\w{3},|on \\d|error|invalid|unknown|failed|is|was|has|does|<|:|host|user|reason|because|couldn|could|mailbox|\\(|\\d{3}\\b))';
const LEADING: readonly RegExp[] = [
  new RegExp(
    `${LEAD}(?:<|\\[|"(?=[^"]{3,300}":?\\s{0,10}$))(?:mailto:)?(${ADDRESS})[>\\]"](?!\\s{0,5}(?:wrote|writes|schrieb))`,
  ),
  new RegExp(`^[\\s>*•·+-]{0,40}[^<>:、。]{1,60}<(?:mailto:)?(${ADDRESS})>(?=\\s{0,10}(?:$|:|\\())`),
  new RegExp(`${LEAD}(${ADDRESS})${AFTER}`, 'i'),
  new RegExp(`^[^\\s:<>]{1,80}:\\d{1,12}:<(${ADDRESS})>`),
  new RegExp(`${LEAD}(?:rfc822|smtp)\\s{0,3}[;:]\\s{0,5}<?(${ADDRESS})`, 'i'),
];
/** What a recipient is called elsewhere. */
const LABELS =
  'destinataires?|ontvangers?|geadresseerde|mottagare|mottaker|modtager|odbiorc\\S{1,2}|adresat|p(?:ř|r)(?:í|i)jemce|vastaanottaja|c(?:í|i)mzett|al(?:ı|i)c(?:ı|i)|宛先(?:アドレス)?|送信先|受信者|получател\\S|адресат|收件人(?:地址)?|收信人|收件者|받는 ?사람|수신[자인]';
/** `Recipient address: a@b` */
const LABELLED = new RegExp(
  `^[\\s>*•·+|-]{0,40}(?:(?:failed|final|original|intended|invalid|unknown)[ -])?(?:recipients?(?: address(?:es)?| name)?|rcpt[ _]to|addressees?|address|destinatari\\w{1,3}|empf(?:ä|ae)nger|mail ?box|account|user(?: name)?|receiver(?: address)?|${LABELS})\\s{0,10}(?:\\(s\\)\\s{0,5})?[:：=]\\s{0,10}(?:\\[?(?:rfc822|smtp)[;:]\\s{0,5})?<?(${ADDRESS})>?`,
  'i',
);
/** `User mailbox exceeds allowed size: a@b`: words, a colon, and nothing behind. */
const TRAILING = new RegExp(`^[^:@]{3,120}[:：]\\s{1,10}[<"]?(${ADDRESS})[>"]?\\s{0,10}[.,;]?$`);
/** `550 5.1.1 <a@b>... User unknown`, `<<< 550 a@b`: a reply that names one. */
const REPLYING = new RegExp(
  `^(?:[\\s<>.*-]{0,20}(?:remote host said:|said:|reason:|error:)?\\s{0,5})[45]\\d\\d[ -](?:[45]\\.\\d{1,3}\\.\\d{1,3} )?<?(${ADDRESS})>?\\s?(?:\\.\\.\\.|:)`,
  'i',
);
/** In a sentence; what stands before tells that it is a recipient. */
const SENTENCE = new RegExp(
  `\\b(?:deliver(?:ed|y|ing)?|undeliverable|sen[dt]|sending|reach(?:ed)?|relay(?:ed)?|forward(?:ed)?|transfer(?:red)?|mail|e-?mail|messages?|group|user|errors?|attempts?|recipients?|address(?:es)?|mailbox|account|person|rcpt|generated by|for|to|in|bei|an|a|à|para)(?:\\s{1,3}(?:to|for|failed|address|is|was|following|recipient|user|group|mailbox|the)){0,4}(?:\\s{1,5}|\\s{0,5}[:;]\\s{0,5}|(?=[<"'«([]))[<"'«([]{0,2}(?:mailto:)?(${ADDRESS})`,
  'gi',
);
/** The same in languages that put it otherwise; `<a@b> へ` names one as well. */
const SENTENCES: readonly RegExp[] = [
  SENTENCE,
  new RegExp(
    `(?:${LABELS}|[发發送][送到达達至往给]|投[递遞]到|[给給至]|на адрес|по адресу|empf(?:ä|ae)ngers?|destinatari\\S{1,2})\\s{0,5}[:：]?\\s{0,5}[<"'«“(（【「[]{0,2}(${ADDRESS})`,
    'gi',
  ),
  new RegExp(`(${ADDRESS})[>）)"」]{0,2}\\s{0,2}(?:へ|宛|に|は|が|님)`, 'g'),
];
/** Lines that name somebody else: the sender, the subject, whom to write to. */
const ELSEWHERE =
  /^[\s>*|-]{0,20}(?:from|sender|mail from|reply-?to|return-?path|subject|message-?id|date|sent|cc|errors-to|x-[\w-]{1,40})\b[^\n]{0,3}[:=]|^(?:hi|hello|hallo|dear|bonjour|hola|ciao|olá)\b|in-reply-to|references:|contact|assistance|abuse@|support@|help ?desk|envelope-from|\bmail from:?\s{0,3}</i;

/** `For further assistance, please contact <support@example.com>` */
const WHOM_TO_ASK = /(?:^|\s)(?:assistance|contact|questions?|please (?:write|mail|ask))[,:\s]/i;

/**
 * @param others whose addresses are no recipients though they may be named: the sender, who reports
 * @param known recipients that a field of the report names (X-Failed-Recipients); they come first, and alone where there are any
 */
export function namedIn(lines: readonly string[], others: readonly string[], known: readonly string[]): Named[] {
  const no = new Set(others.map((one) => one.toLowerCase()));
  if (known.length > 0) return known.map((address) => ({ address, section: sectionOf(lines, address) }));
  for (const shape of [LEADING, [LABELLED, REPLYING, TRAILING]]) {
    const found = startsOf(lines, shape).filter(
      ({ address }, _, all) => !no.has(address.toLowerCase()) || (shape === LEADING && all.length === 1),
    );
    if (found.length > 0) return cutSections(lines, found);
  }
  const about = lines.filter((line) => line.includes('@') && !ELSEWHERE.test(line));
  for (const shape of SENTENCES) {
    const told = about
      .flatMap((line) => [...line.matchAll(shape)].map((match) => addressesIn(match[1]!, 1)[0] ?? ''))
      .filter((address) => address !== '' && !no.has(address.toLowerCase()));
    if (told.length > 0) return [...new Set(told)].slice(0, RECIPIENTS).map((address) => ({ address, section: '' }));
  }
  return [];
}

/**
 * For a notice of no known shape: whom it can only mean, as it names nobody else but those who have to do with it otherwise.
 * @param sentTo whom the returned message was to
 */
export function onlyNamed(lines: readonly string[], others: readonly string[], sentTo: readonly string[]): string[] {
  const no = new Set(others.map((one) => one.toLowerCase()));
  const given = new Set(sentTo.map((one) => one.toLowerCase()));
  const all = lines
    .filter((line) => line.includes('@') && !ELSEWHERE.test(line) && !WHOM_TO_ASK.test(line))
    .flatMap((line) => addressesIn(line, 20))
    .filter((address) => !no.has(address.toLowerCase()));
  const unique = [...new Map(all.map((address) => [address.toLowerCase(), address])).values()];
  const known = unique.filter((address) => given.has(address.toLowerCase()));
  return known.length > 0 ? known : unique.length === 1 ? unique : [];
}

/**
 * What a notice says of a recipient elsewhere than where it lists him: in the transcript behind the list.
 * Lines that name him, each with those that continue it.
 */
function linesAbout(lines: readonly string[], address: string): string {
  const wanted = address.toLowerCase();
  const own: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (!line.toLowerCase().includes(wanted) || !/[a-z]{3}/i.test(line.toLowerCase().replace(wanted, ''))) continue;
    own.push(line);
    for (const next of lines.slice(at + 1, at + 6)) {
      if (!/^\s{1,20}\S|^<<< /.test(next) || next.includes('@')) break;
      own.push(next);
    }
  }
  return own.join('\n');
}

const SENT_TO = new RegExp(
  `^[\\s>*|-]{0,20}(?:addressed |sent )?(?:to|für|pour|para|宛先)\\s{0,10}[:：]\\s{0,20}<?(${ADDRESS})>?`,
  'i',
);

/** Whom the message was to, by lines like those of its header that a notice repeats. */
export function sentTo(lines: readonly string[]): string[] {
  const found = lines.map((line) => SENT_TO.exec(line)?.[1]).filter((address) => address !== undefined);
  return [...new Set(found)];
}

type Start = { address: string; at: number; rest: string };

function startsOf(lines: readonly string[], shape: readonly RegExp[]): Start[] {
  const starts: Start[] = [];
  for (const [at, line] of lines.entries()) {
    if (!line.includes('@') || WHOM_TO_ASK.test(line)) continue;
    for (const pattern of shape) {
      const match = pattern.exec(line);
      if (!match) continue;
      if (
        /^\s{0,20}(?:to|cc|bcc|from|sender|reply-to|return-path|subject|mail from|message-id|in-reply-to|references|date)\s{0,5}:/i.test(
          line,
        )
      )
        break;
      const address = addressesIn(match[1]!, 1)[0];
      // A reply is read with its code.
      const from = pattern === REPLYING ? 0 : match.index + match[0].length;
      const last = starts.at(-1);
      // Whom we wrote to, not where his server keeps his mail (`Recipient address: a@store`, `Original address: a@b`).
      if (address && last && at - last.at <= 2 && /^\s{0,20}original address/i.test(line)) last.address = address;
      else if (address) starts.push({ address, at, rest: line.slice(from) });
      break;
    }
    if (starts.length >= RECIPIENTS) break;
  }
  return starts;
}

/** `----- Transcript of session follows -----` */
const RULED = /^\s{0,10}[-=_*#]{3,}.{0,80}[-=_*#]{3,}\s{0,10}$/;

/** Each recipient's lines: from its own to the next recipient's, or a ruled line. A second naming adds to the first. */
function cutSections(lines: readonly string[], starts: readonly Start[]): Named[] {
  const named = new Map<string, Named>();
  for (const [n, { address, at, rest }] of starts.entries()) {
    const following = lines.slice(at + 1, starts[n + 1]?.at ?? lines.length);
    const ruled = following.findIndex((line) => RULED.test(line));
    const own = [rest.replace(/^[\s:>"]{1,10}/, ''), ...(ruled < 0 ? following : following.slice(0, ruled))];
    const listed = own.join('\n').trim();
    const section = listed === '' && starts.length > 1 ? linesAbout(lines, address) : listed;
    const key = address.toLowerCase();
    const known = named.get(key);
    if (known) known.section = `${known.section}\n${section}`.trim();
    else named.set(key, { address, section });
  }
  return [...named.values()];
}

function sectionOf(lines: readonly string[], address: string): string {
  const wanted = address.toLowerCase();
  const starts = startsOf(lines, LEADING);
  const own = cutSections(lines, starts).find((one) => one.address.toLowerCase() === wanted);
  return own?.section ?? '';
}
