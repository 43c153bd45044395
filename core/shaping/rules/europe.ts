/** GMX and web.de, Orange and La Poste. */
import type { Rule } from '../rule.ts';
import { LISTED, NAMED, ONE_CONNECTION, pause } from './acts.ts';

const RATE = 'Frequency or Volume Too High';

/** postmaster.gmx.net/en/error-messages */
export const GMX: readonly Rule[] = [
  {
    name: 'gmx-connections',
    match: /too many connections/i,
    sample: '421 gmx.net (mxgmx116) Nemesis ESMTP Service not available Too many connections',
    event: 'deferred',
    classification: RATE,
    act: { do: 'limit', connections: 1, minutes: 30 },
  },
  {
    name: 'gmx-listed',
    match: /^5\d\d .{0,120}no smtp service.{0,40}(?:bad dns|ip address|policy)|c=(?:bl|poli)\b/i,
    sample:
      '550 Requested action not taken: mailbox unavailable Reject due to policy restrictions. For explanation visit http://postmaster.gmx.com/en/error-messages?ip=192.0.2.1&c=poli',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'gmx-policy-violation',
    match: /reject due to policy violations/i,
    sample:
      '550 Requested action not taken: mailbox unavailable Reject due to policy violations. For explanation visit https://postmaster.gmx.net/en/case?c=r0601&i=ip&v=192.0.2.1',
    classification: 'Content',
    act: pause(60),
  },
  {
    name: 'gmx-policy-restriction',
    match: /reject due to policy restrictions/i,
    sample:
      '554 Transaction failed Reject due to policy restrictions. For explanation visit https://web.de/email/senderguidelines?ip=192.0.2.1&c=hi',
    classification: 'Content',
    act: { do: 'limit', perMinute: 1, minutes: 60 },
  },
  {
    name: 'gmx-full',
    match: /exceeded storage allocation|quota exceeded/i,
    stages: NAMED,
    sample:
      '552 Requested mail action aborted: exceeded storage allocation Quota exceeded. The recipient storage is full.',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'gmx-unknown',
    match: /requested action not taken: mailbox unavailable/i,
    stages: NAMED,
    sample:
      '550 Requested action not taken: mailbox unavailable For explanation visit http://postmaster.gmx.com/en/error-messages?ip=192.0.2.1&c=mbun',
    type: 'bounce',
    classification: 'Invalid Address',
  },
];

/** postmaster.orange.fr: the number is the last three digits; La Poste's are the same with LPN. */
export const ORANGE: readonly Rule[] = [
  {
    name: 'orange-connections',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?104\b|trop de connexions/i,
    sample:
      '421 mwinf5c04 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR004_104 [104]',
    event: 'deferred',
    classification: RATE,
    act: ONE_CONNECTION,
  },
  {
    name: 'orange-listed',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?(?:10[123]|510)\b|client host blocked for spamming issues/i,
    sample:
      '550 mwinf5c04 ME Adresse IP source bloquee pour incident de spam. Client host blocked for spamming issues. OFR006_102 Ref http://csi.cloudmark.com/reset-request/?ip=192.0.2.1 [102]',
    event: 'deferred',
    classification: 'Reputation',
    act: LISTED,
  },
  {
    name: 'orange-connection-spent',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?109\b/i,
    sample: '421 4.5.3 Veuillez essayer plus tard. Service refused, please try later. LPN003_109',
    event: 'deferred',
    classification: RATE,
    act: { do: 'reconnect' },
  },
  {
    name: 'orange-reputation',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?(?:98[89]|99[09])\b/i,
    sample:
      '421 mwinf5c77 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR_999 [999]',
    event: 'deferred',
    classification: 'Reputation',
    act: pause(60),
  },
  {
    name: 'orange-busy',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?(?:105|108|201|42[34]|505)\b/i,
    sample: '421 4.2.0 Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR005_505 [505]',
    event: 'deferred',
    classification: 'Technical Failure',
    act: pause(60),
  },
  {
    name: 'orange-authentication',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?(?:39[78]|401|515|535)\b|dmarc check failed/i,
    sample: '501 5.0.2 Mail rejected. DMARC check failed. OFR_515 [515]',
    classification: 'Reputation',
  },
  {
    name: 'orange-sender',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?(?:403|405|415|421)\b|emetteur invalide/i,
    sample: '550 5.0.1 Emetteur invalide. Invalid Sender. OFR_415 [415]',
    classification: 'Reputation',
  },
  {
    name: 'orange-spam',
    match: /\b(?:OFR|LPN|OUK)(?:\d{3})?[_-]?(?:506|513|536)\b/i,
    sample: '550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]',
    classification: 'Content',
  },
  {
    name: 'orange-size',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?514\b|taille limite du message/i,
    sample: '552 5.2.3 Taille limite du message atteinte. Message size limit reached. OFR_514 [514]',
    classification: 'Content',
  },
  {
    name: 'orange-full',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?417\b|boite du destinataire pleine/i,
    stages: NAMED,
    sample: '552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]',
    classification: 'Mailbox Unavailable',
  },
  {
    name: 'orange-unknown',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?41[68]\b|destinataire invalide/i,
    stages: NAMED,
    sample: '550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]',
    type: 'bounce',
    classification: 'Invalid Address',
  },
  {
    name: 'orange-disabled',
    match: /\b(?:OFR|LPN)(?:\d{3})?[_-]?42[06]\b|recipient account is ?blocked/i,
    stages: NAMED,
    sample: '550 5.5.0 Le compte du destinataire est bloque. The recipient account is blocked. LPN007_426',
    type: 'bounce',
    classification: 'Mailbox Unavailable',
  },
];
