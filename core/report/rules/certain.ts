/** Tried before the rules of delivery: what a server says of itself, of DNS or of the whole domain, whatever else it quotes. */
import type { ReportRule } from './rule.ts';
import { TRANSLATED_DOMAIN } from './translated.ts';

/** What is said of the sender says nothing of the recipient's domain. */
const OF_SENDER =
  /\bsender\b|mail from|return-path|envelope-from|\bhelo\b|\behlo\b|client host|reverse (?:dns|lookup|name)|\brdns\b|\bptr\b|your (?:host|reverse|server|address|domain|ip|dns|system)/i;

export const CERTAIN: readonly ReportRule[] = [
  {
    name: 'report-listed-link',
    match:
      /\b(?:surbl|uribl)\b|(?:url|link|uri)s? .{0,40}(?:listed|black|block)|(?:black-?|block-?)listed (?:url|link|uri|domain) in (?:the )?(?:message|body|mail)/i,
    sample: '550 REJECTED - Blacklisted URL in message. (example.com) in [black].',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-sender-refused-by-name',
    match:
      /\bbatv\b|backscatter|bogus (?:mail from|sender)|(?:empty|null) (?:envelope )?senders?|third-party dsn|unsigned dsn|bouncedeny|returned mail not accepted|sender (?:is (?:a )?spammer|not pre-?approved|domain is empty|verif\w{1,9} fail)|unrout(?:e)?able sender|not owned by user|(?:e|é)metteur (?:invalide|inconnu)|delivery not authorized, message refused|e-?mail address is not verified|mail from .{0,60}not (?:allowed|permitted|accepted)/i,
    sample: '550 Sender verify failed',
    classification: 'Reputation',
    status: '5.7.1',
  },
  {
    // The sender's name does not hold, whatever else is said of the message.
    name: 'report-authentication',
    match:
      /sender policy framework|sender ?id \(?pra|\bspf\b.{0,60}(?:does not|doesn.?t|fail|check|reject|violat|permitted|error)|\bdkim\b.{0,60}(?:fail|verif|invalid|reject|missing|required)|\bdmarc\b.{0,60}(?:fail|polic|reject|invalid|enforce)|(?:fail\w{0,3}|due to|per) .{0,30}\b(?:spf|dkim|dmarc)\b/i,
    sample: '550 5.7.23 The message was rejected because of Sender Policy Framework violation',
    classification: 'Reputation',
    status: '5.7.23',
  },
  {
    // A restriction of whom the reader, or the list, takes mail from.
    name: 'report-senders-restricted',
    match:
      /SenderNotAuthenticatedFor|RST\.AuthRequired|(?:delivery|sender) restrict|spoof|(?:block|blocked|approved|safe|allow(?:ed)?|white)[- ]?(?:sender )?list|approved senders|moderated|bounces are not accepted|(?:only|restricted to) .{0,40}(?:members|subscribers|senders) (?:may|can|are|of)|(?:mailing )?list expansion (?:is )?prohibited|not accepting mail from this sender/i,
    sample:
      '550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed',
    classification: 'Reputation',
    status: '5.7.1',
  },
  {
    name: 'report-client-refused',
    match:
      /(?:bad|poor|low) (?:sender |ip )?(?:reputation|score)|unauthori[sz]ed (?:sender|host|ip)|(?:cannot|can.?t|could not|unable to) (?:find|resolve|verify) your (?:host|address|reverse|domain|ip)|(?:hosts?|servers?|mail) (?:with|from) (?:a )?dynamic (?:ip|address)|dynamic\/zombied|use the smtp server of your isp|(?:rejecting|is an?) open (?:proxy|relay)|looks (?:suspiciously )?like (?:a )?spammer|came from a blocked host|relay host name|(?:requires|needs) confirmation|confirm this (?:mail )?server|client .{0,40}proper dns|invalid rdns|blocked for abuse|reset-request|(?:ip|host) ?name lookup failed|reverse (?:dns|lookup|host ?name)|\brdns\b|\bptr (?:record|lookup|resource)|(?:no|missing|invalid|generic) ptr|(?:helo|ehlo) (?:command |name |argument |hostname )?(?:rejected|refused|invalid|is|not|must|was)|(?:invalid|bad|bogus|unacceptable) (?:helo|ehlo)|dns .{0,30}for (?:helo|ehlo)/i,
    sample: '550 Please use the smtp server of your ISP.',
    classification: 'Reputation',
    status: '5.7.1',
  },
  {
    name: 'report-rate',
    match:
      /throttling failure|daily (?:message |sending )?quota|frequency limited|rate[- ]limit|maximum (?:connect\w{0,4}|sending) (?:limit|rate)|connection limit|try again slower|at a rate that (?:prevents|exceeds)|receive limit|too many (?:concurrent|simultaneous|connections|errors from|messages(?! (?:on|in) (?:the |this |his |her )?(?:server|mail ?box|inbox))|e-?mails|mails|(?:messages|recipients?|mails?) .{0,20}(?:hour|minute|day))|(?:hourly|daily|per hour|per day|per minute|emails? per|sending|message rate|recipient rate) (?:message |sending |sender |mail )?(?:limit|quota|maximum|cap)|exceeded .{0,40}(?:per|an|this|each) (?:hour|minute|day|second)|limit .{0,40}(?:per|an) (?:hour|minute|day|second)|(?:slow|back) (?:down|off)|(?:sending|mailing) .{0,10}too (?:fast|quickly)/i,
    unless: /reputation|\btls\b|too many .{0,20}(?:hops|parts|received)/i,
    sample: '554 Throttling failure: Daily message quota exceeded.',
    classification: 'Frequency or Volume Too High',
    status: '4.7.0',
  },
  {
    name: 'report-disk-full',
    match:
      /(?:insufficient|not enough|no|out of) (?:disk |free )?space (?:left )?on (?:the |this )?(?:disk|device|volume|server|system)|insufficient (?:disk|system) (?:space|storage|resources)|mail system full|disk (?:is )?full|queue file write error|resources? (?:are |is )?(?:temporarily )?(?:unavailable|exhausted)|out of (?:system )?resources/i,
    sample: '452 4.4.5 Insufficient disk space; try again later',
    classification: 'Technical Failure',
    status: '4.3.1',
  },
  {
    name: 'report-mail-file-full',
    match:
      /dis[ck] quota exceeded|(?:recipient|user|mail ?box|mail ?folder|account|inbox)\b.{0,30}(?:reached (?:its|the|his|her|their) (?:max\w{0,5} )?(?:limit|size|capacity|quota)|over (?:its|his|her|their) .{0,20}limit|exceed\w{0,3} .{0,15}(?:mail ?box|storage|quota|allotment|disk))|mail ?file size exceeds|mail quota exceeded|too many messages on (?:the|this) server|(?:user|recipient|mailbox|account)\b.{0,40}(?:not have enough space|space has been used up|exhausted .{0,10}(?:storage|space))|disabled temporar\w{2,4} for exceeding/i,
    sample: 'Mail file size exceeds the maximum size allowed for mail delivery',
    classification: 'Mailbox Unavailable',
    status: '5.2.2',
  },
  {
    // Lists that a server's operator keeps: they speak of the recipient, but not of whether he is there.
    name: 'report-recipient-list',
    match: /bad ?rcptto|badrecipientto|validrcptto|envelope recipient (?:has been denied|is in my)/i,
    sample: '553 sorry, your envelope recipient has been denied (#5.7.1)',
    classification: 'Invalid Address',
    status: '5.1.1',
  },
  {
    // Exchange Online's edge, of whom its directory does not have (as the rule of delivery; a report may not say what it answered).
    name: 'report-exchange-edge',
    match: /^5\d\d 5\.4\.1 (?:recipient address rejected|access denied)/i,
    sample: '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)',
    classification: 'Invalid Address',
    status: '5.1.1',
    type: 'bounce',
    ofRecipient: true,
  },
  {
    name: 'report-policy',
    match:
      /(?:rejected|accepted|refused|denied|blocked) (?:for|due to|by|because of) (?:local |security |our |your )?polic(?:y|ies)\b/i,
    unless: /\b(?:dmarc|spf|dkim)\b/i,
    sample: '554 Mail from x@example.com rejected for policy reasons.',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-login-required',
    match:
      /unauthenticated senders? (?:is |are )?not allowed|must (?:first )?authenticate|authentication (?:is )?(?:required|failure|credentials)|authentication failed; server|please (?:authenticate|log ?in) first|verification failure|insecure mail relay|not configured to relay/i,
    unless: /\b(?:dmarc|spf|dkim)\b/i,
    sample: '550 Unauthenticated senders not allowed',
    classification: 'Technical Failure',
    status: '5.7.0',
  },
  {
    name: 'report-null-mx',
    match:
      /null ?mx|mx or srv record indicated no smtp service|no mx found for (?:the )?domain|couldn.?t find a mail exchanger or ip address|type=mx: malformed or unexpected name server reply|(?:host|domain|server) (?:does|do|will)(?:n.?t| not) (?:receive|accept) (?:e-?)?mail(?! for| from)|does(?:n.?t| not) receive e-?mail according to the administrator|domain .{0,80}(?:does not|doesn.?t) accept (?:any )?e?-?mail/i,
    unless: OF_SENDER,
    sample:
      "The domain example.org doesn't receive email according to the administrator: returned Null MX https://www.rfc-editor.org/info/rfc7505",
    classification: 'Mailbox Unavailable',
    status: '5.1.10',
    ofRecipient: true,
  },
  {
    name: 'report-program-failed',
    match:
      /x-unix ?; ?\d{1,3}\b|unknown mailer error|(?:command|program|script|filter|pipe)\b.{0,80}(?:died|failed|fails|time limit|exited|returned (?:a )?(?:non-?zero|exit|status|\d))|can.?t exec|child process (?:of|returned|died)|local (?:delivery agent|mailer).{0,40}(?:fail|error|died)|deliver(?:y|ed)? to (?:program|command|pipe|file) .{0,40}fail|procmail:|delivery to (?:a )?(?:file|pipe)\b|bad owner|local delivery failed|failed to expand|address director supplied|\.forward\b|alias\/forward file|maildrop:|command output:|user output file|^pipe to \||(?:^| )pipe to \|.{1,200}generated by|exit(?:ed)?:? (?:with )?(?:status|code|\d)|(?:cannot|can.?t|could not|unable to|failed to) (?:create|open|write(?: to)?|append|update|lock|read) .{0,40}(?:mail ?box|mail ?dir|mail ?file|\/var\/|\/home\/|file)/i,
    sample: 'Command died with status 126: "/usr/libexec/deliver"',
    classification: 'Technical Failure',
    status: '5.3.0',
  },
  {
    name: 'report-message-expired',
    match:
      /message expired: unable to deliver|^(?:smtp; ?)?(?:5\d\d 4\.4\.7|4\.4\.7 message expired)|queue\.expired|envelope expired|(?:could not be delivered|in (?:the )?queue) (?:for )?too long|message will be deleted from queue|5\.4\.316 message expired/i,
    sample: '554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.2 Connection timed out>',
    classification: 'Technical Failure',
    status: '4.4.7',
  },
  {
    name: 'report-group-spam',
    match: /your e-?mail to group .{1,200}rejected due to spam/i,
    sample: 'Your email to group list@example.com was rejected due to spam classification.',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-group-refused',
    match:
      /groups\.google\.com\/support|permission to post (?:messages )?to (?:the|this) group|group .{0,80}may not exist, or you may not have permission|(?:only members|not (?:a )?(?:member|subscriber)|non-?members?).{0,60}(?:post|list|group)/i,
    sample:
      'the group you tried to contact (list) may not exist, or you may not have permission to post messages to the group',
    classification: 'Reputation',
    status: '5.7.2',
  },
  {
    name: 'report-host-unknown',
    match:
      /nxdomain|name (?:service|server) error|name or service not known|malformed name server reply|(?:recipient |destination )?domain must exist|dns records? .{0,60}could not be found|unable to resolve route|host or domain name not found|host not found|(?:host|domain)(?: name)?(?: is| was| could)? (?:unknown|not (?:be )?(?:found|resolved|known|exist)|lookup (?:fail|did not|error))|unknown (?:host|domain)|no such (?:host|domain)\b|domain (?:does not|doesn.?t) exist|(?:host|domain) .{0,60}(?:does not|doesn.?t|couldn.?t|could not) (?:exist|be found|be resolved)|couldn.?t find any host|illegal host\/domain|bad destination (?:host|system)|invalid (?:destination )?(?:host|domain)\b|dns (?:hard )?error|(?:dns|mx|a|cname) (?:record )?look-?up (?:error|fail|did not)|no mx (?:record|host)|no mail (?:server|host|exchanger)s? .{0,40}(?:domain|found|for)|cannot (?:resolve|find) .{0,40}(?:host|domain)|host name lookup failure|unable to (?:look ?up|resolve|find) .{0,40}(?:host|domain|mx)|account or domain may not exist|mail domain mentioned in email address is unknown|no route found to domain|lowest numbered mx|mx records? points? to local|have been failing for a long time|route messages? to (?:this|that) host|bad (?:host|domain) ?name|(?:cannot|can.?t|could not|unable to) resolve|domain is (?:not valid|invalid)|no dns (?:entry|record)|find the (?:mail )?(?:server|host)|unrouteable mail domain|(?:server|host|domain)\b.{0,60}(?:not be found|not found|unknown) .{0,30}(?:dns|domain name)/i,
    unless: OF_SENDER,
    sample:
      'Host or domain name not found. Name service error for name=example.net type=AAAA: Host found but no data record of requested type',
    classification: 'Technical Failure',
    status: '5.1.2',
    ofRecipient: true,
  },
  TRANSLATED_DOMAIN,
  {
    name: 'report-account-disabled',
    match: /user\(s\) account is (?:disabled|temporarily|limited)|account is (?:temporarily )?(?:restricted|limited)/i,
    sample: 'The user(s) account is disabled.',
    overrules: true,
    classification: 'Mailbox Unavailable',
    status: '5.2.1',
    ofRecipient: true,
  },
];
