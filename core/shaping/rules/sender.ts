/** Any provider: what is wrong with who sends: the address's listing and DNS, the domain's records, the right to relay. */
import type { Rule } from '../rule.ts';
import { LISTED, MEND } from './acts.ts';

export const SENDERS: readonly Rule[] = [
  {
    name: 'dmarc-refused',
    match: /dmarc/i,
    sample: '550 5.7.1 Email rejected per DMARC policy for example.com',
    classification: 'Reputation',
  },
  {
    name: 'ptr-missing',
    match:
      /reverse (?:dns|hostname|lookup)|\brdns\b|\bptr\b|cannot find your (?:reverse )?hostname|without a valid sender domain|mismatches client ip/i,
    sample:
      '550 5.7.1 Connections not accepted from servers without a valid sender domain. Fix reverse DNS for 192.0.2.1',
    event: 'deferred',
    classification: 'Reputation',
    act: MEND,
  },
  {
    name: 'spf-or-dkim-refused',
    match:
      /\bspf\b.{0,80}(?:fail|check|not allowed|reject|deny|denied|invalid|violat)|\bdkim\b.{0,80}(?:fail|invalid|reject|missing|required|signature)|(?:fail\w{0,3}|reject\w{0,3}|invalid|due to) .{0,30}\b(?:spf|dkim)\b|unauthenticated (?:e-?mail|mail|message|sender)|sender is unauthenticated|authentication information or fails|purported responsible address|is not allowed to send mail/i,
    sample:
      '550 5.7.23 <x@example.com>: Recipient address rejected: Message rejected due to: SPF fail - not authorized.',
    classification: 'Reputation',
  },
  {
    name: 'domain-listed',
    match:
      /\bdbl\b|\bsurbl\b|\buribl\b|ivmuri|(?:sender (?:address|domain)|your domain|domain|url|link)s? .{0,80}(?:black[- ]?list|block[- ]?list|blocked using|poor reputation|bad reputation|low reputation|\blisted (?:in|on|by|at))|reputation of (?:a|the|your) (?:sending )?domain/i,
    sample:
      '554 5.7.1 Service unavailable; Sender address [x@example.com] blocked using dbl.spamhaus.org; https://www.spamhaus.org/query/domain/example.com',
    classification: 'Reputation',
  },
  {
    name: 'ip-listed',
    match:
      /(?:client (?:host|ip|\[)|\b(?:your|sending|sender'?s?|source|remote|connecting|originating) (?:smtp |mail ?)?(?:ip|server|host|network|mta)|\bip (?:address)?|(?:messages?|mail|connections?) from (?:ip )?\[?\d|\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d).{0,100}(?:\bblocked\b|black[- ]?list|block[- ]?list|\bbanned\b|blackhole|dnsbl|\brbl\b|\blisted (?:in|on|by|at)\b|\blisting in\b|(?:poor|bad|low) reputation)/i,
    sample:
      '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.1',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'ip-listed-by-name',
    match:
      /(?:spamhaus|spamcop|barracudacentral|sorbs|uceprotect|abuseat|cloudmark|dnsbl|ivmsip|\brbl\b|senderscore|mailspike|nixspam|backscatterer|invaluement|trendmicro|symantec|messagelabs|reputationauthority|senderbase|talos).{0,200}(?:\bip=|\/ip\/|\d{1,3}\.\d{1,3}\.)|blocked - see https?:/i,
    sample: '554 Blocked - see https://support.proofpoint.com/dnsbl-lookup.cgi?ip=192.0.2.1',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'ip-refused',
    match:
      /not (?:currently )?accepting (?:mail|connections|messages|e-?mail) from your|your (?:ip|host|server|network).{0,60}(?:rejected|refused|denied|not allowed|prohibited)|client host rejected|connection (?:refused|rejected|denied) .{0,40}(?:ip|reputation|policy)|messages from .{1,60} weren.?t sent/i,
    sample: '554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    // Said where TLS was offered and failed, so that the session went on in clear: the next may have it.
    name: 'tls-required',
    match:
      /must issue a starttls|(?:tls|encryption|starttls) (?:is )?(?:required|needed|mandatory)|requires? (?:encryption|tls|starttls)/i,
    sample: '530 5.7.0 Must issue a STARTTLS command first',
    event: 'deferred',
    classification: 'Technical Failure',
  },
  {
    name: 'relay-refused',
    match:
      /relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed)|prohibited)|unable to relay|allowed to relay|not relay|we do not relay|list of allowed rcpthosts|rcpthosts|smtp auth|(?:requires?|turn on smtp|need) authentication|authenticat\w{2,4} required|open relay/i,
    sample: '554 5.7.1 <x@example.com>: Relay access denied',
    classification: 'Technical Failure',
  },
  {
    name: 'sender-domain-unresolved',
    match:
      /(?:sender|from|envelope|return-path).{0,80}(?:domain|address|mx).{0,60}(?:not found|does not exist|must exist|not resolve|resolve fail|unresolvable|no (?:a|mx)\b|cannot be verified|could not be verified|verify failed)|domain of sender address|domain may not exist|sender .{0,80}has no a, aaaa|unresolvable .{0,20}from domain/i,
    sample: '553 5.1.8 <x@example.com>... Domain of sender address x@example.com does not exist',
    classification: 'Reputation',
  },
  {
    name: 'sender-refused',
    match:
      /sender (?:address )?(?:was )?(?:rejected|refused|denied|blocked|blacklisted|invalid|not allowed)|invalid sender|mail from .{0,80}(?:rejected|refused|not allowed|denied)|^5\d\d 5\.1\.[78]\b/i,
    sample: '501 5.1.8 Sender address rejected',
    classification: 'Reputation',
  },
];
