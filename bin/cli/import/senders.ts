/**
 * Domains, link hosts and single senders are not copied: their keys are the source's, and whose they are is told by DNS or by a mail to them,
 * not by another provider. What has to be authenticated anew is listed; for a domain that is here already, with the records that are missing.
 */

import { readDomain } from '../../../core/address.ts';
import { dnsRecordsOf } from '../../../core/dns-records.ts';
import type { Here } from './here.ts';
import { attempt } from './lists.ts';
import type { Report } from './report.ts';
import { type Fields, fieldsIn, listIn, type Source } from './source.ts';

const PAGE = 50;

export async function listSenders(source: Source, here: Here, report: Report): Promise<void> {
  const { account, operator, lanes, inboundHost } = here;
  report.begin('domains');
  await attempt(report, async () => {
    const known = new Map((await operator.listDomains(account)).map((one) => [one.domain, one]));
    for await (const { domain } of readPages(source, '/v3/whitelabel/domains')) {
      const name = readDomain(String(domain));
      if (name === undefined) continue;
      const here = known.get(name);
      if (here?.validAt !== undefined) report.already();
      else if (!here) {
        report.left(name, 'its keys are the source’s, and DNS says whose it is');
        report.todo(
          `npx pennypost domains add ${name}${option(account)} prints the DNS records of ${name}; publish them, then npx pennypost domains check ${name}.`,
        );
      } else {
        report.left(name, 'it is here, and its records have not been seen in DNS yet');
        const records = dnsRecordsOf(here, lanes, { inboundHost }).map(
          ({ name, type, value }) => `${name}  ${type}  ${value}`,
        );
        report.todo(`Publish for ${name}, then npx pennypost domains check ${name}:\n     ${records.join('\n     ')}`);
      }
    }
  });
  report.begin('link hosts');
  await attempt(report, async () => {
    const known = new Set((await operator.listLinks(account)).map((one) => one.domain));
    for await (const { domain, subdomain } of readPages(source, '/v3/whitelabel/links')) {
      const name = readDomain(String(domain));
      const host = readDomain(`${subdomain}.${domain}`);
      if (name === undefined || host === undefined) continue;
      if (known.has(name)) {
        report.already();
        continue;
      }
      report.left(host, 'links in mail that the source sent lead there: take another host, and leave this one');
      report.todo(`npx pennypost links add ${name} HOST${option(account)}, with another host than ${host}.`);
    }
  });
  report.begin('single senders');
  await attempt(report, async () => {
    const path = '/v3/verified_senders';
    const { results } = fieldsIn(await source.get(path, { limit: 500 }), path);
    for (const { from_email: address } of listIn(results ?? [], path)) {
      const shown = String(address).slice(0, 254);
      report.left(shown, 'a mail to it has to be answered anew');
      report.todo(`POST /v3/verified_senders for ${shown}, unless its domain is authenticated.`);
    }
  });
}

const option = (account: string) => (account === 'operator' ? '' : ` --account ${account}`);

async function* readPages(source: Source, path: string): AsyncGenerator<Fields> {
  let before = '';
  for (let offset = 0; ; ) {
    const page = listIn(await source.get(path, { limit: PAGE, offset }), path);
    const first = JSON.stringify(page[0]);
    if (page.length === 0 || first === before) return;
    before = first;
    yield* page;
    offset += page.length;
  }
}
