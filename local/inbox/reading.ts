/**
 * Reads one message in full, when somebody opens it: fields, text, HTML, attachments (mailparser), and whether its DKIM
 * signatures verify (mailauth, which is not what signed them). The message is hostile until shown otherwise: its HTML is
 * only ever served as `quarantine` leaves it and under the policy of `inbox.ts`. What cannot be parsed is shown as source.
 */
import { type DKIMVerifyResult, dkimVerify } from 'mailauth';
import { type ParsedMail, simpleParser } from 'mailparser';

/** `pass` only when there is a signature and every one of them verifies. */
export type Dkim = {
  result: 'pass' | 'fail' | 'none';
  signatures: { domain: string; selector: string; algorithm: string; result: string; comment?: string }[];
};

export type Attachment = { index: number; filename: string; type: string; size: number };

export type Reading = {
  headers: { name: string; value: string }[];
  text: string;
  /** Empty where the message has none. Hostile: never put into a page. */
  html: string;
  attachments: Attachment[];
};

/** TXT records of a name, each a list of strings; rejects with a `code` as `dns.promises.resolveTxt` does. */
export type ResolveTxt = (name: string) => Promise<string[][]>;

export async function readMessage(raw: Buffer): Promise<Reading> {
  const parsed = await parse(raw);
  return {
    headers: splitHeaders(raw),
    text: parsed?.text ?? '',
    html: parsed?.html || '',
    attachments: (parsed?.attachments ?? []).map(({ filename, contentType, size }, index) => ({
      index,
      filename: filename ?? `attachment-${index + 1}`,
      type: contentType,
      size,
    })),
  };
}

/** The bytes of an attachment by its place, or undefined. */
export async function readAttachment(
  raw: Buffer,
  index: number,
): Promise<(Attachment & { bytes: Buffer }) | undefined> {
  const [{ attachments }, parsed] = await Promise.all([readMessage(raw), parse(raw)]);
  const [one, bytes] = [attachments[index], parsed?.attachments[index]?.content];
  return one && bytes && { ...one, bytes };
}

/** Verifies every signature. A lookup that fails is a `temperror` of that signature, not an error here. */
export async function verifyDkim(raw: Buffer, resolveTxt: ResolveTxt): Promise<Dkim> {
  const resolver = (name: string, type: string) => (type === 'TXT' ? resolveTxt(name) : Promise.resolve([]));
  let verified: DKIMVerifyResult;
  try {
    verified = await dkimVerify(raw, { resolver });
  } catch (error) {
    return { result: 'fail', signatures: [signature({ status: { result: 'permerror', comment: String(error) } })] };
  }
  const signatures = verified.results.filter(({ status }) => status.result !== 'none').map(signature);
  const passed = signatures.every(({ result }) => result === 'pass');
  return { result: signatures.length === 0 ? 'none' : passed ? 'pass' : 'fail', signatures };
}

type Verified = Partial<DKIMVerifyResult['results'][number]> & { status: { result: string; comment?: string | false } };

function signature({ signingDomain, selector, algo, status }: Verified): Dkim['signatures'][number] {
  return {
    domain: signingDomain || '',
    selector: selector || '',
    algorithm: algo || '',
    result: status.result,
    ...(status.comment ? { comment: status.comment } : {}),
  };
}

/**
 * Makes elements that load or navigate harmless by renaming their tags. The Content-Security-Policy already stops all of
 * them (and scripts) but `<link rel=preconnect>` and `rel=dns-prefetch`, which no policy covers and which tell a stranger
 * that the mail was opened. A tag's name stands directly behind its `<` (HTML 13.2.5.6), so the match cannot be dodged.
 */
export function quarantine(html: string): string {
  const harmless = html.replace(
    /<(\/?)(link|meta|base|iframe|frame|frameset|object|embed|applet|portal|form)(?=[\s/>])/gi,
    '<$1x-$2',
  );
  // A reader who clicks means it: links open in a tab of their own.
  return `<!doctype html><base target="_blank">${harmless}`;
}

async function parse(raw: Buffer): Promise<ParsedMail | undefined> {
  try {
    return await simpleParser(raw, { skipHtmlToText: true, skipTextToHtml: true });
  } catch {
    return undefined;
  }
}

/** Fields as they stand, unfolded; order and repeats kept. */
function splitHeaders(raw: Buffer): Reading['headers'] {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw.toString('utf8', 0, end === -1 ? raw.length : end).replace(/\r\n(?=[ \t])/g, '');
  return lines
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      if (colon === -1) return { name: line.trim(), value: '' };
      return { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
    });
}
