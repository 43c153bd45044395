/**
 * Any provider: what is wrong with the reader's mailbox. Only what can mean nothing else is a `bounce`, which suppresses: a
 * reader wrongly suppressed costs more than one more refusal.
 */
import type { Rule } from '../rule.ts';
import { NAMED } from './acts.ts';

/** What makes a coded refusal doubtful: servers say 5.1.1 and mean their policy. */
const DOUBTFUL =
  '(?!.{0,300}(?:denied|reputation|blocked|black-?list|policy|polici|sender|preferences|mail from|relay|spf|dmarc|rate|quota|\\bfull\\b|expired|disabled|inactive|suspended|(?:as|for|be|is|likely) spam|spam (?:detect|content|message)))';

/** Codes that come first: their words often hold what later rules look for (`spam@...`, `blocked.example`). */
export const CODED_ADDRESSES: readonly Rule[] = [
  {
    name: 'unknown-user-coded',
    match: new RegExp(`^5\\d\\d 5\\.1\\.(?:1|3|6|10)\\b(?: <[^>]{0,120}>)?${DOUBTFUL}`, 'i'),
    stages: NAMED,
    sample: '550 5.1.1 <x@example.com>: Recipient address rejected: User unknown in virtual mailbox table',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'exchange-unknown-recipient',
    match: /^5\d\d 5\.4\.1\b/,
    stages: ['rcpt'],
    sample: '550 5.4.1 Access denied. [AM0EUR05FT003.eop-eur05.prod.protection.outlook.com]',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'null-mx',
    match: /null mx|^556 /i,
    stages: NAMED,
    sample: '556 Recipient domain has a null MX',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'reader-rate',
    match:
      /(?:user|recipient|mailbox|account|you are trying to contact) .{0,60}(?:receiv\w{2,4} (?:mail|e-?mail|messages) (?:too|at a rate)|too many messages)/i,
    stages: NAMED,
    sample: '450 4.2.1 The recipient is receiving mail too quickly',
    classification: 'Frequency or Volume Too High',
  },
];

export const ADDRESSES: readonly Rule[] = [
  {
    name: 'mailbox-full',
    match:
      /(?:mail ?box|inbox|mail ?folder|account|user|recipient|quota|storage|disk|boite).{0,60}(?:\bfull\b|over ?-?quota|exceed|out of (?:storage|space)|pleine)|over ?quota|quota exceeded|\bquota\b.{0,40}(?:violat|full|limit)|insufficient (?:disk|storage) ?(?:space|quota)?|not enough (?:space|storage)|mailbox limit|voll\b|lleno|superata|^[45]\d\d [45]\.2\.2\b/i,
    stages: NAMED,
    sample: '552 5.2.2 <x@example.com>: Mailbox full',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'locked',
    match:
      /temporar(?:y|ily) (?:locked|disabled|suspended|unavailable)|mailbox is frozen|mailbox (?:temporarily )?(?:locked|busy)/i,
    stages: NAMED,
    sample:
      '550 5.7.1 <x@example.com>: Recipient address rejected: User x@example.com temporary locked. Please try again later!',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'unroutable',
    match:
      /unrout(?:e)?able (?:address|domain|mail domain)|domain is not reachable|all relevant MX records point to non-existent hosts|cannot route|no route to (?:domain|host)/i,
    sample: '550 Unrouteable address',
    classification: 'Technical Failure',
  },
  {
    name: 'recipient-refused',
    match:
      /(?:access|recipient|delivery|permission) .{0,60}(?:denied|not authorized|not allowed|preferences)|^5\d\d 5\.1\.4\b/i,
    stages: ['data', 'body', 'dot', 'rcpt'],
    sample: '550 5.1.4 Recipient address rejected: Access denied. AS(201806281)',
    classification: 'Reputation',
  },
  {
    name: 'disabled',
    match:
      /(?:user|mailbox|recipient|account|address|e-?mail account)\b.{0,80}(?:is |has been |was |been |address is )?(?:\bdisabled\b|\binactive\b|\bsuspended\b|\bexpired\b|\bclosed\b|deactivated|discontinued|not activated|not active|no longer (?:valid|active|available|in use|accept))|DisabledUser|disabled recipient/i,
    stages: NAMED,
    sample: '550 5.2.1 <x@example.com>: This account has been disabled',
    type: 'bounce',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'unknown-user',
    match:
      /no such (?:user|mailbox|recipient|address|account|person|id\b|local user|email|customer)|(?:unknown|invalid|unrecognized|nonexistent|non-existent|undeliverable|bad) (?:local )?(?:user|recipient|mailbox|address|account|destination|local-?part|alias|e-?mail address)|(?:user|mailbox|recipient|address|account|alias|customer|person) (?:name )?(?:is )?(?:unknown|not found|not exists?|unavailable|unrecognized|invalid|doesn.?t exist|does not exist|not known|not listed|not valid|unlisted)|(?:user|mailbox|recipient|address|account)\b.{0,80}(?:does not exist|doesn.?t exist|didn.?t exist|not found|\bunknown\b|can.?t be found)|not a (?:valid|known) (?:recipient|mailbox|user|address|customer)|(?:sorry, )?no mail-?box|not our customer|RecipNotFound/i,
    stages: NAMED,
    sample: '550 No such user here',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'unknown-user-elsewhere',
    match:
      /utilisateur inconnu|destinataire (?:inconnu|invalide|inexistant)|adresse (?:inconnue|invalide|inexistante)|(?:benutzer|empf(?:ae|ä)nger|adresse|postfach) (?:ist )?(?:unbekannt|existiert nicht|nicht (?:gefunden|bekannt|vorhanden))|unbekannter? (?:benutzer|empf)|(?:usuario|destinatario|buz(?:o|ó)n|cuenta|utente|casella|indirizzo) (?:no existe|desconocid|no encontrad|inexistente|sconosciut|inesistente|non (?:esiste|trovat|valid))|usu(?:a|á)rio (?:desconhecido|inexistente|n(?:a|ã)o)|nieznany (?:u|odbiorca|adres)|gebruiker onbekend|onbekende gebruiker|(?:пользовател|получател|адрес|ящик)\S{0,4} не (?:найден|существует)|ユーザー?が(?:見つかりません|存在しません)|宛先.{0,20}存在しません|用户不存在|用户未找到|收件人不存在|邮箱不存在/i,
    stages: NAMED,
    sample: '550 5.0.0 Utilisateur inconnu',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];
