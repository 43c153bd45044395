/**
 * The mail that benchmarks send: an order confirmation as shops send them, with a text part and an HTML part whose lines
 * are long, of a size on the wire that the caller names; each recipient's own, or all alike. As a request for the API, as
 * jobs as accept cuts them, and as the ready message that other mail servers get, who do not compose.
 */
import { composeBody, composeHeader } from '../core/compose.ts';
import { makeRequestId } from '../core/ids.ts';
import { cutJobs, type Job } from '../core/job.ts';
import { JOB_COPIES } from '../core/limits.ts';
import type { MailRequest } from '../core/mail.ts';
import { validateMailSend } from '../core/mail-send/index.ts';
import { renderPersonalization } from '../core/render.ts';

export type Shape = {
  /** Octets of the message without its signature, about. */
  bytes: number;
  /** Whether each recipient's message has values of its own in its body; else only its To differs. */
  distinct: boolean;
  /** Domains that the recipients are spread over, each a site of its own. */
  domains: number;
  /** The n-th recipient's address; absent: `reader-<n>@domain-<n mod domains>.example`. */
  address?: (n: number) => string;
};

const FROM = { email: 'shop@example.com', name: 'The Shop' };
const SUBJECT = 'Order -order- is on its way';
const INTRO = 'Dear -name-, your order -order- has left our warehouse. ';
/** Octets of a header of ours, about. */
const HEADER_BYTES = 700;

const partsBySize = new Map<number, { type: string; value: string }[]>();

/** The text of the mail, long enough that its body has about so many octets. */
function makeParts(bytes: number): { type: string; value: string }[] {
  const known = partsBySize.get(bytes);
  if (known) return known;
  const plain = `${INTRO.trimEnd()}\nIt comes to -total-, and you have paid already.\n${'It should be with you within three working days.\n'.repeat(Math.round(bytes / 500))}`;
  const row =
    '<tr><td style="padding:4px 8px;color:#333">A pair of socks, warm and grey</td><td align="right">12.90</td></tr>';
  const html = (rows: number) =>
    `<html><body><p>${INTRO}</p><table width="600" cellpadding="0">${row.repeat(rows)}</table><p>It comes to <b>-total-</b>. Thank you, -name-.</p></body></html>`;
  const partsOf = (rows: number) => [
    { type: 'text/plain', value: plain },
    { type: 'text/html', value: html(rows) },
  ];
  const octets = (rows: number) => composeBody(partsOf(rows), [], 'A'.repeat(22)).body.length;
  let rows = 1;
  while (octets(rows + 1) <= bytes - HEADER_BYTES) rows++;
  const parts = partsOf(rows);
  partsBySize.set(bytes, parts);
  return parts;
}

/** One request with so many personalizations, the first of them recipient `from`: what a client posts. */
export function makeBody({ bytes, distinct, domains, address }: Shape, recipients: number, from = 0): object {
  return {
    from: FROM,
    subject: SUBJECT,
    content: makeParts(bytes),
    personalizations: Array.from({ length: recipients }, (_, i) => {
      const n = from + i;
      const email = address?.(n) ?? `reader-${n}@domain-${n % domains}.example`;
      const substitutions = { '-name-': `Reader ${n}`, '-order-': `N-${100_000 + n}`, '-total-': `${n % 100}.90 EUR` };
      return { to: [{ email, name: `Reader ${n}` }], ...(distinct ? { substitutions } : {}) };
    }),
  };
}

/** The jobs of so many messages: requests of `copiesPerJob` recipients (1 or more), validated and cut as accept does it. */
export function makeJobs(shape: Shape, messages: number, copiesPerJob: number, acceptedAt: number): Job[] {
  const perRequest = copiesPerJob === 1 ? 1 : 1_000;
  const jobs: Job[] = [];
  for (let from = 0; from < messages; from += perRequest) {
    const request = readRequest(makeBody(shape, Math.min(perRequest, messages - from), from), acceptedAt);
    const random = Buffer.alloc(10);
    random.writeUInt32BE(from);
    const requestId = makeRequestId(acceptedAt, random);
    for (let at = 0; at < request.copies.length; at += Math.min(copiesPerJob, JOB_COPIES)) {
      const copies = request.copies.slice(at, at + Math.min(copiesPerJob, JOB_COPIES));
      const cut = cutJobs({ ...request, copies }, 0, { account: 'operator', requestId, acceptedAt }, () => 'default-1');
      for (const job of cut) jobs.push({ ...job, id: `${requestId}.${jobs.length}` });
    }
  }
  return jobs;
}

function readRequest(body: object, now: number): MailRequest {
  const read = validateMailSend(body, { now, pools: new Set(['default']) });
  if (!read.ok) throw new Error(`the benchmark's mail is refused: ${JSON.stringify(read.errors)}`);
  return read.request;
}

/** The message of the first recipient with LF line ends, unsigned: what `smtp-source -F` gives to other mail servers. */
export function makeRaw(shape: Shape, acceptedAt: number): string {
  const { content, personalizations } = readRequest(makeBody(shape, 1), acceptedAt);
  const rendered = renderPersonalization(content, personalizations[0]!)!;
  const requestId = makeRequestId(acceptedAt, Buffer.alloc(10, 7));
  const entity = composeBody(rendered.parts, [], requestId);
  const header = composeHeader(
    {
      ...{ requestId, personalization: 0, account: 'operator', pool: 'default', acceptedAt },
      ...{ from: rendered.from, to: personalizations[0]!.to, cc: [], replyTo: [], subject: rendered.subject },
      ...{ headers: {}, categories: [] },
    },
    entity,
  );
  return `${header.toString('latin1')}\r\n${entity.body.toString('latin1')}`.replaceAll('\r\n', '\n');
}
