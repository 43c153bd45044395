/**
 * By what a mail shows what kind of mail it is: from a mail system, about a failure, a delay, or from a reader's answering
 * machine (RFC 3834). No sign alone makes a bounce of an ordinary mail: `index.ts` wants two, and a recipient.
 */
import { decodeWords } from './decode.ts';
import { first, type Header } from './header.ts';
import { unaccented } from './rules/index.ts';
import { FAILED_TRANSLATED } from './signs-translated.ts';

/** Names and local parts of mail systems. */
const SYSTEM =
  /mailer[-_ ]?daemon|mail[-_ ]?daemon|post_?master|post_master|mail(?:er)?[. ]?(?:deliver\w{0,3}|system|admin|robot)|deliver\w{0,3} (?:sub)?system|delivery[-_ ](?:status|system|service|notification|failure)|mail administrator|system administrator|microsoft exchange|bounces?@|mailbox delivery|no-reply@sns\.amazonaws|mda@|-admin@.{1,100}|interscan|anti-?virus|spam[_ -]?(?:filter|firewall|gateway)|mail[_ -]?(?:gateway|guard|scanner|security)|mimesweeper|mailmarshal|surfcontrol|non-?deliver|undeliver/i;
const FAILED_SUBJECT =
  /undeliver|non[- ]?deliver|not deliver|deliver(?:y|ed)?\b.{0,40}(?:fail|status|notif|problem|error|report|delay|unsuccess|impossible|could not|unable)|(?:fail|could ?n.t|could not|unable|cannot|error|problem|trouble).{0,40}(?:deliver|send|mail|message|notice)|return(?:ed|ing)? (?:mail|message|e-?mail|to sender)|mail (?:system )?(?:error|failure|failed|status)|message (?:status|undeliver|could not|not)|failure notice|bounce|postmaster notif|warning: |loop alert|user unknown|rejected|(?:message|mail) .{0,40}(?:blocked|refused|quarantined)|virus(?:es)? .{0,40}(?:found|detected|alert|in mail|from you)|banned contents?|unsolicited bulk|errors? from |zustell|(?:é|e)chec|devuelto|falha|配(?:信|送|達)|届け|エラー|投递/i;
const FAILED_WORDS =
  /(?:could ?n.t|could not|can ?not|can't|cannot|unable to|wasn.t able to|was not|wasn.t|were not|not able to|failed to|fail(?:ed|ure) to|did not|were unable to) (?:be )?(?:deliver|sen[dt]|reach|relay|forward|accept|process)|not (?:be )?(?:yet )?delivered|delivery (?:to the following|has )?(?:.{0,40})?(?:fail|error|problem|impossible|unsuccess|expired|delayed)|(?:permanent|fatal|delivery|transient) (?:fatal )?(?:errors?|failures?|problems?)|failed (?:addresses|recipients)|deliver(?:y|ing) .{0,40}(?:fail|problem|error|trouble|delay)|undeliver(?:able|ed)|returned to (?:the )?sender|unable to deliver|trouble delivering|error (?:has )?occurred while|rejected (?:your message|recipient)|there was an error (?:deliver|send)|been (?:rejected|returned|refused|bounced)|could not be sent|duplicated message-id|user\(s\) account|error message below|incorrectly constructed|failed after|recipient.{0,30}(?:rejected|refused|unknown)|(?:group|message) .{0,40}may not exist|the following (?:addresses|recipients?|destination).{0,40}(?:fail|error|problem|not|could)|transcript of (?:the )?session|(?:was|been|were) (?:quarantined|(?:blocked|stopped|discarded) by)|delivery of (?:the|your) (?:e-?mail|message|mail) was (?:stopped|blocked|refused)|was considered unsolicited|not been delivered|配(?:信|送|達).{0,20}(?:でき|失敗|不能|エラー)|не удалось|impossible de|não (?:pôde|foi|pode)|无法/i;

const DELAYED =
  /(?:message|mail|delivery) .{0,80}(?:delayed|not yet (?:been )?delivered|has not yet been delivered|still (?:being )?(?:tr|in the queue))|(?:will|shall) (?:be retried|continue (?:to )?(?:try|be tried|attempt)|keep (?:on )?trying|try again|be (?:re)?tried|attempt (?:to )?(?:deliver|again|re))|(?:delivery )?attempts will continue|do(?:es)? not need to re-?send|you do not need|only a temporary failure|warning message only|delivery .{0,30}(?:incomplete|temporarily)|no action is required|will be (?:re-?)?(?:queued|attempted)|temporarily deferred|has been delayed|not (?:yet )?gave up|(?:message|mail).{0,60}is delayed|отложен|verz(?:ö|oe)gert|retard/i;
const DELAYED_SUBJECT =
  /delay|warning|incomplete|still (?:trying|being)|could not send message for past|not yet|verz(?:ö|oe)ger|retard|遅延/i;

const REPLY_SUBJECT =
  /^(?:\s{0,3}(?:re|aw|antw|sv|r)\s?:\s?){0,3}\s{0,3}(?:\[?auto(?:matic|matische?|matique|matica|m[aá]tica)?[- :]?\s?(?:re(?:ply|sponse|sponder)|antwort|mail|answer|svar)|automatic reply|automatische antwort|automatisch|r(?:é|e)ponse automatique|message automatique|r(?:e)?spuesta autom|risposta automatica|resposta autom|automatisk|autosvar|autoreply|auto[: -]|out of (?:the )?(?:office|town)|(?:i am |i'm )?out of|ooo\b|away (?:from|until|on|message)|on (?:annual )?(?:leave|vacation|holiday)|vacation|holiday|annual leave|abwesen|nicht im (?:haus|büro)|absen[ct]e?|en cong|absence du|fuera de (?:la )?oficina|vacaciones|fuori (?:sede|ufficio)|ausente|f(?:é|e)rias|afwezig|frånvaro|poissa|自動(?:返信|応答|送信)|不在|休暇|自动(?:回复|答复)|автоответ|автоматическ)|\bout of (?:the )?office\b|\bauto[- ]?(?:matic )?(?:reply|response|responder)\b|\bvacation (?:reply|message|notice)\b/i;

export type Signs = {
  /** From a mail system, or with an empty return path. */
  isFromSystem: boolean;
  hasFailedSubject: boolean;
  /** The subject says that it answers or forwards another mail. */
  isAnswered: boolean;
  isAutoReply: boolean;
};

/** @param mailFrom of the envelope, where it is known */
export function signsOf(header: Header, mailFrom?: string): Signs {
  const subject = decodeWords(first(header, 'subject')).slice(0, 500);
  const from = decodeWords(first(header, 'from')).slice(0, 500);
  const returnPath = mailFrom === undefined ? first(header, 'return-path').trim() : `<${mailFrom}>`;
  const isFromNobody = returnPath === '<>' || from.trim() === '' || from.includes('<>');
  return {
    isFromSystem: isFromNobody || SYSTEM.test(from) || SYSTEM.test(returnPath),
    hasFailedSubject: FAILED_SUBJECT.test(subject) || FAILED_TRANSLATED.test(unaccented(subject)),
    isAnswered: /^\s{0,5}(?:re|aw|antw|sv|fwd?|fw|wg|tr|rv)\s?:/i.test(subject),
    isAutoReply: isAutoReply(header, subject),
  };
}

/** @param notice its lines joined: sentences are broken anywhere */
export function hasFailedWords(notice: string): boolean {
  const words = joined(notice);
  return FAILED_WORDS.test(words) || FAILED_TRANSLATED.test(unaccented(words));
}

export function isDelayed(subject: string, text: string): boolean {
  const notice = joined(text);
  return (
    DELAYED.test(notice) ||
    (DELAYED_SUBJECT.test(subject) && !/permanent|given up|giving up|fatal|\bvirus|infected|unacceptable/i.test(notice))
  );
}

function joined(text: string): string {
  return text.replace(/\s+/g, ' ');
}

/**
 * RFC 3834 5: Auto-Submitted says it; older ones say it in their own fields, or only in the subject.
 * `auto-generated` is no reply.
 */
function isAutoReply(header: Header, subject: string): boolean {
  const submitted = first(header, 'auto-submitted').toLowerCase();
  if (/^auto-(?:replied|notified)\b/.test(submitted) || /vacation/.test(submitted)) return true;
  const fields = [
    'x-autoreply',
    'x-autorespond',
    'x-autoresponder',
    'x-autogenerated',
    'x-auto-reply',
    'x-autoreply-from',
    'x-vacation',
    'x-mail-autoreply',
    'x-ms-exchange-inbox-rules-loop',
    'x-apple-action',
  ];
  if (fields.some((name) => header.has(name) && !/^no\b|^false\b/i.test(first(header, name)))) return true;
  if (/auto[-_]?reply|auto[-_]?respond/i.test(first(header, 'precedence'))) return true;
  if (/vacation|auto-?(?:reply|respond)/i.test(first(header, 'delivered-by-the-graces-of'))) return true;
  return REPLY_SUBJECT.test(subject);
}
