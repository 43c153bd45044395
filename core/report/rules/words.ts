/** Tried after the rules of delivery: words of servers that quote no reply, and of replies that those rules leave open. */
import type { ReportRule } from './rule.ts';

export const WORDS: readonly ReportRule[] = [
  {
    name: 'report-mailbox-full',
    match:
      /too much mail data|full mailbox|over the (?:allowed )?quota|mailbox (?:for user )?is (?:almost )?full|mailbox (?:size )?(?:limit|quota)|(?:mail ?box|mail ?file|mail ?drop|database|account|user|recipient|inbox).{0,60}(?:\bfull\b|quota|exceed|no space|out of space|too (?:large|big|full))|over (?:its |his |the )?(?:disk )?quota|quota (?:is )?over|quota .{0,30}exceed|exceed.{0,40}(?:quota|storage|allotted|mailbox)|maximum (?:mailbox )?storage|not enough (?:disk )?space|容量.{0,20}(?:超|一杯|オーバー)|メールボックス.{0,20}(?:超|一杯|満)|переполнен|bo(?:î|i)te .{0,30}pleine|buz(?:ó|o)n .{0,20}lleno|postfach .{0,20}voll|casella .{0,20}piena|邮箱.{0,10}满|配额/i,
    sample: "The recipient's mailbox is full and can't accept messages now.",
    classification: 'Mailbox Unavailable',
    status: '5.2.2',
  },
  {
    name: 'report-mailbox-disabled',
    match:
      /(?:account|mailbox|user|recipient|address|mail service)\b.{0,60}(?:disabled|discontinued|suspended|deactivated|inactive|frozen|blocked|locked|dormant|expired|closed|not active|terminated|on hold|cancell?ed|bloqu|gesperrt|archiv|停止)|(?:deactivated|inactive|disabled|suspended|closed|expired|dormant) (?:mail ?box|user|account|recipient|address)|suspends? the service|no longer (?:receives?|accepts?) (?:e-?)?mail|(?:compte|bo(?:î|i)te|konto|cuenta|account) .{0,40}(?:bloqu|gesperrt|suspend|archiv|d(?:é|e)sactiv)/i,
    sample: 'La boite du destinataire est archivee',
    classification: 'Mailbox Unavailable',
    status: '5.2.1',
  },
  {
    name: 'report-moved',
    match:
      /(?:recipient|user|mailbox|address|account|person|employee|\bhe|\bshe) .{0,40}(?:no longer (?:on|at|with|in|works?|working|employed)|has (?:moved|left|retired)|has changed|changed (?:his|her|their|its) address)|mailbox .{0,20}moved|user (?:is )?not local[;,.] please|(?:been )?replaced by (?:a |the )?new|address (?:is no longer used|has (?:been )?changed)|please (?:use|send .{0,20}to) (?:the |my |his |her )?new (?:e-?mail )?address/i,
    sample: '550 5.1.6 recipient no longer on server: x@example.com',
    classification: 'Invalid Address',
    status: '5.1.6',
    type: 'bounce',
  },
  {
    name: 'report-ip-refused',
    match:
      /invalid ip|(?:\bip\b|ip address|(?:your|sending|client|this|that) (?:mail )?(?:server|host)) .{0,40}(?:not (?:allowed|authori[sz]ed|permitted)|is (?:blocked|banned|listed)|refused|rejected)|bad reputation|poor reputation/i,
    sample: '554 INVALID IP FOR SENDING MAIL OF DOMAIN example.com',
    classification: 'Reputation',
    status: '5.7.1',
  },
  {
    // It asks to check the address, and speaks of a whole domain: not enough to suppress.
    name: 'report-undeliverable-domain',
    match: /and other recipients in the same domain|please check if (?:the )?address is correct/i,
    sample: 'Unable to deliver message to <x@example.com> (and other recipients in the same domain).',
    classification: 'Invalid Address',
    status: '5.1.0',
  },
  {
    // MessageLabs (Symantec Email Security.cloud) has this code for it.
    name: 'report-messagelabs-unknown',
    match: /^542 .{0,120} rejected/i,
    sample: '542 x@example.com Rejected',
    classification: 'Invalid Address',
    status: '5.1.1',
    type: 'bounce',
  },
  {
    name: 'report-recipient-unknown',
    match:
      /(?:recipient|user|mail ?box|address|account|person|alias|addressee|receiver)(?:(?!\. |server|host|domain|system).){0,60}(?:not (?:recognized|recognised|known|found|exist|listed|valid|registered|defined|unique)|isn.?t (?:a )?(?:valid|known|recognized)|is(?:n.?t| not) (?:a )?(?:valid|known|registered)|wasn.?t found|was not found|couldn.?t be found|could not be found|cannot be found|does not exist|doesn.?t (?:exist|have)|unknown|invalid|(?:is )?unrecognized|rejected by the (?:server|host)|misspelled)|(?:unknown|invalid|bad|unrecognized|non-?existent|no such|incorrect|wrong) (?:e-?mail |local |mail ?box |destination |final delivery )?(?:user(?: ?id)?|recipient|receiver|mail ?box|address|addressee|account|alias|name)|no(?:t have an?)? (?:valid|mail ?box|such|local|user|account|matching|one|recipient).{0,30}(?:recipient|mailbox|user|by that name|here|person|found)|not (?:a )?(?:registered|valid|known|local) (?:gateway )?(?:user|recipient|mailbox|address|customer)|user.{0,40}not listed in|not in .{0,40}(?:address book|directory)|listed in .{0,30}public (?:name|address)|does(?:n.?t| not) have an? .{1,80} account|(?:account|e-?mail|address) (?:does not|doesn.?t) exist at the organization|mailbox unavai|(?:not|no) (?:present |found |known |match\w{0,3} |entry )?in (?:the |our |this |any )?(?:ldap |name |active |user )?(?:directory|user (?:list|database|table))|no .{1,60} in name directory|can.?t accept user|> (?:not found|does not exist)|rejected recipients?\b|not an active address|mail ?box not present|nessun utente|no existe (?:dich|es[ea]|el|la)|no mail ?box|recipients? (?:is |was )?(?:not (?:accepted|local|ok)|undeliverable)|no (?:one|body) (?:here|at this|by (?:that|this) name)|any valid recipient|no user with|unknown person|(?:find|have|know) (?:a |the |any )?(?:user|recipient|mailbox)|(?:user|recipient|mailbox|person) (?:isn.?t|is not|not) (?:on|in|at|of) (?:our|this|the)|(?:e-?mail )?address (?:is )?(?:wrong|incorrect|mistyped)|not recogni[sz]ed by this|recipient verif\w{1,7} fail|not found in (?:the |our )?directory|missing home directory|virtual user|rcpt .{1,100} does(?:n.?t| not) exist|ユーザ.{0,20}(?:見つかり|存在し|不明)|(?:宛先|アドレス|受信者).{0,30}(?:見つかり|存在し|不明|正しく|誤)|用户.{0,10}不存在|адресат.{0,30}(?:не найден|не существует)|destinataire .{0,30}(?:inconnu|introuvable)|empf(?:ä|ae?)nger .{0,30}(?:unbekannt|nicht gefunden)/i,
    unless:
      /(?:invalid|unknown|bad|your) sender|sender (?:address|domain|verif)|mail from|return-path|from address|\bhelo\b/i,
    sample: 'The recipient name is not recognized MSEXCH:IMS:EXAMPLE:SITE:HOST 0 (000C05A6) Unknown Recipient',
    classification: 'Invalid Address',
    status: '5.1.1',
    type: 'bounce',
  },
  {
    name: 'report-too-large',
    match:
      /(?:message|mail|it) (?:is |was |has |being )?(?:too (?:large|big|long)|larger than)|(?:body|header|attachment)s? too (?:large|big|long)|max(?:imum)? (?:message|mail) size|(?:message|mail|size) .{0,30}exceed\w{0,3} .{0,30}(?:size|limit|maximum)|maximum .{0,20}size|サイズ.{0,20}(?:超|制限|大き)/i,
    sample: 'The message is too large for the system of its recipient.',
    classification: 'Content',
    status: '5.3.4',
  },
  {
    name: 'report-virus',
    match:
      /\bvirus|infected|quarantin|(?:dirty|forbidden|banned) word|block\w{0,3} (?:file|attachment)|malware|malicious|phishing|illegal attachment|messages? containing (?:images|attachments)|(?:images?|attachments?) (?:are|is) not|banned (?:file|attachment|name)|attachment .{0,40}(?:not allowed|blocked|prohibited|removed)|ウイルス/i,
    sample: 'Your message was not delivered because a banned attachment was found.',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-spam',
    match:
      /\bspam(?!cop|haus|rats)|spam\b|\bbulk e?-?mail|mass mailer|unsolicited|\bjunk\b|black-?listed url|content (?:filter|rejected|policy|restriction)|media error|(?:banned|mail|unacceptable|prohibited) content|organizational settings|(?:message|mail|content) .{0,60}(?:rejected|refused|blocked|filtered) .{0,30}(?:content|filter|rule|polic)|text\/html|(?:violat|polic(?:y|ies)|profan|inappropriate)/i,
    sample: 'Your message was rejected by the recipient host as it looks like spam',
    classification: 'Content',
    status: '5.7.1',
  },
  {
    name: 'report-not-compliant',
    match:
      /multiple (?:addresses|from|subject|headers?).{0,20}(?:in|header)|(?:missing|invalid|duplicate|bad|malformed|illegal) .{0,20}(?:header|from:|date:|message-id)|8-?bit .{0,40}(?:not|header)|not (?:rfc )?.{0,12}complian|(?:bad|wrong|invalid) (?:message |mail )?format|\bmime\b.{0,40}(?:error|invalid|not)|conversion .{0,30}(?:not|required|prohibited)/i,
    sample: '550 5.7.1 [192.0.2.222] Messages with multiple addresses in From: header are not accepted.',
    classification: 'Content',
    status: '5.6.0',
  },
  {
    name: 'report-sender-refused',
    match:
      /(?:sender|you|your (?:address|domain|e-?mail)) .{0,60}(?:not (?:allowed|permitted|authori[sz]ed|accepted)|rejected|refused|denied|blocked|black-?listed)|(?:not have|without) permission|(?:access|permission) (?:was )?denied|not allowed to (?:send|post)|restricted (?:list|recipient|address)|only accepts? .{0,60}(?:from|senders)|blocked|black-?list/i,
    sample: 'You do not have permission to send to this recipient. For assistance, contact your system administrator.',
    classification: 'Reputation',
    status: '5.7.1',
  },
  {
    name: 'report-looping',
    match:
      /\bhop(?:s| count)\b|mail ?loop|loop(?:ing)? (?:alert|detect|broken|count|was found)|message looping|(?:routing|forward\w{0,4}|alias\w{0,4}) loop|mail .{0,20}loop|duplicated message-id|loops? back to|is looping|too many .{0,3}received|too many levels|(?:alias\w{0,2}|expansion) .{0,12}loop/i,
    sample: 'Error transferring to mx.example.com; Maximum hop count exceeded. Message probably in a routing loop.',
    classification: 'Technical Failure',
    status: '5.4.6',
  },
  {
    name: 'report-unreachable',
    match:
      /(?:remote|peer|other) .{0,20}clos\w{1,3} (?:the )?connection|communication (?:problem|failure|error)|no available server|(?:failed|not able) to (?:connect|contact|reach|open|establish)|no connection|no mta available|could be reached|(?:respond|answer|repl)\w{0,3} in time|premature|synchronization error|connect(?:ion|ing)?\b.{0,80}(?:refused|timed? ?-?out|time-?out|reset|failed|dropped|lost|closed|broken|error|abort|impossible)|(?:operation|session|network|conversation|host|server|dialog).{0,60}(?:timed? ?-?out|unreachable|not reachable|unavailable|not respond|no response|is down|not answer)|(?:could|can)(?: ?not|n.?t) (?:establish|connect|open|make|reach|contact)|unable to (?:connect|contact|reach|open)|no route to host|did not accept our requests to connect|lost connection|timeout (?:in|while|waiting|occurred)|time-?out|timed out|routing issue|network .{0,20}(?:error|issue|problem|failure)|接続.{0,20}(?:できません|失敗|タイムアウト)|タイムアウト/i,
    sample: 'connect to mx.example.com[192.0.2.1]:25: Connection timed out',
    classification: 'Technical Failure',
    status: '4.4.1',
  },
  {
    name: 'report-expired',
    match:
      /expired|too long in (?:the )?queue|in (?:the )?(?:mail )?queue (?:for )?too long|(?:for|after) too long|giv(?:e|ing|en) up|gave up|fail(?:ed|ure)? (?:after )?\d{1,4} attempts|\d{1,4} (?:failed )?attempts|(?:retry|retries) (?:limit|exceeded|exhausted)|max\w{0,4} (?:number of )?retries|attempts? (?:were |are )?exhausted|(?:after|within|for|past|in the last) (?:the last |the past |more than |over |past )?\d{1,7} ?(?:seconds?|minutes?|hours?|days?|retries|tries)|(?:retry|delivery|queue|life) ?-?time(?:out)? .{0,20}(?:exceed|expire|reach)|not yet been delivered|delivery .{0,20}delayed|will (?:be retried|continue|keep) (?:to )?try|no longer try|deliverytime|not been collected|allowed queue period|gateway for|maximum (?:retry|delivery|queue)/i,
    sample: 'Could not deliver for the last 432000 seconds. Giving up.',
    classification: 'Technical Failure',
    status: '4.4.7',
  },
  {
    name: 'report-relaying',
    match:
      /\brelay(?:ing)?\b.{0,60}(?:denied|not|prohibit|refus|permit)|not (?:a )?local (?:host|domain)|open relay|rcpthosts|not (?:longer )?hosted (?:here|on|by)|accept (?:e-?)?mail for (?:that|this|the) domain|not a gateway|cannot forward/i,
    sample: 'This is not a local domain of ours',
    classification: 'Technical Failure',
    status: '5.7.1',
  },
  {
    name: 'report-tls',
    match: /\b(?:start)?tls\b|\bssl\b|certificate|encrypt|secure (?:connection|channel)|mta-sts|\bdane\b/i,
    sample: 'Cannot start TLS: handshake failure',
    classification: 'Technical Failure',
    status: '5.7.10',
  },
  {
    name: 'report-syntax',
    match:
      /malformed address|syntax error|syntactically (?:in|un)|(?:command|parameter) (?:unrecognized|not (?:implemented|recognized|understood))|bad (?:sequence|command)|illegal (?:address|character)|address .{0,30}(?:syntax|incorrectly constructed)|too many recipients/i,
    sample: 'malformed address: <x@example.com> may not follow y@example.com',
    classification: 'Technical Failure',
    status: '5.5.2',
  },
  {
    name: 'report-system-trouble',
    match:
      /(?:encountered an error|misconfigured|interrupted system call|because there is no mdb|could not load drd)|(?:system|server|internal|local|configuration|unexpected|temporary|general|processing|transfer|transmission|mailer|delivery system) .{0,30}(?:error|failure|problem|fault|trouble)|(?:queue|disk|file ?system|table|memory).{0,30}(?:full|corrupt|error|fail)|out of (?:memory|disk)|service (?:is )?(?:unavailable|refused?|not available)|transaction failed|database error|overload|(?:i\/o|input\/output) error|(?:insufficient|not enough) memory|system call|could ?n.t be processed|generic error|cannot (?:process|handle)|try (?:again )?later|不具合|システムエラー/i,
    sample: 'A system configuration error occurred while the message was handled',
    classification: 'Technical Failure',
    status: '5.3.0',
  },
];
