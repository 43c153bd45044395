/**
 * The form that a customer's parse URL gets (SendGrid: Inbound Parse, "default" and "raw" parameters): multipart/form-data
 * (RFC 7578) in pieces, so that a long mail is not copied once more. Names of files are a stranger's: they cannot end their line,
 * and the boundary is chosen by whoever sends, so no mail can hold it.
 */
import type { InboundMessage } from '../inbound/message.ts';
import type { ParseSettingRecord } from '../records/inbound.ts';
import type { ParsedMail } from './mail.ts';

/** What was found out about who sent a mail: `pass`, `softfail` …; SendGrid's words for `dkim`: `{@example.com : pass}`. */
export type Verdicts = { spf: string; dkim: string; dmarc: string };

export type Form = { contentType: string; pieces: Buffer[]; bytes: number };

type Field = {
  name: string;
  value: Buffer | string;
  file?: { filename: string; type: string; contentId?: string | undefined };
};

/**
 * @param raw the mail, for raw mode
 * @param random hex: makes the boundary
 */
export function parseForm(
  {
    mail,
    parsed,
    raw,
    setting,
    verdicts,
  }: {
    mail: InboundMessage;
    parsed: ParsedMail;
    raw: Buffer;
    setting: Pick<ParseSettingRecord, 'sendRaw' | 'spamCheck'>;
    verdicts: Verdicts;
  },
  random: string,
): Form {
  const fields: Field[] = setting.sendRaw ? [{ name: 'email', value: raw }] : partsOf(parsed);
  const { to, cc, from, subject } = parsed;
  const charsets: Record<string, string> = {};
  for (const [name, value] of Object.entries({ to, cc, from, subject })) {
    if (name === 'cc' && value === '') continue;
    fields.push({ name, value });
    charsets[name] = 'UTF-8';
  }
  if (!setting.sendRaw)
    for (const name of ['html', 'text'] as const) if (parsed[name]) charsets[name] = parsed[name].charset;
  fields.push(
    { name: 'dkim', value: verdicts.dkim },
    { name: 'SPF', value: verdicts.spf },
    // Not one of SendGrid's; whoever does not know it leaves it.
    { name: 'dmarc', value: verdicts.dmarc },
    { name: 'envelope', value: JSON.stringify({ to: mail.rcptTo, from: mail.mailFrom }) },
    { name: 'charsets', value: JSON.stringify(charsets) },
    ...(mail.remoteAddress === undefined ? [] : [{ name: 'sender_ip', value: mail.remoteAddress }]),
    ...(setting.spamCheck ? spamOf(mail) : []),
  );
  return writeForm(fields, `xYzZY${random}`);
}

function partsOf({ headers, text, html, attachments }: ParsedMail): Field[] {
  const info: Record<string, { filename: string; name: string; type: string; 'content-id'?: string }> = {};
  const ids: Record<string, string> = {};
  const files = attachments.map(({ octets, filename, type, contentId }, n): Field => {
    const name = `attachment${n + 1}`;
    info[name] = { filename, name: filename, type, ...(contentId === undefined ? {} : { 'content-id': contentId }) };
    if (contentId !== undefined) ids[contentId] = name;
    return { name, value: octets, file: { filename, type, contentId } };
  });
  return [
    { name: 'headers', value: Buffer.from(headers, 'latin1') },
    ...(text ? [{ name: 'text', value: text.octets }] : []),
    ...(html ? [{ name: 'html', value: html.octets }] : []),
    { name: 'attachments', value: String(attachments.length) },
    ...(files.length > 0 ? [{ name: 'attachment-info', value: JSON.stringify(info) }] : []),
    ...(Object.keys(ids).length > 0 ? [{ name: 'content-ids', value: JSON.stringify(ids) }] : []),
    ...files,
  ];
}

/** What SES found; SendGrid asks SpamAssassin, which has a score of its own: 5 and above is spam there. */
const SPAM_SCORES: Record<string, string> = { PASS: '0.0', GRAY: '2.5', FAIL: '5.0' };

function spamOf({ spamVerdict = '' }: InboundMessage): Field[] {
  const score = SPAM_SCORES[spamVerdict];
  if (score === undefined) return [];
  return [
    { name: 'spam_report', value: `Amazon SES spam verdict: ${spamVerdict}` },
    { name: 'spam_score', value: score },
  ];
}

function writeForm(fields: readonly Field[], boundary: string): Form {
  const pieces: Buffer[] = [];
  let bytes = 0;
  const put = (piece: Buffer) => {
    pieces.push(piece);
    bytes += piece.length;
  };
  for (const { name, value, file } of fields) {
    const disposition = `form-data; name="${name}"${file ? `; filename="${quoted(file.filename)}"` : ''}`;
    const lines = [`--${boundary}`, `Content-Disposition: ${disposition}`];
    if (file) lines.push(`Content-Type: ${file.type}`);
    if (file?.contentId !== undefined) lines.push(`Content-ID: <${quoted(file.contentId)}>`);
    put(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8'));
    put(typeof value === 'string' ? Buffer.from(value, 'utf8') : value);
    put(Buffer.from('\r\n'));
  }
  put(Buffer.from(`--${boundary}--\r\n`));
  return { contentType: `multipart/form-data; boundary=${boundary}`, pieces, bytes };
}

/** As the WHATWG writes form data: what would end the value, or its line, is escaped; other controls are of no use to anybody. */
function quoted(text: string): string {
  return text
    .replaceAll('"', '%22')
    .replaceAll('\r', '%0D')
    .replaceAll('\n', '%0A')
    .replace(/[\x00-\x1f\x7f]/g, '')
    .slice(0, 1_000);
}
