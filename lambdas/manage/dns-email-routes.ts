/** `POST /v3/whitelabel/dns/email`: the DNS records of a domain and of a link, by mail to whoever looks after the zone. */
import { readMailbox } from '../../core/address.ts';
import { senderDns } from '../../core/senders/dns.ts';
import { brandingOf, ownerHost } from '../../core/senders/link.ts';
import { readOwnWords } from '../../core/senders/own-mail.ts';
import type { LinkRouteDeps } from './link-routes.ts';
import type { Answer, Call } from './manage.ts';
import { OWN_MAIL_WORDS, sendOwnMail } from './own-mail.ts';
import type { Route } from './routes.ts';
import { findDomain } from './sender-deps.ts';

const DEFAULT_MESSAGE = 'Please set these DNS records in our hosting solution.';

/** In SendGrid's family of errors of this one call. */
const refused = (field: string, error: string): Answer => ({ status: 400, body: { errors: { error, field } } });

async function email(call: Call, deps: LinkRouteDeps): Promise<Answer> {
  const given = (call.body ?? {}) as Record<string, unknown>;
  const { domain_id: domainId, link_id: linkId, email: to, message = DEFAULT_MESSAGE } = given;
  for (const [field, id] of [
    ['domain_id', domainId],
    ['link_id', linkId],
  ] as const)
    if (!Number.isInteger(id) || (id as number) < 0) return refused(field, `${field} must be a whole number`);
  if (typeof to !== 'string' || !readMailbox(to)) return refused('email', 'email must be an email address');
  if (typeof message !== 'string') return refused('message', 'message must be a string');
  const domain = await findDomain(call, String(domainId), deps);
  if (!domain) return refused('domain_id', 'there is no such domain');
  const link = (await deps.listLinks(call.account)).find((one) => brandingOf(one).id === linkId);
  if (!link) return refused('link_id', 'there is no such link');
  const own = readOwnWords(message, domain.domain);
  if ('problem' in own) return refused('message', `message ${own.problem}`);
  const user = await deps.readUser(call.account);
  const lines = [
    ...senderDns(domain, deps.sending)
      .filter(({ required }) => required)
      .map(({ type, name, value }) => `${type}  ${name}\n    ${value}`),
    ...[link.host, ownerHost(link, user)].map((host) => `CNAME  ${host}\n    ${deps.linkTarget}`),
  ];
  const mail = {
    to,
    subject: `DNS records for ${domain.domain}`,
    text: [...introduce(domain.domain, own.words), ...lines].join('\n'),
    category: 'dns-records',
  };
  const sent = await sendOwnMail(call.account, mail, deps);
  return typeof sent === 'string' ? refused('email', OWN_MAIL_WORDS[sent]) : { status: 204 };
}

const introduce = (domain: string, words: string) => [
  `Somebody asks you to publish DNS records of ${domain}. If you do not look after it, do nothing.`,
  '',
  ...(words === '' ? [] : [words, '']),
];

export const DNS_EMAIL_ROUTES: readonly Route[] = [
  { method: 'POST', path: '/v3/whitelabel/dns/email', scope: 'whitelabel.create', handle: email },
];
