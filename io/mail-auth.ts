/**
 * Who sent a mail, by SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 9989), as mailauth judges. Bounded in look-ups, signatures and
 * time: what is not known by then is `temperror`. It never throws.
 */
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { dmarc } from 'mailauth/lib/dmarc/index.js';
import { spf } from 'mailauth/lib/spf/index.js';
import { headerSection } from '../core/parse/mime.ts';
import type { Dns, DnsAnswer } from './dns.ts';

export type Session = { remoteAddress?: string; helo?: string; mailFrom: string };
/** `dkim`: SendGrid's words, `{@example.com : pass}` for each signature, or `none`. */
export type MailVerdicts = { spf: string; dkim: string; dmarc: string };

/** DKIM signatures of one mail that are verified. Each costs a look-up; some lists and gateways add four or five. */
const SIGNATURES = 10;

/** @param mta our host's name, for mechanisms that ask who looks */
export function openMailAuth({ dns, mta, timeoutMs }: { dns: Dns; mta: string; timeoutMs: number }) {
  const resolver = resolverOf(dns);
  return async (raw: Buffer, session: Session): Promise<MailVerdicts> => {
    const unknown: MailVerdicts = { spf: 'temperror', dkim: 'none', dmarc: 'temperror' };
    const late = new Promise<MailVerdicts>((resolve) => {
      setTimeout(() => resolve(unknown), timeoutMs).unref();
    });
    return Promise.race([judge(raw, session, resolver, mta, timeoutMs).catch(() => unknown), late]);
  };
}

async function judge(
  raw: Buffer,
  { remoteAddress, helo = '', mailFrom }: Session,
  resolver: Resolver,
  mta: string,
  maxElapsedTime: number,
): Promise<MailVerdicts> {
  const bySpf =
    remoteAddress === undefined
      ? undefined
      : await spf({
          ip: remoteAddress,
          helo: helo || `[${remoteAddress}]`,
          sender: mailFrom || `postmaster@${helo}`,
          mta,
          resolver,
          maxElapsedTime,
        } as never);
  const signatures = headerSection(raw).text.match(/^dkim-signature[ \t]*:/gim)?.length ?? 0;
  const byDkim = signatures > SIGNATURES ? undefined : await dkimVerify(raw, { resolver } as never);
  const results = (byDkim?.results ?? []).filter(({ signingDomain }) => signingDomain);
  const passed = results.filter(({ status }) => status.result === 'pass');
  const spfDomain = bySpf?.status.result === 'pass' ? bySpf.domain : undefined;
  const headerFrom = byDkim?.headerFrom;
  const byDmarc =
    headerFrom === undefined
      ? undefined
      : await dmarc({
          headerFrom,
          fromFields: (byDkim as { fromFields?: unknown }).fromFields,
          spfDomains: spfDomain ? [spfDomain] : [],
          dkimDomains: passed.map(({ id, signingDomain, status }) => ({
            id,
            domain: signingDomain,
            aligned: status.aligned,
            underSized: status.underSized,
          })),
          resolver,
        } as never);
  const told = results.map(({ signingDomain, status }) => `@${signingDomain} : ${status.result}`);
  return {
    spf: bySpf?.status.result ?? 'none',
    dkim: told.length > 0 ? `{${told.join(', ')}}` : signatures > SIGNATURES ? 'permerror' : 'none',
    dmarc: (byDmarc || undefined)?.status.result ?? 'none',
  };
}

type Resolver = (name: string, type: string) => Promise<unknown[]>;

/** Our own DNS in the form of Node's, which mailauth asks for. */
function resolverOf(dns: Dns): Resolver {
  const unwrap = <T>(answer: DnsAnswer<T>): T[] => {
    if ('answers' in answer) return answer.answers;
    const code = { NXDOMAIN: 'ENOTFOUND', NODATA: 'ENODATA', BADNAME: 'ENOTFOUND' }[answer.failure as string];
    throw Object.assign(new Error(answer.failure), {
      code: code ?? (answer.failure === 'REFUSED' ? 'EREFUSED' : 'ETIMEOUT'),
    });
  };
  return async (name, type) => {
    switch (type) {
      case 'TXT':
        return unwrap(await dns.txt(name)).map((text) => [text]);
      case 'A':
        return unwrap(await dns.a(name));
      case 'AAAA':
        return unwrap(await dns.aaaa(name));
      case 'MX':
        return unwrap(await dns.mx(name)).map(({ preference, exchange }) => ({ priority: preference, exchange }));
      default:
        // `ptr` is not to be used any more (RFC 7208 5.5), and nothing else is asked for.
        throw Object.assign(new Error(`no ${type}`), { code: 'ENODATA' });
    }
  };
}
