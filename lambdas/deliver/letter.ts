/**
 * The message of a personalization, made when its first copy is about to be sent and kept until its last one is: all
 * copies are the same octets, the signature among them.
 */
import { composeBody, composeHeader } from '../../core/compose.ts';
import { hashBody, signDkim } from '../../core/dkim.ts';
import { domainOf } from '../../core/domain.ts';
import { requestIdTime } from '../../core/ids.ts';
import type { Part, Personalization } from '../../core/mail.ts';
import { renderPersonalization } from '../../core/render.ts';
import { FINAL_DOT, measureLines, stuffDots } from '../../core/wire.ts';
import type { Task } from './take.ts';

/** `dropped`: it cannot be made, and why. */
export type Letter =
  | { octets: Buffer[]; eightBit: boolean; returnPathDomain: string; dropped?: undefined }
  | { dropped: string };

type Body = { header: string; stuffed: Buffer; hash: string };

/** Bodies by the parts they were made from: personalizations whose rendering changes nothing share one. */
const bodies = new WeakMap<Part[], Body>();
const EMPTY_LINE = Buffer.from('\r\n');

export function letterOf(task: Task, personalization: number, pool: string): Letter {
  const known = task.letters.get(personalization);
  if (known) return known;
  const letter = write(task, task.personalizations.get(personalization)!, pool);
  task.letters.set(personalization, letter);
  return letter;
}

/** One copy of it less is left; with the last one its message goes. */
export function releaseLetter(task: Task, personalization: number): void {
  const left = (task.uses.get(personalization) ?? 1) - 1;
  task.uses.set(personalization, left);
  if (left <= 0) task.letters.delete(personalization);
}

function write({ job, content, domains }: Task, personalization: Personalization, pool: string): Letter {
  const rendered = renderPersonalization(content, personalization);
  if (!rendered) return { dropped: '5.3.4 the message is too long once its substitutions are made' };
  const domain = domains.get(domainOf(rendered.from.email));
  if (!domain) return { dropped: `5.7.20 ${domainOf(rendered.from.email)} is not a domain of this account any more` };
  const body = bodyOf(rendered.parts, content.attachments, job.requestId);
  const header = composeHeader(
    {
      requestId: job.requestId,
      personalization: personalization.index,
      account: job.account,
      pool,
      acceptedAt: requestIdTime(job.requestId),
      from: rendered.from,
      to: personalization.to,
      cc: personalization.cc,
      replyTo: rendered.replyTo,
      subject: rendered.subject,
      headers: { ...content.headers, ...personalization.headers },
      categories: content.categories,
    },
    { header: body.header, body: body.stuffed },
  );
  const signature = signDkim(header, body.hash, domain);
  return {
    octets: [Buffer.concat([Buffer.from(signature), header, EMPTY_LINE]), body.stuffed, FINAL_DOT],
    eightBit: measureLines(header).eightBit,
    returnPathDomain: domain.returnPath,
  };
}

function bodyOf(parts: Part[], attachments: Task['content']['attachments'], requestId: string): Body {
  const known = bodies.get(parts);
  if (known) return known;
  const { header, body } = composeBody(parts, attachments, requestId);
  const made = { header, stuffed: stuffDots(body), hash: hashBody(body) };
  bodies.set(parts, made);
  return made;
}
