/** What a status says (RFC 3463, and the registry "SMTP Enhanced Status Codes") where no words do. First match. */
import type { Classification } from '../../shaping/rule.ts';

export type CodeRule = { match: RegExp; classification: Classification; type?: 'bounce' };

export const CODES: readonly CodeRule[] = [
  // No such mailbox, or moved without a forward: these two can mean nothing else when no words come with them.
  { match: /^5\.1\.[16]$/, classification: 'Invalid Address', type: 'bounce' },
  { match: /^[45]\.1\.(?:0|1|3|6|9)$/, classification: 'Invalid Address' },
  { match: /^[45]\.1\.10$/, classification: 'Mailbox Unavailable' },
  { match: /^[45]\.1\.(?:7|8)$/, classification: 'Reputation' },
  { match: /^[45]\.1\.(?:2|4|5)$/, classification: 'Technical Failure' },
  { match: /^[45]\.2\.3$/, classification: 'Content' },
  { match: /^[45]\.2\.4$/, classification: 'Technical Failure' },
  { match: /^[45]\.2\.\d+$/, classification: 'Mailbox Unavailable' },
  { match: /^[45]\.3\.4$/, classification: 'Content' },
  { match: /^[45]\.3\.2$/, classification: 'Mailbox Unavailable' },
  { match: /^[45]\.[345]\.\d+$/, classification: 'Technical Failure' },
  { match: /^[45]\.6\.\d+$/, classification: 'Content' },
  // RFC 7372, 7489: the sender's DKIM, SPF, reverse DNS.
  { match: /^[45]\.7\.2\d$/, classification: 'Reputation' },
  { match: /^[45]\.7\.[12]$/, classification: 'Reputation' },
  { match: /^[45]\.7\.\d{3}$/, classification: 'Reputation' },
  // Authentication, encryption, trust (RFC 4954, RFC 3463 3.8).
  { match: /^[45]\.7\.\d+$/, classification: 'Technical Failure' },
];

/** What an SMTP reply code says where neither words nor a status say anything. */
export const REPLY_CODES: readonly CodeRule[] = [
  { match: /^(?:421|45[01245]|50\d|53[0458]|555)$/, classification: 'Technical Failure' },
  // Storage that is used up; a host that takes no mail (RFC 7504).
  { match: /^(?:521|552|556)$/, classification: 'Mailbox Unavailable' },
];
