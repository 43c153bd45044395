/** Tried before the rules of delivery: what a server says of itself, of DNS or of the whole domain, whatever else it quotes. */
import type { ReportRule } from './rule.ts';

/** What is said of the sender says nothing of the recipient's domain. */
const NOT_OF_SENDER = '^(?!.{0,300}(?:\\bsender\\b|mail from|return-path|envelope-from|\\bhelo\\b|\\behlo\\b))';

export const CERTAIN: readonly ReportRule[] = [
  {
    name: 'report-listed-link',
    match: /(?:black-?|block-?)listed (?:url|link|uri|domain) in (?:the )?(?:message|body|mail)/i,
    sample: '550 REJECTED - Blacklisted URL in message. (example.com) in [black].',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-policy',
    match:
      /^(?!.{0,500}\b(?:dmarc|spf|dkim)\b).{0,500}(?:rejected|accepted|refused|denied|blocked) (?:for|due to|by|because of) (?:local |security |our |your )?polic(?:y|ies)\b/i,
    sample: '554 Mail from x@example.com rejected for policy reasons.',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-null-mx',
    match: new RegExp(
      `${NOT_OF_SENDER}.{0,1500}(?:null ?mx|does(?:n.?t| not) receive e-?mail according to the administrator|domain .{0,80}(?:does not|doesn.?t) accept (?:any )?e?-?mail|5\\.1\\.10 .{0,60}(?:nullmx|null mx))`,
      'i',
    ),
    sample:
      "The domain example.org doesn't receive email according to the administrator: returned Null MX https://www.rfc-editor.org/info/rfc7505",
    classification: 'Mailbox Unavailable',
    status: '5.1.10',
    ofRecipient: true,
  },
  {
    name: 'report-program-failed',
    match:
      /x-unix ?; ?\d{1,3}\b|unknown mailer error|command (?:died|failed|time limit)|can.?t exec|child process (?:of|returned|died)|local (?:delivery agent|mailer).{0,40}(?:fail|error|died)|deliver(?:y|ed)? to (?:program|command|pipe|file) .{0,60}fail|procmail:|maildrop:|vdelivermail|pipe to \|?[^ ]{1,80}.{0,60}(?:fail|return|exit)|exited with (?:status|code)|exit (?:status|code):? \d|fail(?:ed|ure) .{0,20}(?:mailbox|maildir).{0,20}(?:open|write|lock)|cannot (?:create|open|write to|append|update) .{0,60}(?:mailbox|mail ?dir|\/var\/|\/home\/|file)/i,
    sample: 'Command died with status 126: "/usr/libexec/deliver"',
    classification: 'Technical Failure',
    status: '5.3.0',
  },
  {
    name: 'report-message-expired',
    match:
      /message expired: unable to deliver|^(?:smtp; ?)?(?:5\d\d 4\.4\.7|4\.4\.7 message expired)|queue\.expired|envelope expired|could not be delivered for too long|message will be deleted from queue|5\.4\.316 message expired/i,
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
    match: new RegExp(
      `${NOT_OF_SENDER}.{0,1500}(?:nxdomain|name (?:service|server) error|host or domain name not found|host not found|(?:host|domain)(?: name)?(?: is)? (?:unknown|not found|lookup fail)|unknown (?:host|domain)|no such (?:host|domain)\\b|domain (?:does not|doesn.?t) exist|(?:host|domain)(?: name)? .{0,80}(?:does not|doesn.?t|couldn.?t|could not) (?:exist|be found|be resolved)|couldn.?t find any host|illegal host\\/domain|bad destination (?:host|system)|invalid (?:destination )?(?:host|domain)(?: name)?\\b|dns (?:hard )?error|(?:dns|mx|a) (?:record )?look-?up (?:error|fail)|no mx (?:record|host)|(?:no|non-?existent) mail (?:server|host|exchanger?)s? .{0,40}(?:domain|found|for)|cannot (?:resolve|find) .{0,40}(?:host|domain)|host name lookup failure|unable to (?:look ?up|resolve|find) .{0,60}(?:host|domain|mx)|mail domain mentioned in email address is unknown|no route found to domain|unrouteable mail domain)`,
      'i',
    ),
    sample:
      'Host or domain name not found. Name service error for name=example.net type=AAAA: Host found but no data record of requested type',
    classification: 'Technical Failure',
    status: '5.1.2',
    ofRecipient: true,
  },
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
